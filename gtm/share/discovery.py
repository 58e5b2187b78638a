"""Discovery: the peers that the DNS names (SRV, RFC 2782), instead of a list of URLs.

What comes in: the name of SRV records, `_gtm._tcp.example.net`. What goes out: the URL of each target. Whom to believe
is not in the DNS: reports are verified by the keys of the node file, so a forged answer can only keep reports away.
Priorities and weights choose one of several servers; peers are all asked, and those numbers mean nothing here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import dns.asyncresolver
import dns.exception
from dns.rdatatype import RdataType
from dns.rdtypes.IN.SRV import SRV

from gtm.errors import Unreachable

MAX_PEERS = 1_000
"""As many reports as an offer may have."""

MIN_REFRESH_S = 5.0
MAX_REFRESH_S = 300.0
"""However long or short the TTL of the records is."""

LOOKUP_S = 5.0

log = logging.getLogger(__name__)

Start = Callable[[str], asyncio.Task[None]]
"""Starts to poll a URL."""

Found = tuple[frozenset[str], float]
"""The URLs, and the TTL of the records in seconds."""


async def discover(name: str, *, secure: bool, resolver: dns.asyncresolver.Resolver | None = None) -> Found:
    """Returns the URL of every target of the SRV records at a name. Raises Unreachable when there is no answer."""
    asked = resolver or dns.asyncresolver.get_default_resolver()
    try:
        answer = await asked.resolve(name, RdataType.SRV, lifetime=LOOKUP_S)
    except (dns.exception.DNSException, OSError) as error:
        raise Unreachable(type(error).__name__) from error
    scheme = "https" if secure else "http"
    targets = sorted((str(one.target).rstrip("."), one.port) for one in answer if isinstance(one, SRV) and one.port)
    # RFC 2782: a target of "." says that there is no such service
    urls = frozenset(f"{scheme}://{host}:{port}" for host, port in targets[:MAX_PEERS] if host)
    return urls, float(answer.rrset.ttl if answer.rrset is not None else 0)


class Discovery:
    """Keeps one task for each peer that the DNS names. Its state is those tasks; the last good answer stands."""

    def __init__(
        self,
        name: str,
        look: Callable[[], Awaitable[Found]],
        start: Start,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._look = look
        self._start = start
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failed = False

    @property
    def peers(self) -> Mapping[str, asyncio.Task[None]]:
        """Returns the tasks by URL."""
        return dict(self._tasks)

    async def run(self) -> None:
        """Looks until it is cancelled."""
        while True:
            await self._sleep(await self.refresh())

    async def refresh(self) -> float:
        """Looks once; returns how many seconds to wait before looking again."""
        try:
            urls, ttl_s = await self._look()
        except Unreachable as error:
            if not self._failed:
                log.warning("peers of %s: the DNS gives none: %s; those known are asked on", self._name, error)
            self._failed = True
            return MIN_REFRESH_S
        if self._failed:
            log.info("peers of %s: the DNS answers again", self._name)
        self._failed = False
        self._follow(urls)
        return min(MAX_REFRESH_S, max(MIN_REFRESH_S, ttl_s))

    def _follow(self, urls: frozenset[str]) -> None:
        for url in sorted(self._tasks.keys() - urls):
            log.info("peers of %s: %s is no longer one", self._name, url)
            self._tasks.pop(url).cancel()
        for url in sorted(urls - self._tasks.keys()):
            log.info("peers of %s: %s is one", self._name, url)
            self._tasks[url] = self._start(url)
