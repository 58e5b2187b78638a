"""/v1/zones on a real socket: who reads it slowly, hangs up, or asks again."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache

import pytest
from aiohttp import ClientSession, web

from gtm.admin import access
from gtm.admin import zones as told_zones
from gtm.admin.app import make_app
from gtm.admin.connection_limit import Limits
from gtm.admin.routes import AdminListener, AnswerPace, Route
from gtm.admin.server import LimitedRunner
from gtm.admin.zones import zone_handler
from gtm.turns import Turns
from gtm.zone.contents import Contents, contents_of, fingerprinted, parse_lines
from gtm.zone.model import Zone
from tests.fakes import world

LIMIT_S = 30.0
READERS = 3


@cache
def zone(records: int) -> Zone:
    lines = "\n".join(f"  n{number}: {{A: 192.0.2.{number % 250}}}" for number in range(records))
    return world.zone(f"{world.HEAD}\nrecords:\n  ns1: {{A: 192.0.2.53}}\n{lines}\n")


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), LIMIT_S))


@asynccontextmanager
async def serving(zones: Callable[[], Sequence[Zone]], *more: Route) -> AsyncIterator[LimitedRunner]:
    async def status(_request: web.Request) -> web.Response:
        return web.Response(text="fine")

    told = Route("GET", "/v1/zones", zone_handler(zones), access.READERS, pace=AnswerPace.IN_PARTS)
    app = make_app([Route("GET", "/v1/status", status, access.READERS), told, *more], AdminListener.SOCKET)
    runner = LimitedRunner(app, limits=Limits(), shutdown_s=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # accepted sockets have it too
    runner.listen(listening)
    try:
        yield runner
    finally:
        await runner.cleanup()


def connected(runner: LimitedRunner, path: str = "/v1/zones") -> socket.socket:
    """Returns a client that has asked, and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(runner.addresses[0])
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


async def get(runner: LimitedRunner, path: str) -> bytes:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{runner.addresses[0][1]}{path}") as answer:
        assert answer.status == 200
        return await answer.read()


async def until_busy(runner: LimitedRunner, count: int) -> None:
    while sum(map(len, runner.crowd._busy.values())) != count:  # noqa: ASYNC110  # this loop serves, too
        await asyncio.sleep(0)


@pytest.mark.slow
def test_who_reads_slowly_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.turns.TURN_S", 10 * LIMIT_S)  # no turn is ended by its time

    async def story() -> None:
        async with serving(lambda: (zone(900),) * 3) as runner:
            slow = [connected(runner) for _ in range(READERS)]
            await until_busy(runner, READERS)
            assert await get(runner, "/v1/status") == b"fine"
            read = parse_lines((await get(runner, "/v1/zones")).splitlines())
            assert read == (fingerprinted(contents_of(zone(900))),) * 3
            await until_busy(runner, READERS)
            for client in slow:
                client.close()

    play(story)


def test_the_head_alone_has_no_lines() -> None:
    async def story() -> None:
        async with serving(lambda: (zone(3),)) as runner:
            reader, writer = await asyncio.open_connection(*runner.addresses[0])
            for method, path in (("HEAD", "/v1/zones"), ("GET", "/v1/status")):
                writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            heads = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]
            assert [head.partition(b"\r\n")[0] for head in heads] == [b"HTTP/1.1 200 OK"] * 2
            assert b"application/x-ndjson" in heads[0]
            assert await reader.readexactly(4) == b"fine"
            writer.close()

    play(story)


def test_a_reader_that_hangs_up_is_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with serving(lambda: (zone(900),) * 3) as runner:
            for _ in range(READERS):
                client = connected(runner)
                await until_busy(runner, 1)
                await asyncio.to_thread(client.recv, 64)  # the answer is under way
                client.close()
                await until_busy(runner, 0)
            assert await get(runner, "/v1/status") == b"fine"

    with caplog.at_level(logging.DEBUG, logger="gtm"):
        play(story)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_reader_that_takes_too_long_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_zones, "MAX_READ_S", 0.05)

    async def story() -> None:
        async with serving(lambda: (zone(900),) * 3) as runner:
            client = connected(runner)
            await until_busy(runner, 1)
            await until_busy(runner, 0)
            read = await asyncio.to_thread(_all_of, client)
            assert b"\r\n0\r\n\r\n" not in read  # RFC 9112 7.1: nobody takes it for the whole
            assert await get(runner, "/v1/status") == b"fine"

    play(story)


def _all_of(client: socket.socket) -> bytes:
    parts = []
    with client:
        try:
            while part := client.recv(65_536):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)


def test_a_fault_in_the_middle_of_an_answer_is_logged_once_and_ends_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def faulty(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"half")
        raise LookupError

    async def story() -> None:
        async with serving(tuple, Route("GET", "/v1/faulty", faulty, access.READERS)) as runner:
            read = await asyncio.to_thread(_all_of, connected(runner, "/v1/faulty"))
            assert read.count(b"HTTP/1.1") <= 1
            assert b"internal error" not in read

    play(story)
    [logged] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the admin API failed on GET /v1/faulty" in logged.getMessage()


def test_lines_are_made_once_for_the_same_zones_and_anew_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def noted(zone: Zone) -> Contents:
        made.append(len(zone.records))
        return contents_of(zone)

    monkeypatch.setattr(told_zones, "contents_of", noted)
    served = [zone(3)]

    async def story() -> None:
        async with serving(lambda: tuple(served)) as runner:
            first, *others = await asyncio.gather(*(get(runner, "/v1/zones") for _ in range(5)))
            assert set(others) == {first}
            assert len(made) == 1
            served.append(zone(5))
            assert len((await get(runner, "/v1/zones")).splitlines()) > len(first.splitlines())
            served.clear()
            assert await get(runner, "/v1/zones") == b""

    play(story)
    assert len(made) == 3


def test_lines_are_forgotten_some_time_after_they_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told_zones, "KEPT_S", 0.0)

    async def story() -> None:
        told = told_zones.ToldZones(lambda: (zone(3),))
        assert await told.packed(Turns())
        while told._packed is not None:  # noqa: ASYNC110  # until the loop has had its timer
            await asyncio.sleep(0)
        assert await told.packed(Turns())

    play(story)
