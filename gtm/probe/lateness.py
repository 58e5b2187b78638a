"""Lateness: how much time this process was too busy to do what was due.

What comes in: nothing but the event loop's own time. What goes out: a sum of seconds that only grows. A probe that is
short of CPU sees timeouts where there are none; the difference of two sums says whether one can be believed.
"""

import asyncio

BEAT_S = 0.02
"""How often the loop is tested: often enough within the shortest timeouts, and 50 trifles a second."""

BELIEVABLE_SHARE = 0.5
"""Of the time of a check: what was late for longer than this may have missed an answer that came."""


class Lateness:
    """Sums how late the event loop's timers are. It has state, and a timer while it is started."""

    def __init__(self) -> None:
        self.total_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts to beat in the running loop."""
        loop = asyncio.get_running_loop()
        due_at = loop.time() + BEAT_S
        self._timer = loop.call_at(due_at, self._beat, loop, due_at)

    def stop(self) -> None:
        """Stops to beat."""
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self, loop: asyncio.AbstractEventLoop, due_at: float) -> None:
        self.total_s += max(0.0, loop.time() - due_at)
        self.start()
