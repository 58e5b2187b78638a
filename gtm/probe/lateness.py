"""Lateness: whether this process was too busy to do what was due.

What comes in: nothing but the event loop's own time. What goes out: how late the loop was since a mark, in all and at
the most. A probe that is short of CPU sees timeouts where there are none; a probe that is merely busy must still see
those that there are:

    the loop was in time for    late at the most                the timeout of a check
    half of it or more          -                               is believed: an answer had the time to be heard
    less than half of it        a sixteenth of it or less       is believed: a check had its turns in time
    less than half of it        more than a sixteenth of it     is this probe's: with every turn as late, none is done

What was late after the timeout was due took nothing from the check, which ended late for it.
"""

from collections import deque
from dataclasses import dataclass

from gtm.probe.beat import BEAT_S, Beat

BELIEVABLE_SHARE = 0.5
"""Of the timeout of a check: a loop that was in time for less than this may have missed an answer that came."""

TURNS = 16
"""So many turns of the loop fit into a check: one of a name over HTTPS with an expression takes 14, a plain one 7."""

REMEMBERED_BEATS = round(60.0 / BEAT_S)
"""Of the longest timeout that a monitor can have."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment to measure from."""

    beats: int
    total_s: float


@dataclass(frozen=True, slots=True)
class Late:
    """How late the loop was since a mark."""

    total_s: float
    longest_s: float

    def may_hide_an_answer(self, timeout_s: float, *, took_s: float) -> bool:
        """Returns whether a check of a healthy endpoint, over after `took_s`, could have run into its timeout by it."""
        ended_late_s = min(max(0.0, took_s - timeout_s), self.longest_s)
        in_time_s = timeout_s + ended_late_s - self.total_s
        return in_time_s < BELIEVABLE_SHARE * timeout_s and self.longest_s > timeout_s / TURNS


class Lateness:
    """Measures how late the event loop's timers are. It has state: what was late, and a beat while it is started."""

    def __init__(self) -> None:
        self._beats = 0
        self._total_s = 0.0
        self._peaks: deque[tuple[int, float]] = deque()
        """The number and the lateness of each beat that was later than all after it: the later, the less late."""
        self._beat = Beat(self.take)

    def start(self) -> None:
        """Starts to measure the running loop."""
        self._beat.start()

    def stop(self) -> None:
        """Stops to measure."""
        self._beat.stop()

    def mark(self) -> Mark:
        """Returns the present moment."""
        return Mark(self._beats, self._total_s)

    def since(self, mark: Mark) -> Late:
        """Returns how late the loop was after a mark of a minute ago at the most."""
        longest_s = 0.0
        for beat, late_s in reversed(self._peaks):
            if beat <= mark.beats:
                break
            longest_s = late_s
        return Late(self._total_s - mark.total_s, longest_s)

    def take(self, late_s: float) -> None:
        """Takes how late one beat was."""
        self._beats += 1
        self._total_s += late_s
        while self._peaks and self._peaks[-1][1] <= late_s:
            self._peaks.pop()
        self._peaks.append((self._beats, late_s))
        if self._peaks[0][0] <= self._beats - REMEMBERED_BEATS:
            self._peaks.popleft()
