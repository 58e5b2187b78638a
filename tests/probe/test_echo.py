"""Echo messages: what is composed is recognised, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from gtm.probe.echo import ECHO_TYPES, answered_sequence, checksum_of, compose_request, without_ipv4_header

SIXTEEN_BITS = st.integers(0, 0xFFFF)
VERSIONS = st.sampled_from(sorted(ECHO_TYPES))


def reply_to(request: bytes, version: int) -> bytes:
    return bytes([ECHO_TYPES[version].reply]) + request[1:]


def test_a_request_has_the_bytes_of_the_rfc() -> None:
    # RFC 792: type 8, code 0, checksum, identifier, sequence number, data
    assert compose_request(4, identifier=0x1234, sequence=1, payload=b"ab") == bytes.fromhex("0800 8468 1234 0001 6162")
    assert compose_request(6, identifier=0x1234, sequence=1, payload=b"ab") == bytes.fromhex("8000 0000 1234 0001 6162")


@given(SIXTEEN_BITS, SIXTEEN_BITS, st.binary(max_size=100))
def test_the_checksum_of_a_message_with_its_checksum_is_zero(identifier: int, sequence: int, payload: bytes) -> None:
    # RFC 1071 1 (3)
    assert checksum_of(compose_request(4, identifier=identifier, sequence=sequence, payload=payload)) == 0


@given(VERSIONS, SIXTEEN_BITS, SIXTEEN_BITS, st.binary(max_size=100))
def test_the_reply_to_a_request_is_recognised(version: int, identifier: int, sequence: int, payload: bytes) -> None:
    reply = reply_to(compose_request(version, identifier=identifier, sequence=sequence, payload=payload), version)
    assert answered_sequence(version, reply, identifier=identifier, payload=payload) == sequence
    assert answered_sequence(version, reply, identifier=identifier ^ 1, payload=payload) is None
    assert answered_sequence(version, reply, identifier=identifier, payload=payload + b"x") is None


@given(VERSIONS, st.binary(max_size=64))
def test_whatever_comes_is_no_reply_of_ours(version: int, message: bytes) -> None:
    assert answered_sequence(version, message, identifier=1, payload=b"sixteen bytes of") is None


def test_our_own_request_and_an_unreachable_are_no_replies() -> None:
    request = compose_request(4, identifier=7, sequence=1, payload=b"ours")
    assert answered_sequence(4, request, identifier=7, payload=b"ours") is None
    assert answered_sequence(4, b"\x03" + request[1:], identifier=7, payload=b"ours") is None
    assert answered_sequence(4, b"\x00\x01" + request[2:], identifier=7, payload=b"ours") is None, "another code"


@given(st.integers(5, 15), st.binary(max_size=30))
def test_the_header_of_ip_is_as_long_as_it_says(words: int, message: bytes) -> None:
    header = bytes([0x40 | words]) + bytes(words * 4 - 1)
    assert without_ipv4_header(header + message) == message


@given(st.binary(max_size=70))
def test_a_header_that_is_cut_short_leaves_nothing_to_trip_over(packet: bytes) -> None:
    rest = without_ipv4_header(packet)
    assert packet.endswith(rest)
    assert len(packet) - len(rest) >= min(20, len(packet))
