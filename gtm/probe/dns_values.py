"""RDATA, in a form in which equal values are equal bytes. Pure: bytes in, bytes out.

What comes in: a type, and RDATA as in a message of any content. What goes out: the same without
compression and with names in lower case (RFC 1035 2.3.3); or, where it does not have the layout of its type, as it
stands: then it is opaque (RFC 3597 3), and equals nothing that is well formed.

No parser of types is used: those of libraries refuse what clients take, such as parameters in AliasMode (RFC 9460
2.4.2), an `ech` that is no ECHConfigList, or keys that they do not know.
"""

import json
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

import dns.exception
import dns.name
import dns.wire
from dns.rdatatype import RdataType

from gtm.dns.rdata import compose_rdata, parse_rdata
from gtm.dns.text import parse_name

_NAME = "name"
_STRING = "string"
"""A <character-string> (RFC 1035 3.3): a length, and so many bytes."""

_Layout = tuple[str | int, ...]
"""What RDATA begins with: names, strings, and fields of so many bytes; what follows is taken as it stands."""

_LAYOUTS: Mapping[RdataType, _Layout] = {
    **dict.fromkeys(
        (
            *(RdataType.NS, RdataType.CNAME, RdataType.PTR, RdataType.DNAME, RdataType.NSEC, RdataType.NXT),
            *(RdataType.MD, RdataType.MF, RdataType.MB, RdataType.MG, RdataType.MR, RdataType.NSAP_PTR),
        ),
        (_NAME,),
    ),
    **dict.fromkeys((RdataType.SOA, RdataType.RP, RdataType.MINFO), (_NAME, _NAME)),
    **dict.fromkeys(
        (
            *(RdataType.MX, RdataType.AFSDB, RdataType.RT, RdataType.KX, RdataType.LP),
            *(RdataType.SVCB, RdataType.HTTPS),
        ),
        (2, _NAME),
    ),
    RdataType.PX: (2, _NAME, _NAME),
    RdataType.SRV: (6, _NAME),
    RdataType.NAPTR: (4, _STRING, _STRING, _STRING, _NAME),
    **dict.fromkeys((RdataType.SIG, RdataType.RRSIG), (18, _NAME)),
}
"""Of the types that have names in their RDATA. A pointer in a name is followed in all of them, also where it should not
be there (RFC 3597 4, RFC 9460 2.2): it has no other meaning."""

_ADDRESS_BYTES = {RdataType.A: 4, RdataType.AAAA: 16}

_IN_ALIAS_MODE = bytes(2)
"""SvcPriority 0 (RFC 9460 2.4.2)."""


def expected_value(rtype: RdataType, text: str) -> bytes:
    """Returns the value of a text in presentation format. Raises TextInvalid if it is malformed."""
    wire = compose_rdata(parse_rdata(rtype, text, parse_name(".")))
    return next_value(dns.wire.Parser(wire), rtype, len(wire))


def next_value(parser: dns.wire.Parser, rtype: RdataType, length: int) -> bytes:
    """Returns the value in the next `length` bytes of a message, and moves the parser behind them.

    Raises DNSException where the message has fewer bytes.
    """
    start, behind = parser.current, parser.current + length
    if length > parser.remaining():
        raise dns.exception.FormError
    try:
        with parser.restrict_to(length):
            value = b"".join(_field(parser, kind) for kind in _LAYOUTS.get(rtype, ())) + parser.get_remaining()
    except (dns.exception.DNSException, ValueError):
        value = parser.wire[start:behind]
    parser.seek(behind)
    parser.furthest = behind  # to which the parser goes back after a name with a pointer
    if rtype in {RdataType.SVCB, RdataType.HTTPS} and value.startswith(_IN_ALIAS_MODE):
        return _without_parameters(value)
    return value


def value_text(rtype: RdataType, value: bytes) -> str:
    """Returns a value as text, for details: the value itself where that is simple, else its length."""
    try:
        if _ADDRESS_BYTES.get(rtype) == len(value):
            return str(ip_address(value))
        if _LAYOUTS.get(rtype) == (_NAME,):
            return dns.name.from_wire(value, 0)[0].to_text()
        if rtype is RdataType.TXT:
            return json.dumps(b"".join(_strings(value)).decode(errors="replace"), ensure_ascii=False)
    except (dns.exception.DNSException, ValueError):
        pass
    return f"a value of {len(value)} bytes"


def _strings(value: bytes) -> Iterator[bytes]:
    parser = dns.wire.Parser(value)
    while parser.remaining():
        yield parser.get_counted_bytes()


def _field(parser: dns.wire.Parser, kind: str | int) -> bytes:
    if kind == _NAME:
        name = parser.get_name(decompress=True).to_wire() or b""
        return name.lower()  # which changes no length of a label: those are below "A"
    if kind == _STRING:
        return parser.get_counted_bytes().lower()  # flags and services are alike in any case (RFC 3403 4.1)
    assert isinstance(kind, int)
    return parser.get_bytes(kind)


def _without_parameters(value: bytes) -> bytes:
    """Returns a value in AliasMode without its parameters, which clients ignore (RFC 9460 2.4.2)."""
    end = len(_IN_ALIAS_MODE)
    while end < len(value) and value[end]:
        end += 1 + value[end]
    return value[: end + 1]
