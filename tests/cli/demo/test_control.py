import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import pytest

from gtm.cli.demo.control import ask_modes, ask_switch, listening
from gtm.cli.demo.mode import Mode
from gtm.errors import DemoFailed, Unreachable
from gtm.ids import RegionName

EU = RegionName("eu-west")
US = RegionName("us-east")


class FakeSwitchboard:
    """Keeps modes; refuses to start what is in `broken`."""

    def __init__(self, *, broken: frozenset[RegionName] = frozenset()) -> None:
        self._modes = {US: Mode.OK, EU: Mode.OK}
        self._broken = broken

    @property
    def modes(self) -> Mapping[RegionName, Mode]:
        return self._modes

    async def switch(self, name: RegionName, mode: Mode) -> None:
        if name not in self._modes:
            raise DemoFailed(f'no region "{name}"')
        if name in self._broken:
            raise DemoFailed(f"region {name} does not start; its log is empty")
        self._modes[name] = mode


@asynccontextmanager
async def control(switchboard: FakeSwitchboard) -> AsyncIterator[str]:
    """Serves a control listener on a free port; gives its address."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    sock.settimeout(0)
    port = sock.getsockname()[1]
    async with listening(switchboard, sock):
        yield f"http://127.0.0.1:{port}"


def test_the_modes_are_told() -> None:
    async def story() -> None:
        async with control(FakeSwitchboard()) as url:
            assert await ask_modes(url) == {EU: Mode.OK, US: Mode.OK}

    asyncio.run(story())


@pytest.mark.parametrize("mode", Mode)
def test_a_region_is_switched_and_the_new_modes_come_back(mode: Mode) -> None:
    async def story() -> None:
        switchboard = FakeSwitchboard()
        async with control(switchboard) as url:
            assert await ask_switch(url, EU, mode) == {EU: mode, US: Mode.OK}
        assert switchboard.modes == {EU: mode, US: Mode.OK}

    asyncio.run(story())


@pytest.mark.parametrize("name", ["eu", "..", "a/b", "a b?c#d", "ü"])
def test_an_unknown_region_is_refused_whatever_its_name(name: str) -> None:
    async def story() -> None:
        async with control(FakeSwitchboard()) as url:
            with pytest.raises(DemoFailed, match=re.escape(f'no region "{name}"')):
                await ask_switch(url, RegionName(name), Mode.STOPPED)

    asyncio.run(story())


def test_a_region_that_does_not_start_is_said_in_the_words_of_the_supervisor() -> None:
    async def story() -> None:
        async with control(FakeSwitchboard(broken=frozenset({EU}))) as url:
            with pytest.raises(DemoFailed, match="region eu-west does not start; its log is empty"):
                await ask_switch(url, EU, Mode.OK)

    asyncio.run(story())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "ok",
        "[]",
        "{}",
        "null",
        '{"name": "eu-west"}',
        '{"name": "eu-west", "mode": "broken"}',
        '{"name": "eu-west", "mode": 3}',
    ],
)
def test_a_body_that_says_no_mode_changes_nothing(body: str) -> None:
    async def story() -> None:
        switchboard = FakeSwitchboard()
        async with (
            control(switchboard) as url,
            aiohttp.ClientSession() as session,
            session.put(f"{url}/regions", data=body) as answer,
        ):
            assert answer.status == 400
            assert "ok|slow|fail|stopped" in (await answer.json())["error"]
        assert switchboard.modes == {EU: Mode.OK, US: Mode.OK}

    asyncio.run(story())


def test_a_post_which_a_browser_would_send_for_any_page_is_not_heard() -> None:
    async def story() -> None:
        async with (
            control(FakeSwitchboard()) as url,
            aiohttp.ClientSession() as session,
            session.post(f"{url}/regions", data='{"name": "eu-west", "mode": "stopped"}') as answer,
        ):
            assert answer.status == 405

    asyncio.run(story())


def test_no_demo_running_is_said() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: refused, and nobody else gets it meanwhile
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unreachable, match="no demo is running"):
            asyncio.run(ask_modes(url))
