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


@pytest.mark.parametrize(("name", "rtype"), NEGATIVE.values(), ids=NEGATIVE)
def test_3_the_ttl_of_a_negative_answer_is_the_minimum_of_the_soa(serving: Engine, name: str, rtype: str) -> None:
    """By default five minutes, whatever the default TTL of the zone, which is 60 s here."""
    [soa] = world.answer(serving, query(name, rtype)).authority
    assert soa.ttl == soa[0].minimum == 300
    [whole] = world.answer(serving, query("@", "SOA")).answer
    assert (whole.ttl, whole[0]) == (300, soa[0])
    [static] = world.answer(serving, query("mail")).answer
    assert static.ttl == 60


@pytest.mark.parametrize(
    ("soa", "times", "ttl", "negative"),
    [
        ("{minimum: 30}", "3600 600 604800 30", 30, 30),
        ("{minimum: 2h}", "3600 600 604800 7200", 7200, 7200),
        ("{ttl: 1h}", "3600 600 604800 300", 3600, 300),
        ("{ttl: 20, minimum: 900}", "3600 600 604800 900", 20, 20),
        ("{minimum: 0, ttl: 1h}", "3600 600 604800 0", 3600, 0),
        ("{refresh: 2h, retry: 5m, expire: 336h, minimum: 1m, ttl: 1m}", "7200 300 1209600 60", 60, 60),
    ],
)
def test_3_the_zone_file_says_it_and_the_less_of_minimum_and_ttl_counts(
    engine: Engine, soa: str, times: str, ttl: int, negative: int
) -> None:
    text = f"{world.HEAD}\nsoa: {soa}\nrecords:{world.NS1}  www: {{CNAME: nothing}}\n"
    engine.swap(world.plan(world.zone(text), serial=9))
    names = "ns1.gtm.example.com. hostmaster.example.com."
    [whole] = world.answer(engine, query("@", "SOA")).answer
    assert (whole.ttl, whole[0].to_text()) == (ttl, f"{names} 9 {times}")
    for name, rtype in (("nothing", "A"), ("ns1", "TXT"), ("www", "A")):
        [found] = world.answer(engine, query(name, rtype)).authority
        assert (found.ttl, found[0]) == (negative, whole[0])


def test_5_nodata_because_all_is_down_is_not_kept_longer_than_the_answer_would_be(engine: Engine) -> None:
    zone = world.zone()
    engine.swap(world.plan(zone, beliefs=world.down("192.0.2.90")))
    message = world.answer(engine, query("closed"))
    assert message.rcode() == dns.rcode.NOERROR
    [soa] = message.authority
    assert soa.ttl == 10, "the answer would be kept for half of its 20 s while not all is well"
