import asyncio
import json
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from gtm.admin.access import READERS
from gtm.admin.app import DEFAULT_LIMITS, open_admin
from gtm.admin.connection import Patience
from gtm.admin.connection_limit import Limits
from gtm.admin.routes import Handler, Route
from gtm.admin.server import LimitedRunner
from gtm.tls.peers import TlsFiles, server_tls
from tests.admin.served import Served
from tests.fakes.certificates import Authority
from tests.node.present import until


def get(path: str, *, host: str = "localhost") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def no_reports(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


class HeldBack:
    """A long poll."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()

    async def handle(self, _request: web.Request) -> web.StreamResponse:
        await self.answered.wait()
        return web.Response(text="at last")


class Listening:
    """The admin listener of a node. Its state is who is connected, and what was counted."""

    def __init__(self) -> None:
        self.runner: LimitedRunner
        self.turned_away = 0
        self.dropped = Counter[str]()
        """Why connections were ended."""
        self.any_dropped = asyncio.Event()
        self.refusals: list[tuple[str, int]] = []
        self.opened: list[asyncio.StreamWriter] = []

    def turn_away(self) -> None:
        self.turned_away += 1

    def drop(self, reason: str) -> None:
        self.dropped[reason] += 1
        self.any_dropped.set()

    async def wait_for_busy(self, count: int) -> None:
        while sum(map(len, self.runner.crowd._busy.values())) < count:  # noqa: ASYNC110  # this loop serves, too
            await asyncio.sleep(0)

    async def connect(
        self, wire: bytes = b"", *, tls: ssl.SSLContext | None = None, source: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Says something, and reads nothing; it holds little of what comes."""
        port = self.runner.addresses[0][1]
        opened = await asyncio.open_connection("127.0.0.1", port, ssl=tls, limit=1024, local_addr=(source, 0))
        opened[1].write(wire)
        self.opened.append(opened[1])
        return opened

    async def ask_livez(self, *, source: str = "127.0.0.1") -> bytes:
        """Gives the first line of the answer, and leaves the connection open."""
        reader, _writer = await self.connect(get("/livez"), source=source)
        return await reader.readline()


@asynccontextmanager
async def listening(
    tmp_path: Path,
    reports: Handler = no_reports,
    *,
    more: Sequence[Route] = (),
    tls: ssl.SSLContext | None = None,
    limits: Limits = DEFAULT_LIMITS,
    patience: Patience | None = None,
) -> AsyncIterator[Listening]:
    """Listens for the block, which has ten seconds."""
    found = Listening()
    runner = await open_admin(
        "127.0.0.1",
        0,
        (*Served(tmp_path).routes(reports), *more),
        tls=tls,
        limits=limits,
        patience=patience,
        on_refused=found.turn_away,
        on_dropped=found.drop,
        on_refusal=lambda path, status: found.refusals.append((path, status)),
    )
    assert isinstance(runner, LimitedRunner)
    found.runner = runner
    try:
        async with until():
            yield found
    finally:
        for writer in found.opened:
            writer.transport.abort()
        await runner.cleanup()


def test_one_connection_too_many_is_turned_away_while_the_others_are_busy(tmp_path: Path) -> None:
    held_back = HeldBack()

    async def story() -> None:
        async with listening(tmp_path, held_back.handle, limits=Limits(2, 2, 2)) as node:
            polls = [await node.connect(get("/v1/reports")) for _ in range(2)]
            await node.wait_for_busy(2)
            reader, three = await node.connect(get("/livez"))
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
            assert "too many connections" in json.loads(body)["error"]
            assert node.turned_away == 1
            await close(three)
            held_back.answered.set()
            for reader, _writer in polls:
                await reader.readuntil(b"at last")
            assert await node.ask_livez() == b"HTTP/1.1 200 OK\r\n", "who asks nothing any more makes room"
            assert node.turned_away == 1

    asyncio.run(story())


def test_behind_one_address_a_crowd_that_asks_nothing_leaves_peer_and_person_in_peace(tmp_path: Path) -> None:
    held_back = HeldBack()

    async def story() -> None:
        async with listening(tmp_path, held_back.handle, limits=Limits(9, 9, 4)) as node:
            news, _peer = await node.connect(get("/v1/reports"))
            await node.wait_for_busy(1)
            silent = [await node.connect() for _ in range(20)]
            assert await node.ask_livez() == b"HTTP/1.1 200 OK\r\n"
            for reader, _writer in silent[:16]:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
            assert node.dropped == {"room": 18}
            held_back.answered.set()
            assert await news.readuntil(b"at last")

    asyncio.run(story())


def test_short_polls_of_a_few_addresses_keep_nobody_out_who_has_fewer(tmp_path: Path) -> None:
    held_back = HeldBack()

    async def story() -> None:
        async with listening(tmp_path, held_back.handle, limits=Limits(7, 3, 3)) as node:
            for source in ("127.0.0.9", *["127.0.0.2"] * 3, *["127.0.0.3"] * 3):
                await node.connect(get("/v1/reports"), source=source)
            await node.wait_for_busy(7)
            assert (await node.ask_livez(source="127.0.0.3"))[9:12] == b"503"
            assert not node.dropped
            assert (await node.ask_livez(source="127.0.0.4"))[9:12] == b"200"
            assert node.dropped == {"room": 1}
            assert len(node.runner.crowd._busy["127.0.0.9"]) == 1, "the peer that has one stays"
            held_back.answered.set()

    asyncio.run(story())


def tls_of(tmp_path: Path) -> ssl.SSLContext:
    return server_tls(TlsFiles(Authority(tmp_path).issue("127.0.0.1")))


def test_a_handshake_that_does_not_end_is_counted_and_is_given_up(tmp_path: Path) -> None:
    async def story() -> None:
        patience = Patience(handshake_s=0.2)
        async with listening(tmp_path, tls=tls_of(tmp_path), limits=Limits(4, 4, 4), patience=patience) as node:
            began = [await node.connect() for _ in range(12)]
            while node.dropped["room"] < 8:
                assert len(node.runner.crowd) <= 4
                await asyncio.sleep(0)
            for reader, writer in began:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
                await close(writer)
            assert node.dropped == {"room": 8, "handshake": 4}
            assert (len(node.runner.crowd), len(node.runner._connections)) == (0, 0)

    asyncio.run(story())


@pytest.mark.parametrize("with_tls", [False, True])
def test_who_does_not_read_is_hung_up_on(tmp_path: Path, *, with_tls: bool) -> None:
    async def endless(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(16 * 1024 * 1024))

    async def story() -> None:
        tls, patience = tls_of(tmp_path) if with_tls else None, Patience(unread_s=0.1, look_s=0.05)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        async with listening(tmp_path, endless, tls=tls, patience=patience) as node:
            await node.connect(get("/v1/reports"), tls=trusting if with_tls else None)
            await node.any_dropped.wait()
            assert node.dropped == {"unread": 1}
        assert not node.runner._connections

    asyncio.run(story())


def test_unread_answers_are_bounded_together_and_the_slowest_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.admin.server.MAX_UNREAD_BYTES", 24 * 1024 * 1024)

    async def large(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(16 * 1024 * 1024))

    async def story() -> None:
        async with listening(tmp_path, large) as node:
            opened = []
            for _ in range(4):
                opened.append(await node.connect(get("/v1/reports")))
                await opened[-1][0].readuntil(b"\r\n\r\n")
            await node.any_dropped.wait()
            newest = opened[-1][0]
            assert len(await newest.readexactly(16 * 1024 * 1024)) == 16 * 1024 * 1024, "who reads gets all of it"
        assert set(node.dropped) == {"unread"}

    asyncio.run(story())


def test_costly_answers_are_composed_one_after_the_other_and_one_that_hangs_gives_its_turn_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.turns.TURN_S", 0.05)
    hanging, at_once = asyncio.Event(), Counter[str]()

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
        async with listening(
            tmp_path, more=[Route("GET", "/hang", hang, READERS), Route("GET", "/compose", compose, READERS)]
        ) as node:
            opened = [await node.connect(get(path)) for path in ("/hang", *["/compose"] * 8)]
            for reader, _writer in opened[1:]:
                await reader.readuntil(b"200 OK")
            assert at_once["most"] == 1
            assert await node.ask_livez() == b"HTTP/1.1 200 OK\r\n"
            hanging.set()
            await opened[0][0].readuntil(b"200 OK")

    asyncio.run(story())


def test_who_asks_again_and_again_over_one_connection_leaves_half_of_the_time(tmp_path: Path) -> None:
    times, took_s = [], 0.005

    async def compose(_request: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        while time.monotonic() - began < took_s:
            pass
        times.append(began)
        return web.Response()

    async def story() -> None:
        async with listening(tmp_path, more=[Route("GET", "/compose", compose, READERS)]) as node:
            reader, writer = await node.connect(get("/compose") * 5)
            for _ in range(5):
                await reader.readuntil(b"200 OK")
            await close(writer)

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
    async def story() -> None:
        async with listening(tmp_path) as node:
            reader, writer = await node.connect(wire)
            await reader.read()
            await close(writer)
            assert node.refusals == refusals

    with caplog.at_level(logging.DEBUG, logger="aiohttp"):
        asyncio.run(story())
    assert not [line for line in caplog.records if line.name.startswith("aiohttp")]


@pytest.mark.slow
def test_who_connects_and_asks_nothing_is_hung_up_on_and_who_asked_is_not(tmp_path: Path) -> None:
    half = b"GET /livez HTTP/1.1\r\nHost: "

    async def story() -> None:
        async with listening(tmp_path, patience=Patience(head_s=0.1, look_s=0.05)) as node:
            answers, asked = await node.connect(get("/livez"))
            await answers.readuntil(b"live\n")
            silent = [await node.connect(wire) for wire in (b"", half, b"")]
            second_head = await node.connect(get("/livez"))
            await second_head[0].readuntil(b"live\n")
            second_head[1].write(half)
            for reader, writer in (*silent, second_head):
                assert await reader.read() == b"", "it was hung up without a word"
                await close(writer)
            assert node.refusals == [("none", 408)] * 4
            asked.write(get("/nothing"))
            await answers.readuntil(b"404 Not Found")
            assert node.refusals[4:] == [("other", 404)]
            await close(asked)

    asyncio.run(story())


@pytest.mark.slow
def test_whoever_is_answered_late_holds_an_end_up_for_no_longer_than_it_says(tmp_path: Path) -> None:
    held_back, shutdown_s = HeldBack(), 1.0
    app = web.Application()
    app.router.add_get("/", held_back.handle)

    async def story() -> None:
        runner = LimitedRunner(app, limits=DEFAULT_LIMITS, shutdown_s=shutdown_s)
        await runner.setup()
        runner.listen(socket.create_server(("127.0.0.1", 0)))
        _reader, writer = await asyncio.open_connection(*runner.addresses[0])
        writer.write(get("/"))
        while not any(each._task_handler and each._request_in_progress for each in runner._connections):  # noqa: ASYNC110
            await asyncio.sleep(0)
        too_late = asyncio.Event()
        asyncio.get_running_loop().call_later(1.9 * shutdown_s, too_late.set)
        await runner.cleanup()
        assert not too_late.is_set(), "aiohttp waits twice as long as it is told"
        await close(writer)

    asyncio.run(story())
