"""The control listener of a running demo, and what another terminal asks of it.

What comes in: over HTTP on the loopback, `GET /regions` and `PUT /regions` with {"name": ..., "mode": ...}. What goes
out: {"regions": [{"name": ..., "mode": ...}]}, or {"error": ...} in words for the operator. It decides
nothing: the supervisor does. A change is a PUT because a browser lets no foreign page send one here.
"""

import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
from aiohttp import web

from gtm.cli.demo.mode import Mode
from gtm.errors import DemoFailed, Unreachable
from gtm.ids import RegionName

ASK_LIMIT_S = 40.0
"""A region that starts on a busy machine takes seconds; the answer comes when it listens."""


class Switchboard(Protocol):
    """What the control listener needs of the supervisor."""

    @property
    def modes(self) -> Mapping[RegionName, Mode]:
        """Returns the mode of every region, as it is now."""

    async def switch(self, name: RegionName, mode: Mode) -> None:
        """Puts a region into a mode; raises DemoFailed in words for the operator."""


@asynccontextmanager
async def listening(switchboard: Switchboard, sock: socket.socket) -> AsyncIterator[None]:
    """Serves the control listener on a bound socket for as long as the context lasts."""
    runner = web.AppRunner(control_app(switchboard), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield
    finally:
        await runner.cleanup()


def control_app(switchboard: Switchboard) -> web.Application:
    """Returns the HTTP server behind `gtm demo stop|start|slow|fail|status`."""

    async def regions(_: web.Request) -> web.Response:
        return _modes_answer(switchboard.modes)

    async def put_region(request: web.Request) -> web.Response:
        try:
            name, mode = _parse_switch(await request.text())
        except ValueError as error:
            return _error(400, str(error))
        try:
            await switchboard.switch(name, mode)
        except DemoFailed as error:
            return _error(409, str(error))
        return _modes_answer(switchboard.modes)

    app = web.Application(client_max_size=1024)
    app.add_routes([web.get("/regions", regions), web.put("/regions", put_region)])
    return app


async def ask_modes(url: str) -> Mapping[RegionName, Mode]:
    """Returns the modes of a running demo's regions; raises Unreachable when no demo runs."""
    return await _ask("GET", f"{url}/regions")


async def ask_switch(url: str, name: RegionName, mode: Mode) -> Mapping[RegionName, Mode]:
    """Puts a region of a running demo into a mode; raises Unreachable, or DemoFailed with the demo's words."""
    return await _ask("PUT", f"{url}/regions", json.dumps({"name": name, "mode": mode.value}))


async def _ask(method: str, url: str, body: str | None = None) -> Mapping[RegionName, Mode]:
    limit = aiohttp.ClientTimeout(total=ASK_LIMIT_S)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.request(method, url, data=body) as answer:
            text = await answer.text()
    except aiohttp.ClientConnectorError as error:
        raise Unreachable("no demo is running on this machine: start one with `gtm demo`") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(f"the demo did not answer at {url}: {str(error) or type(error).__name__}") from error
    try:
        return _parse_answer(text)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"what answers at {url} is not a demo of this version") from error


def _parse_answer(text: str) -> Mapping[RegionName, Mode]:
    answer = json.loads(text)
    if "error" in answer:
        raise DemoFailed(str(answer["error"]))
    return {RegionName(str(each["name"])): Mode(each["mode"]) for each in answer["regions"]}


def _parse_switch(text: str) -> tuple[RegionName, Mode]:
    try:
        switch = json.loads(text)
        return RegionName(str(switch["name"])), Mode(switch["mode"])
    except (ValueError, KeyError, TypeError) as error:
        modes = "|".join(mode.value for mode in Mode)
        raise ValueError(f'the body is {{"name": REGION, "mode": "{modes}"}}') from error


def _modes_answer(modes: Mapping[RegionName, Mode]) -> web.Response:
    return web.json_response({"regions": [{"name": name, "mode": mode.value} for name, mode in sorted(modes.items())]})


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
