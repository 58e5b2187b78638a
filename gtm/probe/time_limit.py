"""The time limit of a check, which is extended when the event loop was late.

What comes in: the end of the check's time, and how late the loop was since it began. What goes out: TimeoutError in the
block, as of asyncio.timeout_at; and whether it is reliable. A loop that was late may not have read an answer that
arrived (loop_lag.py), so the check goes on beyond its time

    until the loop was in time for as long as the check had, and turned TURNS times:  the timeout counts
    or until MOST times its time is over:                                             the check is inconclusive

A loop that is late half of the time waits twice as long for a dead endpoint, and then finds it dead.
"""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gtm.health.verdict.reading import Reason
from gtm.probe.failures import CheckOutcome
from gtm.probe.loop_lag import Lateness, Mark

MOST = 5
"""The check ends at the latest after this many times its timeout. A loop that is late four fifths of the time
reads too little to judge."""


@dataclass(frozen=True, slots=True)
class CheckTime:
    """The time of one check, in seconds of the loop: for its name and all its addresses together."""

    began_at: float
    had_s: float
    lateness: Lateness
    mark: Mark
    """The mark of the loop's lateness when the check began."""

    @property
    def ends_at(self) -> float:
        """Returns the loop time at which the check's time is over, unless the loop is late."""
        return self.began_at + self.had_s

    def owed_s(self, now: float) -> float:
        """Returns the seconds that the check must still wait before a missing answer counts; `now` is loop time."""
        return self.lateness.since(self.mark).owed_s(self.had_s, took_s=now - self.began_at)

    def doubted(self) -> CheckOutcome:
        """Returns the inconclusive outcome of a check whose time was over while the loop was too late."""
        late_s = self.lateness.since(self.mark).total_s
        return CheckOutcome(Reason.UNREAD, f"this probe is too busy to tell: it was {late_s:.1f} s late")


def time_of_check(timeout_s: float, lateness: Lateness) -> CheckTime:
    """Returns the time of a check that begins now; `timeout_s` is the monitor's timeout."""
    return CheckTime(asyncio.get_running_loop().time(), timeout_s, lateness, lateness.mark())


class TimeLimit:
    """Ends a block when the time of its check is over. It has state: a timer within the block."""

    def __init__(self, time: CheckTime) -> None:
        """Makes a limit for one block."""
        self._time = time
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.Handle | None = None
        self.is_doubtful = False
        """Whether the block was ended while the loop was too late to judge the endpoint."""

    async def __aenter__(self) -> Self:
        """Starts the timer."""
        await self._timeout.__aenter__()
        self._timer = self._loop.call_at(self._time.ends_at, self._over)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the timer. Raises TimeoutError if the time was over."""
        self._stop()
        await self._timeout.__aexit__(kind, error, trace)

    def cut_off(self) -> None:
        """Ends the block at its next step."""
        self._stop()
        if not self._timeout.expired():  # else it is ending already
            self._timeout.reschedule(self._loop.time())

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _over(self) -> None:
        self._timer = self._loop.call_soon(self._judge)  # after the loop's lateness in this turn was measured

    def _judge(self) -> None:
        """Ends the block, or sets the timer again if the loop was too late."""
        now = self._loop.time()
        owed_s = self._time.owed_s(now)
        left_s = self._time.began_at + MOST * self._time.had_s - now
        if owed_s > 0 and left_s > 0:
            self._timer = self._loop.call_at(now + min(owed_s, left_s), self._over)
            return
        self.is_doubtful = owed_s > 0
        self.cut_off()
