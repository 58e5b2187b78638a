"""Discovery: the peers that the DNS names (SRV, RFC 2782), instead of a list of URLs.

What comes in: the name of SRV records, `_gtm._tcp.example.net`. What goes out: the URL of each target. Whom to believe
is not in the DNS: reports are verified by the keys of the node file, so a forged answer can only keep reports away.
Priorities and weights choose one of several servers; peers are all asked, and those numbers mean nothing here.

Whoever answers for the name could have this node ask anything, so of the targets are not asked: what is no host name;
more than MAX_TARGETS, those that are asked already first; and what `judge` has words against, such as this node itself,
which is one of its own records most of the time.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

import dns.exception
import dns.resolver
from dns.rdatatype import RdataType
from dns.rdtypes.IN.SRV import SRV

from gtm.errors import CallOverdue, Unreachable
from gtm.threads import Pool

MAX_TARGETS = 100
"""As many probes as a mesh was measured with; each is a connection, a task, and a megabyte that may be held."""

MAX_TOLD = 5
"""Log lines of one lookup about new, lost and refused peers; of more only the number is logged."""

MIN_REFRESH_S = 5.0
MAX_REFRESH_S = 300.0
"""The limits of the pause between two lookups, whatever the TTL of the records is."""

LOOKUP_S = 5.0

READING_S = 2.0
"""Seconds to parse an answer once it is received; that of a hundred targets takes a tenth of a second."""

log = logging.getLogger(__name__)

Start = Callable[[str], asyncio.Task[None]]
"""Starts to poll a URL."""

DiscoveredPeers = tuple[frozenset[str], float]
"""The URLs, and the TTL of the records in seconds."""

Judge = Callable[[str], Awaitable[str]]
"""Returns the reason why a URL must not be polled; empty if it may be."""


async def _no_judge(_url: str) -> str:
    return ""


async def discover(
    name: str, *, secure: bool, pool: Pool, resolver: dns.resolver.Resolver | None = None
) -> DiscoveredPeers:
    """Returns the URL of every target of the SRV records at a name, and their TTL in seconds.

    `secure` makes https URLs. Raises Unreachable when there is no answer. It runs in a thread, because dnspython takes
    many seconds to parse an answer of 64 kB with long names.
    """
    try:
        return await pool.run(_discover, name, secure, resolver, timeout_s=LOOKUP_S + READING_S)
    except (dns.exception.DNSException, OSError, CallOverdue) as error:
        raise Unreachable(type(error).__name__) from error


def _discover(name: str, secure: bool, resolver: dns.resolver.Resolver | None) -> DiscoveredPeers:  # noqa: FBT001  # of a thread
    answer = (resolver or dns.resolver.get_default_resolver()).resolve(name, RdataType.SRV, lifetime=LOOKUP_S)
    scheme = "https" if secure else "http"
    targets = [
        (str(record.target).rstrip(".").lower(), record.port)
        for record in answer
        if isinstance(record, SRV) and record.port
    ]
    # RFC 2782: a target of "." says that there is no such service
    urls = frozenset(f"{scheme}://{host}:{port}" for host, port in targets if _is_host(host))
    return urls, float(answer.rrset.ttl if answer.rrset is not None else 0)


def _is_host(host: str) -> bool:
    """Returns whether a target is the name of a host (RFC 1123 2.1), and neither an address nor part of a URL."""
    return _HOST.fullmatch(host) is not None and not host.rpartition(".")[2].isdecimal()


_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*")


class Discovery:
    """Runs one task for each peer that the DNS names. It has state: these tasks; a failed lookup does not end them."""

    def __init__(
        self,
        name: str,
        look: Callable[[], Awaitable[DiscoveredPeers]],
        start: Start,
        *,
        judge: Judge = _no_judge,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._look = look
        self._start = start
        self._judge = judge
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failures = 0
        self._refused: dict[str, str] = {}
        """The targets of the last answer that are not polled, and why."""
        self._left_out = 0

    @property
    def peers(self) -> Mapping[str, asyncio.Task[None]]:
        """Returns the polling tasks by the URL of their peer."""
        return dict(self._tasks)

    async def run(self) -> None:
        """Looks up the peers again and again, until it is cancelled."""
        while True:
            await self._sleep(await self.refresh())

    async def refresh(self) -> float:
        """Looks up the peers once, starts and stops tasks; returns the seconds to wait before the next lookup."""
        try:
            urls, ttl_s = await self._look()
        except Unreachable as error:
            if not self._failures:
                log.warning("peers of %s: the DNS gives none: %s; those known are asked on", self._name, error)
            self._failures += 1
            return min(MAX_REFRESH_S, MIN_REFRESH_S * 2.0 ** min(self._failures - 1, 10))
        if self._failures:
            log.info("peers of %s: the DNS answers again", self._name)
        self._failures = 0
        self._follow(await self._acceptable(urls))
        return min(MAX_REFRESH_S, max(MIN_REFRESH_S, ttl_s))

    async def _acceptable(self, urls: frozenset[str]) -> frozenset[str]:
        """Returns the targets that may be polled, and logs once which may not, and why."""
        known_first = sorted(urls, key=lambda url: (url not in self._tasks and url not in self._refused, url))
        bounded = known_first[:MAX_TARGETS]
        objections = dict(zip(bounded, await asyncio.gather(*map(self._judge, bounded)), strict=True))
        refused = {url: why for url, why in objections.items() if why}
        self._tell([f"{url} is not asked: {why}" for url, why in refused.items() if self._refused.get(url) != why])
        left_out = len(urls) - len(bounded)
        if left_out and not self._left_out:
            log.warning("peers of %s: there are %d, and %d are asked at the most", self._name, len(urls), MAX_TARGETS)
        self._refused, self._left_out = refused, left_out
        return frozenset(url for url, why in objections.items() if not why)

    def _follow(self, urls: frozenset[str]) -> None:
        gone, new = sorted(self._tasks.keys() - urls), sorted(urls - self._tasks.keys())
        self._tell([f"{url} is no longer among them" for url in gone])
        self._tell([f"{url} is new" for url in new])
        for url in gone:
            self._tasks.pop(url).cancel()
        for url in new:
            self._tasks[url] = self._start(url)

    def _tell(self, lines: Sequence[str]) -> None:
        for line in lines[:MAX_TOLD]:
            log.info("peers of %s: %s", self._name, line)
        if len(lines) > MAX_TOLD:
            log.info("peers of %s: and %d more like this", self._name, len(lines) - MAX_TOLD)
