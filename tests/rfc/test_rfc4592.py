"""RFC 4592: wildcards."""

import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import flag, owners, query, values


@pytest.mark.parametrize("name", ["x.wild", "a.b.c.wild", "_x._tcp.wild", "*.x.wild", "\\000.wild"])
def test_3_3_1_a_name_that_does_not_exist_is_covered(serving: Engine, name: str) -> None:
    message = world.answer(serving, query(name, "TXT"))
    assert values(message.answer, "TXT") == ['"wild"']
    assert owners(message.answer, "TXT") == [f"{name}.gtm.example.com."]
    assert flag(message, "AA")


def test_2_1_1_the_wildcard_itself_is_a_name(serving: Engine) -> None:
    message = world.answer(serving, query("*.wild", "TXT"))
    assert owners(message.answer, "TXT") == ["*.wild.gtm.example.com."]


def test_2_2_1_a_name_that_exists_is_not_covered(serving: Engine) -> None:
    message = world.answer(serving, query("host.wild", "TXT"))
    assert (message.rcode(), message.answer) == (dns.rcode.NOERROR, [])


def test_2_2_2_an_empty_non_terminal_exists_and_is_not_covered(serving: Engine) -> None:
    for name in ("ent.wild", "wild", "b.ent", "ent", "tenant"):
        message = world.answer(serving, query(name, "TXT"))
        assert (message.rcode(), message.answer) == (dns.rcode.NOERROR, []), name
        assert owners(message.authority, "SOA") == ["gtm.example.com."]


@pytest.mark.parametrize("name", ["x.host.wild", "y.ent.wild", "a.x.ent.wild", "x.*.wild"])
def test_3_3_1_only_the_closest_encloser_has_a_source_of_synthesis(serving: Engine, name: str) -> None:
    assert world.answer(serving, query(name, "TXT")).rcode() == dns.rcode.NXDOMAIN


def test_2_2_1_another_type_of_a_covered_name_is_nodata(serving: Engine) -> None:
    message = world.answer(serving, query("x.wild", "AAAA"))
    assert message.rcode() == dns.rcode.NOERROR
    assert owners(message.authority, "SOA") == ["gtm.example.com."]


def test_4_3_a_wildcard_cname_is_followed_from_the_name_that_was_asked(serving: Engine) -> None:
    message = world.answer(serving, query("any.cwild"))
    assert owners(message.answer, "CNAME") == ["any.cwild.gtm.example.com."]
    assert values(message.answer) == ["192.0.2.25"]


def test_a_steered_wildcard_steers(serving: Engine) -> None:
    for client, address in ((world.US, "192.0.2.100"), (world.EU, "192.0.2.101")):
        message = world.answer(serving, query("a.b.tenant"), client=client)
        assert values(message.answer) == [address]
        assert owners(message.answer, "A") == ["a.b.tenant.gtm.example.com."]


def test_3_3_1_a_wildcard_does_not_reach_below_a_delegation(engine: Engine) -> None:
    text = f'{world.HEAD}\nrecords:{world.NS1}  "*": {{TXT: all}}\n  sub: {{NS: ns.example.net.}}\n'
    engine.swap(world.plan(world.zone(text)))
    assert values(world.answer(engine, query("x", "TXT")).answer, "TXT") == ['"all"']
    assert owners(world.answer(engine, query("x.sub", "TXT")).authority, "NS") == ["sub.gtm.example.com."]


def test_a_wildcard_at_the_apex_does_not_cover_the_apex(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(f'{world.HEAD}\nrecords:{world.NS1}  "*": {{TXT: all}}\n')))
    assert not world.answer(engine, query("@", "TXT")).answer


def test_4_3_wildcards_that_are_aliases_of_each_other_are_followed(engine: Engine) -> None:
    text = f"""{world.HEAD}
services:
  "*.loop":
    steer: weighted
    endpoints: [{{region: us-east, target: x.loop2}}]
records:{world.NS1}
  "*.loop2": {{CNAME: mail}}
  mail: {{A: 192.0.2.1}}
"""
    engine.swap(world.plan(world.zone(text)))
    answer = world.respond(engine, query("a.loop").to_wire())
    assert answer is not None
    records = world.records_of(answer)
    assert [(owner, rtype) for _, owner, rtype, _ in records] == [
        ("a.loop.gtm.example.com.", "CNAME"),
        ("x.loop2.gtm.example.com.", "CNAME"),
        ("mail.gtm.example.com.", "A"),
    ]
