"""Hosts that others name: what may not be asked is never connected to, whatever its name means by then."""

import asyncio
import socket
from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gtm.errors import Unreachable
from gtm.ids import Address
from gtm.share.guarded_resolver import GuardedResolver
from gtm.share.poller import open_share_session
from tests.fakes.peers import serving_handler

HERE, THERE = "127.0.0.1", "127.0.0.9"


class Names(AbstractResolver):
    """Gives what it is told to; nothing for a name that is not there."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if not self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        flags = socket.AI_NUMERICHOST
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=socket.IPPROTO_TCP, flags=flags)
            for each in self.hosts
        ]

    async def close(self) -> None: ...


def not_there(address: Address, port: int) -> str:
    return f"{address}:{port} is refused" if address == ip_address(THERE) else ""


def test_what_is_refused_is_left_out_and_where_nothing_is_left_that_is_said() -> None:
    async def story() -> None:
        names = Names(HERE, THERE)
        guarded = GuardedResolver(names, not_there)
        assert [each["host"] for each in await guarded.resolve("a", 80)] == [HERE]
        assert await guarded.judge("http://a:80") == ""
        names.hosts = (THERE,)
        with pytest.raises(Unreachable):
            await guarded.resolve("a", 80)
        assert await guarded.judge("http://a:80") == f"{THERE}:80 is refused"
        names.hosts = ()
        assert await guarded.judge("http://a:80") == "", "nobody knows yet"

    asyncio.run(story())


def test_a_name_that_means_another_address_by_now_is_not_connected_to() -> None:
    asked = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.host)
        return web.Response()

    async def story() -> None:
        async with serving_handler(handle) as url:
            port = URL(url).port
            refused = GuardedResolver(Names(HERE), lambda address, _: f"{address} is refused")
            async with open_share_session(refused) as session:
                with pytest.raises(Unreachable, match="is refused"):
                    await session.get(f"http://peer.test:{port}/v1/reports")
            async with open_share_session(GuardedResolver(Names(HERE), not_there)) as session:
                assert (await session.get(f"http://peer.test:{port}/v1/reports")).status == 200
        assert asked == [f"peer.test:{port}"]

    asyncio.run(story())
