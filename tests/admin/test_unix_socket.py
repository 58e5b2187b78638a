import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import aiohttp
import aiohttp.web
import pytest

from gtm.admin.address import SOCKET_NAME, answers
from gtm.admin.unix_socket import LOOK_S, LocalAdmin
from tests.admin.served import DRAIN, Served
from tests.node.present import SMALL, until


async def opened(folder: Path, *, on_no_request: Callable[[int], None] = lambda _status: None) -> LocalAdmin:
    local = LocalAdmin(folder, aiohttp.web.Application(), on_no_request=on_no_request)
    await local.begin()
    return local


class Looks:
    """Sleeps until the test wants the next look."""

    def __init__(self) -> None:
        self._due = asyncio.Semaphore(0)
        self._is_over = asyncio.Semaphore(0)
        self._is_first = True

    async def sleep(self, seconds: float) -> None:
        assert seconds == LOOK_S
        if not self._is_first:
            self._is_over.release()
        self._is_first = False
        await self._due.acquire()

    async def look(self) -> None:
        self._due.release()
        await self._is_over.acquire()


@pytest.mark.parametrize("harm", ["removed", "replaced", "folder"])
def test_a_socket_that_somebody_takes_from_a_running_node_is_made_again(
    harm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state" / SOCKET_NAME

    async def story() -> None:
        looks = Looks()
        local = LocalAdmin(path.parent, aiohttp.web.Application(), sleep=looks.sleep)
        await local.begin()
        keeping = asyncio.create_task(local.run())
        async with until():
            await looks.look()
            assert not caplog.messages, "it is there"
            path.unlink()
            if harm == "replaced":
                with socket.socket(socket.AF_UNIX) as other:
                    other.bind(str(path))
            if harm == "folder":
                path.parent.rmdir()
            await looks.look()
            asking = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)))
            async with asking, asking.get("http://localhost/") as answer:
                assert answer.status == 404
            await looks.look()
        assert len(caplog.messages) == 1
        assert "was removed or replaced by somebody; it is made again" in caplog.text
        keeping.cancel()
        await local.close()
        assert not path.exists()

    asyncio.run(story())


def test_a_socket_that_cannot_be_made_is_told_once_and_made_when_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    folder.write_text("")

    async def story() -> None:
        looks = Looks()
        local = LocalAdmin(folder, aiohttp.web.Application(), sleep=looks.sleep)
        await local.begin()
        keeping = asyncio.create_task(local.run())
        async with until():
            await looks.look()
            folder.unlink()
            await looks.look()
        assert answers(folder / SOCKET_NAME)
        keeping.cancel()
        await local.close()

    asyncio.run(story())
    assert len(caplog.messages) == 1
    assert "cannot be made: Not a directory; going on without it" in caplog.text


def test_the_local_socket_is_for_its_user_alone_and_takes_overrides(tmp_path: Path) -> None:
    node = Served(tmp_path)
    (node.folder / "a.yaml").write_text(SMALL)
    path = tmp_path / "state" / SOCKET_NAME

    async def story() -> tuple[int, int]:
        runner = await node.serve()
        local = await node.serve_locally(path.parent)
        mode = path.stat().st_mode & 0o777
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
            async with session.post("http://localhost/v1/overrides", json=DRAIN) as said:
                status = said.status
            async with session.post(
                "http://localhost/v1/overrides", json=DRAIN, headers={"Via": "1.1 proxy"}
            ) as passed:
                assert passed.status == 403, "a proxy that may use the socket is for others too"
            second = await opened(tmp_path / "state")
            assert answers(path)
            await second.close()
            assert answers(path), "it is the first one's still"
        await local.close()
        await runner.cleanup()
        return mode, status

    assert asyncio.run(story()) == (0o600, 201)
    assert [one.action.value for one in node.overrides.in_force().by_scope.values()] == ["drain"]


def test_a_socket_that_a_killed_node_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / SOCKET_NAME

    async def story() -> None:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        assert path.is_socket()
        assert not answers(path)
        local = await opened(tmp_path)
        assert answers(path)
        await local.close()
        assert not path.exists()

    asyncio.run(story())


def test_what_is_no_http_is_counted_at_the_socket_too(tmp_path: Path) -> None:
    async def story() -> list[int]:
        refused: list[int] = []
        local = await opened(tmp_path, on_no_request=refused.append)
        async with until():
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET_NAME))
            writer.write(b"\x16\x03\x01\r\n\r\n")
            await reader.read()
            writer.close()
        await local.close()
        return refused

    assert asyncio.run(story()) == [400]


def test_a_socket_that_cannot_be_made_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    deep = tmp_path / ("a" * 120)

    async def story() -> None:
        for folder in (tmp_path / "file", deep):
            await (await opened(folder)).close()

    asyncio.run(story())
    assert caplog.text.count("going on without it") == 2
