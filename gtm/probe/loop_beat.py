"""A beat: it measures how late the event loop is, many times a second.

What comes in: nothing but the event loop's own time. What goes out: a call with the seconds that each beat was late.
"""

import asyncio
from collections.abc import Callable

BEAT_S = 0.02
"""Seconds between two beats: short enough for the shortest timeouts, and only 50 small steps a second."""


class Beat:
    """Measures how late the running loop is. It has state: a timer while it is started."""

    def __init__(self, take: Callable[[float], None]) -> None:
        """Makes a beat that calls `take` with the seconds that each beat was late."""
        self._take = take
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Starts the beats in the running loop."""
        loop = asyncio.get_running_loop()
        due_at = loop.time() + BEAT_S
        self._timer = loop.call_at(due_at, self._beat, loop, due_at)

    def stop(self) -> None:
        """Stops the beats."""
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self, loop: asyncio.AbstractEventLoop, due_at: float) -> None:
        self._take(max(0.0, loop.time() - due_at))
        self.start()
