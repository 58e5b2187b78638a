"""Attempts: how one check tries the addresses of its target, one or several, within the timeout of its monitor.

What comes in: a check, and a function that tries one address (kinds.py). What goes out: a result, always. Each
attempt has its own bill (cost.py) and its own permission (targets.py): nothing connects to a refused address.

    the next address is tried       when the last attempt ended
                                    ATTEMPT_DELAY_S after the last began, while none has a connection (RFC 8305 5)
                                    when the last had its share of the timeout; with `next` while it has no connection
                                    at once with `all`
    the same for programs (`exec`)  when the last attempt ended, or had its share: they may cost much. A program that
                                    failed may have reached nothing, so `next` means `any` for them

Attempts beside the first take turns of the probe (turns.py), as checks of their own would. Where none is left, the next
address waits for the end of an attempt, or takes the place of one that had its share and has no connection. With `all`
the timeout of one that waited until less than a share was left is this probe's: with a turn it might have passed.
"""

import asyncio
import logging
import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Protocol

from gtm.checks.model import Check
from gtm.health.verdict.reading import Reason
from gtm.ids import Address
from gtm.probe.addresses import Seen, combined, decides, in_turn
from gtm.probe.failures import CheckOutcome, outcome_of
from gtm.probe.instruments import Instruments, target_addresses
from gtm.probe.permits import address_in, check_permits
from gtm.probe.stopwatch import Stopwatch, timing
from gtm.probe.time_limit import CheckTime, TimeLimit, time_of_check
from gtm.zone.monitors.addresses import Addresses
from gtm.zone.monitors.registry import MonitorType

log = logging.getLogger(__name__)

ATTEMPT_DELAY_S = 0.25
"""Seconds between two attempts, the Connection Attempt Delay of RFC 8305 5."""


class Attempt(Protocol):
    """A function that checks one address, the one in its instruments (kinds.py).

    It raises nothing but CancelledError.
    """

    async def __call__(self, check: Check, instruments: Instruments, *, stopwatch: Stopwatch, time: CheckTime) -> Seen:
        """Returns the result at the address; `time` is the time of the whole check."""


NO_TURN = CheckOutcome(Reason.UNREAD, "this probe had no turn left for it")
TOO_LATE = CheckOutcome(Reason.UNREAD, "this probe had a turn for it too late")


async def look(check: Check, instruments: Instruments, attempt: Attempt) -> Seen:
    """Returns the combined result of a check at the addresses of its target. It raises nothing but CancelledError."""
    time = time_of_check(check.monitor.timeout_s, instruments.lateness)
    stopwatch = Stopwatch(instruments.clock)
    address = address_in(check)
    if not check.monitor.type.asks or address is not None:
        at = instruments.looking_at(address)
        return await attempt(check, at, stopwatch=stopwatch, time=time)
    limit = TimeLimit(time)
    try:
        check_permits(check, instruments.permits)
        with timing(stopwatch):
            async with limit:
                addresses = in_turn(await target_addresses(check, instruments))
    except Exception as error:  # noqa: BLE001  # told as any failure of a check
        return Seen(time.doubted() if limit.is_doubtful else told(error, check), stopwatch.phases)
    if len(addresses) == 1:
        at = instruments.looking_at(addresses[0])
        return await attempt(check, at, stopwatch=stopwatch, time=time)
    seen = await _Race(check, instruments, attempt, addresses=addresses, time=time).run()
    return replace(seen, phases=replace(seen.phases, dns_s=stopwatch.phases.dns_s))


def told(error: Exception, check: Check) -> CheckOutcome:
    """Returns the outcome that an exception of a check stands for.

    An exception that no check should raise is logged, and gives an inconclusive outcome.
    """
    outcome = outcome_of(error, timeout_s=check.monitor.timeout_s)
    if outcome is None:
        log.error("check %s failed because of an internal error", check.id, exc_info=error)
        return CheckOutcome(Reason.UNREAD, f"{type(error).__name__}: {error}")
    return outcome


@dataclass(frozen=True, slots=True)
class _Begun:
    """A running attempt."""

    address: Address
    stopwatch: Stopwatch
    began_at: float

    @property
    def is_connected(self) -> bool:
        return self.stopwatch.phases.connect_s is not None


class _Race:
    """The attempts of one check. It has state: running attempts, waiting addresses, and results."""

    def __init__(
        self,
        check: Check,
        instruments: Instruments,
        attempt: Attempt,
        *,
        addresses: tuple[Address, ...],
        time: CheckTime,
    ) -> None:
        self._check = check
        self._instruments = instruments
        self._attempt = attempt
        self._rule = check.monitor.addresses
        if check.monitor.type is MonitorType.EXEC and self._rule is Addresses.NEXT:
            self._rule = Addresses.ANY  # a program that failed may have reached no endpoint
        self._of_check = time
        self._waiting = deque(addresses)
        self._of = len(addresses)
        self._time = asyncio.get_running_loop().time
        self._share_s = max(0.0, time.ends_at - self._time()) / self._of
        self._at_work: dict[asyncio.Task[Seen], _Begun] = {}
        self._seen: list[Seen] = []

    async def run(self) -> Seen:
        """Returns the combined result, as soon as one address decides it or all were tried."""
        try:
            while self._at_work or (self._waiting and self._time() < self._of_check.ends_at):
                self._begin_due()
                for seen in await self._ended():
                    self._seen.append(seen)
                    if decides(seen, self._rule):
                        return combined(self._seen, self._rule, of=self._of)
        finally:
            await self._stop()
        self._seen += [Seen(NO_TURN, address=address) for address in self._waiting]
        return combined(self._seen, self._rule, of=self._of)

    def _begin_due(self) -> None:
        while self._waiting and self._time() >= self._next_at():
            needs_turn = bool(self._at_work)  # besides the turn of the check itself
            if needs_turn and not self._instruments.turns.enter_if_room(self._check.asked_by):
                self._make_room()
                return
            self._begin(self._waiting.popleft(), has_turn=needs_turn)

    def _next_at(self) -> float:
        """Returns the loop time at which the next address is due; infinity while none is."""
        if not self._at_work or self._rule is Addresses.ALL:
            return -math.inf
        last_at = max(each.began_at for each in self._at_work.values())
        if self._check.monitor.type is MonitorType.EXEC:
            return last_at + self._share_s
        if any(each.is_connected for each in self._at_work.values()):
            return math.inf if self._rule is Addresses.NEXT else last_at + self._share_s
        return last_at + min(ATTEMPT_DELAY_S, self._share_s)

    def _make_room(self) -> None:
        """Cancels the oldest attempt if it had its share of the time and has no connection.

        It is called when no turn is left: the next address then gets its place.
        """
        if self._rule is Addresses.ALL:
            return
        task, oldest = min(self._at_work.items(), key=lambda running: running[1].began_at)
        if not oldest.is_connected and self._time() >= oldest.began_at + self._share_s:
            task.cancel()

    def _begin(self, address: Address, *, has_turn: bool) -> None:
        begun = _Begun(address, Stopwatch(self._instruments.clock), self._time())
        at = self._instruments.looking_at(address)
        work = self._attempt(self._check, at, stopwatch=begun.stopwatch, time=self._of_check)
        task = asyncio.create_task(work, name=f"{self._check.id} at {address}")
        if has_turn:
            task.add_done_callback(lambda _: self._instruments.turns.leave(self._check.asked_by))
        self._at_work[task] = begun

    async def _ended(self) -> list[Seen]:
        """Waits until an attempt ends or the next address is due; returns the results of the attempts that ended."""
        ended, _ = await asyncio.wait(self._at_work, timeout=self._wait_s(), return_when=asyncio.FIRST_COMPLETED)
        return [self._end(task) for task in sorted(ended, key=lambda task: self._at_work[task].began_at)]

    def _wait_s(self) -> float | None:
        due_at = self._next_at() if self._waiting else math.inf
        if due_at == math.inf:
            return None
        # an address that is already due found no turn left
        return due_at - self._time() if due_at > self._time() else min(ATTEMPT_DELAY_S, self._share_s)

    def _end(self, task: asyncio.Task[Seen]) -> Seen:
        begun = self._at_work.pop(task)
        if task.cancelled():
            return Seen(self._had_its_share(), address=begun.address)
        seen = task.result()
        had_share = begun.began_at <= self._of_check.ends_at - self._share_s
        if self._rule is Addresses.ALL and seen.outcome.reason is Reason.TIMEOUT and not had_share:
            return replace(seen, outcome=TOO_LATE)
        return seen

    def _had_its_share(self) -> CheckOutcome:
        if self._of_check.owed_s(self._time()) > 0:
            return self._of_check.doubted()
        return CheckOutcome(Reason.TIMEOUT, "no answer in its share of the time")

    async def _stop(self) -> None:
        """Cancels all running attempts."""
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
