import logging
import struct
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.rcode
import pytest

from gtm.counters import Counters
from gtm.engine.protocol import Answered, Engine, Transport
from gtm.ids import Address
from gtm.plan.model import Plan
from gtm.serve.responder import Responder, system_coin
from tests.fakes import world
from tests.fakes.world import query

CLIENT = ip_address(world.EU)


class BrokenEngine:
    """Breaks the promise of every engine never to raise."""

    name = "broken"

    def swap(self, plan: Plan) -> None:
        """Takes it, and forgets it."""

    def respond(self, wire: bytes, client: Address, transport: Transport, coin: int) -> Answered | None:
        raise RuntimeError("no engine should")


class RecordingEngine(BrokenEngine):
    """Remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, Address, Transport, int]] = []

    def respond(self, wire: bytes, client: Address, transport: Transport, coin: int) -> Answered | None:
        self.asked.append((wire, client, transport, coin))
        return None


def responder(engine: Engine, counters: Counters) -> Responder:
    return Responder(engine, counters=counters, coin=lambda: 77)


def test_the_engine_gets_a_coin() -> None:
    engine, counters = RecordingEngine(), Counters()
    assert responder(engine, counters).respond(b"wire", CLIENT, Transport.TCP) is None
    assert engine.asked == [(b"wire", CLIENT, Transport.TCP, 77)]
    assert counters.snapshot() == {'dns_ignored{transport="tcp"}': 1}


def test_an_engine_that_raises_gets_servfail_sent_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    asked = query("api")
    asked.flags |= dns.flags.CD
    with caplog.at_level(logging.ERROR):
        answer = responder(BrokenEngine(), counters).respond(asked.to_wire(), CLIENT, Transport.UDP)
    assert answer is not None
    message = dns.message.from_wire(answer)
    assert (message.id, message.rcode()) == (asked.id, dns.rcode.SERVFAIL)
    assert dns.flags.to_text(message.flags) == "QR RD"
    assert counters.count("dns_engine_failures") == 1
    assert counters.count("dns_responses", rcode="SERVFAIL", transport="udp") == 1
    assert "no engine should" in caplog.text
    assert "broken engine failed on a query of" in caplog.text


@pytest.mark.parametrize("wire", [b"", b"x" * 11, struct.pack("!HH4H", 1, 0x8000, 0, 0, 0, 0)])
def test_an_engine_that_raises_gets_silence_for_what_must_not_be_answered(wire: bytes) -> None:
    """Two broken servers must not send SERVFAIL at each other for ever."""
    assert responder(BrokenEngine(), Counters()).respond(wire, CLIENT, Transport.UDP) is None


def test_answers_are_counted_by_rcode_and_transport(engine: Engine) -> None:
    counters = Counters()
    serving = responder(engine, counters)
    for name, transport in (("api", Transport.UDP), ("nothing", Transport.UDP), ("other.test.", Transport.TCP)):
        serving.respond(query(name).to_wire(), CLIENT, transport)
    assert counters.snapshot() == {
        'dns_responses{rcode="NOERROR",transport="udp"}': 1,
        'dns_responses{rcode="NXDOMAIN",transport="udp"}': 1,
        'dns_responses{rcode="REFUSED",transport="tcp"}': 1,
    }


def test_an_rcode_of_more_than_four_bits_is_counted_whole(engine: Engine) -> None:
    counters = Counters()
    asked = query("api")
    asked.use_edns(edns=1)
    responder(engine, counters).respond(asked.to_wire(), CLIENT, Transport.UDP)
    assert counters.snapshot() == {'dns_responses{rcode="BADVERS",transport="udp"}': 1}


def test_the_system_coin_has_64_bits_and_differs() -> None:
    coins = [system_coin() for _ in range(200)]
    assert len(set(coins)) == 200
    assert all(0 <= coin < 2**64 for coin in coins)
    assert any(coin >> 63 for coin in coins)
