"""RFC 7766: what an engine must do over TCP; connections, pipelines and timeouts are in tests/serve/test_tcp.py."""

import dns.message
import pytest

from gtm.engine.protocol import Engine, Transport
from tests.fakes import world
from tests.fakes.world import flag, query, values


@pytest.mark.parametrize("size", [0, 512, 1232, 65_535])
def test_4_the_size_in_the_opt_does_not_limit_an_answer_over_tcp(serving: Engine, size: int) -> None:
    message = world.answer(serving, query("big", "TXT", size=size), transport=Transport.TCP)
    assert not flag(message, "TC")
    assert len(values(message.answer, "TXT")) == 20


@pytest.mark.parametrize("name", ["api", "many", "nothing", "x.sub", "other.test.", "ent"])
def test_5_what_fits_udp_is_the_same_over_tcp(serving: Engine, name: str) -> None:
    wire = query(name, subnet="10.2.3.0/24").to_wire()
    one, other = (world.respond(serving, wire, transport=transport, coin=9) for transport in Transport)
    assert one == other


def test_5_a_large_message_needs_no_edns_over_tcp(serving: Engine) -> None:
    wire = world.respond(serving, query("big", "TXT", edns=False).to_wire(), transport=Transport.TCP)
    assert wire is not None
    assert len(wire) > 1232
    assert dns.message.from_wire(wire).edns == -1
