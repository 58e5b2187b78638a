"""The resolver: finds the addresses of a host name, as any program on this machine would.

What comes in: a host name. What goes out: its addresses, in the order to try; or an exception. The system's call
cannot be cancelled, and takes many seconds where nobody answers, or hangs for good: names that are dead must not be in
the way of others (decision 0054), nor of anything else in this process, nor of its end:

    a name that...                           is asked for...
    nobody waits for yet                     once, and whoever asks for it then waits for the same answer
    has had no answer for OVERDUE_S          once more, where a thread is left: the datagram may have been lost
    has had none for STUCK_S                 once more, and so on after twice the time: those calls never end
    had none for OVERDUE_S the last time     in no more than half of the threads
    was answered in time the last time       in any thread; one of eight is for these alone: a zone file may have
                                             hundreds of new names that nobody answers for

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
        """Returns the addresses in the order to try; waits for ever, but tells in time for a check of `within_s`.

        Raises OSError (socket.gaierror) when there are none, and ResolverBusy when this process cannot ask.
        """


THREADS = 128
"""Names that are asked for at once. Each has two descriptors at the most: a quarter of the 1,024 of a process."""

RESERVED = 8
"""One thread of so many is for names that were answered in time."""

OVERDUE_S = 1.0
"""Resolvers answer within this, or were not reached; the system itself asks again only after 5 s (resolv.conf(5))."""

STUCK_S = 60.0
"""The system gives up sooner, with three servers that do not answer: 5 s, twice each (resolv.conf(5))."""

PATIENCE_SHARE = 0.5
"""Of the time of a check: what waited longer than this for a thread has too little left to blame the name."""

MAX_REMEMBERED = 100_000
"""Names of which is known how they were answered; the oldest are forgotten."""

_Found = tuple[Address, ...] | Exception


class SystemResolver:
    """Asks the operating system. It has state: which names are asked for now, and which made it wait."""

    def __init__(
        self, *, threads: int = THREADS, overdue_s: float = OVERDUE_S, stuck_s: float = STUCK_S, name: str = "resolver"
    ) -> None:
        self._threads = threads
        self._overdue_s = overdue_s
        self._stuck_s = stuck_s
        self._name = name
        """Of the threads, for people."""
        self._lookups: dict[str, _Lookup] = {}
        self._queues: dict[bool | None, deque[_Lookup]] = {True: deque(), None: deque(), False: deque()}
        """Those that wait for a thread, by whether their name was quick; None for those that are new."""
        self._was_quick: dict[str, bool] = {}
        """Of names that were asked for, whether they were answered in time the last time; the newest last."""
        self._busy = {False: 0, True: 0}
        """Threads that run, by whether their name was slow when they began."""

    async def resolve(self, host: str, *, within_s: float) -> tuple[Address, ...]:
        """Returns the addresses in the order of RFC 6724."""
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
    """What an HTTP session finds its hosts by: aiohttp's own shares the threads of everything else in the process."""

    def __init__(self, *, threads: int, within_s: float, name: str) -> None:
        """Makes one with threads of its own; nobody waits longer than `within_s` for an answer."""
        self._system = SystemResolver(threads=threads, name=name)
        self._within_s = within_s

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Returns the addresses to connect to.

        Raises OSError, as aiohttp expects, also where there is no answer in time.
        """
        try:
            async with asyncio.timeout(self._within_s):  # aiohttp waits on for a name that nobody asks for any longer
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
    """One name that is asked for. It has state: how often, since when, and what was found."""

    host: str
    found: asyncio.Future[tuple[Address, ...]]
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    began_at: float = 0.0
    """When the first thread for it began, in seconds of the loop."""
    threads: int = 0

    def tell(self, result: _Found) -> None:
        """Answers all who wait; where nobody does any longer, that is no mistake either."""
        if isinstance(result, Exception):
            self.found.set_exception(result)
            self.found.exception()  # asyncio logs those that nobody looked at
        else:
            self.found.set_result(result)


def _ask(host: str, tell: Callable[[_Found], None]) -> None:
    """Runs in a thread: asks for a name, and tells what was found."""
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        tell(tuple(ip_address(sockaddr[0]) for *_, sockaddr in infos))
    except Exception as error:  # noqa: BLE001  # the top of a thread: whoever waits gets it, and logs what is unplanned
        tell(error)
