"""Values of records, compared by their bytes: what clients take is taken, and what is equal to them is equal."""

import dns.exception
import dns.rdata
import dns.wire
import pytest
from dns.rdataclass import IN
from dns.rdatatype import RdataType
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.probe.dns_values import expected_value, next_value

NAME = b"\x03www\x07example\x03com\0"

TEXTS = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "NS": "NS1.example.com.",
    "SOA": "ns1.example.com. Host.example.com. 1 2 3 4 5",
    "MX": "10 MAIL.example.com.",
    "PX": "10 Map822.example.com. mapx400.example.com.",
    "SRV": "1 2 443 Host.example.com.",
    "NAPTR": '1 2 "U" "E2U+sip" "!^.*$!sip:a@b!" Example.com.',
    "RP": "Who.example.com. Text.example.com.",
    "DNAME": "Other.example.com.",
    "TXT": '"One" "two"',
    "CAA": '0 issue "ca.example.net"',
    "HTTPS": "1 Svc.example.com. alpn=h2,h3 port=8443",
    "SVCB": "2 Svc.example.com. key65280=AbC",
    "TLSA": "3 1 1 " + "ab" * 32,
    "TYPE65280": r"\# 3 414243",
}


def value_in(message: bytes, rtype: RdataType, *, start: int = 0) -> bytes:
    parser = dns.wire.Parser(message, start)
    value = next_value(parser, rtype, len(message) - start)
    assert parser.remaining() == 0
    return value


@pytest.mark.parametrize(("rtype", "text"), TEXTS.items())
def test_what_a_library_prints_and_sends_are_one_value(rtype: str, text: str) -> None:
    number = RdataType.from_text(rtype)
    wire = dns.rdata.from_text(IN, number, text).to_wire() or b""
    assert value_in(wire, number) == expected_value(number, text)
    assert value_in(wire + b"\0", number) != expected_value(number, text)


@pytest.mark.parametrize("rtype", ["NS", "SOA", "MX", "PX", "SRV", "RP", "DNAME", "HTTPS"])
def test_names_are_alike_in_any_case(rtype: str) -> None:
    number = RdataType.from_text(rtype)
    assert expected_value(number, TEXTS[rtype]) == expected_value(number, TEXTS[rtype].lower())


@pytest.mark.parametrize("rtype", ["TXT", "CAA"])
def test_texts_are_not(rtype: str) -> None:
    number = RdataType.from_text(rtype)
    assert expected_value(number, TEXTS[rtype]) != expected_value(number, TEXTS[rtype].upper())


@pytest.mark.parametrize(
    ("rtype", "before", "behind", "text"),
    [
        ("NS", b"", b"", "www.example.com."),
        ("MX", b"\0\x0a", b"", "10 www.example.com."),
        ("SRV", b"\0\x01\0\x02\x01\xbb", b"", "1 2 443 www.example.com."),
        ("SOA", b"\x02ns\xc0\x04", b"\xc0\0" + b"".join(n.to_bytes(4) for n in (1, 2, 3, 4, 5)), "ns.example.com. "),
        ("PX", b"\0\x0a\xc0\0", b"", "10 www.example.com. www.example.com."),
        ("HTTPS", b"\0\x01", b"\0\3\0\2\x20\xfb", "1 www.example.com. port=8443"),
        ("DNAME", b"", b"", "www.example.com."),
    ],
)
def test_pointers_are_followed_wherever_a_name_may_be(rtype: str, before: bytes, behind: bytes, text: str) -> None:
    number = RdataType.from_text(rtype)
    pointer = b"" if rtype == "SOA" else b"\xc0\0"
    text += "www.example.com. 1 2 3 4 5" if rtype == "SOA" else ""
    assert value_in(NAME + before + pointer + behind, number, start=len(NAME)) == expected_value(number, text)


def test_parameters_in_alias_mode_are_ignored() -> None:
    alias = b"\0\0" + NAME
    wanted = expected_value(RdataType.HTTPS, "0 www.example.com.")
    assert value_in(alias, RdataType.HTTPS) == wanted
    assert value_in(alias + b"\0\1\0\3\2h2", RdataType.HTTPS) == wanted
    assert value_in(alias + b"\0\1\0\3\2h2", RdataType.SVCB) == wanted
    assert value_in(b"\0\1" + NAME + b"\0\1\0\3\2h2", RdataType.HTTPS) != wanted


@pytest.mark.parametrize(
    ("rtype", "wire"),
    [
        (RdataType.A, b"\1\2\3"),
        (RdataType.MX, b"\0\x0a\xff"),
        (RdataType.NS, b"\xc0\x40"),
        (RdataType.HTTPS, b"\0\1"),
        (RdataType.SOA, NAME),
        (RdataType.TXT, b"\x09short"),
    ],
)
def test_what_has_another_layout_is_opaque(rtype: RdataType, wire: bytes) -> None:
    assert value_in(wire, rtype) == wire


def test_a_record_that_is_longer_than_its_message_is_none() -> None:
    with pytest.raises(dns.exception.FormError):
        next_value(dns.wire.Parser(b"\1\2\3"), RdataType.A, 4)


@settings(deadline=None)
@given(st.sampled_from(sorted(RdataType)), st.binary(max_size=60), st.integers(0, 60))
def test_whatever_comes_is_a_value_and_the_next_record_is_found(rtype: RdataType, wire: bytes, length: int) -> None:
    parser = dns.wire.Parser(wire + b"next")
    length = min(length, len(wire))
    next_value(parser, rtype, length)
    assert parser.current == length
