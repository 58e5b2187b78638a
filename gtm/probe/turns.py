"""Turns of checks: so many checks are at work at once, and the zones share that.

What comes in: the zones that ask for a check. What goes out: a turn, when there is room. Checks of one zone that take
long must not keep those of another waiting (decision 0086), so a zone has room

    alone                 while turns are left
    beside others         while it has fewer checks at work than turns are left, a fifth of all of them not counted:
                          so much is for zones with few checks at work, which it takes many greedy zones to use up

A zone that has more checks than this process can make would make every turn of the event loop late, and then all
zones wait longer for what does not answer (time_limit.py): so while the loop is late by its own work, whoever had the
most checks done has half as many at work, and one more with each beat that is in time. Where the loop had little to
do it waited for a CPU, or for the interpreter's lock that a thread held (a large zone that is read, say): fewer
checks would not help, and whoever has the most of them would have his failover delayed by others.

A check that several zones ask for is theirs together, as that of another zone would be. Who waits is let in by turns,
zone by zone, and within a zone in order. It opens nothing, and reads the clock of the event loop alone.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gtm.probe.loop_beat import Beat

MAX_CHECKS_AT_ONCE = 500
"""Open connections of checks: half of the 1,024 descriptors that a process has by default."""

RESERVED = 5
"""One of so many turns is for zones with few checks at work."""
FEW = 12
"""Of what is left of these, a zone may take one of so many."""

LATE_S = 0.015
"""What a beat may be late. Nobody waits beyond a timeout while no turn is late by a sixteenth of it (loop_lag.py): the
quickest timeouts are half a second or so."""
WORKED_S = LATE_S / 2
"""Of the CPU, between two beats: a loop that had less was not late by its own work."""

Zones = tuple[str, ...]
"""Who asks for a check, together."""


class CheckTurns:
    """Has state: who is at work, and who waits."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._reserved = at_once // RESERVED
        self._at_work: Counter[Zones] = Counter()
        self._total = 0
        self._waiting: OrderedDict[Zones, deque[asyncio.Future[None]]] = OrderedDict()
        self.are_shared = False
        """Whether more than one zone has checks."""
        self._done: Counter[Zones] = Counter()
        """Since the last beat."""
        self._most: dict[Zones, int] = {}
        """Of zones that may have only so many at work, for they made the loop late."""
        self._beat = Beat(self._take_beat)
        self._cpu_s = 0.0
        """What the thread of the loop had of the CPU, when the last beat was."""

    def start(self) -> None:
        """Starts to look whether the running loop is late."""
        self._cpu_s = time.thread_time()
        self._beat.start()

    def stop(self) -> None:
        """Stops to look."""
        self._beat.stop()

    def _take_beat(self, late_s: float) -> None:
        before_s, self._cpu_s = self._cpu_s, time.thread_time()
        self.take(late_s, self._cpu_s - before_s)

    def take(self, late_s: float, worked_s: float) -> None:
        """Takes how late one beat was, and what the loop had of the CPU since the beat before."""
        if late_s > LATE_S and worked_s > WORKED_S and self._done and self.are_shared:
            busiest, _ = self._done.most_common(1)[0]
            at_most = min(self._at_work[busiest], self._most.get(busiest, self._at_once))
            self._most[busiest] = max(1, at_most // 2)
        elif late_s <= LATE_S and self._most:
            self._most = {zones: most + 1 for zones, most in self._most.items() if most < self._at_once}
            self._let_in()
        self._done.clear()

    @asynccontextmanager
    async def turn(self, zones: Zones) -> AsyncIterator[None]:
        """Gives a turn, when there is room, until the end of the block."""
        await self._enter(zones)
        try:
            yield
        finally:
            self.leave(zones)

    def enter_if_room(self, zones: Zones) -> bool:
        """Takes a turn, if there is room now, and returns whether there was: `leave` gives it back."""
        has_room = self._has_room(zones)
        if has_room:
            self._begin(zones)
        return has_room

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
                self.leave(zones)  # it was given just before
            raise

    def _begin(self, zones: Zones) -> None:
        self._at_work[zones] += 1
        self._total += 1

    def leave(self, zones: Zones) -> None:
        """Gives a turn back."""
        self._total -= 1
        self._done[zones] += 1
        self._at_work[zones] -= 1
        if not self._at_work[zones]:
            del self._at_work[zones]
        self._let_in()

    def _has_room(self, zones: Zones) -> bool:
        left = self._at_once - self._total
        if not self.are_shared or left <= 0:
            return left > 0
        most = max(1, left - self._reserved, left // FEW)
        return self._at_work[zones] < min(most, self._most.get(zones, most))

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
