"""The bound: how long, at the worst, a client can still have the address of an endpoint that died.

What comes in: a service, and the delays of the machinery between a probe and an answer. What goes out: the terms of the
worst case, which add up. It is arithmetic on what zone and node files say: it asks nobody, and measures nothing.

    death      first bad reading ends        last bad reading ends               swap      last cached answer ends
      |  round  |  timeout  | rechecks, each with its timeout |  publish poll merge swap  |   ttl   |

    1. A reading that began just before the death may pass; the next round comes an interval later, and jitter.
    2. Every bad reading takes its whole timeout: the endpoint hangs. What refuses is found out the sooner.
    3. After the first bad one come rechecks, or rounds where the monitor has none, until the verdict is down.
    4. Every probe that the quorum needs is as late as that; then the others' reports matter no more.
    5. An answer given just before the swap lives for the whole TTL. A TTL that follows health is shorter from when the
       first bad readings are known, so the last answer that got a longer one may be the one that lasts longest.

It holds while the probes keep their schedule, peers reach each other, and at least a quorum of probes lives; an
override, or a safety rule that holds a change back, is no part of it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gtm.health.verdict import VerdictPolicy
from gtm.plan.policy import pace, verdict_policy
from gtm.zone.model import Monitor, Service
from gtm.zone.settings import PushSettings


@dataclass(frozen=True, slots=True)
class Delays:
    """The most that each step between a reading and an answer takes, in seconds."""

    jitter: float
    """The share of the interval by which a round may come early or late."""
    beat_s: float
    """Between two reports that tell of no change of mind."""
    publish_s: float
    """From a change of mind to the report of it."""
    poll_s: float
    """From a report to the node that serves; 0 where that node's own probe decides."""
    merge_s: float
    swap_s: float


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a bound."""

    name: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The worst case, from the death to the end of the last cached answer."""

    terms: tuple[Term, ...]

    @property
    def seconds(self) -> float:
        """Returns the sum of the terms."""
        return math.fsum(term.seconds for term in self.terms)


def bound(service: Service, monitor: Monitor, delays: Delays) -> Bound:
    """Returns the bound of a service whose endpoints this monitor checks: its dearest course."""
    return max(_courses(service, monitor, delays), key=lambda course: course.seconds)


def _courses(service: Service, monitor: Monitor, delays: Delays) -> Iterator[Bound]:
    """Yields a course for each answer that may last longest: the last one with each TTL."""
    needed = bads_to_fall(verdict_policy(monitor))
    swapped = Bound((*_readings(monitor, delays, count=needed), *_change(delays)))
    if service.ttl_min is None:
        yield Bound((*swapped.terms, Term("ttl", service.ttl, "of an answer given just before the swap")))
        return
    for bad in range(1 if monitor.parts else needed):
        ttl_s = _ttl_s(service, _promise_s(monitor, bad=bad))
        ends = Term("ttl", ttl_s, f"of an answer given while {bad} of {needed} bad readings were known")
        known = Bound((*_readings(monitor, delays, count=bad + 1), *_beat(delays)))
        is_last = bad == needed - 1 or monitor.parts or known.seconds >= swapped.seconds
        yield Bound((*(swapped if is_last else known).terms, ends))


def bads_to_fall(policy: VerdictPolicy) -> int:
    """Returns how many bad readings, and no good one, take down an endpoint that was well."""
    return policy.fall if policy.window is None else min(policy.fall, policy.window.bad)


def _readings(monitor: Monitor, delays: Delays, *, count: int) -> Iterator[Term]:
    """Yields what passes until the end of the last of so many bad readings."""
    timeout_s = monitor.timeout_s
    if monitor.parts:  # read at once when a part changes, which takes no time, and then in its rounds
        yield from max((_fall(part, delays) for part in monitor.parts), key=lambda course: course.seconds).terms
        count, timeout_s = count - 1, 0.0
        if not count:
            return
    if isinstance(monitor.settings, PushSettings):
        timeout_s = 0.0  # nothing is sent, and nothing waited for
        yield Term("heartbeat", monitor.settings.ttl_s, "of the last one, which came just before the death")
    interval_s, jitter_s = monitor.interval_s, 2 * delays.jitter * monitor.interval_s
    yield Term("round", interval_s + jitter_s, f"interval {interval_s:g} s, and {jitter_s:g} s of jitter")
    yield from _further(monitor, count=count, timeout_s=timeout_s)
    if timeout_s:
        yield Term("timeout", timeout_s, "of the last of these readings")


def _fall(part: Monitor, delays: Delays) -> Bound:
    return Bound(tuple(_readings(part, delays, count=bads_to_fall(verdict_policy(part)))))


def _further(monitor: Monitor, *, count: int, timeout_s: float) -> Iterator[Term]:
    """Yields what passes from the first to the last of so many bad readings."""
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
    yield Term("swap", delays.swap_s, "until its engine has the plan")


def _promise_s(monitor: Monitor, *, bad: int) -> float:
    """Returns how soon a verdict could fall that has held for long, after so many bad readings."""
    if monitor.parts:  # as soon as the first of its parts
        return min(_promise_s(part, bad=0) for part in monitor.parts)
    paced, needed = pace(monitor), bads_to_fall(verdict_policy(monitor))
    first_s = paced.recheck_s if bad else paced.interval_s
    return first_s + (needed - bad - 1) * paced.recheck_s


def _ttl_s(service: Service, promise_s: float) -> int:
    least = service.ttl if service.ttl_min is None else service.ttl_min
    return math.floor(max(least, min(service.ttl, promise_s)))
