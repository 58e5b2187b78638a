import struct

import dns.edns
import dns.message
import dns.opcode
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns import query as queries
from gtm.dns.options.client_subnet import subnet_of
from gtm.dns.query import Query
from tests.fakes import world

QUESTION = b"\x03api\x03gtm\x07example\x03com\x00\x00\x01\x00\x01"
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
A_RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x0a\x00\x00\x01"


def message(body: bytes = QUESTION, *, counts: tuple[int, int, int, int] = (1, 0, 0, 0), bitmap: int = 0x0100) -> bytes:
    return struct.pack("!HH4H", 4660, bitmap, *counts) + body


def parsed(wire: bytes) -> Query:
    query = queries.parse(wire)
    assert query is not None
    return query


def with_opt(opt: bytes) -> bytes:
    return message(QUESTION + opt, counts=(1, 0, 0, 1))


def opt(options: bytes = b"", *, ttl: int = 0, size: int = 1232, owner: bytes = b"\0") -> bytes:
    return owner + struct.pack("!HHIH", 41, size, ttl, len(options)) + options


def option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


SUBNET = option(8, bytes.fromhex("0001 18 00 0a0203"))
OTHER_SUBNET = option(8, bytes.fromhex("0001 18 00 0a0204"))
BAD_SUBNET = option(8, b"\0")


@given(st.binary(max_size=200))
def test_any_bytes_give_a_query_or_silence(wire: bytes) -> None:
    query = queries.parse(wire)
    assert (query is None) == (len(wire) < 12 or bool(wire[2] & 0x80))


@given(st.binary(max_size=200))
def test_any_octets_behind_the_header_give_a_query(body: bytes) -> None:
    query = parsed(message(body, counts=(1, 0, 0, 1)))
    assert query.rcode in {dns.rcode.NOERROR, dns.rcode.FORMERR, dns.rcode.BADVERS}
    if query.rcode == dns.rcode.NOERROR:
        assert query.question is not None


def test_a_plain_query_is_understood() -> None:
    query = parsed(world.query("ApI", "AAAA", edns=False, message_id=99).to_wire())
    assert query.rcode == dns.rcode.NOERROR
    assert query.id == 99
    assert query.question == queries.Question((b"ApI", b"gtm", b"example", b"com"), 28, 1)
    assert query.edns is None


def test_the_opt_record_is_understood() -> None:
    query = parsed(world.query("api", size=4096, dnssec=True, subnet="10.2.3.0/24").to_wire())
    assert query.edns is not None
    assert (query.edns.size, query.edns.dnssec_ok) == (4096, True)
    subnet = subnet_of(query.edns.options)
    assert subnet is not None
    assert subnet.source == 24


def test_a_response_gets_silence() -> None:
    assert queries.parse(message(bitmap=0x8000)) is None


def test_eleven_octets_get_silence_and_twelve_an_answer() -> None:
    assert queries.parse(message(b"")[:11]) is None
    assert parsed(message(b"")).rcode == dns.rcode.FORMERR


@pytest.mark.parametrize("opcode", [code for code in range(16) if code != dns.opcode.QUERY])
def test_every_other_opcode_is_not_implemented(opcode: int) -> None:
    assert parsed(message(bitmap=opcode << 11)).rcode == dns.rcode.NOTIMP


@pytest.mark.parametrize("count", [0, 2, 65_535])
def test_not_exactly_one_question_is_formerr(count: int) -> None:
    assert parsed(message(QUESTION * 2, counts=(count, 0, 0, 0))).rcode == dns.rcode.FORMERR


MALFORMED = {
    "octets after the message": message(QUESTION + b"\0"),
    "a question cut short": message(QUESTION[:-1]),
    "an additional record announced and missing": message(QUESTION, counts=(1, 0, 0, 1)),
    "a second OPT": message(QUESTION + OPT + OPT, counts=(1, 0, 0, 2)),
    "an OPT that the root does not own": with_opt(opt(owner=b"\x01a\0")),
    "an option longer than the OPT": with_opt(opt(b"\0\x0a\0\x08abc")),
    "half an option": with_opt(opt(b"\0\x0a\0")),
    "a bad client subnet": with_opt(opt(BAD_SUBNET)),
    "a second OPT of another version": message(QUESTION + OPT + opt(ttl=0x10000), counts=(1, 0, 0, 2)),
    "a first OPT of another version": message(QUESTION + opt(ttl=0x10000) + OPT, counts=(1, 0, 0, 2)),
    "a record whose data is cut short": message(QUESTION + A_RECORD[:-1], counts=(1, 1, 0, 0)),
}


@pytest.mark.parametrize("wire", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_message_is_formerr(wire: bytes) -> None:
    assert parsed(wire).rcode == dns.rcode.FORMERR


WITH_OPT = {
    "no question": message(OPT, counts=(0, 0, 0, 1)),
    "two questions": message(QUESTION * 2 + OPT, counts=(2, 0, 0, 1)),
    "no question, and a record before": message(b"\0" + A_RECORD[2:] + OPT, counts=(0, 1, 0, 1)),
    **{name: MALFORMED[name] for name in MALFORMED if "OPT" in name or "option" in name or "subnet" in name},
    "octets after the message": message(QUESTION + OPT + b"\0", counts=(1, 0, 0, 1)),
}


@pytest.mark.parametrize("name", WITH_OPT)
def test_a_formerr_has_an_opt_where_the_query_had_one(name: str) -> None:
    query = parsed(WITH_OPT[name])
    assert query.rcode == dns.rcode.FORMERR
    assert query.edns is not None
    assert (query.question is None) is ("question" in name)


def test_another_opcode_has_question_and_opt_as_far_as_they_can_be_read() -> None:
    query = parsed(message(QUESTION + OPT, counts=(1, 0, 0, 1), bitmap=4 << 11))
    assert query.rcode == dns.rcode.NOTIMP
    assert query.question is not None
    assert query.edns is not None
    assert parsed(message(b"\xff", bitmap=4 << 11)).question is None


def test_a_refusal_can_repeat_the_question_that_was_understood() -> None:
    assert parsed(MALFORMED["octets after the message"]).question is not None
    assert parsed(MALFORMED["a bad client subnet"]).edns is not None


def test_records_that_a_query_need_not_have_are_passed_over() -> None:
    wire = message(QUESTION + A_RECORD * 2 + OPT + A_RECORD, counts=(1, 1, 1, 2))
    assert parsed(wire).rcode == dns.rcode.NOERROR
    assert parsed(wire).edns is not None


def test_a_message_full_of_records_is_formerr_before_they_are_read() -> None:
    wire = message(QUESTION + A_RECORD * 1000, counts=(1, 0, 0, 1000))
    assert parsed(wire).rcode == dns.rcode.FORMERR


@pytest.mark.parametrize("version", [1, 2, 255])
def test_another_version_of_edns_is_badvers_with_the_question(version: int) -> None:
    query = parsed(with_opt(opt(ttl=version << 16)))
    assert query.rcode == dns.rcode.BADVERS
    assert query.question is not None


def test_the_options_of_another_version_are_not_looked_at() -> None:
    assert parsed(with_opt(opt(BAD_SUBNET, ttl=0x10000))).rcode == dns.rcode.BADVERS


def test_unknown_options_and_flags_are_ignored() -> None:
    query = parsed(with_opt(opt(option(65001, b"abcd") + SUBNET + option(12, bytes(9)), ttl=0x7FFF)))
    assert query.rcode == dns.rcode.NOERROR
    assert query.edns is not None
    assert subnet_of(query.edns.options) is not None
    assert not query.edns.dnssec_ok


def test_of_two_client_subnets_the_first_counts() -> None:
    query = parsed(with_opt(opt(SUBNET + OTHER_SUBNET)))
    assert query.edns is not None
    subnet = subnet_of(query.edns.options)
    assert subnet is not None
    assert subnet.address == bytes((10, 2, 3))


def test_an_rcode_in_a_query_means_nothing() -> None:
    assert parsed(message(bitmap=0x0103)).rcode == dns.rcode.NOERROR


@given(st.builds(dns.edns.ECSOption, st.just("10.2.3.0"), st.integers(1, 24)))
def test_what_dnspython_asks_is_understood(option: dns.edns.ECSOption) -> None:
    wire = dns.message.make_query("api.gtm.example.com.", "A", use_edns=0, options=[option]).to_wire()
    assert parsed(wire).rcode == dns.rcode.NOERROR
