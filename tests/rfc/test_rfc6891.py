"""RFC 6891: EDNS(0)."""

import struct

import dns.edns
import dns.message
import dns.rcode
import pytest

from gtm.engine.protocol import Engine, Transport
from tests.fakes import world
from tests.fakes.world import flag, query, values

LONG = """
  long:
    steer: [up]
    endpoints:
"""


def long_zone(count: int) -> str:
    return LONG + "".join(f"      - {{region: us-east, address: 198.51.100.{n}}}\n" for n in range(1, count + 1))


def with_opt(owner: bytes = b"\0", *, ttl: int = 0, size: int = 1232, options: bytes = b"", times: int = 1) -> bytes:
    plain = query("api", edns=False).to_wire()
    opt = owner + struct.pack("!HHIH", 41, size, ttl, len(options)) + options
    return plain[:10] + struct.pack("!H", times) + plain[12:] + opt * times


def asked(engine: Engine, wire: bytes) -> dns.message.Message:
    answer = world.respond(engine, wire)
    assert answer is not None
    return dns.message.from_wire(answer)


def test_6_1_1_an_opt_is_answered_with_one_and_no_opt_with_none(serving: Engine) -> None:
    for name in ("api", "nothing", "sub", "other.test."):
        assert world.answer(serving, query(name)).edns == 0
        assert world.answer(serving, query(name, edns=False)).edns == -1


def test_6_1_1_a_second_opt_is_formerr(serving: Engine) -> None:
    message = asked(serving, with_opt(times=2))
    assert message.rcode() == dns.rcode.FORMERR
    assert message.question


def test_6_1_1_an_opt_that_the_root_does_not_own_is_formerr(serving: Engine) -> None:
    assert asked(serving, with_opt(b"\x01a\0")).rcode() == dns.rcode.FORMERR


def test_6_1_2_unknown_options_are_ignored_and_not_echoed(serving: Engine) -> None:
    unknown = tuple(dns.edns.GenericOption(dns.edns.OptionType.make(code), b"abcd") for code in (3, 65_001))
    message = world.answer(serving, query("api", options=unknown))
    assert message.rcode() == dns.rcode.NOERROR
    assert message.options == ()


@pytest.mark.parametrize("version", [1, 2, 255])
def test_6_1_3_another_version_is_badvers_with_the_question_and_our_version(serving: Engine, version: int) -> None:
    message = asked(serving, with_opt(ttl=version << 16))
    assert message.rcode() == dns.rcode.BADVERS
    assert message.edns == 0
    assert message.question == query("api").question
    assert not any(message.sections[1:])


def test_6_1_3_an_extended_rcode_or_unknown_flags_in_a_query_mean_nothing(serving: Engine) -> None:
    message = asked(serving, with_opt(ttl=0xFF00_7FFF))
    assert message.rcode() == dns.rcode.NOERROR
    assert message.ednsflags == 0


@pytest.mark.parametrize("size", [0, 1, 511, 512])
def test_6_2_3_a_size_under_512_counts_as_512(engine: Engine, size: int) -> None:
    engine.swap(world.plan(world.services(long_zone(27))))
    answer = world.respond(engine, query("long", size=size).to_wire())
    assert answer is not None
    assert 470 < len(answer) <= 512
    assert not flag(dns.message.from_wire(answer), "TC")


def test_6_2_3_an_answer_of_the_size_that_fits_is_not_truncated_and_one_octet_less_is(serving: Engine) -> None:
    asked_big = query("many", size=4096)
    answer = world.respond(serving, asked_big.to_wire(), transport=Transport.TCP)
    assert answer is not None
    whole = len(answer)
    assert whole < 512, "eight addresses are small"
    text = query("mail", "TXT")
    assert not flag(world.answer(serving, text), "TC")


@pytest.mark.parametrize(("size", "truncated"), [(520, True), (1232, False), (4096, False), (65_535, False)])
def test_6_2_5_the_size_of_the_asker_is_kept_up_to_ours(engine: Engine, size: int, *, truncated: bool) -> None:
    engine.swap(world.plan(world.services(long_zone(60))))
    answer = world.respond(engine, query("long", size=size).to_wire())
    assert answer is not None
    assert len(answer) <= min(size, 1232)
    message = dns.message.from_wire(answer)
    assert flag(message, "TC") is truncated
    assert len(values(message.answer)) == (0 if truncated else 60)


def test_6_2_5_no_udp_answer_is_over_1232_octets_whatever_is_asked(engine: Engine) -> None:
    engine.swap(world.plan(world.services(long_zone(100))))
    assert flag(world.answer(engine, query("long", size=65_535)), "TC")
    assert len(values(world.answer(engine, query("long"), transport=Transport.TCP).answer)) == 100


def test_6_2_3_our_opt_says_1232(serving: Engine) -> None:
    assert world.answer(serving, query("api")).payload == 1232


@pytest.mark.parametrize("options", [b"\0\x0a\0", b"\0\x0a\0\x08abc", b"\0"], ids=["half", "too long", "one octet"])
def test_6_1_2_options_that_do_not_fit_the_opt_are_formerr(serving: Engine, options: bytes) -> None:
    assert asked(serving, with_opt(options=options)).rcode() == dns.rcode.FORMERR


def with_counts(questions: int, additional: int, *records: bytes, opcode: int = 0) -> bytes:
    return struct.pack("!HH4H", 4660, opcode << 11, questions, 0, 0, additional) + b"".join(records)


OPT = with_opt()[-11:]
QUESTION = query("api", edns=False).to_wire()[12:]


@pytest.mark.parametrize(
    ("wire", "rcode"),
    [
        (with_counts(0, 1, OPT), "FORMERR"),
        (with_counts(2, 1, QUESTION, QUESTION, OPT), "FORMERR"),
        (with_counts(1, 2, QUESTION, OPT, OPT), "FORMERR"),
        (with_counts(1, 1, QUESTION, OPT, b"\0"), "FORMERR"),
        (with_counts(1, 2, QUESTION, OPT), "FORMERR"),
        (with_opt(b"\x01a\0"), "FORMERR"),
        (with_opt(options=b"\0\x0a\0"), "FORMERR"),
        (with_opt(options=b"\0\x08\0\x01\0"), "FORMERR"),
        (with_counts(1, 1, QUESTION, OPT, opcode=4), "NOTIMP"),
        (with_counts(0, 1, OPT, opcode=6), "NOTIMP"),
        (with_counts(1, 1, QUESTION, OPT[:6] + b"\1" + OPT[7:], opcode=4), "BADVERS"),
    ],
    ids=[
        "no question",
        "two questions",
        "a second OPT",
        "octets behind it",
        "a record too few",
        "not owned by the root",
        "half an option",
        "a bad client subnet",
        "another opcode",
        "another opcode, and no question",
        "another opcode, and another version",
    ],
)
def test_6_1_1_a_refusal_has_an_opt_where_the_query_had_one(serving: Engine, wire: bytes, rcode: str) -> None:
    """Section 7: also where something is wrong with the OPT."""
    answer = world.respond(serving, wire)
    assert answer is not None
    message = dns.message.from_wire(answer)
    assert dns.rcode.to_text(message.rcode()) == rcode
    assert (message.edns, message.payload) == (0, 1232)
    assert not any(message.sections[1:])
    [questions] = struct.unpack_from("!H", wire, 4)
    assert len(message.question) == (questions == 1)


def test_6_1_1_a_refusal_without_an_opt_in_the_query_has_none(serving: Engine) -> None:
    for wire in (with_counts(0, 0), with_counts(2, 0, QUESTION, QUESTION), with_counts(1, 0, QUESTION, opcode=4)):
        assert asked(serving, wire).edns == -1
