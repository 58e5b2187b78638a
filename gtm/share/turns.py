"""Turns: what is done in the event loop for others is done one after the other, and leaves as much time as it took.

What comes in: whoever has something to do that takes milliseconds. What goes out: its turn. Each peer has its share of
the time (poller.py), but who names peers, or writes to a cluster, could name many: together they have half of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

REST = 1.0
"""Times as long as a turn took nobody has the next one."""


class Turns:
    """Gives turns in the order in which they are asked for. Its state is until when nobody has one."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = asyncio.Lock()
        self._rest_until = now()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, which is the block."""
        async with self._lock:
            await asyncio.sleep(self._rest_until - self._now())  # at least once round the loop
            began = self._now()
            try:
                yield
            finally:
                ended = self._now()
                self._rest_until = ended + (ended - began) * REST
