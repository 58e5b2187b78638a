"""The guard of tests/conftest.py refuses what would leave this machine, and remembers it."""

import asyncio
import socket

import pytest

from tests.test_house.loopback import LoopbackOnly, is_loopback

ELSEWHERE = "192.0.2.1"  # RFC 5737: nobody's


@pytest.mark.parametrize("host", ["127.0.0.1", "127.200.0.3", "::1", "::ffff:127.0.0.1", "localhost"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", [ELSEWHERE, "0.0.0.0", "::", "2001:db8::1", "fe80::1%lo", "::ffff:192.0.2.1", "a.test"]
)
def test_everything_else_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_connecting_elsewhere_is_refused_and_remembered(no_network_beyond_loopback: LoopbackOnly) -> None:
    with socket.socket() as sock, pytest.raises(OSError, match="tests stay on loopback"):
        sock.connect((ELSEWHERE, 80))
    assert _forgotten(no_network_beyond_loopback) == [f"connect {ELSEWHERE} port 80"]


def test_sending_a_datagram_elsewhere_is_refused_and_remembered(no_network_beyond_loopback: LoopbackOnly) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with pytest.raises(OSError, match="tests stay on loopback"):
            sock.sendto(b"", (ELSEWHERE, 53))
        with pytest.raises(OSError, match="tests stay on loopback"):
            sock.sendmsg([b""], [], 0, (ELSEWHERE, 54))
    assert _forgotten(no_network_beyond_loopback) == [f"sendto {ELSEWHERE} port 53", f"sendmsg {ELSEWHERE} port 54"]


def test_looking_up_a_name_is_refused_and_remembered(no_network_beyond_loopback: LoopbackOnly) -> None:
    with pytest.raises(OSError, match="tests stay on loopback"):
        socket.getaddrinfo("api.example.com", 80)
    assert _forgotten(no_network_beyond_loopback) == ["getaddrinfo api.example.com"]


def test_asyncio_is_refused_too(no_network_beyond_loopback: LoopbackOnly) -> None:
    with pytest.raises(OSError, match="tests stay on loopback"):
        asyncio.run(_connect())
    assert _forgotten(no_network_beyond_loopback) == [f"connect {ELSEWHERE} port 80"]


def test_loopback_works_as_ever(no_network_beyond_loopback: LoopbackOnly) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as us,
    ):
        there.bind(("127.0.0.1", 0))
        us.sendto(b"hello", there.getsockname())
        assert there.recv(16) == b"hello"
    assert no_network_beyond_loopback.strays == []


def test_a_removed_guard_leaves_the_socket_module_as_it_was() -> None:
    before = (socket.socket.connect, socket.socket.sendto, socket.getaddrinfo)
    guard = LoopbackOnly()
    guard.install()
    during = (socket.socket.connect, socket.socket.sendto, socket.getaddrinfo)
    guard.remove()
    assert (socket.socket.connect, socket.socket.sendto, socket.getaddrinfo) == before
    assert all(guarded is not plain for guarded, plain in zip(during, before, strict=True))


async def _connect() -> None:
    await asyncio.open_connection(ELSEWHERE, 80)


def _forgotten(guard: LoopbackOnly) -> list[str]:
    """Returns the strays that this test provoked, so that they do not fail it."""
    strays = list(guard.strays)
    guard.strays.clear()
    return strays
