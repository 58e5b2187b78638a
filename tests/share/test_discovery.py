"""SRV records from a real DNS server on loopback, and who is polled then."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.resolver
import pytest
from dnslib import QTYPE, RCODE, RR, SRV, DNSRecord

from gtm.errors import Unreachable
from gtm.share.discovery import MAX_REFRESH_S, MAX_TARGETS, MIN_REFRESH_S, DiscoveredPeers, Discovery, discover
from gtm.threads import Pool
from tests.fakes.peers import longest_pause_s

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
async def answering(*targets: tuple[str, int], exists: bool = True) -> AsyncIterator[dns.resolver.Resolver]:
    loop = asyncio.get_running_loop()
    zone = Zone(targets if exists else None)
    transport, _ = await loop.create_datagram_endpoint(lambda: zone, local_addr=("127.0.0.1", 0))
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    try:
        yield resolver
    finally:
        transport.close()


def found(*targets: tuple[str, int], secure: bool = True, exists: bool = True) -> DiscoveredPeers:
    async def story() -> DiscoveredPeers:
        async with answering(*targets, exists=exists) as resolver:
            return await discover(NAME, secure=secure, pool=Pool("test", threads=1), resolver=resolver)

    return asyncio.run(story())


def test_every_target_is_a_url() -> None:
    urls, ttl_s = found(("fra.example.net.", 8053), ("iad.example.net.", 8054))
    assert urls == {"https://fra.example.net:8053", "https://iad.example.net:8054"}
    assert ttl_s == 60
    assert found(("fra.example.net.", 80), secure=False)[0] == {"http://fra.example.net:80"}


def test_a_target_of_a_dot_says_that_there_is_none() -> None:
    assert found((".", 1))[0] == frozenset()


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1.",
        "10.0.0.1.",
        "a@127.0.0.1.",
        "a/b.example.net.",
        "a b.example.net.",
        "a#b.",
        "a?b.",
        "-a.example.net.",
        "[::1].",
        "a:80.",
    ],
)
def test_a_target_that_is_no_host_name_is_none(target: str) -> None:
    assert found((target, 80), ("fra.example.net.", 80))[0] == {"https://fra.example.net:80"}


class LongNames(asyncio.DatagramProtocol):
    """Answers with hundreds of records, each with a name of 120 labels: it takes seconds to read them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name = b"\x01a" * 120 + b"\0"
        head = b"\xc0\x0c" + bytes((0, 33, 0, 1, 0, 0, 0, 60))
        first = head + (6 + len(name)).to_bytes(2) + bytes((0, 0, 0, 0, 0, 1))
        question = data[12 : data.index(b"\0\x21\0\x01", 12) + 4]
        target = (0xC000 | 12 + len(question) + len(first)).to_bytes(2)
        record = head + bytes((0, 8, 0, 0, 0, 0))
        count = 300
        more = b"".join(record + port.to_bytes(2) + target for port in range(2, count + 1))
        counts = bytes((0, 1)) + count.to_bytes(2) + bytes(4)
        self.transport.sendto(data[:2] + b"\x81\x80" + counts + question + first + name + more, addr)


@pytest.mark.alone
@pytest.mark.slow
def test_the_loop_goes_on_while_a_large_answer_of_the_dns_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.share.discovery.READING_S", 60.0)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(LongNames, local_addr=("127.0.0.1", 0))
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
        looking = asyncio.create_task(discover(NAME, secure=True, pool=Pool("test", threads=1), resolver=resolver))
        longest_s = await longest_pause_s(until=looking.done)
        transport.close()
        assert longest_s < 1.0
        assert len((await looking)[0]) == 300

    asyncio.run(story())


def idle(_url: str) -> "asyncio.Task[None]":
    return asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]


def test_only_so_many_targets_are_asked_those_that_are_already_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first = frozenset({"http://z1:1", "http://z2:1"})
    many = frozenset(f"http://a{number}:1" for number in range(500))
    answers = [(first, 60.0), (first | many, 60.0), (first | many, 60.0)]

    async def look() -> DiscoveredPeers:
        return answers.pop(0)

    async def story() -> None:
        discovery = Discovery(NAME, look, idle)
        for _ in range(3):
            await discovery.refresh()
        assert len(discovery.peers) == MAX_TARGETS
        assert first <= discovery.peers.keys()
        for task in discovery.peers.values():
            task.cancel()

    asyncio.run(story())
    assert len(caplog.messages) < 10
    assert [line for line in caplog.messages if "at the most" in line] == [
        f"peers of {NAME}: there are 502, and {MAX_TARGETS} are asked at the most"
    ]


def test_what_the_judge_is_against_is_not_asked_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    own, other = "http://own:1", "http://other:1"
    against = {own: "it is this node itself"}

    async def judge(url: str) -> str:
        return against.get(url, "")

    async def look() -> DiscoveredPeers:
        return frozenset({own, other}), 60.0

    async def story() -> None:
        discovery = Discovery(NAME, look, idle, judge=judge)
        for _ in range(3):
            await discovery.refresh()
        assert discovery.peers.keys() == {other}
        against.clear()
        await discovery.refresh()
        assert discovery.peers.keys() == {own, other}
        for task in discovery.peers.values():
            task.cancel()

    asyncio.run(story())
    assert caplog.messages == [
        f"peers of {NAME}: {own} is not asked: it is this node itself",
        f"peers of {NAME}: {other} is new",
        f"peers of {NAME}: {own} is new",
    ]


def test_no_answer_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="NXDOMAIN"):
        found(exists=False)


def test_peers_come_and_go_with_the_records_and_stay_while_the_dns_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    answers: list[DiscoveredPeers | None] = [
        (frozenset({"http://a:1", "http://b:1"}), 60.0),
        None,
        None,
        (frozenset({"http://b:1", "http://c:1"}), 1e6),
        (frozenset({"http://b:1"}), 0.0),
    ]

    async def look() -> DiscoveredPeers:
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
        assert await discovery.refresh() == 2 * MIN_REFRESH_S
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
        f"peers of {NAME}: http://a:1 is new",
        f"peers of {NAME}: http://b:1 is new",
        f"peers of {NAME}: the DNS gives none: NoNameservers; those known are asked on",
        f"peers of {NAME}: the DNS answers again",
        f"peers of {NAME}: http://a:1 is no longer among them",
        f"peers of {NAME}: http://c:1 is new",
        f"peers of {NAME}: http://c:1 is no longer among them",
    ]
