"""A death in simulated time: real schedules, verdicts, reports, merges and plans; only the wires between are made up.

    probe: round -> reading -> verdict -> report --(poll)--> node: hear --(merge)--> status --(swap)--> plan -> answers
                                                                           safety ---^

Whatever takes time draws it from `Chance`: a random one, or one that always draws what is worst. What dies, and what
goes down with it, says a `Site`.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from random import Random

from dns.rdatatype import RdataType

from gtm.checks.model import checks
from gtm.checks.policy import pace, verdict_policy
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.merger import Merger
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import NO_STATUS, Status
from gtm.health.consensus.voices import Freshness
from gtm.health.override.override import NOTHING_IN_FORCE
from gtm.health.report.book import EMPTY_BOOK, hear
from gtm.health.report.report import Report, Vote, votes_of
from gtm.health.verdict.next_change import foretold
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import NO_VERDICT, Verdict, VerdictState, step
from gtm.ids import CheckId, NodeName, ServiceId, VantageName
from gtm.plan.apply import apply
from gtm.plan.bound.bound import Bound, Delays, bound
from gtm.plan.bound.holds import Hold, holds_of_one_fault
from gtm.plan.faults import Watched, fallen
from gtm.plan.model import Plan
from gtm.plan.overlay import NO_OVERLAY, Overlay, guided_anew
from gtm.plan.safety.rules import NO_HISTORY, allow
from gtm.plan.safety.shares import shares_of
from gtm.probe.schedule import JITTER, Schedule, Turn
from gtm.zone.model import Monitor, Service, Zone
from tests.fakes import world

NAME = ServiceId("s.gtm.example.com")
DEAD = "192.0.2.1"
WELL = Vote(Belief.UP, Reason.OK, "", 0.0, 0.0, VerdictState.UP, 1e6)


@dataclass(frozen=True)
class Site:
    """A zone in which DEAD dies, and the service NAME with it."""

    zone: Zone
    first: str
    """The endpoint that is answered until the service is found out."""
    dead: tuple[str, ...] = (DEAD,)
    """All that dies, at once."""

    @property
    def service(self) -> Service:
        return next(service for service in self.zone.services if service.id == NAME)

    @property
    def watched(self) -> Watched:
        return {check.id: check for check in checks((self.zone,))}

    @property
    def monitor(self) -> Monitor:
        """The one that looks at what dies."""
        return next(check.monitor for check in self.watched.values() if check.target == DEAD)

    @property
    def dying(self) -> frozenset[CheckId]:
        return fallen(frozenset(self.dead), self.watched)

    def with_monitor(self, monitor: Monitor) -> "Site":
        """Has what dies looked at like this."""
        mine = self.monitor
        like = replace(monitor, scope=mine.scope, name=mine.name, type=mine.type)
        services = [
            replace(service, monitor=like) if service.monitor == mine else service for service in self.zone.services
        ]
        return replace(self, zone=replace(self.zone, services=tuple(services)))

    def with_ttl(self, ttl: int, ttl_min: int | None) -> "Site":
        services = [replace(service, ttl=ttl, ttl_min=ttl_min) for service in self.zone.services]
        return replace(self, zone=replace(self.zone, services=tuple(services)))

    def holds(self) -> tuple[Hold, ...]:
        """What the rules hold although only one thing died."""
        shares = shares_of(world.plan(self.zone, geography=world.geography()).services)
        return holds_of_one_fault(shares.services[NAME], shares, self.watched)

    def bound(self, delays: Delays) -> Bound:
        found = bound(self.service, self.watched, delays, holds=self.holds())
        assert found is not None
        return found


ALONE = Site(
    world.services("""
  s:
    monitor: web
    steer: failover
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2}]
"""),
    "us-east/192.0.2.1",
)
"""One service with a spare: no rule holds it."""

TWICE = Site(
    world.services("""
  a:
    monitor: web
    steer: failover
    endpoints: [{region: us-east, address: 192.0.2.1, weight: 3}, {region: eu-west, address: 192.0.2.2}]
  s:
    monitor: web
    steer: failover
    endpoints: [{region: ap-southeast, address: 192.0.2.1, weight: 3}, {region: eu-west, address: 192.0.2.2}]
"""),
    "ap-southeast/192.0.2.1",
)
"""A machine that two services have in regions of different names: all that it carries may go at once."""

CALCULATED = Site(
    world.zone(
        world.HEAD
        + """
  site: {type: calculated, all: [service db.gtm.example.com]}
  deep: {type: http, port: 80}
services:
  db:
    monitor: deep
    steer: failover
    on_all_down: nodata
    endpoints: [{region: eu-west, address: 192.0.2.1}, {region: us-east, address: 192.0.2.2}]
  s:
    monitor: site
    steer: failover
    on_all_down: last_resort
    endpoints: [{region: us-east, address: 192.0.2.5}, {region: eu-west, address: 192.0.2.6, last_resort: true}]
records:"""
        + world.NS1
    ),
    "us-east/192.0.2.5",
    (DEAD, "192.0.2.2"),
)
"""A service calculated from another: with all of that one everything goes down at once, in all regions."""

UNSUSPECTED = replace(
    CALCULATED,
    zone=replace(
        CALCULATED.zone,
        services=tuple(
            replace(service, safety=replace(service.safety, correlated_failure=False))
            for service in CALCULATED.zone.services
        ),
    ),
)
"""The same where nobody blames the probes."""

GUARDED = Site(
    world.services("""
  s:
    monitor: web
    steer: failover
    safety: {at_least: 2}
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2}]
"""),
    "us-east/192.0.2.1",
)
"""A service that may lose none of its regions."""


GEOGRAPHY = world.geography()


class Chance:
    """What is left to chance, within its limits."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def delay(self, most_s: float) -> float:
        return self.random.random() * most_s

    def coin(self, *, before: bool) -> float:
        del before
        return self.random.random()

    def answers_within(self, most_s: float) -> float:
        return self.random.random() * most_s

    def hangs(self) -> bool:
        return self.random.random() < 0.7

    def start(self, interval_s: float) -> float:
        return self.random.random() * interval_s


class WorstCase(Chance):
    """Everything as slow as it may be; the round before the death early, and the one after it late."""

    def delay(self, most_s: float) -> float:
        return most_s

    def coin(self, *, before: bool) -> float:
        return 0.0 if before else 1.0 - 1e-12

    def answers_within(self, most_s: float) -> float:
        return 0.0

    def hangs(self) -> bool:
        return True

    def start(self, interval_s: float) -> float:
        return 0.0


@dataclass
class Probe:
    """One probe, and where it is in its schedule."""

    node: NodeName
    schedule: Schedule
    verdict: Verdict = NO_VERDICT
    serial: int = 0
    beats: int = 0
    begun: list[float] = field(default_factory=list)


class Death:
    """One run. `dies_at` is when; the observed time is in `lasted_s` after `run`."""

    def __init__(self, site: Site, delays: Delays, chance: Chance, *, probes: int, beat_phase: float) -> None:
        self.first, self.dying = site.first, site.dying
        self.monitor = site.monitor
        self.delays, self.chance = delays, chance
        self.policy, self.pace = verdict_policy(self.monitor), pace(self.monitor)
        self.plan: Plan = world.plan(site.zone, geography=GEOGRAPHY)
        self.shares = shares_of(self.plan.services)
        self.history, self.overlay = NO_HISTORY, NO_OVERLAY
        self.merger = Merger(Quorum(voters=probes // 2 + 1))
        self.watched = dict.fromkeys(site.watched, Freshness(self.monitor.interval_s, self.monitor.timeout_s))
        self.merges = 0
        self.status = self.applied = NO_STATUS
        self.book = EMPTY_BOOK
        self.dies_at = float("inf")
        self.swapped_at = 0.0
        self.last_cached = 0.0
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.order = count()
        self.probes = []
        for number in range(probes):
            start = chance.start(self.monitor.interval_s)
            schedule = Schedule(start, self.monitor.interval_s, 0.1, 0.5)
            probe = Probe(NodeName(f"probe-{number}"), schedule)
            self.probes.append(probe)
            turn = schedule.first()
            self.at(turn.due_at, partial(self.begin, probe, turn))
            self.at(start + beat_phase * delays.beat_s, partial(self.publish, probe))

    def at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self.events, (when, next(self.order), what))

    def run_until(self, when: float) -> None:
        while self.events[0][0] <= when:
            now, _, what = heapq.heappop(self.events)
            what(now)

    def run(self) -> float:
        """Runs until the dead endpoint is answered no more; returns for how long after its death it was cached."""
        while self.is_answered:
            self.run_until(self.events[0][0])
            assert self.events[0][0] < self.dies_at + 1e6
        return self.last_cached - self.dies_at

    @property
    def served(self) -> tuple[str, int]:
        outcome = self.plan.decisions[NAME].in_cell(0).outcomes[RdataType.A]
        [answer] = outcome.answers
        return answer.endpoint, outcome.ttl

    @property
    def is_answered(self) -> bool:
        return self.served[0] == self.first

    def begin(self, probe: Probe, turn: Turn, now: float) -> None:
        probe.begun.append(now)
        ends_at = now + self.chance.answers_within(self.monitor.timeout_s)
        good = ends_at <= self.dies_at
        if not good:
            ends_at = now + (self.monitor.timeout_s if self.chance.hangs() else 0.001 * self.monitor.timeout_s)
        self.at(ends_at, lambda ended_at: self.end(probe, turn, began_at=now, now=ended_at, good=good))

    def end(self, probe: Probe, turn: Turn, *, began_at: float, now: float, good: bool) -> None:
        before = probe.verdict
        reading = Reading(Reason.OK if good else Reason.TIMEOUT, now - began_at)
        after = step(before, reading, now=now, wall=now, policy=self.policy)
        probe.verdict = foretold(after, self.policy, self.pace)
        if after.belief is not before.belief:
            self.at(now + self.chance.delay(self.delays.publish_s), partial(self.publish, probe))
        near = not good and after.belief is not Belief.DOWN and self.monitor.recheck_s < self.monitor.interval_s
        following = probe.schedule.after(
            turn,
            began_at=began_at,
            now=now,
            recheck_s=self.pace.recheck_s if near else None,
            coin=self.chance.coin(before=now <= self.dies_at),
        )
        self.at(max(now, following.due_at), partial(self.begin, probe, following))

    def publish(self, probe: Probe, now: float) -> None:
        probe.serial += 1
        probe.beats = beat = probe.beats + 1
        self.at(now + self.delays.beat_s, lambda when: self.publish(probe, when) if probe.beats == beat else None)
        cast = {**dict.fromkeys(self.watched, WELL), **votes_of(dict.fromkeys(self.dying, probe.verdict), now=now)}
        report = Report(probe.node, VantageName(probe.node), 1, probe.serial, now, cast)
        self.at(now + self.chance.delay(self.delays.poll_s), partial(self.hear, report))

    def hear(self, report: Report, now: float) -> None:
        self.book = hear(self.book, report, heard_at=now) or self.book
        self.at(now + self.chance.delay(self.delays.merge_s), self.merge)

    def merge(self, now: float) -> None:
        self.merges = merges = self.merges + 1
        delta = self.merger.merge(self.status, self.book, self.watched, now=now, wall=now)
        self.status = status = self.status if delta is None else delta.after
        allowed = allow(self.shares, self.history, status, delta, NOTHING_IN_FORCE, now=now)
        self.history, overlay = allowed.history, Overlay(held=allowed.held)
        self.swapped_at = max(self.swapped_at, now + self.chance.delay(self.delays.swap_s))
        self.at(self.swapped_at, partial(self.swap, status, overlay))
        if not self.history.is_calm:  # the tick, which lets go what is held no longer
            self.at(now + self.delays.merge_s, lambda when: self.merge(when) if self.merges == merges else None)

    def swap(self, status: Status, overlay: Overlay, now: float) -> None:
        delta = StatusDelta.between(self.applied, status)
        changed, sooner = ((), ()) if delta is None else (delta.flipped, delta.retimed)
        guided = guided_anew(self.plan, self.overlay, overlay)
        self.applied, self.overlay = status, overlay
        plan = apply(self.plan, status, changed, retimed=sooner, overlay=overlay, guided=guided)
        if plan is not None:
            if self.is_answered and now >= self.dies_at:
                self.last_cached = max(self.last_cached, now + self.served[1])  # by whoever asked just before
            self.plan = plan


def delays_of(monitor: Monitor, *, poll_s: float) -> Delays:
    """The delays of a node."""
    beat_s = min(10.0, max(0.5, monitor.interval_s))
    return Delays(jitter=JITTER, beat_s=beat_s, publish_s=0.05, poll_s=poll_s, merge_s=0.5, swap_s=0.5)
