"""RFC 1034: names, the algorithm of 4.3.2, aliases, delegations. Section numbers are in the names of the tests."""

import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import flag, owners, query, values


@pytest.mark.parametrize("name", ["example.com.", "other.test.", ".", "com.", "xgtm.example.com."])
def test_4_3_1_names_of_other_zones_are_refused(serving: Engine, name: str) -> None:
    message = world.answer(serving, query(name))
    assert message.rcode() == dns.rcode.REFUSED
    assert not flag(message, "AA")
    assert not any(message.sections[1:])


@pytest.mark.parametrize("rtype", ["AXFR", "IXFR", "MAILA", "MAILB"])
def test_4_3_5_transfers_are_refused(serving: Engine, rtype: str) -> None:
    assert world.answer(serving, query("@", rtype)).rcode() == dns.rcode.REFUSED


def test_4_3_1_recursion_is_not_available(serving: Engine) -> None:
    assert not flag(world.answer(serving, query("api")), "RA")


def test_4_3_2_step_3a_an_existing_name_answers_with_authority(serving: Engine) -> None:
    message = world.answer(serving, query("mail"))
    assert values(message.answer) == ["192.0.2.25"]
    assert flag(message, "AA")


def test_4_3_2_step_3a_an_alias_in_the_zone_is_followed(serving: Engine) -> None:
    message = world.answer(serving, query("www"), client=world.US)
    assert values(message.answer, "CNAME") == ["api.gtm.example.com."]
    assert values(message.answer) == ["192.0.2.10"]
    assert [rrset.rdtype.name for rrset in message.answer] == ["CNAME", "A"]


def test_4_3_2_step_3a_an_alias_is_not_followed_for_its_own_type(serving: Engine) -> None:
    message = world.answer(serving, query("www", "CNAME"))
    assert [rrset.rdtype.name for rrset in message.answer] == ["CNAME"]


def test_4_3_2_an_alias_out_of_the_zone_is_where_the_answer_ends(serving: Engine) -> None:
    message = world.answer(serving, query("far"))
    assert values(message.answer, "CNAME") == ["www.example.org."]
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.authority


def test_4_3_2_step_3b_below_a_delegation_is_a_referral_without_authority(serving: Engine) -> None:
    for name in ("sub", "www.sub", "a.b.c.sub", "ns.sub"):
        message = world.answer(serving, query(name))
        assert not flag(message, "AA")
        assert not message.answer
        assert owners(message.authority, "NS") == ["sub.gtm.example.com."]
        assert set(values(message.additional)) == {"192.0.2.120", "192.0.2.121"}
        assert values(message.additional, "AAAA") == ["2001:db8:53::2"]


def test_4_3_2_step_3b_an_alias_into_a_delegation_is_answered_with_alias_and_referral(serving: Engine) -> None:
    """AA is about the first name (RFC 1035 4.1.1), and that is this zone's."""
    message = world.answer(serving, query("tosub"))
    assert values(message.answer, "CNAME") == ["www.sub.gtm.example.com."]
    assert message.rcode() == dns.rcode.NOERROR
    assert flag(message, "AA")
    assert owners(message.authority, "NS") == ["sub.gtm.example.com."]
    assert values(message.authority, "NS") == [
        "ns.sub.gtm.example.com.",
        "ns.other.gtm.example.com.",
        "ns9.example.net.",
    ]
    assert values(message.additional) == ["192.0.2.120", "192.0.2.121"]
    assert values(message.additional, "AAAA") == ["2001:db8:53::2"]


ALIASES = """
services:
  steered: {steer: failover, endpoints: [{region: us-east, target: A.b.Cut}]}
records:
  ns1: {A: 192.0.2.53}
  cut: {NS: [ns.cut]}
  ns.cut: {A: 192.0.2.9}
  one: {CNAME: Two.gtm.example.com.}
  two: {CNAME: steered}
  "*.wild": {CNAME: cut}
"""


@pytest.mark.parametrize(
    ("name", "aliases"),
    [
        ("steered", ["A.b.Cut"]),
        ("one", ["Two", "steered", "A.b.Cut"]),
        ("x.wild", ["cut"]),
        ("ONE", ["Two", "steered", "A.b.Cut"]),
    ],
)
def test_4_3_2_step_3b_whatever_alias_leads_there(engine: Engine, name: str, aliases: list[str]) -> None:
    engine.swap(world.plan(world.zone(f"{world.HEAD}{ALIASES}")))
    message = world.answer(engine, query(name))
    assert values(message.answer, "CNAME") == [f"{alias}.gtm.example.com." for alias in aliases]
    assert owners(message.authority, "NS")[0].lower() == "cut.gtm.example.com."
    assert values(message.authority, "NS") == ["ns.cut.gtm.example.com."]
    assert values(message.additional) == ["192.0.2.9"]


def test_4_3_2_step_3b_ds_at_the_cut_is_the_parents_behind_an_alias_too(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(f"{world.HEAD}{ALIASES}")))
    message = world.answer(engine, query("x.wild", "DS"))
    assert values(message.answer, "CNAME") == ["cut.gtm.example.com."]
    assert owners(message.authority, "SOA") == ["gtm.example.com."]


def test_4_3_2_step_3c_a_name_that_does_not_exist_is_nxdomain(serving: Engine) -> None:
    for name in ("nothing", "a.nothing", "x.api", "x.www", "x.mail"):
        message = world.answer(serving, query(name))
        assert message.rcode() == dns.rcode.NXDOMAIN
        assert flag(message, "AA")
        assert owners(message.authority, "SOA") == ["gtm.example.com."]


def test_4_2_1_the_apex_answers_soa_and_ns(serving: Engine) -> None:
    [soa] = values(world.answer(serving, query("@", "SOA")).answer, "SOA")
    assert soa == "ns1.gtm.example.com. hostmaster.example.com. 7 3600 600 604800 300"
    ns = values(world.answer(serving, query("@", "NS")).answer, "NS")
    assert ns == ["ns1.gtm.example.com.", "ns2.example.net."]


def test_3_6_2_a_service_of_targets_is_an_alias_for_every_type(serving: Engine) -> None:
    for rtype in ("A", "AAAA", "MX", "TXT", "CNAME"):
        message = world.answer(serving, query("alias", rtype), client=world.EU)
        assert values(message.answer, "CNAME") == ["eu.example.net."]


def test_3_6_2_a_steered_alias_in_the_zone_is_followed(serving: Engine) -> None:
    message = world.answer(serving, query("alias"), client=world.US)
    assert values(message.answer, "CNAME") == ["us.alias.gtm.example.com."]
    assert values(message.answer) == ["203.0.113.1"]


def loop(length: int) -> str:
    return "".join(f"\n  c{n}: {{CNAME: c{n + 1}}}" for n in range(length)) + f"\n  c{length}: {{A: 192.0.2.9}}\n"


def test_3_6_2_a_chain_of_seven_aliases_is_answered_to_its_end(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(f"{world.HEAD}\nrecords:{world.NS1.rstrip()}{loop(7)}")))
    message = world.answer(engine, query("c0"))
    assert len(values(message.answer, "CNAME")) == 7
    assert values(message.answer) == ["192.0.2.9"]


def test_3_6_2_a_longer_chain_stops_and_the_resolver_asks_on(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(f"{world.HEAD}\nrecords:{world.NS1.rstrip()}{loop(20)}")))
    message = world.answer(engine, query("c0"))
    assert message.rcode() == dns.rcode.NOERROR
    assert len(values(message.answer, "CNAME")) == 8


def test_the_zone_with_the_longest_name_answers(engine: Engine) -> None:
    parent = world.zone(f"{world.HEAD}\nrecords:{world.NS1}")
    text = f"{world.HEAD}\nrecords:{world.NS1}".replace("gtm.example.com", "child.gtm.example.com")
    child = world.zone(text)
    engine.swap(world.plan(parent, child))
    assert owners(world.answer(engine, query("child", "SOA")).answer, "SOA") == ["child.gtm.example.com."]
    assert owners(world.answer(engine, query("x.child")).authority, "SOA") == ["child.gtm.example.com."]
    assert owners(world.answer(engine, query("xchild")).authority, "SOA") == ["gtm.example.com."]
    # RFC 4035 3.1.4.1: DS is the parent's to answer
    assert owners(world.answer(engine, query("child", "DS")).authority, "SOA") == ["gtm.example.com."]
