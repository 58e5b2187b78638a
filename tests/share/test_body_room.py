"""Large bodies of peers, over real sockets: two are held at once, and those that are slow keep nobody else's out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from gtm.health.belief import Belief
from gtm.health.report.bounds import Bounds
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, NodeName
from gtm.share.body_room import LARGE_AT_ONCE, SLOW_FOR_S
from gtm.share.bounded_http import SMALL_BYTES
from gtm.share.poller import open_share_session
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import Conversation, endpoint
from tests.fakes.peers import WatchedReportStore, no_pause, poller_of, report_store_of, serving, serving_handler

AMPLE_S = 20.0
WITHIN_S = 4.0
"""Less than the eight seconds that a poll may take, and much more than a large report needs."""
FRA = NodeName("fra")
UP = Verdict(Belief.UP, since=1_700_000_000.0, reason=Reason.OK, detail="x" * 150, read_at=1000.0)
LARGE = {CheckId(f"gtm.example.com/api/{number}"): UP for number in range(4_000)}
"""Their report has more than a megabyte."""

Story = Callable[[aiohttp.ClientSession, AsyncExitStack], Awaitable[None]]


def play(story: Story) -> None:
    async def staged() -> None:
        async with asyncio.timeout(AMPLE_S), open_share_session() as session, AsyncExitStack() as stack:
            await story(session, stack)

    asyncio.run(staged())


def large_fra() -> WatchedReportStore:
    """A peer whose offer needs a place."""
    fra = report_store_of("fra")
    fra.publish(LARGE)
    assert len(fra.offer().body) > SMALL_BYTES
    return fra


def stalls(body: bytes, go_on: asyncio.Event) -> Conversation:
    """Gives all of a body but its last octet, and that one when it is told to."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1])
            await writer.drain()
            await go_on.wait()
            writer.write(body[-1:])
            await writer.drain()

    return conversation


@asynccontextmanager
async def running(*polls: Awaitable[object]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(poll) for poll in polls]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # another task reads a socket meanwhile
        await asyncio.sleep(0.005)


@pytest.mark.slow
def test_peers_that_never_end_a_large_body_keep_nobody_else_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.share.poller.PROMPT_S", 0.5)

    async def story(session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        iad = report_store_of("iad", "fra", "sin", "gru")
        url = await stack.enter_async_context(serving(large_fra()))
        port = await stack.enter_async_context(endpoint(stalls(b" " * 3 * SMALL_BYTES, asyncio.Event())))
        silent = [poller_of(iad, f"http://127.0.0.1:{port}", session, name, sleep=no_pause) for name in ("sin", "gru")]
        await stack.enter_async_context(running(*(poller.run() for poller in silent)))
        await until(lambda: iad.room.is_full)
        async with asyncio.timeout(WITHIN_S):
            await poller_of(iad, url, session).poll()
        assert len(iad.book.by_node[FRA].report.votes) == len(LARGE)
        await until(lambda: iad.counters.count("polls", outcome="failed") >= LARGE_AT_ONCE)
        for _ in range(10):
            await asyncio.sleep(0.02)
            assert not iad.room.is_full, "those that are slow have one place between them"

    play(story)


@pytest.mark.slow
def test_the_wait_for_a_place_is_no_part_of_the_time_of_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.share.poller.GRACE_S", 0.5)

    async def story(session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        iad = report_store_of("iad", "fra")
        url = await stack.enter_async_context(serving(large_fra()))
        async with AsyncExitStack() as others:
            for _ in range(LARGE_AT_ONCE):
                await others.enter_async_context(iad.room.place(slow=False))
            poll = asyncio.create_task(poller_of(iad, url, session, wait_s=0.0).poll())
            done, _ = await asyncio.wait([poll], timeout=1.0)
            assert not done, "it waits for longer than a poll may take"
        await poll
        assert FRA in iad.book.by_node
        assert iad.counters.count("polls", outcome="failed") == 0

    play(story)


@pytest.mark.slow
def test_one_with_a_slow_line_is_heard_the_second_time_and_tried_as_others_are_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gtm.share.poller.PROMPT_S", 0.1)

    async def story(session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        iad, go_on, clock = report_store_of("iad", "fra"), asyncio.Event(), FakeClock()
        port = await stack.enter_async_context(endpoint(stalls(large_fra().offer().body, go_on)))
        poller = poller_of(iad, f"http://127.0.0.1:{port}", session, clock=clock)
        await poller.poll()
        assert iad.counters.count("polls", outcome="failed") == 1
        words = "timeout: its answer has more than 1 MiB, and was not whole within 0.1 s"
        assert caplog.messages == [f"peer fra not reached yet: {words}"]
        second = asyncio.create_task(poller.poll())
        done, _ = await asyncio.wait([second], timeout=0.3)
        assert not done, "it has as long as a poll"
        go_on.set()
        await second
        assert FRA in iad.book.by_node
        go_on.clear()
        clock.advance(SLOW_FOR_S)
        await poller.poll()
        assert iad.counters.count("polls", outcome="failed") == 2

    play(story)


@pytest.mark.slow
def test_large_answers_of_many_peers_are_held_two_at_a_time() -> None:
    body = b" " * (3 * SMALL_BYTES)

    class CountingDesk(WatchedReportStore):
        held, most = 0, 0

        async def hear(self, body: bytes | bytearray, *, giver: NodeName) -> bool:
            self.held += 1
            self.most = max(self.most, self.held)
            try:
                return await super().hear(body, giver=giver)
            finally:
                self.held -= 1

    async def story(session: aiohttp.ClientSession, _: AsyncExitStack) -> None:
        async def give(_: web.Request) -> web.Response:
            return web.Response(body=body)

        async with serving_handler(give) as url:
            like = report_store_of("iad", "fra")
            iad = CountingDesk(like._reporter, like._trusted, clock=FakeClock(), counters=like.counters)
            iad.bounds = Bounds(offer=4 * SMALL_BYTES)
            await asyncio.gather(*(poller_of(iad, url, session).poll() for _ in range(8)))
            assert iad.counters.count("reports_refused", peer="fra", reason="malformed") == 8
            assert iad.most == LARGE_AT_ONCE
            assert not iad.room.is_full

    play(story)
