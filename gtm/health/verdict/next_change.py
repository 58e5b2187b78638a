"""The earliest change: how soon a belief could become another one. A TTL that tells the truth is made of this.

What comes in: a verdict and the pace of its readings, or the voices of a check. What goes out: seconds from the last
reading. It is the soonest that the policy allows, if every reading from now on said the contrary:

    believed   last reading    readings still needed     the first after    and each further one after
    up         good            bads_needed               interval           recheck
    up         bad             bads_needed               recheck            recheck
    down       any             goods_needed, and as many as last until the failback delay is over, an interval each
    unknown    any             0 s: the next reading may say anything
    not yet settled            0 s: see `is_settled`

The jitter of a round (a tenth of the interval) is left out. gdnsd counts alike, but takes a first result for stable.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gtm.health.belief import Belief
from gtm.health.verdict.verdict import Verdict, VerdictPolicy, bads_needed, goods_needed


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds between two readings of a check."""

    interval_s: float
    recheck_s: float
    """The shorter interval after a bad reading of an endpoint that is not down."""


def foretold(verdict: Verdict, policy: VerdictPolicy, pace: Pace) -> Verdict:
    """Returns the verdict with its `flip_in_s` set: the seconds until its belief could change at the earliest."""
    return replace(verdict, flip_in_s=_flip_in_s(verdict, policy, pace))


def is_settled(verdict: Verdict, policy: VerdictPolicy) -> bool:
    """Returns whether a belief had enough readings since it changed: `rise` for up, `fall` for down."""
    if verdict.belief is Belief.UNKNOWN:
        return False
    return verdict.held >= (policy.rise if verdict.belief is Belief.UP else policy.fall)


def soonest_s(voices: Iterable[float]) -> float:
    """Returns the smallest `flip_in_s` of several voices or votes, in seconds; 0 (at any time) if there are none."""
    return min(voices, default=0.0)


def _flip_in_s(verdict: Verdict, policy: VerdictPolicy, pace: Pace) -> float:
    if not is_settled(verdict, policy):
        return 0.0
    if verdict.belief is Belief.UP:
        first_s = pace.interval_s if verdict.bad_run == 0 else pace.recheck_s
        return first_s + (bads_needed(verdict, policy) - 1) * pace.recheck_s
    return _readings_up(verdict, policy, pace.interval_s) * pace.interval_s


def _readings_up(verdict: Verdict, policy: VerdictPolicy, interval_s: float) -> int:
    """Returns the number of further good readings that bring an endpoint up.

    With damping, fewer are needed as the penalty fades.
    """
    most = max(1, goods_needed(verdict, policy, now=verdict.read_at) - verdict.good_run)
    low = 1
    while low < most:
        middle = (low + most) // 2
        needed = goods_needed(verdict, policy, now=verdict.read_at + middle * interval_s)
        if verdict.good_run + middle >= needed:
            most = middle
        else:
            low = middle + 1
    left_s = policy.failback_delay_s - (verdict.read_at - verdict.changed_at)
    return max(low, math.ceil(left_s / interval_s))
