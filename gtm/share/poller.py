"""The poller: hears one peer, for as long as this node runs.

What comes in: a peer's address and the store. What goes out: the peer's offers, onto the store. It trusts nothing: the
store verifies. A peer that cannot be reached is asked again after a growing, jittered pause, and says so in the log
once when it is lost and once when it is found again, but seldom where it comes and goes with every poll; one poller per
peer, so that none waits for another. URLs are not logged, because they may hold a password.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import Unreachable
from gtm.health.report.peer import PeerState
from gtm.http_failure import described
from gtm.ids import NodeName
from gtm.resolver import HttpResolver
from gtm.share.answers import AnswersConnector
from gtm.share.body_room import PROMPT_S, SLOW_FOR_S
from gtm.share.bounded_http import SMALL_BYTES, bounded
from gtm.share.handler import compose_digests, compose_have
from gtm.share.report_store import Digests, ReportStore
from gtm.tls.peers import ChosenTls, system_tls
from gtm.token_bucket import TokenBucket

log = logging.getLogger(__name__)

WAIT_S = 5.0
"""How long a peer may hold its answer back. Reports come more often anyway, and a poll that a partition swallowed is
given up the sooner."""

GRACE_S = 3.0
"""How much longer than that an answer may take before the peer counts as lost; also for connecting."""

MIN_BACKOFF_S = 0.25
MAX_BACKOFF_S = 2.0
"""Soon enough after a partition heals; seldom enough for a peer that is gone for days."""

TOLD_AT_ONCE = 5
TOLD_EVERY_S = 60.0
"""Losses of one peer that the log tells: a few, then one a minute."""

QUIET_PAUSE_S = 1.0
"""Between two polls that gave nothing new at once: a proxy on the way may not know how to wait."""

TAKING_SHARE = 0.1
"""Of this process's time that the reports of one peer may use: queries are answered in between."""

RESOLVER_THREADS = 32
"""Names of peers, and of etcd, that are asked for at once; half of them are for names that hang (gtm/resolver.py)."""

MAX_HAVE_LENGTH = 4096
"""Half of what a server takes as one request line; a mesh too large for it gets every report every time."""

MOST_DIGESTS = 36
"""In one poll, at most 98 octets each, nearly the other half; of a larger mesh each poll sends those of some nodes."""


def make_resolver() -> AbstractResolver:
    """Returns the resolver for the hosts of peers."""
    return HttpResolver(threads=RESOLVER_THREADS, within_s=WAIT_S, name="names of peers")


@asynccontextmanager
async def open_share_session(resolver: AbstractResolver | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Opens the HTTP session that all pollers of a node use."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=GRACE_S)  # the poller has one over everything
    connector = AnswersConnector(resolver or make_resolver())
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, auto_decompress=False
    ) as session:
        yield session


class Poller:
    """Polls one peer. It has state: the last ETag, whether it was ever reached, its failures, until when it is slow."""

    def __init__(
        self,
        node: NodeName,
        url: str,
        report_store: ReportStore,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        counters: Counters,
        random: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wait_s: float = WAIT_S,
        tls: ChosenTls = system_tls,
    ) -> None:
        self._node = node
        self._url = url
        self._report_store = report_store
        self._session = session
        self._clock = clock
        self._counters = counters
        self._random = random
        self._sleep = sleep
        self._wait_s = wait_s
        self._tls = tls
        self._etag = ""
        self._failures = 0
        self._was_reached = False
        self._slow_until = -math.inf
        self._large_within_s: float | None = None
        """How long the large body of this poll may take, once it has a place; None before that, and for others."""
        self._may_tell = TokenBucket(TOLD_AT_ONCE, TOLD_EVERY_S)
        self._told = False
        """Whether the log has that it is lost."""
        self.trouble = ""
        """Why the last poll failed, in words for people; empty when it did not."""

    @property
    def state(self) -> PeerState:
        """Returns the state of the peer by this node's polls; reports that came through other nodes do not count."""
        if not self._was_reached:
            return PeerState.UNREACHED
        return PeerState.LOST if self._failures else PeerState.HEARD

    async def run(self) -> None:
        """Polls until it is cancelled."""
        while True:
            await self._sleep(await self.poll())

    async def poll(self) -> float:
        """Polls the peer once; returns the seconds to pause before the next poll."""
        async with AsyncExitStack() as held:
            return await self._polled(held)

    async def _polled(self, held: AsyncExitStack) -> float:
        started_at = self._clock.monotonic()
        try:
            body = await self._fetch(held)
        except Unreachable as error:
            return self._lost(error)
        self._found()
        news, took_s = (False, 0.0) if body is None else await self._heard(body)
        self._counters.add("polls", outcome="news" if news else "quiet")
        pause_s = 0.0 if news else max(0.0, QUIET_PAUSE_S - (self._clock.monotonic() - started_at))
        return max(pause_s, took_s * (1 / TAKING_SHARE - 1))

    async def _heard(self, body: bytes | bytearray) -> tuple[bool, float]:
        """Returns whether there was news in a body, and how long that took, without the wait for others."""
        async with self._report_store.turn(len(body)):
            heard_at = self._clock.monotonic()
            news = await self._report_store.hear(body, giver=self._node)
            return news, self._clock.monotonic() - heard_at

    async def _fetch(self, held: AsyncExitStack) -> bytearray | None:
        """Returns the body of the peer's offer, or None when there is nothing new. Raises Unreachable.

        The place of a large body is held until `held` ends.
        """
        slow, self._large_within_s = self._clock.monotonic() < self._slow_until, None
        query = {"wait": f"{self._wait_s:g}"}
        have = compose_have(self._report_store.editions)
        if len(have) <= MAX_HAVE_LENGTH:
            query["have"] = have
            query["digests"] = compose_digests(self._some(self._report_store.digests))
        # nobody needs it compressed, and a few octets that expand to gigabytes would stop this process
        headers = {"Accept-Encoding": "identity"} | ({"If-None-Match": f'"{self._etag}"'} if self._etag else {})
        try:
            url = URL(self._url) / "v1" / "reports" % query
            async with (
                asyncio.timeout(self._wait_s + GRACE_S) as limit,
                self._session.get(url, headers=headers, allow_redirects=False, ssl=self._tls()) as response,
            ):
                if response.status == 304:
                    return None
                if response.status != 200:
                    raise Unreachable(f"HTTP {response.status}")
                enter = partial(self._enter, held, limit, slow=slow)
                body = await bounded(response.content, most_bytes=self._report_store.bounds.offer, enter=enter)
                if not slow:
                    self._slow_until = -math.inf
                self._etag = response.headers.get("ETag", "").strip('"')
                return body
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(f"{described(error)}{self._of_large(error)}") from error

    def _of_large(self, error: Exception) -> str:
        """Returns the sentence to add where a large body took too long.

        `timeout` alone is of a peer that says nothing.
        """
        if self._large_within_s is None or not isinstance(error, TimeoutError):
            return ""
        return (
            f": its answer has more than {SMALL_BYTES >> 20} MiB, and was not whole within {self._large_within_s:g} s"
        )

    async def _enter(self, held: AsyncExitStack, limit: asyncio.Timeout, *, slow: bool) -> None:
        """Waits for a place for a large body; its time is limited from then on, and the wait is no part of it."""
        limit.reschedule(None)
        await held.enter_async_context(self._report_store.room.place(slow=slow))
        if not slow:
            self._slow_until = self._clock.monotonic() + SLOW_FOR_S  # unless it is whole in time
        self._large_within_s = self._wait_s + GRACE_S if slow else PROMPT_S
        limit.reschedule(asyncio.get_running_loop().time() + self._large_within_s)

    def _some(self, digests: Digests) -> Digests:
        """Returns at most MOST_DIGESTS of the digests, chosen at random and sorted by node."""
        if len(digests) <= MOST_DIGESTS:
            return digests
        return {node: digests[node] for node in sorted(self._random.sample(sorted(digests), MOST_DIGESTS))}

    def _lost(self, error: Unreachable) -> float:
        self._failures += 1
        self._etag, self.trouble = "", str(error)
        self._counters.add("polls", outcome="failed")
        if not self._told and self._may_tell.take(self._clock.monotonic()):
            self._told = True
            what = "lost" if self._was_reached else "not reached yet"
            log.warning("peer %s %s: %s", self._node, what, error)
        return backoff_s(self._failures, coin=self._random.random())

    def _found(self) -> None:
        if self._failures and self._told:
            what = "found again" if self._was_reached else "reached"
            log.info("peer %s %s after %d failed polls", self._node, what, self._failures)
        self._failures, self._was_reached, self._told, self.trouble = 0, True, False, ""


def backoff_s(failures: int, *, coin: float) -> float:
    """Returns the pause after so many failures in a row: doubling up to a limit, half of it by chance."""
    longest = min(MAX_BACKOFF_S, MIN_BACKOFF_S * 2.0 ** min(failures - 1, 10))
    return longest * (1 + coin) / 2
