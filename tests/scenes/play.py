"""A play: probes, DNS nodes and clients on clocks that are set, with the real code from the reading to the answer.

    what is true -> step -> Desk.publish, seal -> Desk.take, parse -> HealthRiver.merge -> Planner -> engine -> answer

A scene says which endpoints live, who is cut off from whom, and which probe lies; every round is one interval of the
monitor. In each round every client asks for every service, and what it was answered is kept.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.disagreement import quarantined
from gtm.health.quorum import Quorum
from gtm.health.reading import Reading, Reason
from gtm.health.status import Status
from gtm.health.verdict import NO_VERDICT, Verdict, step
from gtm.ids import CheckId, NodeName, VantageName
from gtm.node.health import HealthRiver
from gtm.node.planner import Planner
from gtm.node.state import StateFolder
from gtm.node.vantages import VantageWatch
from gtm.plan.model import Plan
from gtm.plan.policy import verdict_policy
from gtm.share.desk import Desk, Reporter
from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import Catalogue, Loaded
from gtm.watch.geodata import GeoLoad
from gtm.zone.model import Zone, checks
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.peers import key_of

ROUND_S = 5.0
CLIENTS = {"us": world.US, "eu": world.EU, "ap": world.AP, "nowhere": world.ELSEWHERE}
PLACES = {
    "iad": world.ASHBURN,
    "pdx": Coordinates(45.6, -121.2),
    "gru": Coordinates(-23.5, -46.6),
    "fra": Coordinates(50.11, 8.68),
    "sin": world.SINGAPORE,
}


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
    verdicts: dict[CheckId, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vantage = self.name.partition("-")[0]
        self.clock = MachineClock(rate=self.rate)
        key = key_of(self.name)
        me = Reporter(NodeName(self.name), VantageName(self.vantage), key, 1, PLACES[self.vantage])
        self.desk = Desk(me, {}, clock=self.clock, counters=Counters())


class Server:
    """A DNS node: what it heard and believes, and the engine that answers."""

    def __init__(self, zone: Zone, folder: Path, probes: list[Probe], quorum: Quorum) -> None:
        self.clock, self.counters, self.engine = MachineClock(), Counters(), ReferenceEngine()
        state = StateFolder(folder, self.counters)
        self.planner = Planner(
            self.engine,
            vocabulary=STEERING,
            state=state,
            status=Status(),
            wall=self.clock.wall,
            counters=self.counters,
        )
        me = Reporter(NodeName("ns1"), VantageName("ns1"), key_of("ns1"), 1)
        peers = {NodeName(probe.name): key_of(probe.name).public for probe in probes}
        self.desk = Desk(me, peers, clock=self.clock, counters=self.counters)
        self.watch = VantageWatch(self.planner, self.desk, state, clock=self.clock)
        self.river = HealthRiver(
            self.planner, self.desk, quorum=quorum, state=state, clock=self.clock, counters=self.counters
        )
        asyncio.run(self._load(zone))
        self.river.watch(checks((zone,)))

    async def _load(self, zone: Zone) -> None:
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
    sees: Callable[[str, str], bool] = lambda _place, _address: True
    """Whether the network brings a vantage, or a client, to an address."""
    hears: Callable[[str], bool] = lambda _probe: True
    """Whether the server is reached by a probe's reports."""
    round: int = 0
    answers: list[Answered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.zone = world.services(self.services)
        self.checks = checks((self.zone,))
        self.names = [service.id.partition(".")[0] for service in self.zone.services]
        self.server = Server(self.zone, self.folder, self.probes, self.quorum)
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
            self.server.river.merge()
            if self.server.planner.vantages == ():
                asyncio.run(self.server.watch.look())
            self._ask()
            yield self.round

    def settle(self) -> None:
        """Plays until everything is known: verdicts, and where the vantages are."""
        for _ in self.run(12):
            pass
        self.answers.clear()

    def play(self, rounds: int) -> list[Answered]:
        """Plays so many rounds; returns what was answered in them."""
        first = len(self.answers)
        for _ in self.run(rounds):
            pass
        return self.answers[first:]

    def belief(self, address: str) -> Belief:
        """Returns what the server believes of an address."""
        [check] = [check.id for check in self.checks if check.target == address]
        return self.server.planner.status.belief(check)

    def _look(self, probe: Probe) -> None:
        now, wall = probe.clock.monotonic(), probe.clock.wall()
        for check in self.checks:
            is_well = check.target not in self.dead and self.sees(probe.vantage, check.target)
            reading = Reading(Reason.OK if is_well is not probe.lies else Reason.TIMEOUT, 0.1)
            policy = verdict_policy(check.monitor)
            before = probe.verdicts.get(check.id, NO_VERDICT)
            probe.verdicts[check.id] = step(before, reading, now=now, wall=wall, policy=policy)

    def _tell(self, probe: Probe) -> None:
        probe.desk.publish(probe.verdicts)
        if self.hears(probe.name):
            self.server.desk.take(probe.desk.offer().body, giver=NodeName(probe.name))

    def _ask(self) -> None:
        if self.server.planner.plan is not self._asked:  # one plan, one client and one coin have one answer
            self._asked = self.server.planner.plan
            for client, address in CLIENTS.items():
                for service in self.names:
                    self._last[client, service] = self.server.ask(service, address)
        self.answers += [Answered(self.round, *who, address) for who, address in self._last.items()]


def given(answers: list[Answered], service: str, client: str) -> list[str]:
    """Returns what one client was answered for one service, round by round."""
    return [one.address for one in answers if (one.service, one.client) == (service, client)]
