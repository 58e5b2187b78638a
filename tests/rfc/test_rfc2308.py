"""RFC 2308: negative answers have the SOA, and its TTL says how long they may be kept."""

import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import flag, owners, query

NEGATIVE = {
    "a name that does not exist": ("nothing", "A"),
    "another type of a static name": ("mail", "AAAA"),
    "another type of a steered name": ("api", "MX"),
    "DS of a steered name": ("api", "DS"),
    "AAAA of a service with IPv4 alone": ("v4", "AAAA"),
    "an empty non-terminal": ("ent", "A"),
    "another type of a wildcard": ("x.wild", "A"),
    "another type of a steered wildcard": ("x.tenant", "AAAA"),
    "another type of the apex": ("@", "SRV"),
}


@pytest.mark.parametrize(("name", "rtype"), NEGATIVE.values(), ids=NEGATIVE)
def test_2_a_negative_answer_has_the_soa(serving: Engine, name: str, rtype: str) -> None:
    message = world.answer(serving, query(name, rtype))
    assert message.rcode() == (dns.rcode.NXDOMAIN if name == "nothing" else dns.rcode.NOERROR)
    assert not message.answer
    assert owners(message.authority, "SOA") == ["gtm.example.com."]
    assert flag(message, "AA")


def test_3_the_ttl_of_a_negative_answer_is_the_minimum_of_the_soa(serving: Engine) -> None:
    [soa] = world.answer(serving, query("nothing")).authority
    assert soa.ttl == soa[0].minimum == 60


def test_5_nodata_because_all_is_down_is_not_kept_longer_than_the_answer_would_be(engine: Engine) -> None:
    zone = world.zone()
    engine.swap(world.plan(zone, beliefs=world.down("192.0.2.90")))
    message = world.answer(engine, query("closed"))
    assert message.rcode() == dns.rcode.NOERROR
    [soa] = message.authority
    assert soa.ttl == 10, "the answer would be kept for half of its 20 s while not all is well"
