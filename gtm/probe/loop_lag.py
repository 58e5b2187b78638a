"""Lateness: whether this process was too busy to do what was due.

What comes in: nothing but the event loop's own time. What goes out: how late the loop was since a mark, in total and at
most, and how much longer a check must wait for that. A probe that is short of CPU sees timeouts where there are none; a
probe that is merely busy must still see those that there are:

    late in total           late at most                    a check whose time is over
    half of it or less      -                               waits no longer: an answer would have been read
    more than half of it    a sixteenth of it or less       waits no longer: it had its turns in time
    more than half of it    more than a sixteenth of it     waits for the late time, and TURNS turns (time_limit.py)
"""

from collections import deque
from dataclasses import dataclass

from gtm.probe.loop_beat import BEAT_S, Beat

BELIEVABLE_SHARE = 0.5
"""The share of a check's time that the loop may be late in total. With more, an answer that arrived may not have
been read."""

TURNS = 16
"""Turns of the loop that a check needs: one of a name over HTTPS with an expression takes 14, a plain one 7."""

REMEMBERED_BEATS = round(60.0 / BEAT_S)
"""The number of beats in the longest timeout that a monitor can have."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment to measure the lateness from."""

    beats: int
    total_s: float


@dataclass(frozen=True, slots=True)
class Late:
    """The lateness of the loop since a mark, in seconds."""

    total_s: float
    longest_s: float
    beats: int = 0
    """The number of beats since the mark; in each the loop turned at least once."""

    def owed_s(self, had_s: float, *, took_s: float) -> float:
        """Returns the seconds that a check must wait on before a missing answer counts as the endpoint's.

        The check had `had_s` seconds, and has taken `took_s` so far.
        """
        if self.total_s <= BELIEVABLE_SHARE * had_s or self.longest_s <= had_s / TURNS:
            return 0.0
        in_time_s = took_s - self.total_s
        return max(0.0, had_s - in_time_s, (TURNS - self.beats) * BEAT_S)


class Lateness:
    """Measures how late the event loop's timers are.

    It has state: the lateness so far, and a beat while it is started.
    """

    def __init__(self) -> None:
        self._beats = 0
        self._total_s = 0.0
        self._peaks: deque[tuple[int, float]] = deque()
        """The number and the lateness of each beat that was later than all beats after it; the lateness falls
        along the list."""
        self._beat = Beat(self.take)

    def start(self) -> None:
        """Starts to measure the running loop."""
        self._beat.start()

    def stop(self) -> None:
        """Stops measuring."""
        self._beat.stop()

    def mark(self) -> Mark:
        """Returns a mark of the present moment."""
        return Mark(self._beats, self._total_s)

    def since(self, mark: Mark) -> Late:
        """Returns the lateness of the loop since a mark, which is at most a minute old."""
        longest_s = 0.0
        for beat, late_s in reversed(self._peaks):
            if beat <= mark.beats:
                break
            longest_s = late_s
        return Late(self._total_s - mark.total_s, longest_s, self._beats - mark.beats)

    def take(self, late_s: float) -> None:
        """Counts one beat that was `late_s` seconds late."""
        self._beats += 1
        self._total_s += late_s
        while self._peaks and self._peaks[-1][1] <= late_s:
            self._peaks.pop()
        self._peaks.append((self._beats, late_s))
        if self._peaks[0][0] <= self._beats - REMEMBERED_BEATS:
            self._peaks.popleft()
