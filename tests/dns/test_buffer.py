import struct

import dns.name
import pytest
from dnslib.buffer import BufferError as DnslibBufferError
from dnslib.label import DNSLabel
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns.buffer import WireBuffer
from gtm.dns.name import Labels

any_labels = (
    st.lists(st.binary(min_size=1, max_size=63), max_size=6).map(tuple).filter(lambda n: sum(map(len, n)) < 240)
)


def decode(wire: bytes, at: int = 0) -> tuple[Labels, int]:
    buffer = WireBuffer(wire)
    buffer.offset = at
    return buffer.decode_name().label, buffer.offset


def encode(*names: Labels) -> bytes:
    buffer = WireBuffer()
    for name in names:
        buffer.encode_name(DNSLabel(name))
    return bytes(buffer.data)


@pytest.mark.slow
@given(any_labels)
def test_any_octets_make_a_label_and_come_back_as_they_were(name: Labels) -> None:
    wire = encode(name)
    assert decode(wire) == (name, len(wire))
    assert dns.name.from_wire(wire, 0)[0].labels == (*name, b"")


@pytest.mark.slow
@given(st.lists(any_labels, max_size=8))
def test_compressed_names_read_back_and_dnspython_agrees(names: list[Labels]) -> None:
    wire, at = encode(*names), 0
    for name in names:
        found, end = decode(wire, at)
        theirs, used = dns.name.from_wire(wire, at)
        assert found == name
        assert (theirs.labels, used) == ((*name, b""), end - at)
        at = end
    assert at == len(wire)


def test_a_repeated_suffix_is_a_pointer_to_where_it_stood_first() -> None:
    assert encode((b"a", b"b"), (b"c", b"b")) == b"\x01a\x01b\x00\x01c\xc0\x02"


def test_names_of_another_case_are_not_compressed_against_each_other() -> None:
    assert encode((b"a",), (b"A",)) == b"\x01a\x00\x01A\x00"


def test_a_suffix_behind_the_reach_of_pointers_is_not_pointed_at() -> None:
    buffer = WireBuffer(bytes(0x4000))
    buffer.offset = 0x4000
    for _ in range(2):
        buffer.encode_name(DNSLabel((b"far",)))
    assert bytes(buffer.data[0x4000:]) == b"\x03far\x00" * 2


@pytest.mark.parametrize(
    "wire",
    [b"", b"\x01", b"\x01a", b"\xc0", b"\x03ab\x00"],
    ids=["nothing", "no label", "no root", "half a pointer", "a label cut short"],
)
def test_a_name_that_the_message_cuts_short_is_an_error(wire: bytes) -> None:
    with pytest.raises(DnslibBufferError):
        decode(wire)


@pytest.mark.parametrize("first", [0x40, 0x7F, 0x80, 0xBF])
def test_the_reserved_label_types_are_errors(first: int) -> None:
    with pytest.raises(DnslibBufferError, match="reserved"):
        decode(bytes((first, *b"a" * first, 0)))


def test_a_name_of_255_octets_is_read_and_one_of_256_is_an_error() -> None:
    longest = (b"a" * 63,) * 3 + (b"b" * 61,)
    assert decode(encode(longest))[0] == longest
    with pytest.raises(DnslibBufferError, match="too long"):
        decode(encode((*longest[:3], b"b" * 62)))


def test_a_name_that_pointers_make_too_long_is_an_error() -> None:
    first = encode((b"a" * 63,) * 3)
    with pytest.raises(DnslibBufferError, match="too long"):
        decode(first + b"\x3f" + b"b" * 63 + b"\xc0\x00", len(first))


@pytest.mark.parametrize("pointer", [0xC000, 0xC002, 0xFFFF], ids=["to itself", "forward", "out of the message"])
def test_a_pointer_that_does_not_point_back_is_an_error(pointer: int) -> None:
    with pytest.raises(DnslibBufferError, match="back"):
        decode(struct.pack("!H", pointer) + b"\x00\x00")


def test_two_pointers_at_each_other_are_an_error() -> None:
    with pytest.raises(DnslibBufferError, match="back"):
        decode(b"\xc0\x02\xc0\x00", 2)


def test_a_long_chain_of_pointers_is_an_error_and_not_a_way_to_spend_our_time() -> None:
    hops = 200
    wire = b"\x00\x00" + b"".join(struct.pack("!H", 0xC000 | 2 * hop) for hop in range(hops))
    with pytest.raises(DnslibBufferError, match="pointers"):
        decode(wire, len(wire) - 2)


def test_as_many_pointers_as_a_name_has_labels_are_followed() -> None:
    name: Labels = ()
    wire, at = b"\x00", 0
    for _ in range(126):
        wire, at, name = wire + b"\x01a" + struct.pack("!H", 0xC000 | at), len(wire), (b"a", *name)
    assert decode(wire, at)[0] == name
