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


def asked(path: str, *, is_ready: bool = True, method: str = "GET", host: str = "any.example") -> tuple[int, object]:
    """Returns the status and the JSON of one request, and what was counted of it."""

    async def scene() -> tuple[int, object]:
        runner = await open_health(HOST, 0, is_ready=lambda: is_ready)
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
            async with ClientSession() as session, session.request(method, url, headers={"Host": host}) as answer:
                body = await answer.read()
                return answer.status, json.loads(body) if body else None
        finally:
            await runner.cleanup()

    return asyncio.run(scene())


def test_it_says_whether_the_node_lives_and_is_ready_by_any_name() -> None:
    assert asked("/livez", is_ready=False) == (200, {"live": True})
    assert asked("/readyz") == (200, {"ready": True})
    assert asked("/readyz", is_ready=False, host="10.0.0.7") == (503, {"ready": False})
    assert asked("/readyz", method="HEAD") == (200, None)


@pytest.mark.parametrize("path", ["/", "/v1/status", "/v1/reload", "/metrics", "/v1/overrides", "/v1/reports"])
def test_it_has_nothing_else(path: str) -> None:
    assert asked(path)[0] == 404


def test_a_crowd_is_turned_away_and_counted() -> None:
    async def scene() -> None:
        counted = Counter[str]()
        limits = Limits(whole=0)
        runner = await open_health(
            HOST, 0, is_ready=lambda: True, limits=limits, on_refused=lambda: counted.update(["refused"])
        )
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
        runner = await open_health(HOST, 0, is_ready=lambda: True)
        try:
            with pytest.raises(ListenFailed, match=r"the health port on 127\.0\.0\.1:\d+: address already in use"):
                await open_health(HOST, runner.addresses[0][1], is_ready=lambda: True)
        finally:
            await runner.cleanup()

    asyncio.run(scene())
