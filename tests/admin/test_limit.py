import asyncio
import json
import logging
import ssl
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from gtm.admin.app import open_admin
from gtm.admin.connection import Patience
from gtm.admin.crowd import Limits
from gtm.admin.limit import LimitedRunner
from gtm.share.tls import TlsFiles, server_tls
from tests.admin.served import Served
from tests.fakes.certificates import Authority
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


class Drops(Counter[str]):
    """Counts why connections were ended; `any` is set with the first."""

    def __init__(self) -> None:
        super().__init__()
        self.any = asyncio.Event()

    def __call__(self, reason: str) -> None:
        self[reason] += 1
        self.any.set()


async def no_reports(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def test_one_connection_too_many_is_turned_away_while_the_others_are_busy(tmp_path: Path) -> None:
    served, refused, answered = Served(tmp_path), [], asyncio.Event()

    async def held_back(_request: web.Request) -> web.StreamResponse:
        await answered.wait()
        return web.Response(text="at last")

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1", 0, served.subject, held_back, limits=Limits(2, 2, 2), on_refused=lambda: refused.append(1)
        )
        port = runner.addresses[0][1]
        try:
            async with until():
                polls = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
                for _reader, writer in polls:
                    writer.write(b"GET /v1/reports HTTP/1.1\r\nHost: x\r\n\r\n")
                while len(served_busy(runner)) < 2:  # noqa: ASYNC110  # it is this loop that serves
                    await asyncio.sleep(0)
                reader, three = await asyncio.open_connection("127.0.0.1", port)
                three.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
                assert "too many connections" in json.loads(body)["error"]
                assert len(refused) == 1
                await close(three)
                answered.set()
                for reader, _writer in polls:
                    await reader.readuntil(b"at last")
                words, four = await exchange(port)
                assert words == b"HTTP/1.1 200 OK\r\n", "who asks nothing any more makes room"
                assert len(refused) == 1
                for writer in (four, *(writer for _reader, writer in polls)):
                    writer.transport.abort()
        finally:
            await runner.cleanup()

    asyncio.run(story())


def served_busy(runner: web.AppRunner) -> list[object]:
    assert isinstance(runner, LimitedRunner)
    return [guest for guests in runner.crowd._busy.values() for guest in guests]


def test_who_connects_and_asks_nothing_makes_room_for_who_asks(tmp_path: Path) -> None:
    served, dropped = Served(tmp_path), Drops()

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1", 0, served.subject, no_reports, limits=Limits(9, 9, 4), on_dropped=dropped
        )
        port = runner.addresses[0][1]
        try:
            async with until():
                silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
                words, asking = await exchange(port)
                assert words == b"HTTP/1.1 200 OK\r\n"
                for reader, _writer in silent[:16]:
                    with suppress(ConnectionResetError):
                        assert await reader.read() == b""
                assert dropped == {"room": 17}
                for writer in (asking, *(writer for _reader, writer in silent)):
                    writer.transport.abort()
        finally:
            await runner.cleanup()

    asyncio.run(story())


def tls_of(tmp_path: Path) -> ssl.SSLContext:
    return server_tls(TlsFiles(Authority(tmp_path).issue("127.0.0.1")))


def test_a_handshake_that_does_not_end_is_counted_and_is_given_up(tmp_path: Path) -> None:
    served, dropped = Served(tmp_path), Drops()

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1",
            0,
            served.subject,
            no_reports,
            tls=tls_of(tmp_path),
            limits=Limits(4, 4, 4),
            patience=Patience(handshake_s=0.2),
            on_dropped=dropped,
        )
        assert isinstance(runner, LimitedRunner)
        try:
            async with until():
                began = [await asyncio.open_connection("127.0.0.1", runner.addresses[0][1]) for _ in range(12)]
                while dropped["room"] < 8:
                    assert len(runner.crowd) <= 4
                    await asyncio.sleep(0)
                for reader, writer in began:
                    with suppress(ConnectionResetError):
                        assert await reader.read() == b""
                    await close(writer)
                assert dropped == {"room": 8, "handshake": 4}
                assert (len(runner.crowd), len(runner._connections)) == (0, 0)
        finally:
            await runner.cleanup()

    asyncio.run(story())


@pytest.mark.parametrize("with_tls", [False, True])
def test_who_does_not_read_is_hung_up_on(tmp_path: Path, *, with_tls: bool) -> None:
    served, dropped = Served(tmp_path), Drops()

    async def endless(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(32 * 1024 * 1024))

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1",
            0,
            served.subject,
            endless,
            tls=tls_of(tmp_path) if with_tls else None,
            patience=Patience(unread_s=0.1, look_s=0.05),
            on_dropped=dropped,
        )
        assert isinstance(runner, LimitedRunner)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        try:
            async with until():
                _reader, writer = await asyncio.open_connection(
                    "127.0.0.1", runner.addresses[0][1], ssl=trusting if with_tls else None, limit=1024
                )
                writer.write(b"GET /v1/reports HTTP/1.1\r\nHost: x\r\n\r\n")
                await dropped.any.wait()
                assert dropped == {"unread": 1}
                writer.transport.abort()
        finally:
            await runner.cleanup()
        assert not runner._connections

    asyncio.run(story())


def test_unread_answers_are_bounded_together_and_the_slowest_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.admin.limit.MAX_UNREAD_BYTES", 24 * 1024 * 1024)
    served, dropped = Served(tmp_path), Drops()

    async def large(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(16 * 1024 * 1024))

    async def story() -> None:
        runner = await open_admin("127.0.0.1", 0, served.subject, large, on_dropped=dropped)
        try:
            async with until():
                opened = []
                for _ in range(4):
                    opened.append(await asyncio.open_connection("127.0.0.1", runner.addresses[0][1], limit=1024))
                    opened[-1][1].write(b"GET /v1/reports HTTP/1.1\r\nHost: x\r\n\r\n")
                    await opened[-1][0].readuntil(b"\r\n\r\n")
                await dropped.any.wait()
                newest = opened[-1][0]
                assert len(await newest.readexactly(16 * 1024 * 1024)) == 16 * 1024 * 1024, "who reads gets all of it"
                for _reader, writer in opened:
                    writer.transport.abort()
        finally:
            await runner.cleanup()

    asyncio.run(story())
    assert set(dropped) == {"unread"}


def test_costly_answers_are_composed_one_after_the_other_and_one_that_hangs_gives_its_turn_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.turns.TURN_S", 0.05)
    served, hanging, at_once = Served(tmp_path), asyncio.Event(), Counter[str]()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await hanging.wait()
        return web.Response()

    async def compose(_request: web.Request) -> web.StreamResponse:
        at_once["now"] += 1
        at_once["most"] = max(at_once["most"], at_once["now"])
        await asyncio.sleep(0.001)
        at_once["now"] -= 1
        return web.Response()

    async def story() -> None:
        more = [web.get("/hang", hang), web.get("/compose", compose)]
        runner = await open_admin("127.0.0.1", 0, served.subject, no_reports, more=more)
        try:
            async with until():
                opened = []
                for path in (b"/hang", *[b"/compose"] * 8):
                    opened.append(await asyncio.open_connection("127.0.0.1", runner.addresses[0][1]))
                    opened[-1][1].write(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
                for reader, _writer in opened[1:]:
                    await reader.readuntil(b"200 OK")
                assert at_once["most"] == 1
                words, asking = await exchange(runner.addresses[0][1])
                assert words == b"HTTP/1.1 200 OK\r\n"
                hanging.set()
                await opened[0][0].readuntil(b"200 OK")
                for writer in (asking, *(writer for _reader, writer in opened)):
                    await close(writer)
        finally:
            await runner.cleanup()

    asyncio.run(story())


def test_who_asks_again_and_again_over_one_connection_leaves_half_of_the_time(tmp_path: Path) -> None:
    served, times, took_s = Served(tmp_path), [], 0.005

    async def compose(_request: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        while time.monotonic() - began < took_s:
            pass
        times.append(began)
        return web.Response()

    async def story() -> None:
        runner = await open_admin("127.0.0.1", 0, served.subject, no_reports, more=[web.get("/compose", compose)])
        try:
            async with until():
                reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
                writer.write(b"GET /compose HTTP/1.1\r\nHost: localhost\r\n\r\n" * 5)
                for _ in range(5):
                    await reader.readuntil(b"200 OK")
                await close(writer)
        finally:
            await runner.cleanup()

    asyncio.run(story())
    assert min(after - before for before, after in pairwise(times)) >= 2 * took_s


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
        (b"GET /v1/explain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", [("/v1/explain", 400)]),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", []),
    ],
)
def test_what_strangers_say_is_counted_and_is_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wire: bytes, refusals: list[tuple[str, int]]
) -> None:
    served, refused = Served(tmp_path), []

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1", 0, served.subject, no_reports, on_refusal=lambda path, status: refused.append((path, status))
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
    tmp_path: Path,
) -> None:
    served, refused = Served(tmp_path), []

    async def story() -> None:
        runner = await open_admin(
            "127.0.0.1",
            0,
            served.subject,
            no_reports,
            on_refusal=lambda path, status: refused.append((path, status)),
            patience=Patience(head_s=0.1, look_s=0.05),
        )
        port = runner.addresses[0][1]
        try:
            async with until():
                answers, asked = await asyncio.open_connection("127.0.0.1", port)
                asked.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                await answers.readuntil(b"200 OK")
                silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
                silent[1][1].write(b"GET /livez HTTP/1.1\r\nHost: ")
                second_head = await asyncio.open_connection("127.0.0.1", port)
                second_head[1].write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                await second_head[0].readuntil(b"200 OK")
                second_head[1].write(b"GET /livez HTTP/1.1\r\nHost: ")
                silent.append(second_head)
                for reader, writer in silent:
                    assert (await reader.read()).endswith((b"", b"true}")), "it was hung up"
                    await close(writer)
                assert refused == [("none", 408)] * 4
                asked.write(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
                await answers.readuntil(b"404 Not Found")
                assert refused[4:] == [("other", 404)]
                await close(asked)
        finally:
            await runner.cleanup()

    asyncio.run(story())
