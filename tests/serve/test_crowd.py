"""Who may stay when there are more connections than may be: RFC 7766 6.2, RFC 9210 4.2.

Clients of 127.0.0.1 and of 127.0.1.1 are of two networks, /24 each.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.engine.protocol import Engine, TcpLimits
from gtm.serve.crowd import DEFAULT_LIMITS, Crowd, Room, network_of
from gtm.serve.descriptors import raise_limit
from tests.fakes.world import query
from tests.serve.running import WAIT_S, Running, framed, receive, running

MAIL = framed([query("mail").to_wire()])
SMALL = TcpLimits(connections=40, of_network=10, idle_s=WAIT_S)


@contextmanager
def holding(server: Running, count: int, *sources: str) -> Iterator[list[socket.socket]]:
    """So many connections of each source, one after the other, each of which was answered once."""
    with ExitStack() as stack:
        held = []
        for source in sources:
            for _ in range(count):
                sock = stack.enter_context(server.connect(source))
                sock.sendall(MAIL)
                receive(sock)
                held.append(sock)
        yield held


def is_answered(server: Running, source: str) -> bool:
    """Whether a new connection of a source gets an answer."""
    with server.connect(source) as sock:
        return asks(sock)


def asks(sock: socket.socket) -> bool:
    try:
        sock.sendall(MAIL)
        return bool(receive(sock))
    except ConnectionError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("at", ["idle", "asking"])
def test_under_a_thousand_connections_of_one_client_all_others_are_answered(serving: Engine, at: str) -> None:
    raise_limit()
    with running(serving, limits=DEFAULT_LIMITS) as server, holding(server, 1000, "127.0.0.1") as held:
        answered = []
        for number in range(20):
            if at == "asking":
                for sock in held[number::20]:
                    asks(sock)
            answered.append(is_answered(server, f"127.0.{number + 1}.1"))
        assert answered == [True] * 20
        assert is_answered(server, "127.0.0.2"), "another client of the same network, too"
        assert server.counters.count("tcp_connections_evicted", reason="network") >= 750
        assert server.counters.count("tcp_connections_evicted", reason="full") == 0


def test_when_all_are_taken_by_many_networks_who_was_idle_for_longest_makes_room(serving: Engine) -> None:
    networks = [f"127.0.{number}.1" for number in range(4)]
    with running(serving, limits=SMALL) as server, holding(server, 10, *networks) as held:
        assert asks(held[0])
        with server.connect("127.0.9.1") as sock:
            assert asks(sock)
            assert server.counters.count("tcp_connections_evicted", reason="full") == 1
            assert receive(held[1]) == b"", "the first that did not ask again"
            assert all(asks(each) for each in [held[0], *held[2:]])
            assert asks(sock)


def test_a_network_that_has_its_share_makes_room_for_its_own(serving: Engine) -> None:
    with (
        running(serving, limits=SMALL) as server,
        server.connect("127.0.1.1") as other,
        holding(server, 10, "127.0.0.1") as held,
    ):
        assert is_answered(server, "127.0.0.2")
        assert receive(held[0]) == b""
        assert all(asks(each) for each in [*held[1:], other])
        assert server.counters.count("tcp_connections_evicted", reason="network") == 1


def test_half_a_message_does_not_count_as_use(serving: Engine) -> None:
    with running(serving, limits=SMALL) as server, holding(server, 10, "127.0.0.1") as held:
        held[0].sendall(MAIL[:-1])
        assert is_answered(server, "127.0.0.1")
        assert receive(held[0]) == b""
        assert all(map(asks, held[1:]))


def test_who_has_left_makes_room(serving: Engine) -> None:
    with running(serving, limits=SMALL) as server:
        for _ in range(30):
            with server.connect() as sock:
                assert asks(sock)
                sock.shutdown(socket.SHUT_WR)
                assert receive(sock) == b""
        assert server.counters.count("tcp_connections_evicted", reason="network") == 0


@pytest.mark.parametrize(
    ("here", "inside", "outside"),
    [
        ("192.0.2.0", "192.0.2.255", "192.0.3.0"),
        ("2001:db8::1", "2001:db8:0:ff:ffff::", "2001:db8:0:100::1"),
        ("0.0.0.0", "0.0.0.1", "::"),
    ],
)
def test_a_network_is_a_24_of_ipv4_and_a_56_of_ipv6(here: str, inside: str, outside: str) -> None:
    assert network_of(ip_address(here)) == network_of(ip_address(inside)) != network_of(ip_address(outside))


ACTS = st.lists(st.tuples(st.sampled_from(["enter", "touch", "leave"]), st.integers(0, 9), st.integers(0, 2)))


@given(ACTS, st.integers(1, 5), st.integers(1, 5))
def test_whatever_comes_the_limits_hold_and_the_longest_idle_goes(
    acts: list[tuple[str, int, int]], connections: int, of_network: int
) -> None:
    crowd = Crowd[int](TcpLimits(connections, of_network, 1.0))
    model: list[tuple[int, int]] = []  # guest and network, the longest idle first
    for act, guest, network in acts:
        mine = next((each for each in model if each[0] == guest), None)
        if act == "touch":
            crowd.touch(guest)
            model.sort(key=lambda each, guest=guest: each[0] == guest)  # type: ignore[misc]
        elif act == "leave":
            crowd.leave(guest)
            model = [each for each in model if each != mine]
        elif mine is None:
            ours = [each for each in model if each[1] == network]
            full = [(ours, Room.NETWORK)] if len(ours) >= of_network else []
            full += [(model, Room.ALL)] if len(model) >= connections else []
            expected = (full[0][0][0][0], full[0][1]) if full else None
            assert crowd.enter(guest, ip_address(f"192.0.{network}.1")) == expected
            model = [each for each in model if expected is None or each[0] != expected[0]] + [(guest, network)]
        assert len(crowd) == len(model) <= connections
