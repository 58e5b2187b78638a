"""Turns: so many checks are at work at once, and the zones share that.

What comes in: the zones that ask for a check. What goes out: a turn, when there is room. Checks of one zone that take
long must not keep those of another waiting (decision 0086), so a zone has room

    alone                 while turns are left
    beside others         while it has fewer checks at work than turns are left, a fifth of all of them not counted:
                          so much is for zones with few checks at work, which it takes many greedy zones to use up

A check that several zones ask for is theirs together, as that of another zone would be. Who waits is let in by turns,
zone by zone, and within a zone in order. It reads no clock and opens nothing.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

RESERVED = 5
"""One of so many turns is for zones with few checks at work."""
FEW = 12
"""Of what is left of these, a zone may take one of so many."""

Zones = tuple[str, ...]
"""Who asks for a check, together."""


class Turns:
    """Has state: who is at work, and who waits."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._reserved = at_once // RESERVED
        self._at_work: Counter[Zones] = Counter()
        self._total = 0
        self._waiting: OrderedDict[Zones, deque[asyncio.Future[None]]] = OrderedDict()
        self.are_shared = False
        """Whether more than one zone has checks."""

    @asynccontextmanager
    async def turn(self, zones: Zones) -> AsyncIterator[None]:
        """Gives a turn, when there is room, until the end of the block."""
        await self._enter(zones)
        try:
            yield
        finally:
            self._leave(zones)

    async def _enter(self, zones: Zones) -> None:
        if self._has_room(zones):
            self._begin(zones)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(zones, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(zones)  # it was given just before
            raise

    def _begin(self, zones: Zones) -> None:
        self._at_work[zones] += 1
        self._total += 1

    def _leave(self, zones: Zones) -> None:
        self._total -= 1
        self._at_work[zones] -= 1
        if not self._at_work[zones]:
            del self._at_work[zones]
        self._let_in()

    def _has_room(self, zones: Zones) -> bool:
        left = self._at_once - self._total
        return left > 0 and (not self.are_shared or self._at_work[zones] < max(1, left - self._reserved, left // FEW))

    def _let_in(self) -> None:
        """Gives turns while there is room for some zone that waits."""
        while (zones := next((each for each in self._waiting if self._has_room(each)), None)) is not None:
            queue = self._waiting[zones]
            turn = queue.popleft()
            if not turn.done():  # else whoever waited was cancelled
                self._begin(zones)
                turn.set_result(None)
            if queue:
                self._waiting.move_to_end(zones)
            else:
                del self._waiting[zones]
