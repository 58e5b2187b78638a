"""Turns: long work in the event loop is done one piece after the other, with a rest as long as each piece took.

What comes in: requests for a turn, for work of some milliseconds. What goes out: a turn for each, in order. All who use
the same Turns together have at most half of this process's time: reports of peers and of etcd
(gtm/share/report_store.py), and views of the admin API that take long to compose (gtm/admin/server.py).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

REST = 1.0
"""The rest after a turn, as a multiple of the time that the turn took."""

TURN_S = 5.0
"""Seconds after which the next turn begins, even if this one has not ended."""


class Turns:
    """Gives turns in the order of the requests. It has state: until when the rest after the last turn lasts."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = asyncio.Lock()
        self._rest_until = now()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, and holds it during the `async with` block."""
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
    """One turn. It has state: whether it is over; it ends only once."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self.is_over = False

    def end(self) -> None:
        """Ends this turn, so that the next one may begin; does nothing if it is over."""
        if not self.is_over:
            self.is_over = True
            self._lock.release()
