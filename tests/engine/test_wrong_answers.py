"""What load balancers get wrong, one test each."""

import struct

import dns.edns
import dns.message
import dns.rcode
import pytest

from gtm.engine.protocol import Engine, Transport
from tests.fakes import world
from tests.fakes.world import flag, owners, query, values

EVERY_NAME = ["api", "v4", "failover", "weighted", "robin", "many", "alias", "closed", "x.tenant", "@"]


@pytest.mark.parametrize("name", ["api", "v4", "robin", "x.tenant"])
@pytest.mark.parametrize("rtype", ["MX", "SRV", "HTTPS", "CAA", "NS", "SOA", "CNAME", "DNSKEY"])
def test_other_types_of_a_balanced_name_are_nodata_and_not_nxdomain(serving: Engine, name: str, rtype: str) -> None:
    message = world.answer(serving, query(name, rtype))
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.answer


def test_aaaa_of_an_ipv4_name_is_nodata_and_neither_a_nor_servfail(serving: Engine) -> None:
    message = world.answer(serving, query("v4", "AAAA"))
    assert (message.rcode(), message.answer) == (dns.rcode.NOERROR, [])


def test_the_apex_answers_soa_and_ns(serving: Engine) -> None:
    for rtype in ("SOA", "NS"):
        assert owners(world.answer(serving, query("@", rtype)).answer, rtype) == ["gtm.example.com."]


def test_a_steered_apex_answers_addresses_beside_soa_and_ns(serving: Engine) -> None:
    assert values(world.answer(serving, query("@"), client=world.EU).answer) == ["192.0.2.2"]


@pytest.mark.parametrize("rtype", ["DS", "MX", "AAAA"])
def test_nodata_has_the_soa(serving: Engine, rtype: str) -> None:
    assert owners(world.answer(serving, query("v4", rtype)).authority, "SOA") == ["gtm.example.com."]


@pytest.mark.parametrize("name", ["ent", "b.ent", "ent.wild", "tenant"])
def test_an_empty_non_terminal_is_nodata_and_not_nxdomain(serving: Engine, name: str) -> None:
    assert world.answer(serving, query(name)).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("name", [*EVERY_NAME, "nothing", "sub", "other.test."])
def test_ad_is_never_set(serving: Engine, name: str) -> None:
    asked = query(name, dnssec=True)
    asked.flags |= dns.flags.AD
    assert not flag(world.answer(serving, asked), "AD")


@pytest.mark.parametrize("name", EVERY_NAME)
def test_no_record_is_there_twice_and_no_octet_behind_the_message(serving: Engine, name: str) -> None:
    for coin in range(8):
        wire = world.respond(serving, query(name).to_wire(), coin=coin)
        assert wire is not None
        records = world.records_of(wire)  # raises for trailing octets
        assert len(records) == len(set(records))


def test_edns_version_1_is_badvers_with_the_question(serving: Engine) -> None:
    asked = query("api")
    asked.use_edns(1)
    message = world.answer(serving, asked)
    assert message.rcode() == dns.rcode.BADVERS
    assert message.question == asked.question


@pytest.mark.parametrize("code", [3, 9, 10, 11, 12, 14, 26_946, 65_001, 65_535])
def test_unknown_edns_options_are_neither_echoed_nor_formerr(serving: Engine, code: int) -> None:
    option = dns.edns.GenericOption(dns.edns.OptionType.make(code), b"12345678")
    wire = query("api").to_wire()
    opt = struct.pack("!HH", code, 8) + bytes(option.data)
    answer = world.respond(serving, wire[:-2] + struct.pack("!H", len(opt)) + opt)
    assert answer is not None
    message = dns.message.from_wire(answer)
    assert (message.rcode(), message.options) == (dns.rcode.NOERROR, ())


def test_the_case_of_the_question_is_kept(serving: Engine) -> None:
    asked = query("aPI.gTM.eXAMPLE.cOM.")
    wire = world.respond(serving, asked.to_wire())
    assert wire is not None
    question = asked.question[0].name.to_wire() or b""
    assert wire[12 : 12 + len(question)] == question


def test_the_scope_of_the_default_answer_is_not_0(serving: Engine) -> None:
    assert world.scope(world.answer(serving, query("api", subnet="192.168.1.0/24")))


def test_a_cached_nodata_while_all_endpoints_are_down_is_a_choice_and_short(engine: Engine) -> None:
    zone = world.zone()
    down = world.down("192.0.2.40", "192.0.2.41", "192.0.2.90")
    engine.swap(world.plan(zone, beliefs=down, geography=world.geography()))
    assert values(world.answer(engine, query("v4")).answer), "the default is to answer all the same"
    [soa] = world.answer(engine, query("closed")).authority
    assert soa.ttl == 10, "half of the service's"


@pytest.mark.parametrize("name", EVERY_NAME)
@pytest.mark.parametrize("transport", Transport)
def test_an_engine_without_a_plan_refuses_and_does_not_fail(engine: Engine, name: str, transport: Transport) -> None:
    assert world.answer(engine, query(name), transport=transport).rcode() == dns.rcode.REFUSED
