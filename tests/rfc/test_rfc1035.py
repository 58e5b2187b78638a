"""RFC 1035: the header (4.1.1), the limits of a message (2.3.4, 4.2.1), and what a refusal looks like."""

import struct

import dns.message
import dns.opcode
import dns.rcode
import pytest

from gtm.engine.protocol import Engine, Transport
from tests.fakes import world
from tests.fakes.world import flag, query, values


def test_4_1_1_id_question_and_rd_come_back(serving: Engine) -> None:
    for message_id in (0, 1, 65_535):
        message = world.answer(serving, query("api", message_id=message_id))
        assert message.id == message_id
        assert flag(message, "RD")


def test_4_1_1_rd_is_not_set_where_it_was_not(serving: Engine) -> None:
    asked = query("api")
    asked.flags = dns.flags.Flag(0)
    assert not flag(world.answer(serving, asked), "RD")


@pytest.mark.parametrize("name", ["api", "nothing", "sub", "other.test."])
def test_4_1_1_reserved_bits_ad_and_cd_are_zero(serving: Engine, name: str) -> None:
    """CD is cleared by RFC 4035 3.1.6: it is between resolvers."""
    wire = bytearray(query(name).to_wire())
    wire[3] |= 0x70
    for asked in (bytes(wire), bytes(wire[:12]), bytes((*wire[:2], 0x21, *wire[3:]))):
        answer = world.respond(serving, asked)
        assert answer is not None
        assert answer[3] & 0x70 == 0


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 6, 15])
def test_4_1_1_other_opcodes_are_not_implemented(serving: Engine, opcode: int) -> None:
    wire = bytearray(query("api").to_wire())
    wire[2] = opcode << 3
    answer = world.respond(serving, bytes(wire))
    assert answer is not None
    assert answer[3] & 0xF == dns.rcode.NOTIMP
    assert answer[2] >> 3 & 0xF == opcode


def test_4_1_1_a_header_alone_is_formerr_with_no_question(serving: Engine) -> None:
    answer = world.respond(serving, query("api").to_wire()[:4] + bytes(8))
    assert answer == struct.pack("!HH4H", 4660, 0x8101, 0, 0, 0, 0)


def test_a_response_is_never_answered(serving: Engine) -> None:
    answer = world.respond(serving, query("api").to_wire())
    assert answer is not None
    assert world.respond(serving, answer) is None


@pytest.mark.parametrize("rclass", ["CH", "HS", "ANY", "NONE"])
def test_3_2_4_other_classes_are_refused(serving: Engine, rclass: str) -> None:
    asked = dns.message.make_query("version.bind.", "TXT", rclass)
    assert world.answer(serving, asked).rcode() == dns.rcode.REFUSED
    asked = dns.message.make_query("api.gtm.example.com.", "A", rclass)
    assert world.answer(serving, asked).rcode() == dns.rcode.REFUSED


def test_4_2_1_over_udp_without_edns_an_answer_has_512_octets(serving: Engine) -> None:
    asked = query("big", "TXT", edns=False)
    answer = world.respond(serving, asked.to_wire())
    assert answer is not None
    assert len(answer) <= 512
    assert flag(dns.message.from_wire(answer), "TC")


def test_4_2_2_over_tcp_everything_is_answered(serving: Engine) -> None:
    message = world.answer(serving, query("big", "TXT", edns=False), transport=Transport.TCP)
    assert not flag(message, "TC")
    assert len(values(message.answer, "TXT")) == 20


@pytest.mark.parametrize("rtype", ["TYPE0", "TYPE41", "TYPE249", "TYPE250", "TYPE256", "TYPE65535", "TYPE65280"])
def test_3_2_3_types_that_no_name_has_are_nodata(serving: Engine, rtype: str) -> None:
    message = world.answer(serving, query("mail", rtype))
    assert message.rcode() == dns.rcode.NOERROR
    assert not message.answer
    assert len(message.authority) == 1


@pytest.mark.parametrize("name", ["\\000.mail", "*.mail", "\\255\\255.x", "a" * 63 + ".x"])
def test_2_3_1_any_octets_may_be_asked(serving: Engine, name: str) -> None:
    assert world.answer(serving, query(name)).rcode() == dns.rcode.NXDOMAIN


def test_2_3_4_the_longest_name_is_answered(serving: Engine) -> None:
    name = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * (255 - 3 * 64 - len("gtm.example.com") - 3)])
    asked = query(name)
    assert len(asked.question[0].name.to_wire() or b"") == 255
    assert world.answer(serving, asked).rcode() == dns.rcode.NXDOMAIN
