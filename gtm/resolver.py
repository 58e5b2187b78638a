"""The resolver: finds the addresses of a host name, as any program on this machine would.

What comes in: a host name. What goes out: its addresses, in the order to try; or an exception. The system's call
cannot be cancelled. Without an answer it takes many seconds, or never ends. Names without an answer must delay neither
other names (decision 0054), nor the rest of this process, nor its end:

    a name that...                           is looked up...
    is not being looked up yet               once; further callers wait for the same answer
    has had no answer for OVERDUE_S          once more, if a thread is free: the datagram may have been lost
    has had no answer for STUCK_S            once more, and again each time that twice the time has passed
    had no answer in OVERDUE_S last time     in at most half of the threads
    was answered in time last time           in any thread; one of eight is only for these names: a zone file may have
                                             hundreds of new names without an answer

Checks, and the HTTP sessions to peers, to etcd and to a node each have a resolver, and so threads, of their own.
"""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol

from aiohttp.abc import AbstractResolver, ResolveResult

from gtm.errors import ResolverBusy
from gtm.ids import Address


class Resolver(Protocol):
    """Finds the addresses of a host name."""

    async def resolve(self, host: str, *, within_s: float) -> tuple[Address, ...]:
        """Returns the addresses of a host name in the order to try; waits for the answer without a time limit.

        Raises OSError (socket.gaierror) if there are none. Raises ResolverBusy early enough for a check of `within_s`
        seconds if this process has no thread for the lookup.
        """


THREADS = 128
"""Names that are looked up at once. Each uses two descriptors at most: a quarter of the 1,024 of a process."""

RESERVED = 8
"""One of so many threads is only for names that were answered in time."""

OVERDUE_S = 1.0
"""Resolvers that are reached answer within this; the system itself asks again only after 5 s (resolv.conf(5))."""

STUCK_S = 60.0
"""A lookup after this never ends: the system gives up sooner, after 5 s twice for each of three servers."""

PATIENCE_SHARE = 0.5
"""The share of a check's time that a lookup may wait for a thread: after that too little time is left for it."""

MAX_REMEMBERED = 100_000
"""Names for which it is remembered whether they were answered in time; the oldest are forgotten."""

_Found = tuple[Address, ...] | Exception


class SystemResolver:
    """Looks up host names with the operating system. It has state: the lookups that run, and which names were slow."""

    def __init__(
        self, *, threads: int = THREADS, overdue_s: float = OVERDUE_S, stuck_s: float = STUCK_S, name: str = "resolver"
    ) -> None:
        self._threads = threads
        self._overdue_s = overdue_s
        self._stuck_s = stuck_s
        self._name = name
        """The name of the threads, for people."""
        self._lookups: dict[str, _Lookup] = {}
        self._queues: dict[bool | None, deque[_Lookup]] = {True: deque(), None: deque(), False: deque()}
        """The lookups that wait for a thread, by whether their name was quick last time; None for new names."""
        self._was_quick: dict[str, bool] = {}
        """For each name whether it was answered in time the last time; the newest last."""
        self._busy = {False: 0, True: 0}
        """The number of running threads, by whether their name was slow when they began."""

    async def resolve(self, host: str, *, within_s: float) -> tuple[Address, ...]:
        """Returns the addresses of a host name in the order of RFC 6724.

        Raises OSError if there are none, and ResolverBusy after half of `within_s` seconds without a free thread.
        """
        lookup = self._lookup(host)
        try:
            async with asyncio.timeout(PATIENCE_SHARE * within_s):
                await lookup.begun.wait()
        except TimeoutError:
            raise ResolverBusy("this probe waits for too many names that nobody answers for") from None
        return await asyncio.shield(lookup.found)

    def _lookup(self, host: str) -> "_Lookup":
        loop = asyncio.get_running_loop()
        lookup = self._lookups.get(host)
        if lookup is None:
            lookup = self._lookups[host] = _Lookup(host, loop.create_future())
            self._queues[self._was_quick.get(host)].append(lookup)
            self._start_waiting()
        elif lookup.begun.is_set() and loop.time() - lookup.began_at > self._overdue_after(lookup.threads):
            self._remember(host, was_quick=False)
            if self._has_room(was_quick=False):
                self._start(lookup, slow=True)
        return lookup

    def _overdue_after(self, threads: int) -> float:
        """Returns the seconds after which a lookup needs another thread."""
        return self._overdue_s if threads < 2 else self._stuck_s * 2.0 ** (threads - 2)

    def _start_waiting(self) -> None:
        for was_quick, queue in self._queues.items():
            while queue and self._has_room(was_quick=was_quick):
                self._start(queue.popleft(), slow=was_quick is False)

    def _has_room(self, *, was_quick: bool | None) -> bool:
        reserved = 0 if was_quick else self._threads // RESERVED
        has_thread = sum(self._busy.values()) < self._threads - reserved
        return has_thread and not (was_quick is False and self._busy[True] >= self._threads // 2)

    def _remember(self, host: str, *, was_quick: bool) -> None:
        self._was_quick.pop(host, None)
        self._was_quick[host] = was_quick
        if len(self._was_quick) > MAX_REMEMBERED:
            del self._was_quick[next(iter(self._was_quick))]

    def _start(self, lookup: "_Lookup", *, slow: bool) -> None:
        loop = asyncio.get_running_loop()

        def tell(result: _Found) -> None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any longer
                loop.call_soon_threadsafe(self._end, lookup, result, slow)

        self._busy[slow] += 1
        lookup.threads += 1
        if not lookup.begun.is_set():
            lookup.began_at = loop.time()
            lookup.begun.set()
        try:
            # a daemon, which the end of the process does not wait for; a pool's threads are none
            threading.Thread(target=_ask, args=(lookup.host, tell), name=self._name, daemon=True).start()
        except RuntimeError as error:
            tell(ResolverBusy(f"this machine gives no thread to resolve names: {error}"))

    def _end(self, lookup: "_Lookup", result: _Found, slow: bool) -> None:  # noqa: FBT001  # call_soon has no keywords
        self._busy[slow] -= 1
        lookup.threads -= 1
        if self._lookups.get(lookup.host) is lookup:  # else another thread was sooner
            del self._lookups[lookup.host]
            took_s = asyncio.get_running_loop().time() - lookup.began_at
            self._remember(lookup.host, was_quick=took_s <= self._overdue_s)
            lookup.tell(result)
        self._start_waiting()


class HttpResolver(AbstractResolver):
    """The resolver of an HTTP session, with threads of its own; aiohttp's would share those of the whole process."""

    def __init__(self, *, threads: int, within_s: float, name: str) -> None:
        """Makes a resolver with threads of its own, called `name`; a lookup fails after `within_s` seconds."""
        self._system = SystemResolver(threads=threads, name=name)
        self._within_s = within_s

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Returns the addresses of a host to connect to.

        Raises OSError, as aiohttp expects, if there are none or no answer comes in time.
        """
        try:
            async with asyncio.timeout(self._within_s):  # aiohttp itself would wait on after its caller gave up
                addresses = await self._system.resolve(host, within_s=self._within_s)
        except ResolverBusy as error:
            raise OSError(str(error)) from error
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, f"no answer for the name in {self._within_s:g} s") from None
        return [_result(host, port, address) for address in addresses if family in {socket.AF_UNSPEC, _family(address)}]

    async def close(self) -> None:
        """Does nothing: threads end by themselves."""


def _result(host: str, port: int, address: Address) -> ResolveResult:
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(
        hostname=host, host=str(address), port=port, family=_family(address), proto=socket.IPPROTO_TCP, flags=flags
    )


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if address.version == 6 else socket.AF_INET


@dataclass(slots=True)
class _Lookup:
    """The lookup of one host name. It has state: its threads, when it began, and the answer."""

    host: str
    found: asyncio.Future[tuple[Address, ...]]
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    began_at: float = 0.0
    """When its first thread began, in seconds of the event loop."""
    threads: int = 0

    def tell(self, result: _Found) -> None:
        """Passes the result, addresses or an exception, to all who wait for it; it is no error if nobody does."""
        if isinstance(result, Exception):
            self.found.set_exception(result)
            self.found.exception()  # asyncio logs those that nobody looked at
        else:
            self.found.set_result(result)


def _ask(host: str, tell: Callable[[_Found], None]) -> None:
    """Looks up a host name in a thread, and calls `tell` with its addresses or an exception."""
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        tell(tuple(ip_address(sockaddr[0]) for *_, sockaddr in infos))
    except Exception as error:  # noqa: BLE001  # the top of a thread: whoever waits gets it, and logs what is unplanned
        tell(error)
