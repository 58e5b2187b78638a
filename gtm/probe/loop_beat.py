"""A beat: how late the event loop is, told many times a second.

What comes in: nothing but the event loop's own time. What goes out: a call with how late each beat was.
"""

import asyncio
from collections.abc import Callable

BEAT_S = 0.02
"""How often the loop is tested: often enough within the shortest timeouts, and 50 trifles a second."""


class Beat:
    """Tests the running loop. It has state: a timer while it is started."""

    def __init__(self, take: Callable[[float], None]) -> None:
        """Makes a beat that calls `take` with how many seconds late it was."""
        self._take = take
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
        self._take(max(0.0, loop.time() - due_at))
        self.start()
