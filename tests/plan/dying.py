"""A death in simulated time: real schedules, verdicts, reports, merges and plans; only the wires between are made up.

    probe: round -> reading -> verdict -> report --(poll)--> node: hear --(merge)--> status --(swap)--> plan -> answers

Whatever takes time draws it from `Chance`: a random one, or one that always draws what is worst.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from random import Random

from dns.rdatatype import RdataType

from gtm.health.belief import Belief
from gtm.health.book import EMPTY_BOOK, hear
from gtm.health.earliest import foretold
from gtm.health.quorum import Quorum
from gtm.health.reading import Reading, Reason
from gtm.health.report import Report, Vote, votes_of
from gtm.health.status import NO_STATUS, Status, flipped, merge, retimed
from gtm.health.verdict import NO_VERDICT, Verdict, VerdictState, step
from gtm.health.voices import Freshness
from gtm.ids import CheckId, NodeName, ServiceId, VantageName
from gtm.plan.apply import apply
from gtm.plan.bound import Delays
from gtm.plan.model import Plan
from gtm.plan.policy import pace, verdict_policy
from gtm.probe.schedule import JITTER, Schedule, Turn
from gtm.zone.model import Monitor, Service
from tests.fakes import world

NAME = ServiceId("s.gtm.example.com")
DYING, OTHER = CheckId("gtm.example.com/web/192.0.2.1"), CheckId("gtm.example.com/web/192.0.2.2")
WELL = Vote(Belief.UP, Reason.OK, "", 0.0, 0.0, VerdictState.UP, 1e6)
ZONE = world.services("""
  s:
    monitor: web
    steer: failover
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2}]
""")


def service_of(monitor: Monitor, *, ttl: int, ttl_min: int | None) -> Service:
    """The service whose first endpoint dies, checked like this."""
    return replace(ZONE.services[0], monitor=replace(monitor, scope="gtm.example.com"), ttl=ttl, ttl_min=ttl_min)


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

    def __init__(self, service: Service, delays: Delays, chance: Chance, *, probes: int, beat_phase: float) -> None:
        assert service.monitor is not None
        self.monitor = service.monitor
        self.delays, self.chance = delays, chance
        self.policy, self.pace = verdict_policy(self.monitor), pace(self.monitor)
        zone = replace(ZONE, services=(service,))
        self.plan: Plan = world.plan(zone, geography=world.geography())
        self.quorum = Quorum(voters=probes // 2 + 1)
        self.watched = dict.fromkeys((DYING, OTHER), Freshness(self.monitor.interval_s, self.monitor.timeout_s))
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
        return self.served[0] == "us-east/192.0.2.1"

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
        near = not good and after.belief is Belief.UP and self.monitor.recheck_s < self.monitor.interval_s
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
        cast = {**votes_of({DYING: probe.verdict}, now=now), OTHER: WELL}
        report = Report(probe.node, VantageName(probe.node), 1, probe.serial, now, cast)
        self.at(now + self.chance.delay(self.delays.poll_s), partial(self.hear, report))

    def hear(self, report: Report, now: float) -> None:
        self.book = hear(self.book, report, heard_at=now) or self.book
        self.at(now + self.chance.delay(self.delays.merge_s), self.merge)

    def merge(self, now: float) -> None:
        self.status = status = merge(self.status, self.book, self.watched, self.quorum, now=now, wall=now)
        self.swapped_at = max(self.swapped_at, now + self.chance.delay(self.delays.swap_s))
        self.at(self.swapped_at, partial(self.swap, status))

    def swap(self, status: Status, now: float) -> None:
        changed, sooner = flipped(self.applied, status), retimed(self.applied, status)
        self.applied = status
        plan = apply(self.plan, status, changed, retimed=sooner)
        if plan is not None:
            if self.is_answered:
                self.last_cached = now + self.served[1]  # by whoever asked just before
            self.plan = plan


def delays_of(monitor: Monitor, *, poll_s: float) -> Delays:
    """The delays of a node."""
    beat_s = min(10.0, max(0.5, monitor.interval_s))
    return Delays(jitter=JITTER, beat_s=beat_s, publish_s=0.05, poll_s=poll_s, merge_s=0.5, swap_s=0.5)
