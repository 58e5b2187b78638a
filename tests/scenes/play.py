"""A play: probes, DNS nodes and clients on clocks that are set, with the real code from the reading to the answer.

    what is true -> step -> ReportStore.publish, seal -> ReportStore.take, parse -> HealthRiver.merge -> Planner ->
                                                        engine -> answer people, rules of safety -> Guide ---^

A scene says which endpoints live, who is cut off from whom, and which probe lies; every round is one interval of the
monitor. In each round every client asks for every service, and what it was answered is kept.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gtm.checks.model import checks
from gtm.checks.policy import verdict_policy
from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.outliers import quarantined
from gtm.health.consensus.quorum import Quorum
from gtm.health.override.override import Action, OverrideRequest, SafetyRule
from gtm.health.override.scope import parse_scope
from gtm.health.report.claims import NOT_LISTED, Claims, Listed
from gtm.health.report.signature import PublicKey
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import NO_VERDICT, Verdict, step
from gtm.ids import CheckId, NodeName, ServiceId, VantageName
from gtm.node.events.recorder import EventRecorder
from gtm.node.rivers.vantages import VantageWatch
from gtm.node.state.folder import StateFolder
from gtm.node.wiring import CoreInputs, join_core
from gtm.plan.bound.holds import ON_ALL_DOWN, possible_holds
from gtm.plan.model import Plan, SteeredService
from gtm.plan.safety.shares import shares_of
from gtm.probe.permits import NO_PERMITS
from gtm.share.report_store import Reporter, ReportStore
from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import Catalogue, Loaded
from gtm.watch.geoload import GeoLoad
from gtm.zone.model import Zone
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.journal import KeptEvents
from tests.fakes.peers import key_of

ROUND_S = 5.0
CLIENTS = {"us": world.US, "eu": world.EU, "ap": world.AP, "nowhere": world.ELSEWHERE}
PLACES = {
    "iad": world.ASHBURN,
    "pdx": Coordinates(45.6, -121.2),
    "gru": Coordinates(-23.5, -46.6),
    "fra": Coordinates(50.11, 8.68),
    "lon": Coordinates(51.5, -0.1),
    "sin": world.SINGAPORE,
}

FIRST, SECOND, THIRD = "192.0.2.10", "192.0.2.20", "192.0.2.30"
PAIR = f"""
  api:
    monitor: web
    steer: failover
    endpoints:
      - {{region: us-east, address: {FIRST}}}
      - {{region: eu-west, address: {SECOND}}}
"""
"""A service whose first endpoint is answered everywhere while it is up."""

API = f"""{PAIR}      - {{region: ap-southeast, address: {THIRD}}}
"""
"""The same with a third endpoint."""

NEAR = f"""
  near:
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: {FIRST}}}
      - {{region: eu-west, address: {SECOND}}}
      - {{region: ap-southeast, address: {THIRD}}}
"""
"""A service that gives each client the nearest endpoint that is up."""


class MachineClock(FakeClock):
    """The clock of one machine: it may go slower than time does."""

    def __init__(self, *, rate: float = 1.0) -> None:
        super().__init__()
        self.rate = rate

    def pass_time(self, seconds: float) -> None:
        """Lets time pass, as this machine sees it."""
        self.advance(seconds * self.rate)

    def step_wall(self, seconds: float) -> None:
        """Sets the time of day forward, which no other clock of the machine follows."""
        self._wall += seconds


@dataclass
class Probe:
    """One probe; its name starts with its vantage: `fra-1`."""

    name: str
    rate: float = 1.0
    """Of its clock."""
    lies: bool = False
    alive: bool = True
    votes: bool = True
    """Whether it checks anything; one that does not reports all the same, as a node does that carries overrides."""
    is_listed: bool = True
    """Whether the server's node file says from where it looks."""
    key: str = ""
    """The name of the key that it signs with; empty for its own."""
    trusted: tuple[str, ...] = ()
    """The names of the keys that the server's node file lists for it; empty for its own."""
    verdicts: dict[CheckId, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vantage = self.name.partition("-")[0]
        self.clock = MachineClock(rate=self.rate)
        self.report_store = self.claiming(self.vantage)

    @property
    def listed(self) -> Listed:
        """Returns what the server's node file says of it."""
        return Listed(VantageName(self.vantage), PLACES[self.vantage]) if self.is_listed else NOT_LISTED

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """Returns the keys that the server's node file lists for it."""
        return tuple(key_of(name).public for name in self.trusted or (self.name,))

    def claiming(self, vantage: str, *, at: Coordinates | None = None, epoch: int = 1) -> ReportStore:
        """Returns a store of this probe that claims to look from a vantage."""
        key, place = key_of(self.key or self.name), at or PLACES[vantage]
        me = Reporter(NodeName(self.name), VantageName(vantage), key, epoch, place)
        return ReportStore(me, {}, clock=self.clock, counters=Counters())


class Server:
    """A DNS node: what it heard and believes, what people and rules say, and the engine that answers."""

    def __init__(
        self, zone: Zone, folder: Path, probes: list[Probe], quorum: Quorum, *, clock: MachineClock, epoch: int
    ) -> None:
        self.clock, self.epoch = clock, epoch
        self.counters, self.engine = Counters(), ReferenceEngine()
        self.events = KeptEvents()
        recorder = EventRecorder(self.events, NodeName("ns1"))
        self.state = state = StateFolder(folder, self.counters)
        me = Reporter(NodeName("ns1"), VantageName("ns1"), key_of("ns1"), epoch)
        peers = {NodeName(probe.name): probe.keys for probe in probes}
        listed = {NodeName(probe.name): probe.listed for probe in probes}
        claims = Claims(me.node, {me.node: Listed(probes=False), **listed}, peers, None)
        self.report_store = ReportStore(
            me, peers, clock=self.clock, counters=self.counters, claims=claims, heard_before=state.load_last_heard()
        )
        inputs = CoreInputs(
            me.node,
            me.key,
            peers,
            accepted=None,
            quorum=quorum,
            permits=NO_PERMITS,
            answers=True,
            vocabulary=STEERING,
            engine=self.engine,
            clock=self.clock,
            counters=self.counters,
            recorder=recorder,
            state=state,
            status=state.load_status(),
            report_store=self.report_store,
        )
        core = join_core(inputs)
        self.planner, self.guide, self.river, self.saying = core.planner, core.overlays, core.health, core.requests
        self.watch = VantageWatch(
            self.planner, self.report_store, state, voting=lambda: self.river.voting, clock=self.clock
        )
        asyncio.run(self._load(zone))
        self.river.watch(checks((zone,)))
        self._saved = self.planner.present.status

    def end(self) -> None:
        """Ends it by a `kill -9`, when all that is written is on disk."""
        self.state.save_vantages_apart(self.planner.present.vantages).result()  # the last one in the queue

    def merge(self) -> None:
        """Merges what was heard, and saves what changed, as a node does."""
        self.river.merge()
        self._saved = self.river.saver.save(self._saved)

    def held(self, service: str) -> set[str]:
        """Returns the addresses of a service that a rule keeps in the answers, and says that it does."""
        steered = self._steered(service)
        scopes = {"checks", f"zone {steered.zone}", f"service {steered.id}"}
        told = {refusal.rule for refusal in self.guide.refusals if refusal.subject in scopes}
        rules = self.planner.present.overlay.held.get(steered.id, {})
        ends = zip(steered.service.endpoints, steered.endpoint_refs, strict=True)
        return {end.target for end, endpoint_ref in ends if rules.get(endpoint_ref.endpoint) in told}

    def longest_hold_s(self, service: str) -> float:
        """Returns for how long rules may hold a dead endpoint of a service, as `gtm bound` prints it."""
        plan = self.planner.present.plan
        watched = {check.id: check for check in checks(tuple(zone.zone for zone in plan.zones.values()))}
        holds = possible_holds(self._steered(service), shares_of(plan.services), watched)
        return math.fsum(hold.seconds for hold in holds if hold.rule != ON_ALL_DOWN)

    def _steered(self, service: str) -> SteeredService:
        return self.planner.present.plan.services[ServiceId(f"{service}.gtm.example.com")]

    async def _load(self, zone: Zone) -> None:
        await self.watch.load()
        await self.planner.take_geo(GeoLoad(world.geography(), (), ()))
        await self.planner.take_zones(Catalogue((Loaded(zone.digest, zone),)))

    def ask(self, service: str, client: str) -> str:
        """Returns what a client is answered: addresses, or nothing."""
        message = world.answer(self.engine, world.query(service), client=client)
        return " ".join(world.values(message.answer))

    @property
    def quarantined(self) -> frozenset[NodeName]:
        """Returns whose votes do not count."""
        return quarantined(self.river.standings)


@dataclass(frozen=True)
class Answered:
    """One answer of one round."""

    round: int
    client: str
    service: str
    address: str


@dataclass
class Play:
    """Everything on the stage; its state is what is true now."""

    services: str
    folder: Path
    probes: list[Probe]
    quorum: Quorum = field(default_factory=lambda: Quorum(voters=2, vantages=2))
    dead: set[str] = field(default_factory=set)
    """Addresses that answer nobody."""
    renamed: set[str] = field(default_factory=set)
    """Addresses that answer everybody, and 404 to their checks."""
    sees: Callable[[str, str], bool] = lambda _place, _address: True
    """Whether the network brings a vantage, or a client, to an address."""
    hears: Callable[[str], bool] = lambda _probe: True
    """Whether the server is reached by a probe's reports."""
    round: int = 0
    answers: list[Answered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.zone = world.services(self.services)
        self.checks = checks((self.zone,))
        ends = {service.id.partition(".")[0]: service.endpoints for service in self.zone.services}
        self.addresses = {name: {end.target for end in some} for name, some in ends.items()}
        self.names = list(ends)
        self.server = self._started(MachineClock(), epoch=1)
        self._asked: Plan | None = None
        self._last: dict[tuple[str, str], str] = {}

    def probe(self, name: str) -> Probe:
        """Returns a probe."""
        return next(probe for probe in self.probes if probe.name == name)

    def run(self, rounds: int) -> Iterator[int]:
        """Plays so many rounds, and yields the number of each once everybody was answered."""
        for _ in range(rounds):
            self.round += 1
            for clock in (self.server.clock, *(probe.clock for probe in self.probes)):
                clock.pass_time(ROUND_S)
            for probe in self.probes:
                if probe.alive:
                    self._look(probe)
                    self._tell(probe)
            self.server.merge()
            if self.server.planner.present.vantages == ():
                asyncio.run(self.server.watch.look())
            self._ask()
            yield self.round

    def settle(self) -> None:
        """Plays until everything is known: verdicts, and where the vantages are."""
        for _ in self.run(12):
            pass
        self.answers.clear()

    def restart(self, *, before: Callable[[], None] = lambda: None) -> None:
        """Ends the server, and starts another one from what it left on disk; `before` that, something may happen."""
        self.server.end()
        before()
        self.server = self._started(self.server.clock, epoch=self.server.epoch + 1)

    def say(self, action: Action, scope: str, *rules: SafetyRule, span_s: float = 3600.0) -> None:
        """Has a person say something at the server."""
        self.server.saying.say([OverrideRequest(parse_scope(scope), action, "it is so", "ann", span_s, rules)])

    def play(self, rounds: int) -> list[Answered]:
        """Plays so many rounds; returns what was answered in them."""
        first = len(self.answers)
        for _ in self.run(rounds):
            pass
        return self.answers[first:]

    def belief(self, address: str) -> Belief:
        """Returns what the server believes of an address."""
        [check] = [check.id for check in self.checks if check.target == address]
        return self.server.planner.present.status.belief(check)

    def _started(self, clock: MachineClock, *, epoch: int) -> Server:
        return Server(self.zone, self.folder, self.probes, self.quorum, clock=clock, epoch=epoch)

    def _look(self, probe: Probe) -> None:
        now, wall = probe.clock.monotonic(), probe.clock.wall()
        for check in self.checks:
            is_well = check.target not in self.dead and self.sees(probe.vantage, check.target)
            reading = Reading(Reason.OK if is_well is not probe.lies else Reason.TIMEOUT, 0.1)
            if reading.reason is Reason.OK and check.target in self.renamed:
                reading = Reading(Reason.STATUS, 0.1, "HTTP 404")
            policy = verdict_policy(check.monitor)
            before = probe.verdicts.get(check.id, NO_VERDICT)
            probe.verdicts[check.id] = step(before, reading, now=now, wall=wall, policy=policy)

    def _tell(self, probe: Probe) -> None:
        probe.report_store.publish(probe.verdicts if probe.votes else {})
        if self.hears(probe.name):
            self.server.report_store.take(probe.report_store.offer().body, giver=NodeName(probe.name))

    def _ask(self) -> None:
        if self.server.planner.present.plan is not self._asked:  # one plan, one client and one coin have one answer
            self._asked = self.server.planner.present.plan
            for client, address in CLIENTS.items():
                for service in self.names:
                    self._last[client, service] = self.server.ask(service, address)
        self.answers += [Answered(self.round, *who, address) for who, address in self._last.items()]


def given(answers: list[Answered], service: str, client: str) -> list[str]:
    """Returns what one client was answered for one service, round by round."""
    return [answer.address for answer in answers if (answer.service, answer.client) == (service, client)]
