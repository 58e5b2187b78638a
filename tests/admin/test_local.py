import asyncio
from pathlib import Path

import aiohttp
import aiohttp.web
import pytest

from gtm.admin.address import SOCKET_NAME, answers
from gtm.admin.local import close_local, open_local
from tests.admin.served import DRAIN, Served
from tests.node.present import SMALL, until


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
            assert await open_local(tmp_path / "state", aiohttp.web.Application()) is None, "it is taken"
        await local.cleanup()
        await runner.cleanup()
        return mode, status

    assert asyncio.run(story()) == (0o600, 201)
    assert [one.action.value for one in node.overrides.in_force().by_scope.values()] == ["drain"]


def test_a_socket_that_a_killed_node_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / SOCKET_NAME

    async def story() -> None:
        first = await open_local(tmp_path, aiohttp.web.Application())
        assert first is not None
        await first.cleanup()
        assert path.is_socket()
        assert not answers(path)
        second = await open_local(tmp_path, aiohttp.web.Application())
        assert second is not None
        assert answers(path)
        await second.cleanup()
        close_local(tmp_path)
        assert not path.exists()

    asyncio.run(story())


def test_what_is_no_http_is_counted_at_the_socket_too(tmp_path: Path) -> None:
    async def story() -> list[int]:
        refused: list[int] = []
        local = await open_local(tmp_path, aiohttp.web.Application(), on_no_request=refused.append)
        assert local is not None
        async with until():
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET_NAME))
            writer.write(b"\x16\x03\x01\r\n\r\n")
            await reader.read()
            writer.close()
        await local.cleanup()
        return refused

    assert asyncio.run(story()) == [400]


def test_a_socket_that_cannot_be_made_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    deep = tmp_path / ("a" * 120)

    async def story() -> None:
        assert await open_local(tmp_path / "file", aiohttp.web.Application()) is None
        assert await open_local(deep, aiohttp.web.Application()) is None

    asyncio.run(story())
    assert caplog.text.count("going on without it") == 2
