"""The schedule of one check: when each of its rounds is due. Pure: time and chance are arguments.

What comes in: when probing started, the interval, and the check's own phase. What goes out: monotonic times. The
rounds do not drift, because each is counted from the start and not from the end of the one before:

    start                  start + interval
    |0 0 0|  1    1     1  |  2    2     2  |   0: the first round, soon, spread over a short window
    window                                      k: the later ones, spread over the interval by each check's phase

Every later round is jittered a little, so that probes that were started together do not stay together.

Between two rounds come quick readings, at the pace of `recheck`, while a change of mind may be near:

    belief        last reading   this probe   next reading
    up, unknown   bad            in time      `recheck` after the last one began, at once if that took longer; but no
                                              later than the next round
    up, unknown   bad            late         the next round: who is late would only be later
    else                                      the next round
"""

import math
import zlib
from dataclasses import dataclass

from gtm.ids import CheckId

JITTER = 0.1
"""The share of the interval by which a round may come early or late."""

LATE_S = 0.25
"""A reading that begins so long after it was due is late: there is more to read than this probe can."""

MIN_WINDOW_S = 0.1
STARTS_PER_S = 500
"""A node that starts with many checks opens no more connections a second than this."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One reading that is due."""

    number: int
    """Of the round; a quick reading has that of the round before it."""
    due_at: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rounds of one check, counted from 0."""

    started_at: float
    interval_s: float
    window_s: float
    """The first round is within so many seconds of the start."""
    phase: float
    """0 <= phase < 1: the place of this check in the window and in every interval."""

    def due_at(self, turn: int, *, coin: float) -> float:
        """Returns the time at which a round is due; `coin` is uniform in [0, 1)."""
        if turn == 0:
            return self.started_at + self.phase * self.window_s
        jitter = (2 * coin - 1) * JITTER
        return self.started_at + (turn - 1 + self.phase + jitter) * self.interval_s

    def next_turn(self, turn: int, *, now: float) -> int:
        """Returns the round after `turn`; one that is half an interval late or more is skipped, not made up for."""
        passed = (now - self.started_at) / self.interval_s - self.phase
        return max(turn + 1, math.ceil(passed - 0.5) + 1)

    def first(self) -> Turn:
        """Returns the first reading."""
        return Turn(0, self.due_at(0, coin=0.5))

    def after(self, turn: Turn, *, began_at: float, now: float, recheck_s: float | None, coin: float) -> Turn:
        """Returns the reading after this one, which is over now; `recheck_s` is None unless a change may be near."""
        number = self.next_turn(turn.number, now=now)
        round_at = self.due_at(number, coin=coin)
        if recheck_s is not None and began_at - turn.due_at <= LATE_S:
            quick_at = max(now, began_at + recheck_s)
            if quick_at < round_at:
                return Turn(turn.number, quick_at)
        return Turn(number, round_at)


def window_s(interval_s: float, count: int) -> float:
    """Returns the window for the first round of `count` checks."""
    return min(interval_s, max(MIN_WINDOW_S, count / STARTS_PER_S))


def phase_of(check: CheckId) -> float:
    """Returns the phase of a check, in [0, 1): the same on every node and in every run."""
    return zlib.crc32(check.encode()) / 2**32
