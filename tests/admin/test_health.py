"""The health port, on a real socket: two paths, in plain HTTP."""

import asyncio
import json
from collections import Counter

import pytest
from aiohttp import ClientSession

from gtm.admin.connection_limit import Limits
from gtm.admin.health import health_limits, open_health
from gtm.errors import ListenFailed
from tests.fakes.routes import routes

HOST = "127.0.0.1"


def asked(path: str, *, why: str = "", method: str = "GET", **headers: str) -> tuple[int, str]:
    """Returns the status and the text of one request."""

    async def scene() -> tuple[int, str]:
        runner = await open_health(HOST, 0, routes(lambda: why))
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
            sent = {"Host": "any.example"} | headers
            async with ClientSession() as session, session.request(method, url, headers=sent) as answer:
                return answer.status, await answer.text()
        finally:
            await runner.cleanup()

    return asyncio.run(scene())


def test_it_says_whether_the_node_lives_and_is_ready_by_any_name() -> None:
    assert asked("/livez", why="it is stopping") == (200, "live\n")
    assert asked("/readyz") == (200, "ready\n")
    assert asked("/readyz", why="it is stopping", Host="10.0.0.7") == (503, "not ready: it is stopping\n")
    assert asked("/readyz", method="HEAD") == (200, "")


def test_it_answers_in_json_where_that_is_asked() -> None:
    status, text = asked("/readyz", why="it is stopping", Accept="application/json")
    assert (status, json.loads(text)) == (503, {"ready": False, "why": "it is stopping"})
    assert json.loads(asked("/livez", Accept="text/html, application/json;q=0.9")[1]) == {"live": True}
    assert asked("/readyz", Accept="*/*") == (200, "ready\n")


@pytest.mark.parametrize("path", ["/", "/v1/status", "/v1/reload", "/metrics", "/v1/overrides", "/v1/reports"])
def test_it_has_nothing_else(path: str) -> None:
    assert asked(path)[0] == 404


def test_a_crowd_is_turned_away_and_counted() -> None:
    async def scene() -> None:
        counted = Counter[str]()
        limits = Limits(whole=0)
        runner = await open_health(HOST, 0, routes(str), limits=limits, on_refused=lambda: counted.update(["refused"]))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
            assert b" 503 " in await reader.readline()
            writer.close()
            assert counted["refused"] == 1
        finally:
            await runner.cleanup()

    asyncio.run(scene())


def test_what_it_refuses_is_counted_by_path_and_status() -> None:
    async def scene() -> None:
        counted: list[tuple[str, int]] = []
        runner = await open_health(HOST, 0, routes(str), on_refusal=lambda *refused: counted.append(refused))
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with ClientSession() as session:
                for method, path in (("GET", "/v1/status"), ("POST", "/livez"), ("GET", "/readyz")):
                    async with session.request(method, f"{url}{path}"):
                        pass
        finally:
            await runner.cleanup()
        assert counted == [("other", 404), ("other", 405)]

    asyncio.run(scene())


def test_few_connections_are_a_few_for_every_client() -> None:
    few = health_limits(8)
    assert (few.whole, few.of("192.0.2.1"), few.of("127.0.0.1")) == (8, 8, 8)
    assert health_limits().of("192.0.2.1") < health_limits().whole


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", b"200"),
        (b"GET /readyz HTTP/1.0\r\n\r\n", b"503"),
        (b"GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", b"404"),
        (b"no HTTP at all\r\n\r\n", b"400"),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", b"400"),
    ],
)
def test_no_answer_says_what_it_is_made_with(wire: bytes, status: bytes) -> None:
    async def scene() -> bytes:
        runner = await open_health(HOST, 0, routes(lambda: "it is stopping"))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
            writer.write(wire)
            answer = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            return answer
        finally:
            await runner.cleanup()

    answer = asyncio.run(scene())
    assert answer.split(b" ")[1] == status
    assert not any(line.lower().startswith(b"server:") for line in answer.split(b"\r\n"))
    assert b"aiohttp" not in answer
    assert b"Python" not in answer


def test_a_port_in_use_is_said() -> None:
    async def scene() -> None:
        runner = await open_health(HOST, 0, routes(str))
        try:
            with pytest.raises(ListenFailed, match=r"the health port on 127\.0\.0\.1:\d+: address already in use"):
                await open_health(HOST, runner.addresses[0][1], routes(str))
        finally:
            await runner.cleanup()

    asyncio.run(scene())
