"""The schedule of one check: when each of its rounds is due. Pure: time and chance are arguments.

What comes in: when probing started, the interval, and the check's own phase. What goes out: monotonic times. The
rounds do not drift, because each is counted from the start and not from the end of the one before:

    start                  start + interval
    |0 0 0|  1    1     1  |  2    2     2  |   0: the first round, soon, spread over a short window
    window                                      k: the later ones, spread over the interval by each check's phase

Every later round is jittered a little, so that probes that were started together do not stay together.

Between two rounds come quick readings, at the interval `recheck`, while a changed verdict may be near:

    belief        last reading   this probe   next reading
    up, unknown   bad            in time      `recheck` after the last one began, at once if that took longer; but no
                                              later than the next round
    up, unknown   bad            late         the next round: a late probe would only be later
    else                                      the next round
"""

import math
import zlib
from dataclasses import dataclass

from gtm.ids import CheckId

JITTER = 0.1
"""The largest part of the interval by which a round may be early or late."""

LATE_S = 0.25
"""Seconds after which a reading counts as late: this probe then has more checks than it can make."""

MIN_WINDOW_S = 0.1
STARTS_PER_S = 500
"""The most checks that a node begins in a second when it starts with many."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One reading of a check that is due."""

    number: int
    """The number of the round; a quick reading has the number of the round before it."""
    due_at: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rounds of one check, numbered from 0."""

    started_at: float
    interval_s: float
    window_s: float
    """The first round is at most this many seconds after the start."""
    phase: float
    """The place of this check in the window and in every interval: 0 <= phase < 1."""

    def due_at(self, turn: int, *, coin: float) -> float:
        """Returns the time of a round in monotonic seconds; `coin` is a random number, uniform in [0, 1)."""
        if turn == 0:
            return self.started_at + self.phase * self.window_s
        jitter = (2 * coin - 1) * JITTER
        return self.started_at + (turn - 1 + self.phase + jitter) * self.interval_s

    def next_turn(self, turn: int, *, now: float) -> int:
        """Returns the number of the round after `turn`. A round that is late by half an interval or more is skipped."""
        passed = (now - self.started_at) / self.interval_s - self.phase
        return max(turn + 1, math.ceil(passed - 0.5) + 1)

    def first(self) -> Turn:
        """Returns the first reading of the check."""
        return Turn(0, self.due_at(0, coin=0.5))

    def after(self, turn: Turn, *, began_at: float, now: float, recheck_s: float | None, coin: float) -> Turn:
        """Returns the next reading after `turn`, which has just ended.

        The times are in monotonic seconds. `recheck_s` is the interval of quick readings; None unless a changed verdict
        may be near. `coin` is a random number in [0, 1).
        """
        number = self.next_turn(turn.number, now=now)
        round_at = self.due_at(number, coin=coin)
        if recheck_s is not None and began_at - turn.due_at <= LATE_S:
            quick_at = max(now, began_at + recheck_s)
            if quick_at < round_at:
                return Turn(turn.number, quick_at)
        return Turn(number, round_at)


def window_s(interval_s: float, count: int) -> float:
    """Returns the seconds over which the first rounds of `count` checks are spread."""
    return min(interval_s, max(MIN_WINDOW_S, count / STARTS_PER_S))


def phase_of(check: CheckId) -> float:
    """Returns the phase of a check, in [0, 1): the same on every node and in every run."""
    return zlib.crc32(check.encode()) / 2**32
