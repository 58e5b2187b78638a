import socket
import struct
from ipaddress import ip_address

import dns.message
import dns.query
import pytest

from gtm.engine.protocol import Engine
from gtm.serve.udp import client_address
from tests.fakes import world
from tests.fakes.world import flag, query, values
from tests.serve.running import WAIT_S, running


@pytest.mark.parametrize("at", ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"])
def test_a_query_is_answered(serving: Engine, at: str) -> None:
    with running(serving, at) as server:
        message = dns.query.udp(query("v4", subnet="10.2.0.0/16"), server.host, WAIT_S, server.port)
    assert values(message.answer) == ["192.0.2.41"]


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
def test_a_wildcard_socket_answers_from_the_address_that_was_asked(serving: Engine, asked: str) -> None:
    with running(serving, "0.0.0.0:0") as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        sock.sendto(query("mail").to_wire(), (asked, server.port))
        _, source = sock.recvfrom(65_535)
    assert source == (asked, server.port)


def test_what_gets_silence_does_not_stop_the_next(serving: Engine) -> None:
    with running(serving) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        for wire in (b"", b"x", struct.pack("!HH4H", 1, 0x8000, 0, 0, 0, 0), query("mail").to_wire()):
            sock.sendto(wire, ("127.0.0.1", server.port))
        assert values(dns.message.from_wire(sock.recv(65_535)).answer) == ["192.0.2.25"]
        assert server.counters.count("dns_ignored", transport="udp") == 3


def test_a_burst_of_more_than_a_batch_is_answered_to_the_last(serving: Engine) -> None:
    with running(serving) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        for number in range(200):
            sock.sendto(query("mail", message_id=number).to_wire(), ("127.0.0.1", server.port))
        assert {dns.message.from_wire(sock.recv(65_535)).id for _ in range(200)} == set(range(200))


def test_an_asker_that_went_away_does_not_stop_the_next(serving: Engine) -> None:
    with running(serving) as server:
        for _ in range(20):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                gone.sendto(query("mail").to_wire(), ("127.0.0.1", server.port))
        assert dns.query.udp(query("mail"), "127.0.0.1", WAIT_S, server.port).answer


@pytest.mark.parametrize("edns", [True, False])
def test_what_is_too_large_is_truncated_and_all_comes_over_tcp(serving: Engine, *, edns: bool) -> None:
    with running(serving) as server:
        asked = query("big", "TXT", edns=edns)
        assert flag(dns.query.udp(asked, server.host, WAIT_S, server.port), "TC")
        message, over_tcp = dns.query.udp_with_fallback(asked, server.host, WAIT_S, server.port)
    assert over_tcp
    assert len(values(message.answer, "TXT")) == 20


def test_the_zone_of_a_link_local_address_is_not_part_of_it() -> None:
    assert client_address(("fe80::1%eth0", 53, 0, 2)) == ip_address("fe80::1")
    assert client_address(("10.2.0.1", 53)) == ip_address(world.EU)
