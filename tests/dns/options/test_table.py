"""An EDNS option is added by a file and a line in the table: here by a test."""

import dns.edns
import dns.message
import dns.rcode
import pytest

from gtm.dns.options import table
from gtm.dns.options.option import EdnsOption, ReplyFacts
from gtm.engine.reference import ReferenceEngine
from gtm.errors import WireError
from tests.fakes import world
from tests.fakes.world import query

CODE = 65_001
SUBNET = "10.2.3.0/24"


def parse_count(data: bytes) -> int:
    if len(data) != 1:
        raise WireError(dns.rcode.FORMERR, "count: one octet")
    return data[0]


def compose_count(asked: int | None, reply: ReplyFacts) -> bytes | None:
    """One more than was asked, and the scope."""
    return None if asked is None else bytes((asked + 1, reply.scope or 0))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ReferenceEngine:
    monkeypatch.setitem(table.OPTIONS, CODE, EdnsOption(CODE, parse_count, compose_count))
    engine = ReferenceEngine()
    engine.swap(world.plan(world.zone(), beliefs={}, geography=world.geography()))
    return engine


def asked(*data: bytes) -> dns.message.QueryMessage:
    code = dns.edns.OptionType.make(CODE)
    return query("api", subnet=SUBNET, options=tuple(dns.edns.GenericOption(code, octets) for octets in data))


def test_an_option_of_the_table_is_read_and_answered_beside_the_others(engine: ReferenceEngine) -> None:
    answer = world.answer(engine, asked(b"\x06"))
    subnet, count = answer.options
    assert isinstance(subnet, dns.edns.ECSOption)
    assert (count.otype, count.to_wire()) == (CODE, bytes((7, subnet.scopelen)))


def test_of_several_the_first_counts(engine: ReferenceEngine) -> None:
    assert world.answer(engine, asked(b"\x06", b"\x10")).options[-1].to_wire()[:1] == b"\x07"


def test_what_its_file_calls_malformed_is_formerr(engine: ReferenceEngine) -> None:
    answer = world.answer(engine, asked(b"\x06\x07"))
    assert (answer.rcode(), answer.options) == (dns.rcode.FORMERR, ())


def test_a_query_without_it_gets_none(engine: ReferenceEngine) -> None:
    assert [option.otype for option in world.answer(engine, query("api", subnet=SUBNET)).options] == [8]


@pytest.mark.parametrize("octets", ["fd", "fde9000200", "fde9000106fde90002", "fde9ffff06"])
def test_a_list_that_ends_within_an_option_is_formerr(octets: str) -> None:
    with pytest.raises(WireError) as caught:
        table.parse_options(bytes.fromhex(octets))
    assert caught.value.rcode == dns.rcode.FORMERR


def test_no_octets_are_no_options() -> None:
    assert table.parse_options(b"") == {}


def test_a_code_is_that_of_its_option() -> None:
    assert all(code == option.code for code, option in table.OPTIONS.items())
