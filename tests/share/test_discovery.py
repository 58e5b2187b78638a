"""SRV records from a real DNS server on loopback, and who is polled then."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.asyncresolver
import pytest
from dnslib import QTYPE, RCODE, RR, SRV, DNSRecord

from gtm.errors import Unreachable
from gtm.share.discovery import MAX_REFRESH_S, MIN_REFRESH_S, Discovery, Found, discover

NAME = "_gtm._tcp.example.net"


class Zone(asyncio.DatagramProtocol):
    """Answers every question with the same SRV records; None refuses."""

    def __init__(self, targets: tuple[tuple[str, int], ...] | None) -> None:
        self._targets = targets
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = DNSRecord.parse(data).reply()
        if self._targets is None:
            reply.header.rcode = RCODE.NXDOMAIN
        for host, port in self._targets or ():
            reply.add_answer(RR(NAME, QTYPE.SRV, rdata=SRV(0, 0, port, host), ttl=60))
        assert self._transport is not None
        self._transport.sendto(reply.pack(), addr)


@asynccontextmanager
async def answering(*targets: tuple[str, int], exists: bool = True) -> AsyncIterator[dns.asyncresolver.Resolver]:
    loop = asyncio.get_running_loop()
    zone = Zone(targets if exists else None)
    transport, _ = await loop.create_datagram_endpoint(lambda: zone, local_addr=("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    try:
        yield resolver
    finally:
        transport.close()


def found(*targets: tuple[str, int], secure: bool = True, exists: bool = True) -> Found:
    async def story() -> Found:
        async with answering(*targets, exists=exists) as resolver:
            return await discover(NAME, secure=secure, resolver=resolver)

    return asyncio.run(story())


def test_every_target_is_a_url() -> None:
    urls, ttl_s = found(("fra.example.net.", 8053), ("iad.example.net.", 8054))
    assert urls == {"https://fra.example.net:8053", "https://iad.example.net:8054"}
    assert ttl_s == 60
    assert found(("fra.example.net.", 80), secure=False)[0] == {"http://fra.example.net:80"}


def test_a_target_of_a_dot_says_that_there_is_none() -> None:
    assert found((".", 1))[0] == frozenset()


def test_no_answer_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="NXDOMAIN"):
        found(exists=False)


def test_peers_come_and_go_with_the_records_and_stay_while_the_dns_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers: list[Found | None] = [
        (frozenset({"http://a:1", "http://b:1"}), 60.0),
        None,
        None,
        (frozenset({"http://b:1", "http://c:1"}), 1e6),
        (frozenset({"http://b:1"}), 0.0),
    ]

    async def look() -> Found:
        answer = answers.pop(0)
        if answer is None:
            raise Unreachable("NoNameservers")
        return answer

    async def story() -> None:
        discovery = Discovery(NAME, look, lambda _url: asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type]
        assert await discovery.refresh() == 60
        first = discovery.peers
        assert first.keys() == {"http://a:1", "http://b:1"}
        assert await discovery.refresh() == MIN_REFRESH_S
        assert await discovery.refresh() == MIN_REFRESH_S
        assert discovery.peers == first
        assert await discovery.refresh() == MAX_REFRESH_S
        assert discovery.peers.keys() == {"http://b:1", "http://c:1"}
        assert discovery.peers["http://b:1"] is first["http://b:1"]
        await asyncio.gather(first["http://a:1"], return_exceptions=True)
        assert first["http://a:1"].cancelled()
        assert await discovery.refresh() == MIN_REFRESH_S
        for task in discovery.peers.values():
            task.cancel()

    asyncio.run(story())
    assert caplog.messages == [
        f"peers of {NAME}: http://a:1 is one",
        f"peers of {NAME}: http://b:1 is one",
        f"peers of {NAME}: the DNS gives none: NoNameservers; those known are asked on",
        f"peers of {NAME}: the DNS answers again",
        f"peers of {NAME}: http://a:1 is no longer one",
        f"peers of {NAME}: http://c:1 is one",
        f"peers of {NAME}: http://c:1 is no longer one",
    ]
