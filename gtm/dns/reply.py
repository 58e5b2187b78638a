"""Reply -> bytes: header, question as it was asked, records, OPT; truncated where the limit asks for it.

The reply repeats the question's bytes, case included (0x20), and compresses owner names against it. RDATA is copied
as the plan has it.
"""

import struct
from dataclasses import dataclass

from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dnslib import RD, RR, DNSHeader
from dnslib.dns import EDNSOption
from dnslib.label import DNSLabel

from gtm.dns.buffer import WireBuffer
from gtm.dns.name import Labels
from gtm.dns.query import HEADER_OCTETS, OPTION_CLIENT_SUBNET, Edns, Query

UDP_LIMIT = 1232
"""The most octets in one UDP answer, and what our OPT announces: no fragments on any path (DNS flag day 2020)."""
UDP_LIMIT_WITHOUT_EDNS = 512
"""RFC 1035 2.3.4."""
TCP_LIMIT = 65_535

OPTION_EXTENDED_ERROR = 15
EXTENDED_ERROR_OTHER = 0
"""RFC 8914 4.1: none of the others says that a server answers although every check fails."""

_QR, _AA, _TC = 0x8000, 0x0400, 0x0200
_KEPT = 0x7910
"""What a reply takes over: OPCODE, RD (RFC 1035 4.1.1) and CD (RFC 4035 3.1.6)."""
_DNSSEC_OK = 0x8000


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a reply."""

    name: Labels
    rtype: int
    ttl: int
    rdata: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered, before it is bytes."""

    rcode: int
    authoritative: bool = False
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    scope: int | None = None
    """SCOPE PREFIX-LENGTH; None sends no client subnet option."""
    extended_error: str = ""
    """Words for the extended DNS error; none are sent when empty."""


def udp_limit(edns: Edns | None) -> int:
    """Returns the most octets that a UDP answer to this query may have (RFC 6891 6.2.3 and 6.2.5)."""
    if edns is None:
        return UDP_LIMIT_WITHOUT_EDNS
    return min(max(edns.size, UDP_LIMIT_WITHOUT_EDNS), UDP_LIMIT)


def compose(query: Query, reply: Reply, limit: int) -> bytes:
    """Returns the message; one over the limit has no records, and TC says to ask again over TCP (RFC 2181 9)."""
    message = _message(query, reply, truncated=False)
    return message if len(message) <= limit else _message(query, reply, truncated=True)


def _message(query: Query, reply: Reply, *, truncated: bool) -> bytes:
    sections = ((), (), ()) if truncated else (reply.answer, reply.authority, reply.additional)
    buffer = WireBuffer(bytes(HEADER_OCTETS))
    buffer.offset = HEADER_OCTETS
    if query.question is not None:
        buffer.encode_name(DNSLabel(query.question.name))
        buffer.pack("!HH", query.question.rtype, query.question.rclass)
    for section in sections:
        for record in section:
            _pack(record, buffer)
    if query.edns is not None:
        _opt(query.edns, reply).pack(buffer)
    return _header(query, reply, sections, truncated=truncated) + bytes(buffer.data[HEADER_OCTETS:])


def _header(query: Query, reply: Reply, sections: tuple[tuple[Record, ...], ...], *, truncated: bool) -> bytes:
    bitmap = _QR | query.bitmap & _KEPT | reply.rcode & 0xF
    bitmap |= _AA if reply.authoritative else 0
    bitmap |= _TC if truncated else 0
    answer, authority, additional = map(len, sections)
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
    RR(DNSLabel(record.name), record.rtype, RdataClass.IN, record.ttl, RD(record.rdata)).pack(buffer)


def _opt(edns: Edns, reply: Reply) -> RR:
    """Returns our OPT: version 0, the upper bits of the RCODE, DO as it was asked (RFC 3225 3)."""
    options = []
    if reply.scope is not None and edns.subnet is not None:
        options.append(EDNSOption(OPTION_CLIENT_SUBNET, edns.subnet.compose(reply.scope)))
    if reply.extended_error:
        words = struct.pack("!H", EXTENDED_ERROR_OTHER) + reply.extended_error.encode()
        options.append(EDNSOption(OPTION_EXTENDED_ERROR, words))
    ttl = reply.rcode >> 4 << 24 | (_DNSSEC_OK if edns.dnssec_ok else 0)
    return RR(DNSLabel(()), RdataType.OPT, UDP_LIMIT, ttl, options)
