import struct

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns import query as queries
from gtm.dns.query import Edns, Query
from gtm.dns.reply import TCP_LIMIT, UDP_LIMIT, Record, Reply, compose, udp_limit
from tests.fakes import world

API = (b"api", b"gtm", b"example", b"com")


def parsed(asked: dns.message.QueryMessage) -> Query:
    query = queries.parse(asked.to_wire())
    assert query is not None
    return query


def addresses(count: int) -> tuple[Record, ...]:
    return tuple(Record(API, 1, 30, struct.pack("!I", 0xC0000200 + n)) for n in range(count))


def composed(asked: dns.message.QueryMessage, reply: Reply, limit: int = TCP_LIMIT) -> dns.message.Message:
    return dns.message.from_wire(compose(parsed(asked), reply, limit))


@given(st.integers(0, 80), st.integers(512, 1232))
def test_a_reply_keeps_its_limit_and_is_whole_or_truncated(count: int, limit: int) -> None:
    wire = compose(parsed(world.query("api")), Reply(0, authoritative=True, answer=addresses(count)), limit)
    message = dns.message.from_wire(wire)
    assert len(wire) <= limit
    assert len(world.values(message.answer)) == (0 if message.flags & dns.flags.TC else count)
    assert message.edns == 0


def test_the_limit_itself_fits() -> None:
    query, reply = parsed(world.query("api")), Reply(0, answer=addresses(20))
    size = len(compose(query, reply, TCP_LIMIT))
    assert len(compose(query, reply, size)) == size
    assert dns.message.from_wire(compose(query, reply, size - 1)).flags & dns.flags.TC


def test_a_truncated_reply_has_no_records_but_the_opt() -> None:
    asked = world.query("api", subnet="10.2.3.0/24")
    message = composed(asked, Reply(0, answer=addresses(100), scope=16), 512)
    assert [len(section) for section in message.sections] == [1, 0, 0, 0]
    assert world.scope(message) == 16


@pytest.mark.parametrize(
    ("edns", "limit"),
    [
        (None, 512),
        (Edns(0, dnssec_ok=False), 512),
        (Edns(511, dnssec_ok=False), 512),
        (Edns(600, dnssec_ok=False), 600),
        (Edns(4096, dnssec_ok=False), UDP_LIMIT),
    ],
)
def test_the_limit_over_udp_is_what_both_sides_take(edns: Edns | None, limit: int) -> None:
    assert udp_limit(edns) == limit


def test_flags_are_taken_over_or_ours() -> None:
    asked = world.query("api")
    asked.flags = dns.flags.RD | dns.flags.CD | dns.flags.AD | dns.flags.RA | dns.flags.TC | dns.flags.AA
    message = composed(asked, Reply(0))
    assert message.flags == dns.flags.QR | dns.flags.RD


def test_a_query_without_edns_gets_an_answer_without_it() -> None:
    message = composed(world.query("api", edns=False), Reply(0, scope=16, extended_error="words"))
    assert message.edns == -1


def test_an_extended_rcode_is_split_between_header_and_opt() -> None:
    assert composed(world.query("api"), Reply(dns.rcode.BADVERS)).rcode() == dns.rcode.BADVERS


def test_an_extended_error_has_its_code_and_words() -> None:
    message = composed(world.query("api"), Reply(0, extended_error="every check fails"))
    [option] = message.options
    assert isinstance(option, dns.edns.EDEOption)
    assert (option.code, option.text) == (0, "every check fails")


def test_no_client_subnet_is_sent_to_who_sent_none() -> None:
    assert composed(world.query("api"), Reply(0, scope=16)).options == ()


def test_the_question_comes_back_byte_for_byte() -> None:
    asked = world.query("aPi.gTm.ExAmPlE.cOm.")
    wire = compose(parsed(asked), Reply(0, answer=addresses(1)), TCP_LIMIT)
    assert b"\x03aPi\x03gTm\x07ExAmPlE\x03cOm\x00" in wire


def test_an_owner_in_the_case_of_the_question_is_a_pointer_to_it() -> None:
    wire = compose(parsed(world.query("api")), Reply(0, answer=addresses(1)), TCP_LIMIT)
    assert b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04" in wire
