import asyncio
import logging
from pathlib import Path

import pytest
from aiohttp import web

from gtm.admin.app import open_admin
from tests.admin.served import Served
from tests.node.present import until


async def exchange(port: int) -> tuple[bytes, asyncio.StreamWriter]:
    """Asks for /livez and leaves the connection open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    return await reader.readline(), writer


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def test_one_connection_too_many_is_turned_away_and_the_next_is_not_once_there_is_room(tmp_path: Path) -> None:
    served, refused = Served(tmp_path), []

    async def reports(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async def story() -> None:
        runner = await open_admin("127.0.0.1", 0, served.subject, reports, most=2, on_refused=lambda: refused.append(1))
        port = runner.addresses[0][1]
        try:
            async with until():
                (first, one), (second, two) = await exchange(port), await exchange(port)
                assert (first, second) == (b"HTTP/1.1 200 OK\r\n",) * 2
                third, three = await exchange(port)
                assert third == b"HTTP/1.1 503 Service Unavailable\r\n"
                assert len(refused) == 1
                await close(three)
                await close(one)
                words = b""
                while words != b"HTTP/1.1 200 OK\r\n":  # the server hears of the end a turn of its loop later
                    words, again = await exchange(port)
                    await close(again)
                await close(two)
        finally:
            await runner.cleanup()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("wire", "refusals"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", [("none", 400)]),
        (b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n", [("none", 400)]),
        (
            b"POST /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"  # noqa: ISC004
            b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\njunk",
            [("other", 405)],
        ),
        (b"GET /v1/explain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", [("/v1/explain", 400)]),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []),
    ],
)
def test_what_strangers_say_is_counted_and_is_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wire: bytes, refusals: list[tuple[str, int]]
) -> None:
    served, refused = Served(tmp_path), []

    async def reports(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1", 0, served.subject, reports, on_refusal=lambda path, status: refused.append((path, status))
        )
        try:
            async with until():
                reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
                writer.write(wire)
                await reader.read()
                await close(writer)
        finally:
            await runner.cleanup()

    with caplog.at_level(logging.DEBUG, logger="aiohttp"):
        asyncio.run(story())
    assert refused == refusals
    assert not [line for line in caplog.records if line.name.startswith("aiohttp")]


@pytest.mark.slow
def test_who_connects_and_asks_nothing_is_hung_up_on_and_who_asked_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.admin.limit.HEAD_S", 0.1)
    served, refused = Served(tmp_path), []

    async def reports(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1", 0, served.subject, reports, on_refusal=lambda path, status: refused.append((path, status))
        )
        port = runner.addresses[0][1]
        try:
            async with until():
                answers, asked = await asyncio.open_connection("127.0.0.1", port)
                asked.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                await answers.readuntil(b"200 OK")
                silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
                silent[1][1].write(b"GET /livez HTTP/1.1\r\nHost: ")
                for reader, writer in silent:
                    assert await reader.read() == b"", "it was hung up"
                    await close(writer)
                assert refused == [("none", 408)] * 3
                asked.write(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
                await answers.readuntil(b"404 Not Found")
                assert refused[3:] == [("other", 404)]
                await close(asked)
        finally:
            await runner.cleanup()

    asyncio.run(story())
