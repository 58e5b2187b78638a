import asyncio
from pathlib import Path

from aiohttp import web

from gtm.admin.app import open_admin
from tests.admin.served import Served
from tests.node.present import until


async def exchange(port: int) -> tuple[bytes, asyncio.StreamWriter]:
    """Asks for /livez and leaves the connection open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    return await reader.readline(), writer


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def test_one_connection_too_many_is_turned_away_and_the_next_is_not_once_there_is_room(tmp_path: Path) -> None:
    served, refused = Served(tmp_path), []

    async def reports(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async def story() -> None:
        runner = await open_admin("127.0.0.1", 0, served.subject, reports, most=2, on_refused=lambda: refused.append(1))
        port = runner.addresses[0][1]
        try:
            async with until():
                (first, one), (second, two) = await exchange(port), await exchange(port)
                assert (first, second) == (b"HTTP/1.1 200 OK\r\n",) * 2
                third, three = await exchange(port)
                assert third == b"HTTP/1.1 503 Service Unavailable\r\n"
                assert len(refused) == 1
                await close(three)
                await close(one)
                words = b""
                while words != b"HTTP/1.1 200 OK\r\n":  # the server hears of the end a turn of its loop later
                    words, again = await exchange(port)
                    await close(again)
                await close(two)
        finally:
            await runner.cleanup()

    asyncio.run(story())
