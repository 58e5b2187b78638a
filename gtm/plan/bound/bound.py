"""The bound: how long, at the worst, a client can still have the address of an endpoint that died.

What comes in: a service, the checks of its zones, the delays of the steps between a probe and an answer, and how long
safety rules keep a dead endpoint up after one fault. What goes out: the terms of the worst case, which add up. It is
arithmetic on zone files and node files: it sends nothing, and measures nothing.

    death      first bad reading ends        last bad reading ends                    swap      last cached answer ends
      |  round  |  timeout  | rechecks, each with its timeout |  publish poll merge hold swap  |   ttl   |

    1. A reading that began just before the death may pass; the next round comes an interval later, and jitter.
    2. Every bad reading takes its whole timeout: the endpoint hangs. What refuses is found out the sooner.
    3. After the first bad one come rechecks, or rounds where the monitor has none, until the verdict is down.
    4. What is calculated follows the slowest of its parts that can be down; a service among them dies as a whole.
    5. Every probe that the quorum needs is as late as that; then the others' reports matter no more.
    6. A safety rule that keeps the endpoint up (holds.py) ends at the first merge after its time.
    7. An answer given just before the swap lives for the whole TTL. A TTL that follows health is shorter from when the
       first bad readings are known, so the last answer that got a longer one may be the one that lasts longest; and it
       is the least while a safety rule keeps the endpoint up.

It is right while the probes keep their schedule, peers reach each other, at least a quorum of probes lives, and another
endpoint is up. It leaves out overrides, and safety rules that apply only when more than one thing fails.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gtm.checks.model import Check
from gtm.checks.policy import pace, verdict_policy
from gtm.health.verdict.verdict import VerdictPolicy
from gtm.ids import CheckId
from gtm.plan.bound.holds import Hold
from gtm.plan.faults import Watched, everything
from gtm.zone.graph import inner_first
from gtm.zone.model import Monitor, Service
from gtm.zone.monitors.kinds.push import PushSettings

_LONG_WHY = 200
"""In characters: a longer text gets no more names of parts. Calculated monitors may stand in long rows."""


@dataclass(frozen=True, slots=True)
class Delays:
    """The most that each step between a reading and an answer takes, in seconds."""

    jitter: float
    """The share of the interval by which a round may come early or late."""
    beat_s: float
    """Between two reports without a changed verdict."""
    publish_s: float
    """From a changed verdict to the report of it."""
    poll_s: float
    """From a report to the node that serves; 0 where that node's own probe decides."""
    merge_s: float
    swap_s: float


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a bound: a step, the seconds that it takes at most, and why."""

    name: str
    seconds: float
    """Infinite where only a recovery or a person ends it."""
    why: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The worst-case time from the death of an endpoint to the end of the last cached answer, in terms."""

    terms: tuple[Term, ...]

    @property
    def seconds(self) -> float:
        """Returns the sum of the terms, in seconds; it may be infinite."""
        return math.fsum(term.seconds for term in self.terms)


def bound(service: Service, watched: Watched, delays: Delays, *, holds: Sequence[Hold] = ()) -> Bound | None:
    """Returns the bound of a service: its longest course of events.

    `holds` are the safety rules that keep a dead endpoint up, with their times. None when the service has no check, or
    one that no dead target takes down.
    """
    # all endpoints of a service have one monitor, so their courses are alike
    check = next((watched[name] for name in map(service.check_of, service.endpoints) if name is not None), None)
    falling = everything(watched).fallen
    if check is None or check.id not in falling:
        return None
    run = _Run(service, watched, falling, delays, tuple(holds))
    return max(run.courses(check), key=lambda course: course.seconds)


@dataclass(frozen=True, slots=True)
class _Run:
    """Computes the bound of one service."""

    service: Service
    watched: Watched
    falling: frozenset[CheckId]
    """The checks that are down when every target is dead."""
    delays: Delays
    holds: tuple[Hold, ...]
    slowest_of: dict[CheckId, Bound] = field(default_factory=dict)
    """A cache of the results of `slowest`: a part may be reached on too many ways to walk them all."""

    def courses(self, check: Check) -> Iterator[Bound]:
        """Yields a bound for each cached answer that may end last: the last answer with each possible TTL."""
        needed = bads_to_fall(verdict_policy(check.monitor))
        found_out = (*self.readings(check, count=needed), *_change(self.delays))
        swapped = Bound((*found_out, *_swap(self.delays)))
        held = Bound((*found_out, *self.held(), *_swap(self.delays)))
        if self.service.ttl_min is None:
            yield Bound((*held.terms, Term("ttl", self.service.ttl, "of an answer given just before the swap")))
            return
        if self.holds:  # while a safety rule overrides the checks, TTLs are the minimum
            yield Bound((*held.terms, Term("ttl", self.service.ttl_min, "of an answer given while it was held")))
        for bad in range(1 if check.parts else needed):
            ttl_s = _ttl_s(self.service, self.promise_s(check, bad=bad))
            ends = Term("ttl", ttl_s, f"of an answer given while {bad} of {needed} bad readings were known")
            known = Bound((*self.readings(check, count=bad + 1), *_beat(self.delays), *_swap(self.delays)))
            is_last = bad == needed - 1 or check.parts or known.seconds >= swapped.seconds
            yield Bound((*(swapped if is_last else known).terms, ends))

    def readings(self, check: Check, *, count: int) -> Iterator[Term]:
        """Yields the terms from the death to the end of the last of `count` bad readings."""
        monitor, of = check.monitor, ""
        timeout_s = monitor.timeout_s
        if check.parts:  # read at once when a part changes, which takes no time, and then in its rounds
            yield from self.slowest(check).terms
            count, timeout_s = count - 1, 0.0
            if not count:
                return
            of = f", of {monitor.name}"
        if isinstance(monitor.settings, PushSettings):
            timeout_s = 0.0  # nothing is sent, and nothing waited for
            yield Term("heartbeat", monitor.settings.ttl_s, "of the last one, which came just before the death")
        interval_s, jitter_s = monitor.interval_s, 2 * self.delays.jitter * monitor.interval_s
        yield Term("round", interval_s + jitter_s, f"interval {interval_s:g} s, and {jitter_s:g} s of jitter{of}")
        yield from _further(monitor, count=count, timeout_s=timeout_s)
        if timeout_s:
            yield Term("timeout", timeout_s, "of the last of these readings")

    def slowest(self, check: Check) -> Bound:
        """Returns the terms of the part of a calculated check that goes down last; a text names that part."""
        if check.id not in self.slowest_of:
            for each in self.inner_first(check):
                if each.parts and each.id not in self.slowest_of:
                    self.slowest_of[each.id] = self.slowest_part(each)
        return self.slowest_of[check.id]

    def slowest_part(self, check: Check) -> Bound:
        """Returns the same as `slowest`, for a check whose parts have their results in the cache."""
        courses = [(name, Bound(tuple(self.fall(part)))) for name, part in self.parts(check)]
        name, slowest = max(courses, key=lambda course: course[1].seconds)
        first, *others = slowest.terms
        why = first.why if len(first.why) > _LONG_WHY else f"{first.why}; {name} is down last"
        return Bound((replace(first, why=why), *others))

    def fall(self, check: Check) -> Iterator[Term]:
        """Yields the terms from the death to a verdict of down on a part."""
        yield from self.readings(check, count=bads_to_fall(verdict_policy(check.monitor)))

    def parts(self, check: Check) -> Iterator[tuple[str, Check]]:
        """Yields the name of each part that can be down, with its first check: the checks of one service are alike."""
        for part in check.parts:
            if part.checks and part.checks[0] in self.falling:
                yield part.name, self.watched[part.checks[0]]

    def inner_first(self, check: Check) -> Iterator[Check]:
        """Yields a check and all checks that it is calculated from, parts before what they are part of."""
        return inner_first(check, lambda each: (part for _, part in self.parts(each)), lambda each: each.id)

    def promise_s(self, check: Check, *, bad: int) -> float:
        """Returns the seconds in which a verdict of up could turn to down, after `bad` bad readings."""
        if check.parts:  # as soon as the first of its parts
            asked = [each for each in self.inner_first(check) if not each.parts]
            return min(self.promise_s(part, bad=0) for part in asked)
        paced, needed = pace(check.monitor), bads_to_fall(verdict_policy(check.monitor))
        first_s = paced.recheck_s if bad else paced.interval_s
        return first_s + (needed - bad - 1) * paced.recheck_s

    def held(self) -> Iterator[Term]:
        """Yields a term for each safety rule that keeps a dead endpoint up; each ends at a merge."""
        for hold in self.holds:
            yield Term(hold.rule, hold.seconds + self.delays.merge_s, hold.when)


def bads_to_fall(policy: VerdictPolicy) -> int:
    """Returns the number of bad readings in a row that turn a verdict of up to down."""
    return policy.fall if policy.window is None else min(policy.fall, policy.window.bad)


def _further(monitor: Monitor, *, count: int, timeout_s: float) -> Iterator[Term]:
    """Yields the term from the first to the last of `count` bad readings; nothing for one reading."""
    paced = pace(monitor)
    if count > 1 and paced.recheck_s < paced.interval_s:
        each_s = max(paced.recheck_s, timeout_s)
        why = f"{count - 1} x {each_s:g} s: recheck {paced.recheck_s:g} s or timeout {timeout_s:g} s"
        yield Term("rechecks", (count - 1) * each_s, why)
    elif count > 1:
        why = f"{count - 1} x interval {paced.interval_s:g} s: the monitor has no recheck"
        yield Term("further rounds", (count - 1) * paced.interval_s, why)


def _change(delays: Delays) -> Iterator[Term]:
    yield Term("publish", delays.publish_s, "a change of mind is reported at once; changes are collected so long")
    yield from _journey(delays)


def _beat(delays: Delays) -> Iterator[Term]:
    yield Term("beat", delays.beat_s, "until the next report: a bad reading is no change of mind yet")
    yield from _journey(delays)


def _journey(delays: Delays) -> Iterator[Term]:
    if delays.poll_s:
        yield Term("poll", delays.poll_s, "until the node that answers has the report of the last probe it needs")
    yield Term("merge", delays.merge_s, "until it has merged the reports")


def _swap(delays: Delays) -> Iterator[Term]:
    yield Term("swap", delays.swap_s, "until its engine has the plan")


def _ttl_s(service: Service, promise_s: float) -> int:
    least = service.ttl if service.ttl_min is None else service.ttl_min
    return math.floor(max(least, min(service.ttl, promise_s)))
