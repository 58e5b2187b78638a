"""Pools of threads: for calls that take long or may hang, so that neither the event loop nor another pool waits.

What comes in: a plain function and its arguments. What goes out: its result or exception; or CallOverdue if it took too
long. Each purpose has a pool of its own, so that a disk that hangs delays only the calls that need that disk. asyncio's
own pool is used for everything and the end of the process waits for it, so nothing in gtm uses it.

A thread cannot be stopped. A call that nobody waits for any more is abandoned: it runs until it ends by itself, and

    abandoned calls of the pool     the place of the next one
    fewer than `spare`              is free for another call at once
    as many as `spare`              stays taken until one of them ends: calls that never end get no more threads

The threads are daemons: the end of the process does not wait for them. Each ends when there is nothing to do for it.
"""

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar, TypeVarTuple

from gtm.errors import CallOverdue

SPARE = 8
"""Abandoned calls whose places others get: on a disk that does not answer, more than a few files hang together."""

LIBRARY_THREADS = 8

SWITCH_S = 0.0005
"""Seconds for which a computing thread keeps the interpreter's lock while others wait for it. Python's default of 5 ms
is too long for an event loop: it releases the lock with every socket call, and gets it back that late."""

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class Pool:
    """A pool of threads for one purpose. It has state: the calls that wait, and the number of running threads."""

    def __init__(self, name: str, *, threads: int, spare: int = SPARE) -> None:
        """Makes a pool that runs `threads` calls at once, in the order of their submission; `name` is for people.

        Up to `spare` abandoned calls do not count among them.
        """
        self.name = name
        self._threads = threads
        self._spare = spare
        self._waiting: deque[_Call[object]] = deque()
        self._running = 0
        self._abandoned = 0
        self._lock = threading.Lock()
        """Guards the attributes above, and the marks of calls (`has_begun`, `is_over`, `is_abandoned`)."""

    async def run(
        self,
        function: Callable[[*_Arguments], _Result],
        *arguments: *_Arguments,
        timeout_s: float | None = None,
        goes_on: Callable[[], bool] = lambda: False,
    ) -> _Result:
        """Returns the result of the function, called in a thread. Raises the exceptions of the function.

        Raises CallOverdue if the call did not begin or end within `timeout_s` seconds (None: no limit). Before that,
        `goes_on` is called: if it returns True, the call gets the same time again. An overdue call is abandoned, as is
        one whose task is cancelled. If it has not begun by then, it is never made.
        """
        call = _Call(partial(function, *arguments))
        self._add(call)
        ended = asyncio.wrap_future(call.future)
        try:
            await asyncio.wait([ended], timeout=timeout_s)
            while not ended.done() and goes_on():
                await asyncio.wait([ended], timeout=timeout_s)
            if ended.done():
                return ended.result()
        finally:
            if not ended.done():
                ended.cancel()
                self._abandon(call)
            elif not ended.cancelled():
                ended.exception()  # where the task was cancelled just then nobody else asks, and asyncio would log it
        state = "has not ended" if call.has_begun else "found no free thread"
        raise CallOverdue(f"a call in the pool `{self.name}` {state} within {timeout_s:g} s")

    def wait(self, function: Callable[[], _Result], *, timeout_s: float, goes_on: Callable[[], bool]) -> _Result:
        """Returns the result of the function, called in a thread; blocks, so never call it in an event loop's thread.

        Every `timeout_s` seconds it calls `goes_on`. If that returns False, the call is abandoned, and CallOverdue is
        raised.
        """
        call = _Call(function)
        self._add(call)
        while not wait([call.future], timeout_s).done:
            if not goes_on():
                self._abandon(call)
                raise CallOverdue(f"a call in the pool `{self.name}` stands still for {timeout_s:g} s")
        return call.future.result()

    def submit(self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments) -> Future[_Result]:
        """Returns at once the future of a function that is called in a thread; any thread may use this."""
        call = _Call(partial(function, *arguments))
        self._add(call)
        return call.future

    def _add(self, call: "_Call[_Result]") -> None:
        with self._lock:
            self._waiting.append(call)  # type: ignore[arg-type]  # what it returns goes to its own future alone
        self._start()

    def _start(self) -> None:
        """Starts threads for the calls that wait, while the pool has free places."""
        while (call := self._next()) is not None:
            try:
                threading.Thread(target=self._work, args=(call,), name=self.name, daemon=True).start()
            except RuntimeError as error:
                with self._lock:
                    self._running -= 1
                call.fail(CallOverdue(f"this machine gives no thread for the pool `{self.name}`: {error}"))

    def _next(self) -> "_Call[object] | None":
        """Returns the next call to make and takes its place in the pool; None if no call waits or no place is free."""
        with self._lock:
            return self._taken()

    def _taken(self) -> "_Call[object] | None":
        """Returns the next waiting call and takes its place, as `_next`; the caller must hold the lock."""
        while self._waiting and self._running < self._threads + min(self._abandoned, self._spare):
            call = self._waiting.popleft()
            if call.future.set_running_or_notify_cancel():
                call.has_begun = True
                self._running += 1
                return call
        return None

    def _work(self, call: "_Call[object] | None") -> None:
        """Makes one call after the other in this thread, until none waits."""
        while call is not None:
            call.make()
            with self._lock:
                call.is_over = True
                self._running -= 1
                self._abandoned -= call.is_abandoned
                call = self._taken()

    def _abandon(self, call: "_Call[_Result]") -> None:
        with self._lock:
            if not call.has_begun:
                call.future.cancel()
            elif not call.is_over:
                call.is_abandoned = True
                self._abandoned += 1
        self._start()


def settled(result: _Result) -> Future[_Result]:
    """Returns a future that has this result already."""
    future: Future[_Result] = Future()
    future.set_result(result)
    return future


async def is_true_within(limit_s: float, future: Future[bool]) -> bool:
    """Returns whether a future has the result True within `limit_s` seconds; its call runs on if it takes longer."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future[bool]) -> None:
        with suppress(RuntimeError):  # the loop was closed: nobody waits any longer
            loop.call_soon_threadsafe(ended.set)

    future.add_done_callback(tell)
    try:
        async with asyncio.timeout(limit_s):
            await ended.wait()
    except TimeoutError:
        return False
    return future.exception() is None and future.result()


def share_the_lock() -> None:
    """Sets the interpreter's switch interval to SWITCH_S, so that computing threads do not delay the event loop."""
    sys.setswitchinterval(SWITCH_S)


class DaemonExecutor(ThreadPoolExecutor):
    """The default executor of an event loop, for libraries; the end of the process does not wait for its calls."""

    def __init__(self) -> None:
        super().__init__(1)
        self._pool = Pool("libraries", threads=LIBRARY_THREADS)

    def submit(self, function: Callable[..., _Result], /, *arguments: object, **named: object) -> Future[_Result]:
        """Returns the future of a function that is called in a thread."""
        return self._pool.submit(partial(function, *arguments, **named))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # as inherited
        """Does nothing: the threads end by themselves."""


class _Call(Generic[_Result]):
    """One call of a function in a pool. It has state: whether it has begun, ended or is abandoned."""

    def __init__(self, function: Callable[[], _Result]) -> None:
        self._function = function
        self.future: Future[_Result] = Future()
        self.has_begun = False
        self.is_over = False
        self.is_abandoned = False

    def make(self) -> None:
        """Calls the function, and puts its result or exception into the future."""
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001  # the top of a thread: whoever waits gets it
            self.fail(error)
        else:
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Ends the call with an exception."""
        self.future.set_exception(error)
