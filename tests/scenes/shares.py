"""The share of the traffic that each endpoint gets, moment by moment, while checks fail.

    when which check fails, and why -> status -> allow -> overlay -> apply -> who of the clients gets which endpoint

There is one client in each region, all of one weight. A client's traffic is spread over the addresses of its answer as
a query is: by weight where one is drawn by it, else alike. A and AAAA are told apart: each is a whole.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from gtm.checks.model import checks
from gtm.geo.place import Coordinates, Place
from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import NOTHING_IN_FORCE, InForce
from gtm.health.verdict.reading import Reason
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.plan.outcome import Outcome
from gtm.plan.overlay import NO_OVERLAY, Overlay, guided_anew
from gtm.plan.safety.minimums import Refusal
from gtm.plan.safety.rules import NO_HISTORY, allow
from gtm.plan.safety.shares import shares_of
from gtm.steer.filter import Choose
from gtm.zone.model import Zone
from tests.fakes import world
from tests.fakes.deltas import delta_of

TICK_S = 0.25
"""So often reports are merged."""
QUIET_TICKS = 10
REGIONS = ("us-east", "eu-west", "ap-southeast", "sa-east")
CLIENTS = ("10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1")
"""One in each region."""
SAO_PAULO = Coordinates(-23.5, -46.6)
GEOGRAPHY = world.geography({**world.PLACES, "10.4.0.0/16": Place("SA", "BR", at=SAO_PAULO)})

Key = tuple[str, int, str]
"""A service, a type of record, and an endpoint."""
Shares = Mapping[Key, float]
Cells = Mapping[tuple[str, int, str], Mapping[str, float]]
"""By service, type and client: what each endpoint gets of that client's traffic."""


@dataclass(frozen=True)
class Failed:
    """Why a check fails now."""

    reason: Reason
    detail: str = ""
    frozen: bool = False
    """Whether there are too few fresh voices by now."""


TIMEOUT = Failed(Reason.TIMEOUT, "nothing within 2 s")
NOT_FOUND = Failed(Reason.STATUS, "HTTP 404")

Fate = Callable[[str, float], Failed | None]
"""Why the check of an address fails at a time; None where it does not."""


@dataclass(frozen=True)
class Moment:
    """What is at one tick."""

    at: float
    shares: Shares
    refusals: tuple[Refusal, ...]
    states: frozenset[str]
    dead: frozenset[str]
    """The addresses whose checks fail."""
    cells: Cells = field(default_factory=dict)

    @property
    def busiest(self) -> float:
        return max(self.shares.values(), default=0.0)


@dataclass
class Stage:
    """A zone, or several of one node, the rules, and what is answered. Its state is the present."""

    zone: Zone
    has_rules: bool = True
    said: InForce = NOTHING_IN_FORCE
    now: float = 0.0
    others: tuple[Zone, ...] = ()
    """Their services have other names."""
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        zones = (self.zone, *self.others)
        self.checks = {check.id: check.target for check in checks(zones)}
        self.status = self._status(lambda _target, _now: None)
        self.plan = world.plan(*zones, believed=self.status, geography=GEOGRAPHY)
        self.rules = shares_of(self.plan.services)
        self.history, self.overlay = NO_HISTORY, NO_OVERLAY
        self._found: tuple[Plan, Cells, Shares] | None = None

    def play(self, fate: Fate, *, until: float) -> list[Moment]:
        """Lets checks fail until a time, from now."""
        return list(self._moments(fate, until))

    def _moments(self, fate: Fate, until: float) -> Iterator[Moment]:
        while self.now < until:
            before, after = self.status, self._status(fate)
            refusals: tuple[Refusal, ...] = ()
            overlay = Overlay(self.said)
            if self.has_rules:
                allowed = allow(self.rules, self.history, after, delta_of(before, after), self.said, now=self.now)
                self.history, refusals = allowed.history, allowed.refusals
                overlay = Overlay(self.said, allowed.held)
            guided = guided_anew(self.plan, self.overlay, overlay)
            changed = apply(self.plan, after, delta_of(before, after).flipped, overlay=overlay, guided=guided)
            self.plan, self.status, self.overlay = changed or self.plan, after, overlay
            states = frozenset(state.value for decision in self.plan.decisions.values() for state in decision.states)
            dead = frozenset(target for target in self.checks.values() if fate(target, self.now))
            cells, shares = self._traffic()
            yield Moment(self.now, shares, refusals, states, dead, cells)
            self.now += self._step_s(fate)

    def _step_s(self, fate: Fate) -> float:
        """Returns how long nothing changes at least: nobody need look as often then."""
        for ticks in range(1, QUIET_TICKS):
            later = self.now + ticks * TICK_S
            if any(fate(target, later) != fate(target, self.now) for target in self.checks.values()):
                return ticks * TICK_S
        return QUIET_TICKS * TICK_S

    def shares(self) -> Shares:
        """Returns what each endpoint gets of its service's traffic of its type."""
        return self._traffic()[1]

    def _traffic(self) -> tuple[Cells, Shares]:
        if self._found is None or self._found[0] is not self.plan:
            cells = dict(self._worked_out())
            shares: dict[Key, float] = {}
            clients = {name.partition(".")[0]: len(one.regions) for name, one in self.plan.services.items()}
            for (name, rtype, _), gets in cells.items():
                for endpoint, share in gets.items():
                    key = (name, rtype, endpoint)
                    shares[key] = shares.get(key, 0.0) + share / clients[name]
            self._found = (self.plan, cells, shares)
        return self._found[1:]

    def _worked_out(self) -> Iterator[tuple[tuple[str, int, str], Mapping[str, float]]]:
        for name, steered in self.plan.services.items():
            for client in CLIENTS[: len(steered.regions)]:
                cell = steered.space.networks.lookup(ip_address(client)).cell
                for rtype, outcome in self.plan.decisions[name].in_cell(cell).outcomes.items():
                    yield (name.partition(".")[0], int(rtype), client), dict(_picked(outcome))

    def _status(self, fate: Fate) -> Status:
        return Status({check: _known(fate(target, self.now)) for check, target in self.checks.items()})


def _known(failed: Failed | None) -> CheckStatus:
    if failed is None:
        return CheckStatus(Belief.UP, 0.0, Reason.OK)
    return CheckStatus(Belief.DOWN, 0.0, failed.reason, failed.detail, frozen=failed.frozen)


def _picked(outcome: Outcome) -> Iterator[tuple[str, float]]:
    total = sum(answer.weight for answer in outcome.answers) if outcome.choose is Choose.ONE else 0
    for answer in outcome.answers:
        yield answer.endpoint, answer.weight / total if total else 1 / len(outcome.answers)


def most(moments: list[Moment]) -> dict[Key, float]:
    """Returns the largest share that each endpoint ever had."""
    found: dict[Key, float] = {}
    for moment in moments:
        for key, share in moment.shares.items():
            found[key] = max(share, found.get(key, 0.0))
    return found


def zone_of(services: str, *, origin: str = "gtm.example.com") -> Zone:
    """A zone of four regions."""
    head = world.HEAD.replace("zone: gtm.example.com", f"zone: {origin}").replace(
        "monitors:", "  sa-east: {at: [-23.5, -46.6], country: BR}\nmonitors:", 1
    )
    return world.zone(f"{head}\nservices:\n{services}\nrecords:{world.NS1}")


def address(service: int, region: int, number: int, family: int = 4) -> str:
    """The only one of this endpoint."""
    return (
        f"192.0.{service}.{10 * region + number}" if family == 4 else f"2001:db8:{service}:{region + 1}::{number + 1}"
    )


def region_of(target: str) -> int:
    """The number of the region that an address is in."""
    return int(target.split(":")[3]) - 1 if ":" in target else int(target.rpartition(".")[2]) // 10


def service_text(
    name: str,
    service: int,
    *,
    regions: int,
    each: int,
    steer: str = "nearest",
    families: tuple[int, ...] = (4,),
    weight: Callable[[int], int] = lambda _number: 1,
    more: str = "",
) -> str:
    """A service in the first regions, with so many endpoints of each family in each."""
    ends = "".join(
        f'      - {{region: {REGIONS[place]}, address: "{address(service, place, number, family)}", '
        f"weight: {weight(number)}}}\n"
        for place in range(regions)
        for family in families
        for number in range(each)
    )
    return f"  {name}:\n    monitor: web\n    steer: {steer}\n{more}    endpoints:\n{ends}"
