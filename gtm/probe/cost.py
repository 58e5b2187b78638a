"""Cost: how much of this process's time one check takes, and the end of one that takes too much.

What comes in: the check, while it runs. What goes out: whether it was cut off. The event loop is shared by all checks
(loop_lag.py): an endpoint that sends without end would make them all late, and then each waits on beyond its time.
So each check has a bill of its own:

    a step of the check's task           what it took of the CPU, but STEP_S at the most
    a piece of what an endpoint sent     a step (connection.py); with TLS a callback of its connection (tls.py)
    COST_S in all                        the check is cut off: a failure, for no client can use such an endpoint
    a redirect that is followed          COST_S more may be spent; so for a call that is made once more (grpc.py)
    each address of a name               a bill of its own (attempts.py)

A healthy endpoint is far from there, also on a slow machine: a request over HTTPS takes some 0.003 s, and with a body
of 64 KiB that comes in pieces of 1 kB 0.01 s. On a machine that stands still in every step, some 14 steps (TURNS in
loop_lag.py) are not the 40 that would make COST_S.
"""

import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

STEP_S = 0.005
"""Most CPU seconds that one step counts: a machine that stops in the middle of a step is no fault of an endpoint."""

COST_S = 0.2
"""Most CPU seconds of a check. One of a name over HTTPS with an expression takes some 0.005 s."""

_Result = TypeVar("_Result")
_ThreadTime = Callable[[], float]


class Bill:
    """The CPU time that one check took. It has state: that time."""

    __slots__ = ("_cut_off", "_thread_time", "limit_s", "spent_s")

    def __init__(self, cut_off: Callable[[], None], thread_time: _ThreadTime = time.thread_time) -> None:
        """Makes an empty bill; `cut_off` is called once when the CPU time exceeds the limit."""
        self._cut_off = cut_off
        self._thread_time = thread_time
        self.spent_s = 0.0
        self.limit_s = COST_S

    @property
    def is_too_large(self) -> bool:
        """Returns whether the check exceeded its limit and was cut off."""
        return self.spent_s >= self.limit_s

    @contextmanager
    def charging(self) -> Iterator[None]:
        """Charges the CPU time of this block to the check. Nothing may be awaited in the block."""
        began_s, was_too_large = self._thread_time(), self.is_too_large
        try:
            yield
        finally:
            self.spent_s += min(STEP_S, self._thread_time() - began_s)
            if self.is_too_large and not was_too_large:
                self._cut_off()


_BILL: ContextVar[Bill | None] = ContextVar("bill", default=None)


def running_bill() -> Bill | None:
    """Returns the bill of the running check, also in callbacks of its connection; None outside of a check."""
    return _BILL.get()


def begin_another_request() -> None:
    """Raises the running check's limit by COST_S, unless it was cut off: for a redirect, or a second call."""
    bill = _BILL.get()
    if bill is not None and not bill.is_too_large:
        bill.limit_s += COST_S


class Metered(Generic[_Result]):
    """A coroutine whose every step is charged to a bill."""

    def __init__(self, work: Coroutine[object, object, _Result], bill: Bill) -> None:
        self._work = work
        self._bill = bill

    def __await__(self) -> Generator[object, object, _Result]:
        """Runs the coroutine step by step (PEP 380), with the bill in its context."""
        token = _BILL.set(self._bill)
        try:
            return (yield from self._driven())
        finally:
            _BILL.reset(token)

    def _driven(self) -> Generator[object, object, _Result]:
        told: object = None
        failure: BaseException | None = None
        while True:
            try:
                with self._bill.charging():
                    waits_for = self._work.send(told) if failure is None else self._work.throw(failure)
            except StopIteration as end:
                result: _Result = end.value
                return result
            told, failure = None, None
            try:
                told = yield waits_for
            except BaseException as error:  # noqa: BLE001  # CancelledError too: all of it is the coroutine's
                failure = error
