"""Records in presentation format -> RDATA (RFC 1035 5.1, RFC 3597 5 and every type's own RFC).

In comes the type and the text of one value, out goes dnspython's RDATA, absolute; or TextInvalid with the reason in
words. It must not decide which types may stand in a zone, beyond those that no zone can have.
"""

import difflib
import re
from functools import lru_cache

from dns.exception import DNSException
from dns.name import Name
from dns.rdata import GenericRdata, Rdata, from_text
from dns.rdata import from_wire as rdata_from_wire
from dns.rdataclass import IN
from dns.rdatatype import RdataType, is_metatype
from dns.rdatatype import from_text as type_from_text
from dns.rdatatype import to_text as type_to_text
from dns.rdtypes.ANY.TXT import TXT

from gtm.dns.rare import MAX_STRING_BYTES, MNEMONICS, compose_rare
from gtm.dns.text import parse_name
from gtm.errors import TextInvalid

MAX_RDATA_BYTES = 65_535
"""RDLENGTH has 16 bits (RFC 1035 3.2.1)."""

_SERVICE_BINDINGS = frozenset({RdataType.SVCB, RdataType.HTTPS})
_ONLY_A_NAME = frozenset({RdataType.CNAME, RdataType.NS, RdataType.PTR})


def parse_type(text: str) -> RdataType:
    """Returns the record type of a mnemonic such as `AAAA`, or of `TYPE65280` (RFC 3597 5).

    Raises TextInvalid for an unknown type, and for one that no zone can have.
    """
    try:
        if text in MNEMONICS:
            return RdataType.make(MNEMONICS[text])
        rtype = type_from_text(text) if re.fullmatch("[A-Z0-9-]+", text) else None
    except (DNSException, ValueError):
        rtype = None
    if rtype is None:
        raise TextInvalid(f'unknown record type "{text}"{_near_type(text.upper())}')
    # RFC 6895 3.1: meta and question types are never data of a zone; TYPE0 is reserved.
    if rtype == RdataType.TYPE0 or is_metatype(rtype) or 128 <= rtype <= 255:
        raise TextInvalid(f"{text} is for questions and messages; it cannot be a record")
    return rtype


_MAX_TYPE = 32
"""In letters; a longer word is not a misspelt type."""


@lru_cache(maxsize=1024)
def _near_type(text: str) -> str:
    """Returns `; did you mean "..."?` with a similar type, or an empty string.

    It is cached: a YAML alias in a zone file may repeat one fault a hundred thousand times.
    """
    known = [name for name in RdataType.__members__ if not is_metatype(RdataType[name]) and name != "NONE"]
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.6) if len(text) <= _MAX_TYPE else []
    return f'; did you mean "{near[0]}"?' if near else ""


def parse_rdata(rtype: RdataType, text: str, origin: Name, *, plain_text: bool = True) -> Rdata:
    """Returns the RDATA of one value in presentation format; names without a trailing dot are relative to the origin.

    With `plain_text`, a TXT value that does not start with a quote is one string as it stands, in pieces of 255 bytes.
    Raises TextInvalid for a wrong value.
    """
    if "\n" in text or "\r" in text:
        raise TextInvalid("a value is one line of text")
    if plain_text and rtype == RdataType.TXT and not text.startswith('"'):
        return _plain_txt(text)
    if rtype in _ONLY_A_NAME and not text.startswith("\\#"):
        parse_name(text.strip(), origin)  # for the reason in words
    try:
        rdata = _from_text(rtype, text, origin)
        size_bytes = len(compose_rdata(rdata))
    except (DNSException, ValueError, ArithmeticError, LookupError, TypeError) as error:
        raise TextInvalid(f'"{_shown(text)}" is not {_article(rtype)} record{_reason(rtype, str(error))}') from error
    if size_bytes > MAX_RDATA_BYTES:
        raise TextInvalid(f"the value has {size_bytes} bytes; the most is {MAX_RDATA_BYTES}")
    return rdata


def _from_text(rtype: RdataType, text: str, origin: Name) -> Rdata:
    wire = compose_rare(rtype, text, origin)
    if wire is not None:
        return GenericRdata(IN, rtype, wire)
    if rtype == RdataType.SIG:
        text = re.sub("^([0-9]{1,5}) ", r"TYPE\1 ", text)  # BIND prints the number of a covered type without a name
    try:
        return from_text(IN, rtype, text, origin=origin, relativize=False)
    except DNSException:
        if rtype not in _SERVICE_BINDINGS or text.split(maxsplit=1)[:1] != ["0"]:
            raise
    # RFC 9460 2.4.2: recipients ignore parameters in AliasMode, so BIND and others load them; dnspython refuses
    in_service_mode = from_text(IN, rtype, f"1{text.lstrip()[1:]}", origin=origin, relativize=False)
    return GenericRdata(IN, rtype, bytes(2) + compose_rdata(in_service_mode)[2:])


def rdata_of(rtype: RdataType, wire: bytes) -> Rdata:
    """Returns the RDATA of bytes in wire format; as GenericRdata where dnspython refuses the bytes."""
    try:
        return rdata_from_wire(IN, rtype, wire, 0, len(wire))
    except (DNSException, ValueError):
        return GenericRdata(IN, rtype, wire)


def compose_rdata(rdata: Rdata) -> bytes:
    """Returns RDATA in wire format, without compression."""
    return rdata.to_wire() or b""


def _plain_txt(text: str) -> Rdata:
    wire = text.encode("utf-8", "surrogateescape")
    pieces = [wire[start : start + MAX_STRING_BYTES] for start in range(0, len(wire), MAX_STRING_BYTES)]
    return TXT(IN, RdataType.TXT, pieces or [b""])


_EXAMPLES = {
    RdataType.A: "192.0.2.1",
    RdataType.AAAA: "2001:db8::1",
    RdataType.MX: "10 mail.example.com.",
    RdataType.SRV: "10 5 443 host.example.com.",
    RdataType.CAA: '0 issue "ca.example.net"',
    RdataType.HTTPS: "1 . alpn=h2,h3",
    RdataType.SVCB: "1 host.example.com. port=853",
    RdataType.TXT: '"one string" "another"',
    RdataType.DS: "12345 13 2 (64 hexadecimal digits)",
    RdataType.TLSA: "3 1 1 (64 hexadecimal digits)",
    RdataType.NAPTR: '10 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
}
"""An example of a valid value for each type, for messages."""

_WORDS = (
    (r"expecting an? .*integer", "a number is missing"),
    (r"(.*) is not an unsigned (\d+)-bit integer", r"\1 is not a number of \2 bits"),
    (r'expected EOL or EOF, got \d+ "(.*)"', r'"\1" at the end is too much'),
    (r"expecting an? (string|identifier).*", "a part is missing"),
    (r"generic rdata does not start with \\#", r"this type is written as \\# LENGTH HEXADECIMAL (RFC 3597)"),
    (r"Text input ended unexpectedly\.", "a quote is not closed"),
    (r"A DNS label is empty\.", "a name in it has an empty label"),
    (r"A DNS label is > 63 octets long\.", "a name in it has a label longer than 63 bytes"),
    (r"A DNS name is > 255 octets long\.", "a name in it is longer than 255 bytes"),
    (r"Non-hexadecimal digit found", "it has characters that are not hexadecimal"),
    (r"non-hexadecimal number found in fromhex.*", "it has characters that are not hexadecimal, or one too few"),
    (r"Odd-length string", "it has an odd number of hexadecimal digits"),
    (r"Unknown SVCB ParamKey", "it has an unknown parameter"),
    (r"generic rdata hex data has wrong length", "its length is not that of its data"),
    (r"unbalanced parentheses", "a parenthesis is not closed"),
    (r"expecting another identifier", "a part is missing"),
    (r"invalid literal for int\(\).*", "a number is missing"),
    (r".*(?:base64|padding).*", "it is not valid Base64"),
    (r"DNS resource record type is unknown\.", "it names an unknown type"),
    (r"Text input is malformed\.|.*values to unpack.*", ""),
)
"""dnspython's reason -> ours; a reason that the table lacks is passed on."""


def _reason(rtype: RdataType, theirs: str) -> str:
    ours = f": {theirs}" if theirs else ""
    for pattern, message in _WORDS:
        match = re.fullmatch(pattern, theirs, re.IGNORECASE | re.DOTALL)
        if match:
            ours = match.expand(message) and f": {match.expand(message)}"
            break
    example = _EXAMPLES.get(rtype)
    return f"{ours}; one looks like {example}" if example else ours


_MAX_SHOWN = 60


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


_NAMES = {number: name for name, number in MNEMONICS.items()}


def _article(rtype: RdataType) -> str:
    name = _NAMES.get(rtype) or type_to_text(rtype)
    return ("an " if name[0] in "AEFHILMNORSX" else "a ") + name
