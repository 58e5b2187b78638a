"""Desks that hear each other over real HTTP on loopback."""

import asyncio
import gzip
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import ClassVar

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.report.bounds import Bounds
from gtm.health.report.peer import PeerState
from gtm.ids import NodeName
from gtm.share.poller import (
    MAX_BACKOFF_S,
    MIN_BACKOFF_S,
    TAKING_SHARE,
    Poller,
    backoff_s,
    open_share_session,
)
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import closed_port, drips, endpoint, hangs, resets, says
from tests.fakes.peers import (
    CHECK,
    WatchedReportStore,
    believing,
    longest_pause_s,
    no_pause,
    poller_of,
    report_store_of,
    serving,
    serving_handler,
)

AMPLE_S = 20.0
PAUSE_LIMIT_S = 0.25
"""For which the event loop may be held: much less than /livez waits, and much more than a busy machine's pauses."""
IAD, FRA, SIN = NodeName("iad"), NodeName("fra"), NodeName("sin")


class Mesh:
    """Desks behind servers, and pollers between them."""

    def __init__(self, stack: AsyncExitStack, session: aiohttp.ClientSession) -> None:
        self._stack = stack
        self._session = session
        self._urls: dict[WatchedReportStore, str] = {}

    async def serve(self, report_store: WatchedReportStore) -> str:
        self._urls[report_store] = await self._stack.enter_async_context(serving(report_store))
        return self._urls[report_store]

    def poller(
        self,
        report_store: WatchedReportStore,
        url: str,
        node: NodeName = FRA,
        *,
        wait_s: float = 5.0,
        clock: FakeClock | None = None,
    ) -> Poller:
        return poller_of(report_store, url, self._session, node, wait_s=wait_s, clock=clock, sleep=no_pause)

    def hear(self, report_store: WatchedReportStore, other: WatchedReportStore, node: NodeName) -> asyncio.Task[None]:
        """Lets one store poll another until the end of the story."""
        task = asyncio.create_task(self.poller(report_store, self._urls[other], node).run())

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._stack.push_async_callback(stop)
        return task


def play(story: Callable[[Mesh], Awaitable[None]]) -> None:
    async def staged() -> None:
        async with asyncio.timeout(AMPLE_S), open_share_session() as session, AsyncExitStack() as stack:
            await story(Mesh(stack, session))

    asyncio.run(staged())


async def until(report_store: WatchedReportStore, holds: Callable[[], bool]) -> None:
    """Waits for news until something holds."""
    while not holds():
        await report_store.wait_for_news(report_store.version)


def belief(report_store: WatchedReportStore, node: NodeName) -> Belief:
    heard = report_store.book.by_node.get(node)
    return heard.report.votes[CHECK].belief if heard and CHECK in heard.report.votes else Belief.UNKNOWN


def test_a_change_crosses_in_one_long_poll() -> None:
    async def story(mesh: Mesh) -> None:
        fra, iad = report_store_of("fra"), report_store_of("iad", "fra")
        fra.publish(believing(Belief.UP))
        poller = mesh.poller(iad, await mesh.serve(fra))
        await poller.poll()
        assert belief(iad, FRA) is Belief.UP
        poll = asyncio.create_task(poller.poll())
        await fra.waited_on.wait()
        fra.publish(believing(Belief.DOWN))
        assert await poll == 0.0, "there was news: ask again at once"
        assert belief(iad, FRA) is Belief.DOWN
        assert iad.counters.count("polls", outcome="news") == 2

    play(story)


def test_nothing_new_is_a_quiet_poll() -> None:
    async def story(mesh: Mesh) -> None:
        fra, iad = report_store_of("fra"), report_store_of("iad", "fra")
        fra.publish({})
        poller = mesh.poller(iad, await mesh.serve(fra), wait_s=0.01)
        assert await poller.poll() == 0.0
        assert await poller.poll() > 0.0, "the clock stands still: this looked like an answer at once"
        assert iad.counters.count("polls", outcome="quiet") == 1
        assert iad.counters.count("reports_heard") == 1

    play(story)


def test_three_nodes_hear_each_other_through_the_one_in_the_middle() -> None:
    async def story(mesh: Mesh) -> None:
        fra, iad, sin = (
            report_store_of("fra", "iad", "sin"),
            report_store_of("iad", "fra", "sin"),
            report_store_of("sin", "fra", "iad"),
        )
        for report_store in (fra, iad, sin):
            await mesh.serve(report_store)
        for report_store, other, node in ((fra, iad, IAD), (iad, fra, FRA), (iad, sin, SIN), (sin, iad, IAD)):
            mesh.hear(report_store, other, node)
        fra.publish(believing(Belief.UP))
        sin.publish(believing(Belief.DOWN))
        iad.publish(believing(Belief.UP))
        await until(fra, lambda: belief(fra, SIN) is Belief.DOWN)
        await until(sin, lambda: belief(sin, FRA) is Belief.UP)
        sin.publish(believing(Belief.UP))
        await until(fra, lambda: belief(fra, SIN) is Belief.UP)
        for report_store in (fra, iad, sin):
            await until(report_store, lambda report_store=report_store: len(report_store.book.by_node) == 3)  # type: ignore[misc]

    play(story)


def test_a_peer_that_is_gone_holds_up_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    async def story(mesh: Mesh) -> None:
        fra, iad = report_store_of("fra"), report_store_of("iad", "fra", "sin")
        await mesh.serve(fra)
        async with endpoint(hangs) as silent:
            gone = mesh.poller(iad, f"http://127.0.0.1:{closed_port()}", SIN)
            hung = mesh.poller(iad, f"http://127.0.0.1:{silent}", SIN)
            tasks = [asyncio.create_task(poller.run()) for poller in (gone, hung)]
            heard = mesh.hear(iad, fra, FRA)
            for turn in range(5):
                fra.publish(believing(Belief.UP if turn % 2 else Belief.DOWN))
                await until(iad, lambda turn=turn: iad.book.editions.get(FRA, (0, 0))[1] == turn + 1)  # type: ignore[misc]
            assert not heard.done()
            for task in tasks:
                assert not task.done()
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    caplog.set_level(logging.INFO)
    play(story)
    assert caplog.messages == ["peer sin not reached yet: Connection refused"]


def test_losing_and_finding_a_peer_is_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    working = [False]

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=b'{"reports":[]}') if working[0] else web.Response(status=503)

    async def story(mesh: Mesh) -> None:
        async with serving_handler(handle) as url:
            poller = mesh.poller(report_store_of("iad", "fra"), url.replace("//", "//operator:hunter2@"))
            pauses = [await poller.poll() for _ in range(6)]
            states = [poller.state]
            assert poller.trouble == "HTTP 503"
            assert MIN_BACKOFF_S / 2 <= pauses[0] < pauses[2] < pauses[3] <= MAX_BACKOFF_S
            for works in (True, True, False, False, True):
                working[0] = works
                await poller.poll()
                states.append(poller.state)
            unreached, heard, lost = PeerState.UNREACHED, PeerState.HEARD, PeerState.LOST
            assert states == [unreached, heard, heard, lost, lost, heard]
            assert poller.trouble == ""

    play(story)
    assert caplog.messages == [
        "peer fra not reached yet: HTTP 503",
        "peer fra reached after 6 failed polls",
        "peer fra lost: HTTP 503",
        "peer fra found again after 2 failed polls",
    ]


@pytest.mark.parametrize(
    ("conversation", "message"),
    [
        (hangs, "timeout"),
        (resets, "Connection reset by peer"),
        (says(b""), "it hung up without an answer"),
        (says(b"garbage\r\n\r\n"), "ClientResponseError"),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"), "HTTP 302"),
        (drips(b'{"reports":['), "timeout"),
    ],
)
def test_a_peer_that_misbehaves_is_lost_and_no_more(
    conversation: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("gtm.share.poller.GRACE_S", 0.05)

    async def story(mesh: Mesh) -> None:
        async with endpoint(conversation) as port:
            iad = report_store_of("iad", "fra")
            assert await mesh.poller(iad, f"http://127.0.0.1:{port}", wait_s=0.0).poll() > 0.0
            assert iad.counters.snapshot() == {'polls{outcome="failed"}': 1}

    play(story)
    [line] = caplog.messages
    assert line.startswith("peer fra not reached yet: ")
    assert message in line


def test_an_answer_without_end_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    async def story(mesh: Mesh) -> None:
        iad = report_store_of("iad")
        iad.bounds = Bounds(offer=1000)
        async with endpoint(drips(b"x" * 2000)) as port:
            await mesh.poller(iad, f"http://127.0.0.1:{port}").poll()

    play(story)
    assert caplog.messages == ["peer fra not reached yet: an answer of more than 1000 bytes"]


def test_a_peer_whose_reports_take_long_to_read_is_asked_less_often() -> None:
    clock = FakeClock()

    class SlowDesk(WatchedReportStore):
        def take(self, body: bytes | bytearray, *, giver: NodeName) -> bool:
            clock.advance(0.2)
            return super().take(body, giver=giver)

    async def story(mesh: Mesh) -> None:
        fra, like = report_store_of("fra"), report_store_of("iad", "fra")
        fra.publish(believing(Belief.UP))
        iad = SlowDesk(like._reporter, like._trusted, clock=clock, counters=like.counters)
        pause_s = await mesh.poller(iad, await mesh.serve(fra), clock=clock).poll()
        assert 0.2 / (pause_s + 0.2) == pytest.approx(TAKING_SHARE)

    play(story)


def test_a_compressed_answer_is_not_expanded() -> None:
    class MeasuringDesk(WatchedReportStore):
        sizes: ClassVar[list[int]] = []

        def take(self, body: bytes | bytearray, *, giver: NodeName) -> bool:
            self.sizes.append(len(body))
            return super().take(body, giver=giver)

    async def story(mesh: Mesh) -> None:
        async def bomb(request: web.Request) -> web.Response:
            assert request.headers["Accept-Encoding"] == "identity"
            return web.Response(body=gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"})

        async with serving_handler(bomb) as url:
            like = report_store_of("iad", "fra")
            iad = MeasuringDesk(like._reporter, like._trusted, clock=FakeClock(), counters=like.counters)
            await mesh.poller(iad, url).poll()
            assert iad.counters.count("reports_refused", peer="fra", reason="malformed") == 1
            assert max(iad.sizes) < 1 << 12

    play(story)


def test_an_url_that_makes_no_sense_is_a_peer_that_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    async def story(mesh: Mesh) -> None:
        for url in ("ftp://operator:hunter2@x", "http://[::1", "nonsense"):
            assert await mesh.poller(report_store_of("iad"), url).poll() > 0.0

    play(story)
    assert len(caplog.messages) == 3
    assert "hunter2" not in caplog.text


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_pause_grows_to_a_limit_and_is_never_nothing(failures: int, coin: float) -> None:
    pause_s = backoff_s(failures, coin=coin)
    assert MIN_BACKOFF_S / 2 <= pause_s <= MAX_BACKOFF_S
    assert pause_s <= backoff_s(failures + 1, coin=1.0)


@pytest.mark.slow
@pytest.mark.alone
def test_the_loop_goes_on_while_a_large_answer_is_read() -> None:
    keys = b",".join(b'"k%d":1' % number for number in range(400_000))
    signed = json.dumps({"payload": "x" * 3_000_000, "key": "ed25519:AA", "signature": "A" * 86 + "=="}).encode()
    bodies = [b'{"reports":[],%s}' % keys, b'{"reports":[%s]}' % b",".join([signed] * 2), b" " * 20_000_000]

    async def story(mesh: Mesh) -> None:
        async def give(_: web.Request) -> web.Response:
            return web.Response(body=bodies[0])

        async with serving_handler(give) as url:
            iad = report_store_of("iad", "fra")
            poller = mesh.poller(iad, url)
            while bodies:
                poll = asyncio.create_task(poller.poll())
                assert await longest_pause_s(until=poll.done) < PAUSE_LIMIT_S
                await poll
                bodies.pop(0)
            counted = iad.counters.snapshot()
            assert counted['reports_refused{peer="fra",reason="malformed"}'] == 1
            assert counted['reports_refused{peer="fra",reason="unknown_reporter"}'] == 2
            assert counted['polls{outcome="failed"}'] == 1, "more than any mesh of two can need"

    play(story)
