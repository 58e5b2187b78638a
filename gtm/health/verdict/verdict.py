"""A verdict: what one probe believes of one endpoint, after hysteresis.

What comes in: the last verdict, one more reading and a policy. What goes out: the next verdict. It reads no clock:
`now` and `wall` are arguments. gtm/health/verdict/next_change.py computes how soon a verdict could change.

    believed   reading   changes when                                                      to
    unknown    good      at once: a starting node says what works                          up
    unknown    bad       `fall` in a row, or `window.bad` of the last `window.of`          down
    up         good      never
    up         bad       `fall` in a row, or `window.bad` of the last `window.of`          down
    down       good      `rise` x damping in a row, and `failback_delay_s` after the fall  up
    down       bad       never

Damping: every flip between up and down adds 1 to a penalty that halves every HALF_LIFE_S, and every 1 of it beyond the
first doubles the good readings that the way back takes, up to MAX_DAMPING times. It outlasts a restart (saved.py).
The window starts anew with each
change, so that what took an endpoint down does not do so again on its way back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reading, Reason

HALF_LIFE_S = 600.0
MAX_DAMPING = 16
"""Times as many good readings in a row as `rise`: with the defaults 80 readings, or 7 minutes."""

MAX_PENALTY = 1 + math.log2(MAX_DAMPING)
"""The largest penalty: a larger one would have no more effect, and would only take longer to fade."""

FLAPPING_FROM = 2.0
"""A check with this penalty or more is flapping: a third flip soon after two others. It fades within half an hour."""


@dataclass(frozen=True, slots=True)
class Window:
    """The rule that `bad` bad readings of the last `of` readings, in any order, take an endpoint down."""

    bad: int
    of: int


@dataclass(frozen=True, slots=True)
class VerdictPolicy:
    """The numbers of readings, and the delays, that it takes to change a verdict."""

    fall: int
    """The number of bad readings in a row that take an endpoint down."""
    rise: int
    """The number of good readings in a row that bring it up again."""
    window: Window | None = None
    failback_delay_s: float = 0.0
    """Seconds for which it stays down at least, however many good readings there are."""
    damping: bool = False
    """Whether an endpoint that flaps takes longer and longer to come back."""


class VerdictState(Enum):
    """A verdict in one word, for people; steering looks at the belief alone."""

    UP = "up"
    DEGRADED = "degraded"
    """Up, and some of the last readings were bad."""
    FLAPPING = "flapping"
    """Up or down, after several changes between the two in the last minutes."""
    DOWN = "down"
    UNKNOWN = "unknown"


def state_among(belief: Belief, states: Sequence[VerdictState]) -> VerdictState:
    """Returns one state for a belief and the states of the verdicts behind it.

    UNKNOWN or DOWN as the belief is; but FLAPPING if most states are. For a belief of UP: UP if all states are UP or
    UNKNOWN, else DEGRADED.
    """
    if belief is Belief.UNKNOWN:
        return VerdictState.UNKNOWN
    if 2 * states.count(VerdictState.FLAPPING) > len(states):
        return VerdictState.FLAPPING
    if belief is Belief.DOWN:
        return VerdictState.DOWN
    is_well = all(state in {VerdictState.UP, VerdictState.UNKNOWN} for state in states)
    return VerdictState.UP if is_well else VerdictState.DEGRADED


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe believes of one check, after hysteresis."""

    belief: Belief = Belief.UNKNOWN
    good_run: int = 0
    """Good readings in a row, up to the last one."""
    bad_run: int = 0
    """Bad readings in a row, up to the last one."""
    since: float = 0.0
    """Wall seconds of the change to this belief; 0 before the first reading."""
    reason: Reason = Reason.UNREAD
    """The reason of the last reading, which need not agree with the belief."""
    detail: str = ""
    read_at: float = 0.0
    """Monotonic seconds of the last reading."""
    changed_at: float = 0.0
    """Monotonic seconds of the change to this belief."""
    held: int = 0
    """The number of readings since that change."""
    recent: tuple[bool, ...] = ()
    """Whether each of the last readings since the change was good, as many as the window needs; the newest last."""
    penalty: float = 0.0
    """The penalty for flips between up and down, as of `changed_at`."""
    flip_in_s: float = 0.0
    """Seconds from the last reading to the earliest one that could change the belief; 0: at any time."""
    unread: str = ""
    """Why the check cannot be made, if there is no reading or the last one is too old to count; for people."""

    def penalty_at(self, now: float) -> float:
        """Returns the penalty for flips that is left at `now` (monotonic seconds); it halves every HALF_LIFE_S."""
        return float(self.penalty * 0.5 ** (max(0.0, now - self.changed_at) / HALF_LIFE_S))

    def state_at(self, now: float) -> VerdictState:
        """Returns the state of the verdict at `now` (monotonic seconds): up, degraded, flapping, down or unknown."""
        if self.belief is Belief.UNKNOWN:
            return VerdictState.UNKNOWN
        if self.penalty_at(now) >= FLAPPING_FROM:
            return VerdictState.FLAPPING
        if self.belief is Belief.DOWN:
            return VerdictState.DOWN
        return VerdictState.UP if all(self.recent) else VerdictState.DEGRADED


NO_VERDICT = Verdict()
"""Before the first reading."""


def step(verdict: Verdict, reading: Reading, *, now: float, wall: float, policy: VerdictPolicy) -> Verdict:
    """Returns the verdict after one more reading; `now` is in monotonic seconds, `wall` in Unix seconds."""
    good_run = verdict.good_run + 1 if reading.ok else 0
    bad_run = 0 if reading.ok else verdict.bad_run + 1
    recent = (*verdict.recent, reading.ok)[-_looked_at(policy) :]
    is_first = verdict.reason is Reason.UNREAD and verdict.belief is Belief.UNKNOWN  # else it is remembered
    then = replace(
        verdict,
        good_run=good_run,
        bad_run=bad_run,
        since=wall if is_first else verdict.since,
        reason=reading.reason,
        detail=reading.detail,
        read_at=now,
        changed_at=now if is_first else verdict.changed_at,
        penalty=verdict.penalty_at(now) if is_first else verdict.penalty,
        held=verdict.held + 1,
        recent=recent,
        unread="",
    )
    if reading.ok:
        return _changed(then, Belief.UP, now=now, wall=wall) if _comes_up(then, policy) else then
    return _changed(then, Belief.DOWN, now=now, wall=wall) if _falls(then, policy) else then


def goods_needed(verdict: Verdict, policy: VerdictPolicy, *, now: float) -> int:
    """Returns the number of good readings in a row that bring a down endpoint up, with damping at `now` if it is on."""
    if not policy.damping:
        return policy.rise
    doublings = max(0.0, verdict.penalty_at(now) - 1)
    return math.ceil(policy.rise * min(math.exp2(doublings), MAX_DAMPING))


def bads_needed(verdict: Verdict, policy: VerdictPolicy) -> int:
    """Returns the number of further bad readings in a row that take an endpoint down; the verdict is not down yet."""
    in_a_row = max(1, policy.fall - verdict.bad_run)
    if policy.window is None:
        return in_a_row
    for more in range(1, in_a_row):
        kept = verdict.recent[-(policy.window.of - more) :] if more < policy.window.of else ()
        if kept.count(False) + more >= policy.window.bad:
            return more
    return in_a_row


def _comes_up(verdict: Verdict, policy: VerdictPolicy) -> bool:
    if verdict.belief is Belief.DOWN:
        is_free = verdict.read_at - verdict.changed_at >= policy.failback_delay_s
        return is_free and verdict.good_run >= goods_needed(verdict, policy, now=verdict.read_at)
    return verdict.belief is Belief.UNKNOWN


def _falls(verdict: Verdict, policy: VerdictPolicy) -> bool:
    if verdict.belief is Belief.DOWN:
        return False
    in_a_row = verdict.bad_run >= policy.fall
    return in_a_row or (policy.window is not None and verdict.recent.count(False) >= policy.window.bad)


def _changed(verdict: Verdict, belief: Belief, *, now: float, wall: float) -> Verdict:
    """Returns the verdict with another belief; a change from UNKNOWN adds no penalty."""
    is_flip = verdict.belief is not Belief.UNKNOWN
    penalty = min(MAX_PENALTY, verdict.penalty_at(now) + is_flip)
    return replace(verdict, belief=belief, since=wall, changed_at=now, held=0, recent=(), penalty=penalty)


def _looked_at(policy: VerdictPolicy) -> int:
    return policy.fall if policy.window is None else policy.window.of
