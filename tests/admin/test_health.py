"""The health port, on a real socket: two paths, in plain HTTP."""

import asyncio
import json
from collections import Counter

import pytest
from aiohttp import ClientSession

from gtm.admin.crowd import Limits
from gtm.admin.health import open_health
from gtm.errors import ListenFailed

HOST = "127.0.0.1"


def asked(path: str, *, why: str = "", method: str = "GET", **headers: str) -> tuple[int, str]:
    """Returns the status and the text of one request."""

    async def scene() -> tuple[int, str]:
        runner = await open_health(HOST, 0, unready=lambda: why)
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
        runner = await open_health(HOST, 0, unready=str, limits=limits, on_refused=lambda: counted.update(["refused"]))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
            assert b" 503 " in await reader.readline()
            writer.close()
            assert counted["refused"] == 1
        finally:
            await runner.cleanup()

    asyncio.run(scene())


def test_a_port_in_use_is_said() -> None:
    async def scene() -> None:
        runner = await open_health(HOST, 0, unready=str)
        try:
            with pytest.raises(ListenFailed, match=r"the health port on 127\.0\.0\.1:\d+: address already in use"):
                await open_health(HOST, runner.addresses[0][1], unready=str)
        finally:
            await runner.cleanup()

    asyncio.run(scene())
