"""Turns of checks: only a limited number of checks runs at once, and the zones share it.

What comes in: the zones that use a check. What goes out: a turn, when there is room. Long checks of one zone must not
keep the checks of another zone waiting (decision 0086), so a zone has room

    alone                 while turns are left
    beside others         while it has fewer running checks than there are turns left, less a fifth of all turns: this
                          fifth is for zones with few running checks, and only many greedy zones can use it up

A zone that has more checks than this process can make would make every turn of the event loop late, and then all
zones wait longer for what does not answer (time_limit.py): so while the loop is late by its own work, the zone with
the most finished checks may run half as many, and one more with each beat that is in time. Where the loop had little to
do it waited for a CPU, or for the interpreter's lock that a thread held (a large zone that is read, say): fewer
checks would not help, and would delay the failover of the zone that has the most of them.

Zones that use a check together count as one more zone for it. Waiting checks get turns zone by zone,
and within a zone in order. It opens nothing, and reads the clock of the event loop alone.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gtm.probe.loop_beat import Beat

MAX_CHECKS_AT_ONCE = 500
"""Most connections of checks that are open at once: half of the 1,024 descriptors that a process has by default."""

RESERVED = 5
"""One of this many turns is reserved for zones with few running checks."""
FEW = 12
"""A zone may run at least one check for each this many turns that are left."""

LATE_S = 0.015
"""Seconds that a beat may be late. No check waits beyond its timeout while no turn is late by a sixteenth of it
(loop_lag.py): the shortest timeouts are half a second or so."""
WORKED_S = LATE_S / 2
"""CPU seconds between two beats: with less, the loop was not late by its own work."""

Zones = tuple[str, ...]
"""The zones that use a check together."""


class CheckTurns:
    """Limits the running checks. It has state: which zones' checks are running, and which wait."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._reserved = at_once // RESERVED
        self._at_work: Counter[Zones] = Counter()
        self._total = 0
        self._waiting: OrderedDict[Zones, deque[asyncio.Future[None]]] = OrderedDict()
        self.are_shared = False
        """Whether more than one zone has checks."""
        self._done: Counter[Zones] = Counter()
        """The number of checks that ended since the last beat, by zones."""
        self._most: dict[Zones, int] = {}
        """The most checks that zones may run at once which made the loop late."""
        self._beat = Beat(self._take_beat)
        self._cpu_s = 0.0
        """The CPU seconds of the loop's thread at the last beat."""

    def start(self) -> None:
        """Starts to measure the lateness of the running loop."""
        self._cpu_s = time.thread_time()
        self._beat.start()

    def stop(self) -> None:
        """Stops measuring."""
        self._beat.stop()

    def _take_beat(self, late_s: float) -> None:
        before_s, self._cpu_s = self._cpu_s, time.thread_time()
        self.take(late_s, self._cpu_s - before_s)

    def take(self, late_s: float, worked_s: float) -> None:
        """Adjusts the limits after a beat.

        `late_s` is its lateness, and `worked_s` the loop's CPU time since the beat before, both in seconds.
        """
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
        """Waits for a turn, and holds it until the end of the block."""
        await self._enter(zones)
        try:
            yield
        finally:
            self.leave(zones)

    def enter_if_room(self, zones: Zones) -> bool:
        """Takes a turn if there is room now, and returns whether there was. `leave` gives the turn back."""
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
                self.leave(zones)  # the turn was given just before
            raise

    def _begin(self, zones: Zones) -> None:
        self._at_work[zones] += 1
        self._total += 1

    def leave(self, zones: Zones) -> None:
        """Gives a turn back, and lets waiting checks in."""
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
        """Gives turns to waiting checks while their zones have room."""
        while (zones := next((each for each in self._waiting if self._has_room(each)), None)) is not None:
            queue = self._waiting[zones]
            turn = queue.popleft()
            if not turn.done():  # else the waiting check was cancelled
                self._begin(zones)
                turn.set_result(None)
            if queue:
                self._waiting.move_to_end(zones)
            else:
                del self._waiting[zones]
