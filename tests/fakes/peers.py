"""Peers: real desks behind real HTTP servers on loopback."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random

import aiohttp
from aiohttp import web

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.report.signature import Keys, PrivateKey
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, NodeName, VantageName
from gtm.share.handler import handle_reports
from gtm.share.poller import WAIT_S, Poller
from gtm.share.refusals import OnRefused, ignore_refusal
from gtm.share.report_store import Reporter, ReportStore
from gtm.tls.peers import ChosenTls, system_tls
from tests.fakes.clock import FakeClock

CHECK = CheckId("gtm.example.com/api/192.0.2.20")


def key_of(node: str) -> PrivateKey:
    """A key that is the node's and no other's, the same in every run."""
    return PrivateKey(node.encode().ljust(32, b".")[:32])


class WatchedReportStore(ReportStore):
    """A store that tells the test when someone waits for its news."""

    def __init__(
        self,
        reporter: Reporter,
        peers: Mapping[NodeName, Keys],
        *,
        clock: FakeClock,
        counters: Counters,
        gives_deltas: bool = True,
        on_refused: OnRefused = ignore_refusal,
    ) -> None:
        super().__init__(
            reporter, peers, clock=clock, counters=counters, gives_deltas=gives_deltas, on_refused=on_refused
        )
        self.counters = counters
        self.waited_on = asyncio.Event()

    async def wait_for_news(self, seen: int) -> int:
        self.waited_on.set()
        return await super().wait_for_news(seen)


def report_store_of(
    node: str,
    *peers: str,
    clock: FakeClock | None = None,
    epoch: int = 1,
    gives_deltas: bool = True,
    on_refused: OnRefused = ignore_refusal,
) -> WatchedReportStore:
    """A store that trusts these peers."""
    reporter = Reporter(NodeName(node), VantageName(f"at-{node}"), key_of(node), epoch)
    trusted = {NodeName(peer): key_of(peer).public for peer in peers}
    return WatchedReportStore(
        reporter,
        trusted,
        clock=clock or FakeClock(),
        counters=Counters(),
        gives_deltas=gives_deltas,
        on_refused=on_refused,
    )


def poller_of(  # one argument for each thing that a test may want of a poller
    report_store: WatchedReportStore,
    url: str,
    session: aiohttp.ClientSession,
    node: str = "fra",
    *,
    wait_s: float = WAIT_S,
    clock: FakeClock | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    tls: ChosenTls = system_tls,
) -> Poller:
    """A poller of this node at a URL, for a store."""
    return Poller(
        NodeName(node),
        url,
        report_store,
        session,
        clock=clock or FakeClock(),
        counters=report_store.counters,
        random=Random(1),
        sleep=sleep,
        wait_s=wait_s,
        tls=tls,
    )


async def no_pause(_: float) -> None:
    """Sleeps as short as the loop lets it, whatever is asked."""
    await asyncio.sleep(0.001)


async def longest_pause_s(*, until: Callable[[], bool]) -> float:
    """For how long the event loop was held at the most, until something holds; who calls has a timeout over it."""
    longest_s, before = 0.0, time.monotonic()
    while not until():  # the pauses are what is measured
        await asyncio.sleep(0.001)
        longest_s, before = max(longest_s, time.monotonic() - before), time.monotonic()
    return longest_s


def believing(belief: Belief) -> Mapping[CheckId, Verdict]:
    """Verdicts on CHECK, read just now by a FakeClock that was not moved."""
    reason = Reason.OK if belief is Belief.UP else Reason.REFUSED
    return {CHECK: Verdict(belief, since=1_700_000_000.0, reason=reason, read_at=1000.0)}


@asynccontextmanager
async def serving(report_store: ReportStore, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves a store as the admin listener would; gives its URL."""

    async def handle(request: web.Request) -> web.Response:
        return await handle_reports(request, report_store)

    async with serving_handler(handle, tls=tls) as url:
        try:
            yield url
        finally:
            report_store.close()


@asynccontextmanager
async def serving_handler(
    handle: object, *, method: str = "GET", path: str = "/v1/reports", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serves one path by any handler; gives its URL."""
    app = web.Application()
    app.router.add_route(method, path, handle)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
