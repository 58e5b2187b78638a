"""A verdict: what one probe believes of one endpoint, after hysteresis.

What comes in: the last verdict and one more reading. What goes out: the next verdict. It reads no clock: `now` and
`wall` are arguments. Flapping is damped by counting readings of one kind in a row:

    believed   reading   in a row   then
    unknown    good      1          up        a starting node says at once what works
    unknown    bad       fall       down      and takes as long as ever to say what does not
    up         good      1          up
    up         bad       fall       down
    down       good      rise       up
    down       bad       1          down
"""

from dataclasses import dataclass
from enum import Enum

from gtm.health.belief import Belief
from gtm.health.reading import Reading, Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe believes of one endpoint."""

    belief: Belief = Belief.UNKNOWN
    good_run: int = 0
    """Good readings in a row, up to the last one."""
    bad_run: int = 0
    """Bad readings in a row, up to the last one."""
    since: float = 0.0
    """Wall seconds of the change to this belief; 0 before the first reading."""
    reason: Reason = Reason.UNREAD
    """Of the last reading, which need not agree with the belief."""
    detail: str = ""
    read_at: float = 0.0
    """Monotonic seconds of the last reading."""


NO_VERDICT = Verdict()
"""Before the first reading."""


def step(verdict: Verdict, reading: Reading, *, now: float, wall: float, fall: int, rise: int) -> Verdict:
    """Returns the verdict after one more reading."""
    good_run = verdict.good_run + 1 if reading.ok else 0
    bad_run = 0 if reading.ok else verdict.bad_run + 1
    candidate, need = _TABLE[verdict.belief, reading.ok]
    enough = good_run + bad_run >= _run_length(need, fall=fall, rise=rise)
    belief = candidate if enough else verdict.belief
    changed = belief is not verdict.belief or verdict is NO_VERDICT
    since = wall if changed else verdict.since
    return Verdict(belief, good_run, bad_run, since, reading.reason, reading.detail, now)


class _Need(Enum):
    ONE = "one"
    FALL = "fall"
    RISE = "rise"


_TABLE = {
    (Belief.UNKNOWN, True): (Belief.UP, _Need.ONE),
    (Belief.UNKNOWN, False): (Belief.DOWN, _Need.FALL),
    (Belief.UP, True): (Belief.UP, _Need.ONE),
    (Belief.UP, False): (Belief.DOWN, _Need.FALL),
    (Belief.DOWN, True): (Belief.UP, _Need.RISE),
    (Belief.DOWN, False): (Belief.DOWN, _Need.ONE),
}


def _run_length(need: _Need, *, fall: int, rise: int) -> int:
    return {_Need.ONE: 1, _Need.FALL: fall, _Need.RISE: rise}[need]
