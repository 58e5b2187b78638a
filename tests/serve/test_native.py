"""The sockets of the Rust engine: what asyncio has no part in. What both have is in test_udp.py and test_tcp.py."""

import socket
import time

import dns.message
import dns.query
import pytest

from gtm.plan.model import Plan
from tests.fakes.cluster import loopback_address
from tests.fakes.world import query
from tests.serve.running import LIMITS, WAIT_S, Native, asker, bound, framed, receive


def test_what_arrives_before_the_start_waits(native: Native) -> None:
    with (
        bound(native, "127.0.0.1:0") as [(host, port)],
        asker(port) as over_udp,
        socket.create_connection((host, port), timeout=WAIT_S) as over_tcp,
    ):
        over_udp.send(query("mail").to_wire())
        over_tcp.sendall(framed([query("mail").to_wire()]))
        native.start()
        assert over_udp.recv(65_535)
        assert receive(over_tcp)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_address_is_served_by_every_thread(native: Native, threads: int) -> None:
    with bound(native, "127.0.0.1:0", "127.0.0.2:0", "[::1]:0", "0.0.0.0:0", "[::]:0", threads=threads) as places:
        native.start()
        for host, port in places:
            asked = {"0.0.0.0": "127.0.0.3", "::": "::1"}.get(host, host)
            for _ in range(20):  # from a new port each time, and so by another thread
                assert dns.query.udp(query("mail"), asked, WAIT_S, port).answer
            assert dns.query.tcp(query("mail"), asked, WAIT_S, port).answer


def test_a_wildcard_of_ipv6_leaves_ipv4_alone(native: Native) -> None:
    with bound(native, "[::]:0") as [(_, port)], socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))


def test_a_second_server_does_not_get_a_share_of_the_port(native: Native) -> None:
    with (
        bound(native, "127.0.0.1:0") as [(host, port)],
        pytest.raises(OSError, match="Address already in use") as caught,
    ):
        type(native)().listen([f"{host}:{port}"], threads=2, tcp=LIMITS)
    assert caught.value.filename == f"UDP {host}:{port}"


def test_where_one_address_is_taken_none_is_kept(native: Native) -> None:
    free = f"{loopback_address()}:5300"
    with bound(native, "127.0.0.1:0") as [(host, taken)]:
        other = type(native)()
        with pytest.raises(OSError, match="in use"):
            other.listen([free, f"{host}:{taken}"], threads=2, tcp=LIMITS)
        with bound(type(native)(), free):
            pass


def test_stopping_is_prompt_and_frees_the_port(native: Native) -> None:
    with bound(native, "127.0.0.1:0", "[::1]:0") as [(host, port), _]:
        native.start()
        with socket.create_connection((host, port), timeout=WAIT_S) as idle:
            idle.sendall(framed([query("mail").to_wire()]))
            assert receive(idle)
            started = time.monotonic()
            native.stop()
            assert time.monotonic() - started < 1.0
            assert idle.recv(1) == b""
    with bound(native, f"127.0.0.1:{port}"):
        native.start()
        assert dns.query.udp(query("mail"), host, WAIT_S, port).answer


def test_an_engine_that_is_dropped_takes_its_threads_and_sockets_along(native: Native, plan: Plan) -> None:
    engine = type(native)()
    engine.swap(plan)
    [at] = engine.listen(["127.0.0.1:0"], threads=2, tcp=LIMITS)
    engine.start()
    assert dns.query.udp(query("mail"), "127.0.0.1", WAIT_S, int(at.rpartition(":")[2])).answer
    del engine
    with bound(native, at):
        pass
