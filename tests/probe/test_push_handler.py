"""Heartbeats over HTTP: what gets in, and what is refused with which counter."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.admin.access import heartbeats
from gtm.admin.app import make_app
from gtm.admin.routes import AdminListener, Route
from gtm.counters import Counters
from gtm.health.verdict.reading import MAX_DETAIL_LENGTH
from gtm.ids import CheckId
from gtm.probe.heartbeats import Heartbeat, Heartbeats
from gtm.probe.push_handler import MAX_BODY_BYTES, PUSH_PATH, PushHandler
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.settings import Secret
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.permits import permits

TOKEN = "hunter2-\u00fc"
CHECK = "gtm.example.com/api/2001:db8::1"


class Desk:
    """A store with one check, behind a real server."""

    def __init__(self, token_file: Path) -> None:
        self.clock, self.counters, self.heartbeats = FakeClock(), Counters(), Heartbeats()
        awaited = check_of(PushSettings(30.0, Secret("token")), target="2001:db8::1")
        assert awaited.id == CHECK
        self.heartbeats.watch([awaited], now=self.clock.monotonic())
        self.push_desk = PushHandler(
            self.heartbeats, permits(secrets={"token": token_file}), clock=self.clock, counters=self.counters
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Client"]:
        desk = self.push_desk
        app = make_app([Route("POST", PUSH_PATH, desk.handle, heartbeats(desk.authorize))], AdminListener.TCP)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
                yield Client(session)
        finally:
            await runner.cleanup()

    @property
    def last(self) -> Heartbeat | None:
        return self.heartbeats.last(CheckId(CHECK))

    def refused(self, reason: str) -> int:
        return self.counters.count("heartbeats_refused", reason=reason)


class Client:
    """An endpoint that posts."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(
        self,
        body: bytes | AsyncIterator[bytes] = b"",
        *,
        check: str = CHECK,
        authorization: str | None = f"Bearer {TOKEN}",
        packing: str | None = None,
    ) -> int:
        asked = {"Authorization": authorization, "Content-Encoding": packing}
        headers = {name: value for name, value in asked.items() if value is not None}
        async with self._session.post(f"/v1/push/{check}", data=body, headers=headers) as response:
            await response.read()
            if response.status == 401:
                assert response.headers["WWW-Authenticate"] == "Bearer"
            return response.status


@pytest.fixture
def push_desk(tmp_path: Path) -> Desk:
    (tmp_path / "token").write_text(TOKEN + "\n")
    return Desk(tmp_path / "token")


def played(push_desk: Desk, story: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with push_desk.served() as client:
            return await story(client)

    return asyncio.run(run())


def status_of(push_desk: Desk, body: bytes = b"", **request: Any) -> int:
    status: int = played(push_desk, lambda client: client.post(body, **request))
    return status


def test_an_empty_body_says_that_all_is_well(push_desk: Desk) -> None:
    assert status_of(push_desk) == 204
    assert push_desk.last == Heartbeat(ok=True, detail="", heard_at=push_desk.clock.monotonic())
    assert push_desk.counters.count("heartbeats", ok="true") == 1


def test_a_body_may_say_otherwise_and_why(push_desk: Desk) -> None:
    assert status_of(push_desk, b'{"ok": false, "detail": "draining\\n"}') == 204
    assert push_desk.last == Heartbeat(ok=False, detail="draining?", heard_at=push_desk.clock.monotonic())
    assert status_of(push_desk, b'{"detail": "load 0.4"}') == 204
    assert push_desk.last is not None
    assert push_desk.last.ok


def test_a_detail_is_cut_to_what_a_report_may_hold(push_desk: Desk) -> None:
    assert status_of(push_desk, json.dumps({"ok": False, "detail": "x" * 3000}).encode()) == 204
    assert push_desk.last is not None
    assert len(push_desk.last.detail) == MAX_DETAIL_LENGTH


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
    ],
)
def test_without_the_token_nothing_gets_in(push_desk: Desk, authorization: str | None) -> None:
    assert status_of(push_desk, authorization=authorization) == 401
    assert push_desk.last is None
    assert push_desk.refused("bad_token") == 1


def test_the_name_of_the_scheme_may_be_spelt_in_any_case(push_desk: Desk) -> None:
    assert status_of(push_desk, authorization=f"bearer {TOKEN}") == 204


@pytest.mark.parametrize("check", ["gtm.example.com/api/192.0.2.99", "x", "%00", "a" * 4000])
def test_a_check_that_is_not_awaited_is_not_found(push_desk: Desk, check: str) -> None:
    assert status_of(push_desk, check=check) == 404
    assert push_desk.refused("unknown_check") == 1


def test_a_check_may_be_named_with_its_slashes_escaped(push_desk: Desk) -> None:
    assert status_of(push_desk, check=CHECK.replace("/", "%2F")) == 204


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"null", b"[]", b"true", b'{"ok": 1}', b'{"ok": "true"}', b'{"ok": null}', b'{"detail": 5}'),
        *(b'{"up": true}', b"[" * 4000, b"\xff", b'{"ok": true} x', b'{"detail": "\\ud800"}'),
    ],
)
def test_a_body_that_was_not_planned_is_refused(push_desk: Desk, body: bytes) -> None:
    assert status_of(push_desk, body) == 400
    assert push_desk.refused("malformed") == 1
    assert push_desk.last is None


def test_a_body_that_is_too_long_is_refused_however_it_comes(push_desk: Desk) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    async def story(client: Client) -> list[int]:
        limit = b" " * MAX_BODY_BYTES
        return [await client.post(limit), await client.post(limit + b" "), await client.post(parts())]

    assert played(push_desk, story) == [204, 413, 413]
    assert push_desk.refused("oversized") == 2


def test_a_body_that_does_not_come_is_not_waited_for(push_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.probe.push_handler.BODY_S", 0.02)

    async def never() -> AsyncIterator[bytes]:
        yield b" "
        await asyncio.Event().wait()

    assert played(push_desk, lambda client: client.post(never())) == 408
    assert push_desk.refused("slow") == 1


def test_a_body_that_is_not_packed_as_it_says_is_refused(push_desk: Desk) -> None:
    assert status_of(push_desk, b"{}", packing="gzip") == 400
    assert push_desk.refused("malformed") == 1


def test_an_endpoint_that_dies_within_its_heartbeat_is_no_fault_of_this_program(push_desk: Desk) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionError

    async def story(client: Client) -> None:
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await client.post(half())
        async with asyncio.timeout(20):
            while not push_desk.refused("malformed"):  # the server hears of the end a turn of its loop later
                assert await client.post(authorization=None) == 401

    played(push_desk, story)
    assert push_desk.last is None


def test_a_token_that_cannot_be_read_lets_nobody_in_and_is_logged_once(
    push_desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "gtm.probe.push_handler")
    file = tmp_path / "token"
    file.unlink()

    async def story(client: Client) -> list[int]:
        statuses = [await client.post(), await client.post(authorization="Bearer ")]
        file.write_text("")
        statuses.append(await client.post(authorization="Bearer "))
        file.write_text(TOKEN)
        return [*statuses, await client.post()]

    assert played(push_desk, story) == [503, 503, 503, 204]
    assert push_desk.refused("no_secret") == 3
    assert push_desk.heartbeats.unjudged_at(CheckId(CHECK)) == push_desk.clock.monotonic()
    [line] = caplog.messages
    assert line.startswith(f'push {CHECK}: heartbeats are refused: secret "token": {file} cannot be read')
    assert TOKEN not in caplog.text


@pytest.mark.slow
@settings(max_examples=3)
@given(
    st.lists(st.binary(max_size=120) | st.text(max_size=60).map(json.dumps).map(str.encode), min_size=300, max_size=300)
)
def test_whatever_is_posted_is_planned_for(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    file = tmp_path_factory.mktemp("desk") / "token"
    file.write_text(TOKEN)
    push_desk = Desk(file)

    async def story(client: Client) -> set[int]:
        return {await client.post(body) for body in bodies}

    assert played(push_desk, story) <= {204, 400}
