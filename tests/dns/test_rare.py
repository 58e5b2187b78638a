"""What is wrong with a value of a type that dnspython does not read; tests/zone/test_printed.py has what is right."""

import pytest
from dns.name import from_text

from gtm.dns.rdata import parse_rdata, parse_type, rdata_of
from gtm.errors import TextInvalid

ORIGIN = from_text("example.com")

WORDS = [
    ("NID", "10 14:4fff:ff20", "four groups of hexadecimal digits"),
    ("NID", "10 14:4fff:ff20:12345", "four groups of hexadecimal digits"),
    ("NID", "65536 0:0:0:0", "65536 is not a number of 16 bits"),
    ("L64", "10 2001:db8:1140:1000 x", '"x" at the end is too much'),
    ("MB", "", "a part is missing"),
    ("MB", "a..b", "a name in it has an empty label"),
    ("MINFO", "a", "a part is missing"),
    ("WKS", "192.0.2.1 tcp no-such-service", "no-such-service is not a number of 16 bits"),
    ("WKS", "192.0.2.1 6 65536", "65536 is not a number of 16 bits"),
    ("WKS", "192.0.2 6 25", "Expected 4 octets"),
    ("NXT", "a TYPE1234", "an NXT record cannot list TYPE1234"),
    ("EID", "", "a part is missing"),
    ("EID", "0g", "it has characters that are not hexadecimal"),
    ("RKEY", "0 3 13 A", "it is not valid Base64"),
    ("A6", "129 ::1 a", "a prefix has at most 128 bits, not 129"),
    ("TA", "1 256 1 00", "256 is not a number of 8 bits"),
    ("IPSECKEY", "10 0 2 .", "a part is missing"),
    ("IPSECKEY", "10 4 2 . AQ==", "4 is no type of gateway"),
    ("DOA", f'0 0 0 "{"a" * 256}" -', "a string has at most 255 bytes"),
    ("NINFO", '"a', "a quote is not closed"),
    ("SVCB", "1 . no-default-alpn", "no-default-alpn present, but alpn missing"),
    ("HTTPS", "0 . no-default-alpn", "no-default-alpn present, but alpn missing"),
    ("HTTPS", '1 . alpn= "h2"', "whitespace after ="),
]


@pytest.mark.parametrize(("rtype", "text", "words"), WORDS, ids=[f"{rtype} {text[:30]}" for rtype, text, _ in WORDS])
def test_a_wrong_value_has_its_words(rtype: str, text: str, words: str) -> None:
    with pytest.raises(TextInvalid) as raised:
        parse_rdata(parse_type(rtype), text, ORIGIN)
    assert words in str(raised.value)
    assert f" {rtype} record" in str(raised.value)


def test_octets_that_dnspython_refuses_are_kept_as_octets() -> None:
    alias = bytes.fromhex("000005616c69617300000100030268320000")[:-1]
    assert rdata_of(parse_type("HTTPS"), alias).to_wire() == alias
    assert rdata_of(parse_type("A"), b"\xc0\0\2\1").to_text() == "192.0.2.1"
