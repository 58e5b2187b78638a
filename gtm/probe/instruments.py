"""Instruments: what every check works with, made once per node.

What comes in: a clock, and an extra CA file for private certificates. What goes out: the clock, a resolver, a TLS
context, a measure of how busy this process is, what else some kinds go by (programs, heartbeats, beliefs), and an HTTP
session that reuses nothing (session.py).
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

import aiohttp

from gtm.clock import Clock
from gtm.health.belief import Belief
from gtm.ids import Address, CheckId
from gtm.probe.heartbeats import Heartbeats
from gtm.probe.lateness import Lateness
from gtm.probe.session import open_session
from gtm.probe.stopwatch import Phase, lap
from gtm.probe.tls import Contexts, TlsResponse


class Resolver(Protocol):
    """Finds the addresses of a host name."""

    async def resolve(self, host: str) -> tuple[Address, ...]:
        """Returns the addresses in the order to try. Raises OSError (socket.gaierror) when there are none."""


RESOLVERS = 16
"""Threads that wait for names; the system's call cannot be cancelled, and takes many seconds when nobody answers."""


class SystemResolver:
    """Asks the operating system, as any program on this machine would.

    It has threads of its own: names that do not resolve must not keep zone files from being read.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")

    async def resolve(self, host: str) -> tuple[Address, ...]:
        """Returns the addresses in the order of RFC 6724."""
        ask = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return tuple(ip_address(sockaddr[0]) for *_, sockaddr in found)


def _nothing_known(_check: CheckId) -> Belief:
    return Belief.UNKNOWN


@dataclass(frozen=True, slots=True)
class Instruments:
    """What every check works with."""

    clock: Clock
    resolver: Resolver
    session: aiohttp.ClientSession
    contexts: Contexts
    lateness: Lateness
    programs: frozenset[str] = frozenset()
    """Those that this node runs for checks of kind `exec`."""
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    believed: Callable[[CheckId], Belief] = _nothing_known
    """What this probe believes of other checks, for those of kind `calculated`."""


@asynccontextmanager
async def open_instruments(
    clock: Clock,
    *,
    resolver: Resolver | None = None,
    extra_ca: Path | None = None,
    programs: frozenset[str] = frozenset(),
    heartbeats: Heartbeats | None = None,
    believed: Callable[[CheckId], Belief] = _nothing_known,
) -> AsyncIterator[Instruments]:
    """Opens the instruments, and closes them at the end."""
    async with open_session(TlsResponse) as session:
        lateness = Lateness()
        lateness.start()
        try:
            yield Instruments(
                clock,
                resolver or SystemResolver(),
                session,
                Contexts(extra_ca),
                lateness,
                programs,
                heartbeats or Heartbeats(),
                believed,
            )
        finally:
            lateness.stop()


async def target_address(target: str, resolver: Resolver) -> Address:
    """Returns the address of a check's target: itself, or the first that its name resolves to."""
    try:
        return ip_address(target)
    except ValueError:
        found = await resolver.resolve(target)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    lap(Phase.DNS)
    return found[0]
