"""What a peer's bytes may cost, however it cuts them; over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from gtm.share.answers import MAX_INTERIM
from gtm.share.poller import open_share_session
from tests.fakes.peers import longest_pause_s

LIMIT_S = 30.0
PAUSE_LIMIT_S = 0.5
HEAD = b"HTTP/1.1 200 OK\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKS = 20_000


def in_chunks(size: int, count: int) -> bytes:
    """A body in chunks of so many octets each."""
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n" % (size, b"x" * size) * count + b"0\r\n\r\n"


@asynccontextmanager
async def saying(answer: bytes, *, then_close: bool = True) -> AsyncIterator[str]:
    """Serves the same bytes to every request; gives the URL."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if not then_close:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), LIMIT_S))


async def body_of(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url) as response:
        return await response.read()


@pytest.mark.parametrize("then_close", [True, False])
@pytest.mark.parametrize(
    ("answer", "length"),
    [
        (in_chunks(1, CHUNKS), CHUNKS),
        (in_chunks(60_000, 40), 2_400_000),
        (HEAD + b"Content-Length: 3000000\r\n\r\n" + bytes(3_000_000), 3_000_000),
        (INTERIM * 2 + HEAD + b"Content-Length: 5\r\n\r\n12345", 5),
    ],
    ids=["chunks of one octet", "large chunks", "one piece", "after two interim answers"],
)
def test_a_body_comes_whole_however_it_is_cut(answer: bytes, length: int, then_close: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with saying(answer, then_close=then_close) as url, open_share_session() as session:
            assert len(await body_of(session, url)) == length

    play(story)


def test_a_body_that_ends_with_its_connection_comes_whole() -> None:
    async def story() -> None:
        answer = HEAD + b"Connection: close\r\n\r\n" + bytes(3_000_000)
        async with saying(answer) as url, open_share_session() as session:
            assert len(await body_of(session, url)) == 3_000_000

    play(story)


def test_interim_answers_without_end_are_no_answer() -> None:
    async def story() -> None:
        for count in (MAX_INTERIM + 1, 20_000):
            answer = INTERIM * count + HEAD + b"Content-Length: 0\r\n\r\n"
            async with saying(answer, then_close=False) as url, open_share_session() as session:
                with pytest.raises(aiohttp.ClientResponseError, match="interim answers"):
                    await body_of(session, url)

    play(story)


@pytest.mark.slow
@pytest.mark.alone
def test_many_bodies_in_chunks_of_one_octet_leave_the_loop_to_others() -> None:
    async def story() -> None:
        async with saying(in_chunks(1, 2 * CHUNKS)) as url, open_share_session() as session:
            tasks = [asyncio.create_task(body_of(session, url)) for _ in range(40)]
            pause_s = await longest_pause_s(until=lambda: all(task.done() for task in tasks))
            assert {len(task.result()) for task in tasks} == {2 * CHUNKS}
        assert pause_s < PAUSE_LIMIT_S

    play(story)
