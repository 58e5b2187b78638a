"""Reply -> bytes: header, question as it was asked, records, OPT; truncated where the limit asks for it.

The reply repeats the question's bytes, case included (0x20), and compresses owner names against it. RDATA is copied
as the plan has it, but for names in the types of RFC 1035, which are compressed too.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dnslib import DNSHeader
from dnslib.label import DNSLabel

from gtm.dns.buffer import WireBuffer
from gtm.dns.name import Labels, from_wire, octets
from gtm.dns.options.table import compose_options
from gtm.dns.query import HEADER_OCTETS, Edns, Query

UDP_LIMIT = 1232
"""The most octets in one UDP answer, and what our OPT announces: no fragments on any path (DNS flag day 2020)."""
UDP_LIMIT_WITHOUT_EDNS = 512
"""RFC 1035 2.3.4."""
TCP_LIMIT = 65_535

_QR, _AA, _TC = 0x8000, 0x0400, 0x0200
_KEPT = 0x7900
"""The header bits that a reply copies of the query: OPCODE, RD (RFC 1035 4.1.1); CD is cleared (RFC 4035 3.1.6)."""
_DNSSEC_OK = 0x8000
_OPT = struct.Struct("!BHHIH")
"""The root, type, UDP payload size, the upper bits of the RCODE with version and flags, RDLENGTH."""

_NAMES_WITHIN: Mapping[int, tuple[int, int]] = {
    RdataType.NS: (0, 1),
    RdataType.CNAME: (0, 1),
    RdataType.SOA: (0, 2),
    RdataType.PTR: (0, 1),
    RdataType.MX: (2, 1),
}
"""The octets of RDATA before its names, and how many these are: RFC 3597 4 has names compressed in types of RFC 1035
alone. Obsolete types (MB, MD, MF, MG, MINFO, MR) are not compressed: not every client can read that."""
_RDLENGTH_OCTETS = 2
REMEMBERED = 64
"""The most suffixes of names after the question that compression pointers use: an answer over TCP may have thousands of
names, and the Rust engine compares each with all of these."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a reply."""

    name: Labels
    rtype: int
    ttl: int
    rdata: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The content of a reply, before it is composed to bytes."""

    rcode: int
    authoritative: bool = False
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    glue: tuple[Record, ...] = ()
    """The records of the additional section that must be there; if they do not fit, TC is set (RFC 9471 3.1)."""
    additional: tuple[tuple[Record, ...], ...] = ()
    """RRsets of the additional section; each is left out if it does not fit."""
    scope: int | None = None
    """SCOPE PREFIX-LENGTH; None sends no client subnet option."""
    extended_error: str = ""
    """The text of the extended DNS error; when it is empty, that option is not sent."""


def udp_limit(edns: Edns | None) -> int:
    """Returns the most octets that a UDP answer to this query may have (RFC 6891 6.2.3 and 6.2.5)."""
    if edns is None:
        return UDP_LIMIT_WITHOUT_EDNS
    return min(max(edns.size, UDP_LIMIT_WITHOUT_EDNS), UDP_LIMIT)


def compose(query: Query, reply: Reply, limit: int) -> bytes:
    """Returns the reply to a query as a message of at most `limit` octets.

    When the records that must be there do not fit, the message has no records, and TC is set (RFC 2181 9).
    """
    message = _message(query, reply, limit, truncated=False)
    return message if len(message) <= limit else _message(query, reply, limit, truncated=True)


def _message(query: Query, reply: Reply, limit: int, *, truncated: bool) -> bytes:
    buffer = WireBuffer(bytes(HEADER_OCTETS))
    buffer.offset = HEADER_OCTETS
    if query.question is not None:
        buffer.encode_name(DNSLabel(query.question.name))
        buffer.pack("!HH", query.question.rtype, query.question.rclass)
    buffer.room = len(buffer.names) + REMEMBERED
    opt = b"" if query.edns is None else _opt(query.edns, reply)
    counts = (0, 0, 0) if truncated else _records(reply, buffer, limit - len(opt))
    return _header(query, reply, counts, truncated=truncated) + bytes(buffer.data[HEADER_OCTETS:]) + opt


def _records(reply: Reply, buffer: WireBuffer, limit: int) -> tuple[int, int, int]:
    """Writes the records to the buffer, of `additional` only RRsets that fit in `limit` octets.

    Returns the number of records in the sections answer, authority and additional.
    """
    for record in (*reply.answer, *reply.authority, *reply.glue):
        _pack(record, buffer)
    extra = 0
    for rrset in reply.additional:
        start = buffer.offset
        for record in rrset:
            _pack(record, buffer)
        if buffer.offset <= limit:
            extra += len(rrset)
        else:
            buffer.rewind(start)  # RFC 2181 9: the whole RRset is left out, and TC stays clear
    return len(reply.answer), len(reply.authority), len(reply.glue) + extra


def _header(query: Query, reply: Reply, counts: tuple[int, int, int], *, truncated: bool) -> bytes:
    bitmap = _QR | query.bitmap & _KEPT | reply.rcode & 0xF
    bitmap |= _AA if reply.authoritative else 0
    bitmap |= _TC if truncated else 0
    answer, authority, additional = counts
    head = WireBuffer()
    DNSHeader(
        id=query.id,
        bitmap=bitmap,
        q=int(query.question is not None),
        a=answer,
        auth=authority,
        ar=additional + int(query.edns is not None),
    ).pack(head)
    return bytes(head.data)


def _pack(record: Record, buffer: WireBuffer) -> None:
    buffer.encode_name(DNSLabel(record.name))
    buffer.pack("!HHIH", record.rtype, RdataClass.IN, record.ttl, len(record.rdata))
    if record.rtype not in _NAMES_WITHIN:
        buffer.append(record.rdata)
        return
    start = buffer.offset
    before, names = _NAMES_WITHIN[record.rtype]
    buffer.append(record.rdata[:before])
    at = before
    for _ in range(names):
        name = from_wire(record.rdata[at:])
        buffer.encode_name(DNSLabel(name))
        at += octets(name)
    buffer.append(record.rdata[at:])
    buffer.update(start - _RDLENGTH_OCTETS, "!H", buffer.offset - start)


def _opt(edns: Edns, reply: Reply) -> bytes:
    """Returns the OPT record of a reply: version 0, the upper bits of the RCODE, DO as in the query (RFC 3225 3)."""
    options = compose_options(edns.options, reply)
    ttl = reply.rcode >> 4 << 24 | (_DNSSEC_OK if edns.dnssec_ok else 0)
    return _OPT.pack(0, RdataType.OPT, UDP_LIMIT, ttl, len(options)) + options
