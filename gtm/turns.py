"""Turns: what is done in the event loop for others is done one after the other, and leaves as much time as it took.

What comes in: whoever has something to do that takes milliseconds. What goes out: its turn. All who share these turns
have half of this process's time, however many they are: peers that name peers, and writers to a cluster
(gtm/share/report_store.py); clients of the admin API that ask for what takes long to compose (gtm/admin/server.py).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

REST = 1.0
"""Times as long as a turn took nobody has the next one."""

TURN_S = 5.0
"""After which the next one begins, whatever hangs in this one."""


class Turns:
    """Gives turns in the order in which they are asked for. Its state is until when nobody has one."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = asyncio.Lock()
        self._rest_until = now()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, which is the block."""
        await self._lock.acquire()
        turn = _Turn(self._lock)
        try:
            await asyncio.sleep(self._rest_until - self._now())  # at least once round the loop
            began = self._now()
            ending = asyncio.get_running_loop().call_later(TURN_S, turn.end)
            try:
                yield
            finally:
                ending.cancel()
                if not turn.is_over:
                    ended = self._now()
                    self._rest_until = ended + (ended - began) * REST
        finally:
            turn.end()


class _Turn:
    """A turn that somebody has, until it ends once."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self.is_over = False

    def end(self) -> None:
        """Lets the next one begin, if that was not done."""
        if not self.is_over:
            self.is_over = True
            self._lock.release()
