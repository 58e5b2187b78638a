"""A sleep that ends when the test moves the clock, and not before."""

import asyncio
import heapq
from itertools import count

from tests.fakes.clock import FakeClock

SETTLING_TURNS = 20
"""Turns of the event loop in which tasks that do no I/O come to rest."""


class FakeSleep:
    """Wakes the sleepers of a FakeClock in their order. Call it as `asyncio.sleep`."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    async def __call__(self, delay: float, /) -> None:
        if delay <= 0:
            await asyncio.sleep(0)
            return
        awake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._clock.monotonic() + delay, next(self._order), awake))
        await awake

    async def advance(self, seconds: float) -> None:
        """Moves the clock forward, from one sleeper's time to the next, and lets each run."""
        until = self._clock.monotonic() + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            wakes_at, _, awake = heapq.heappop(self._sleepers)
            self._clock.advance(max(0.0, wakes_at - self._clock.monotonic()))
            if not awake.done():
                awake.set_result(None)
                await settle()
        self._clock.advance(until - self._clock.monotonic())


async def settle() -> None:
    """Lets every task run until it waits for something."""
    for _ in range(SETTLING_TURNS):
        await asyncio.sleep(0)
