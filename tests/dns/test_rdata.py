import pytest
from dns.name import from_text
from dns.rdatatype import RdataType, is_metatype
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns.rdata import compose_rdata, parse_rdata, parse_type
from gtm.errors import TextInvalid

ZONE = from_text("gtm.example.com.")


def wire(rtype: str, text: str) -> bytes:
    return compose_rdata(parse_rdata(parse_type(rtype), text, ZONE))


@pytest.mark.parametrize(
    ("rtype", "text", "expected"),
    [
        ("A", "192.0.2.1", b"\xc0\x00\x02\x01"),
        ("AAAA", "2001:db8::1", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ("CNAME", "api", b"\x03api\x03gtm\x07example\x03com\x00"),
        ("NS", "@", b"\x03gtm\x07example\x03com\x00"),
        ("MX", "10 mx.", b"\x00\x0a\x02mx\x00"),
        ("SRV", "1 2 443 .", b"\x00\x01\x00\x02\x01\xbb\x00"),
        ("CAA", '0 issue "ca.example"', b"\x00\x05issueca.example"),
        ("HTTPS", "1 . alpn=h2", b"\x00\x01\x00\x00\x01\x00\x03\x02h2"),
        ("TYPE65280", r"\# 4 c0000201", b"\xc0\x00\x02\x01"),
        ("TYPE1", "192.0.2.1", b"\xc0\x00\x02\x01"),
        ("A", r"\# 4 c0000201", b"\xc0\x00\x02\x01"),
        ("CNAME", r"\# 3 016100", b"\x01a\x00"),
    ],
)
def test_presentation_format_becomes_wire_format(rtype: str, text: str, expected: bytes) -> None:
    assert wire(rtype, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=spf1 -all; not a comment", b"\x1av=spf1 -all; not a comment"),
        (r"a \" backslash stays", b"\x14" + rb"a \" backslash stays"),
        ("", b"\x00"),
        ("\u00e9", b"\x02\xc3\xa9"),
        ('"one" "two"', b"\x03one\x03two"),
        (r'"a\"b\009"', b'\x04a"b\x09'),
        ("x" * 256, b"\xff" + b"x" * 255 + b"\x01x"),
    ],
)
def test_txt_without_a_quote_is_one_string_as_it_stands(text: str, expected: bytes) -> None:
    assert wire("TXT", text) == expected


@pytest.mark.parametrize(
    ("rtype", "text", "message"),
    [
        ("A", "192.0.2", '"192.0.2" is not an A record; one looks like 192.0.2.1'),
        ("A", "192.0.2.1 x", '"192.0.2.1 x" is not an A record: "x" at the end is too much; one looks like 192.0.2.1'),
        ("MX", "mx.", '"mx." is not an MX record: a number is missing; one looks like 10 mail.example.com.'),
        ("CNAME", "a..b", '"a..b" is not a name: a label between two dots is empty'),
        ("SSHFP", "1 2 xy", '"1 2 xy" is not an SSHFP record: it has characters that are not hexadecimal'),
        ("CERT", "1 1 1 x", '"1 1 1 x" is not a CERT record: it is not valid Base64'),
        (
            "A",
            r"\# 5 c0000201",
            '"\\# 5 c0000201" is not an A record: its length is not that of its data; one looks like 192.0.2.1',
        ),
        ("OPENPGPKEY", "(", '"(" is not an OPENPGPKEY record: a parenthesis is not closed'),
        ("HINFO", '"' + "x" * 99, '"""" is not an HINFO record: a quote is not closed'),
    ],
)
def test_a_bad_value_says_why_in_our_words(rtype: str, text: str, message: str) -> None:
    with pytest.raises(TextInvalid) as raised:
        wire(rtype, text)
    assert str(raised.value) == message.replace('""""', f'"{text[:57]}..."')


@pytest.mark.parametrize("text", ["192.0.2.1\n", "192.0.2.1\r", "a\nb"])
def test_a_second_line_is_not_dropped_in_silence(text: str) -> None:
    with pytest.raises(TextInvalid, match="one line"):
        wire("A", text)
    with pytest.raises(TextInvalid, match="one line"):
        wire("TXT", text)


@pytest.mark.parametrize("text", ["ANY", "AXFR", "IXFR", "OPT", "TSIG", "TKEY", "MAILB", "TYPE0", "TYPE200"])
def test_types_of_questions_and_messages_are_no_records(text: str) -> None:
    with pytest.raises(TextInvalid, match="it cannot be a record"):
        parse_type(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AAA", 'unknown record type "AAA"; did you mean "AAAA"?'),
        ("txt", 'unknown record type "txt"; did you mean "TXT"?'),
        ("TYPE65536", 'unknown record type "TYPE65536"'),
        ("", 'unknown record type ""'),
        ("zzzzzz", 'unknown record type "zzzzzz"'),
    ],
)
def test_an_unknown_type_is_refused(text: str, message: str) -> None:
    with pytest.raises(TextInvalid) as raised:
        parse_type(text)
    assert str(raised.value) == message


def test_every_type_that_a_zone_can_have_is_known_by_name() -> None:
    for rtype in RdataType:
        if rtype != RdataType.TYPE0 and not is_metatype(rtype):
            assert parse_type(rtype.name.replace("_", "-")) is rtype


@pytest.mark.slow
@given(st.sampled_from([rtype for rtype in RdataType if not is_metatype(rtype)]), st.text(max_size=60))
def test_no_text_raises_anything_but_text_invalid(rtype: RdataType, text: str) -> None:
    try:
        rdata = parse_rdata(rtype, text, ZONE)
    except TextInvalid:
        return
    compose_rdata(rdata)


@pytest.mark.slow
@given(st.sampled_from(sorted(RdataType)), st.text(alphabet='0123456789abcdef.:-+/"\\# =@', max_size=40))
def test_no_text_that_looks_like_records_does_either(rtype: RdataType, text: str) -> None:
    try:
        rdata = parse_rdata(rtype, text, ZONE)
    except TextInvalid:
        return
    compose_rdata(rdata)


@pytest.mark.slow
@given(st.text(max_size=600).filter(lambda text: not text.startswith('"') and not {"\n", "\r"} & set(text)))
def test_plain_txt_keeps_every_byte(text: str) -> None:
    encoded = text.encode("utf-8", "surrogatepass") if not any("\ud800" <= c <= "\udfff" for c in text) else None
    if encoded is None:
        return
    remaining, strings = wire("TXT", text), b""
    while remaining:
        length = remaining[0]
        strings, remaining = strings + remaining[1 : 1 + length], remaining[1 + length :]
    assert strings == encoded
