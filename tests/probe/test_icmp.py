"""Echo requests: to the kernel on loopback over raw and datagram sockets, and to a far end that the test plays."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from gtm.health.verdict.reading import Reason
from gtm.probe.echo import ECHO_TYPES
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.icmp import NOT_PERMITTED, ping
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from tests.fakes.checks import check_of, phases_of, reading_of
from tests.fakes.namespaces import inside, network
from tests.fakes.resolver import FakeResolver

root = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has raw sockets and makes network namespaces"),
    pytest.mark.tool("ip"),
]

AMPLE_S = 10.0
IDENTIFIER = 4242


class FarEnd(socket.socket):
    """Our end of a socket pair, which says it is a datagram socket for echoes."""

    def connect(self, address: object) -> None: ...

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", IDENTIFIER)


def pinged(address: str, opener: Callable[[int, int, int], socket.socket], **settings: int) -> CheckOutcome:
    return asyncio.run(ping(ip_address(address), IcmpSettings(**settings), timeout_s=AMPLE_S, open_socket=opener))


def played(answers: Callable[[bytes], list[bytes]], *, count: int = 1, timeout_s: float = AMPLE_S) -> CheckOutcome:
    """Pings an endpoint that answers each request with these messages."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    far.settimeout(0)

    async def run() -> CheckOutcome:
        loop = asyncio.get_running_loop()

        async def answer() -> None:
            while True:
                for message in answers(await loop.sock_recv(far, 65_535)):
                    await loop.sock_sendall(far, message)

        answering = asyncio.create_task(answer())
        try:
            opened = FarEnd(near.family, near.type, near.proto, near.detach())
            settings = IcmpSettings(count=count)
            return await ping(ip_address("127.0.0.1"), settings, timeout_s=timeout_s, open_socket=lambda *_: opened)
        finally:
            answering.cancel()

    with far:
        return asyncio.run(run())


def replied(request: bytes) -> bytes:
    return bytes([ECHO_TYPES[4].reply]) + request[1:]


def test_a_reply_is_good() -> None:
    seen: list[bytes] = []

    def answers(request: bytes) -> list[bytes]:
        seen.append(request)
        return [replied(request)]

    assert played(answers) == PASSED
    [request] = seen
    assert len(request) == 8 + 56
    assert request[4:8] == IDENTIFIER.to_bytes(2) + (1).to_bytes(2)


def test_replies_to_others_are_passed_over() -> None:
    def answers(request: bytes) -> list[bytes]:
        reply = replied(request)
        others = [reply[:4] + b"\0\0" + reply[6:], reply[:6] + b"\0\7" + reply[8:], reply[:-1], b"", reply + b"!"]
        return [*others, request, reply]

    assert played(answers) == PASSED


def test_one_answer_out_of_so_many_requests_is_enough() -> None:
    sent: list[int] = []

    def third_only(request: bytes) -> list[bytes]:
        sent.append(int.from_bytes(request[6:8]))
        return [replied(request)] if len(sent) == 3 else []

    assert played(third_only, count=3, timeout_s=0.06) == PASSED
    assert sent == [1, 2, 3]


def test_a_late_answer_to_the_first_request_counts() -> None:
    sent: list[bytes] = []

    def late(request: bytes) -> list[bytes]:
        sent.append(request)
        return [] if len(sent) == 1 else [replied(sent[0])]

    assert played(late, count=3, timeout_s=0.06) == PASSED
    assert len(sent) == 2


def test_silence_lasts_until_the_monitors_timeout_ends_it() -> None:
    async def run() -> None:
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        opened = FarEnd(near.family, near.type, near.proto, near.detach())
        with far, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await ping(
                    ip_address("127.0.0.1"), IcmpSettings(count=2), timeout_s=0.01, open_socket=lambda *_: opened
                )
        assert opened.fileno() == -1, "closed"

    asyncio.run(run())


def test_without_any_right_the_probe_cannot_tell() -> None:
    tried: list[int] = []

    def refused(_family: int, kind: int, _protocol: int) -> socket.socket:
        tried.append(kind)
        raise PermissionError

    assert pinged("127.0.0.1", refused) == CheckOutcome(Reason.UNREAD, NOT_PERMITTED)
    assert tried == [socket.SOCK_DGRAM, socket.SOCK_RAW]


class TestOverTheKernel:
    """The real thing, both ways to send."""

    pytestmark = root

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    @pytest.mark.parametrize("size_bytes", [0, 56, 1400])
    def test_raw_sockets_reach_the_endpoint(self, address: str, size_bytes: int) -> None:
        assert pinged(address, raw_only, size_bytes=size_bytes) == PASSED

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    def test_datagram_sockets_do_where_the_kernel_allows(self, address: str, lan: str) -> None:
        def run() -> CheckOutcome:
            Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
            return pinged(address, datagram_only)

        assert inside(lan, run) == PASSED

    def test_an_endpoint_that_does_not_answer_is_a_timeout(self, lan: str) -> None:
        def run() -> None:
            Path("/proc/sys/net/ipv4/icmp_echo_ignore_all").write_text("1")
            with pytest.raises(TimeoutError):
                asyncio.run(quick())

        async def quick() -> None:
            async with asyncio.timeout(0.05):
                await ping(ip_address("127.0.0.1"), IcmpSettings(), timeout_s=0.05)

        inside(lan, run)


@pytest.fixture
def lan() -> Iterator[str]:
    """A network namespace of its own, where the kernel's settings may be changed."""
    with network({"probe": ()}) as made:
        yield made.namespace("probe")


def raw_only(family: int, kind: int, protocol: int) -> socket.socket:
    if kind != socket.SOCK_RAW:
        raise PermissionError
    return socket.socket(family, kind, protocol)


def datagram_only(family: int, kind: int, protocol: int) -> socket.socket:
    assert kind == socket.SOCK_DGRAM, "it was allowed, so nothing else is tried"
    return socket.socket(family, kind, protocol)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has raw sockets whatever the kernel's settings are")
@pytest.mark.parametrize("target", ["127.0.0.1", "::1", "api.example.com"])
def test_a_monitor_pings_its_endpoint(target: str) -> None:
    check = check_of(IcmpSettings(), target=target)
    good = reading_of(check, resolver=FakeResolver({"api.example.com": "127.0.0.2"}))
    assert good.ok
    assert phases_of(good) == ({"dns_s", "first_byte_s"} if target == "api.example.com" else {"first_byte_s"})
