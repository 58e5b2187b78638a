"""Bytes -> query. Total: any bytes give a Query, or None where silence is right.

    under 12 octets, or a response      silence: an answer could start a loop
    anything malformed                  a Query with rcode FORMERR
    an opcode other than QUERY          a Query with rcode NOTIMP
    EDNS version 1 and up               a Query with rcode BADVERS, whatever the opcode (RFC 6891 6.1.3)

What was understood before the mistake stays in the query, so that the refusal can repeat the question, and has an OPT
where the query had one (RFC 6891 6.1.1, 7).
"""

from dataclasses import dataclass, field, replace

from dns.opcode import Opcode
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dnslib import DNSHeader
from dnslib.buffer import BufferError as DnslibBufferError

from gtm.dns.buffer import WireBuffer
from gtm.dns.name import Labels
from gtm.dns.options.option import NO_OPTIONS, Options
from gtm.dns.options.table import parse_options
from gtm.errors import WireError

HEADER_OCTETS = 12
MAX_RECORDS = 16
"""The most records beside the question. A query has an OPT, perhaps a signature, and with IXFR a SOA; thousands of
records are an attempt to waste our time."""
_RESPONSE = 0x8000
_OPCODE_SHIFT, _OPCODE_MASK = 11, 0xF
_DNSSEC_OK = 0x8000
_VERSION_SHIFT, _VERSION_MASK = 16, 0xFF


@dataclass(frozen=True, slots=True)
class Question:
    """The question of a query; the name keeps upper and lower case."""

    name: Labels
    rtype: int
    rclass: int


@dataclass(frozen=True, slots=True)
class Edns:
    """The OPT record of a query (RFC 6891)."""

    size: int
    """The largest UDP answer that the sender accepts, in octets."""
    dnssec_ok: bool
    options: Options = field(default_factory=dict)
    """The options that this server knows, by code; others are ignored (RFC 6891 6.1.2)."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query to answer, parsed."""

    id: int
    bitmap: int
    """The second 16 bits of the header: QR, OPCODE, flags and RCODE."""
    question: Question | None = None
    edns: Edns | None = None
    rcode: int = Rcode.NOERROR
    """NOERROR for a query to look up; another RCODE is the answer, whatever the question."""


def parse(wire: bytes) -> Query | None:
    """Returns the query in a message; None for bytes that must get no answer. It never raises."""
    if len(wire) < HEADER_OCTETS:
        return None
    buffer = WireBuffer(wire)
    header = DNSHeader.parse(buffer)
    if header.bitmap & _RESPONSE:
        return None
    query = _body(Query(header.id, header.bitmap), header, buffer)
    if header.bitmap >> _OPCODE_SHIFT & _OPCODE_MASK != Opcode.QUERY and query.rcode != Rcode.BADVERS:
        return replace(query, rcode=Rcode.NOTIMP)
    return query


def _body(query: Query, header: DNSHeader, buffer: WireBuffer) -> Query:
    """Returns the query with as much of its body as is well-formed, and an RCODE for the first fault."""
    try:
        if header.q == 1:
            query = replace(query, question=_question(buffer))
        else:
            _skip_questions(header.q, buffer)
        if header.a + header.auth + header.ar > MAX_RECORDS:
            raise WireError(Rcode.FORMERR, "more records than any query needs")
        for _ in range(header.a + header.auth):
            _skip_record(buffer)
        for _ in range(header.ar):
            query = _additional(query, buffer)
        if buffer.remaining():
            raise WireError(Rcode.FORMERR, "octets after the message")
        if header.q != 1:
            raise WireError(Rcode.FORMERR, "not exactly one question")  # RFC 9619
    except DnslibBufferError:
        return replace(query, rcode=Rcode.FORMERR)
    except WireError as error:
        return replace(query, rcode=error.rcode)
    return query


def _question(buffer: WireBuffer) -> Question:
    name = buffer.decode_name().label
    rtype, rclass = buffer.unpack("!HH")
    return Question(name, rtype, rclass)


def _skip_questions(count: int, buffer: WireBuffer) -> None:
    """Skips the questions of a message that has not exactly one, so that an OPT record after them can be found.

    Raises WireError(FORMERR) for too many questions.
    """
    if count > MAX_RECORDS:
        raise WireError(Rcode.FORMERR, "more questions than any query has")
    for _ in range(count):
        _question(buffer)


def _skip_record(buffer: WireBuffer) -> None:
    buffer.decode_name()
    _rtype, _rclass, _ttl, length = buffer.unpack("!HHIH")
    buffer.get(length)


def _additional(query: Query, buffer: WireBuffer) -> Query:
    """Reads one record of the additional section; returns the query with its EDNS if that is an OPT record."""
    name = buffer.decode_name().label
    rtype, rclass, ttl, length = buffer.unpack("!HHIH")
    data = buffer.get(length)
    if rtype != RdataType.OPT:
        return query
    if query.edns is not None:
        raise WireError(Rcode.FORMERR, "a second OPT")  # RFC 6891 6.1.1
    rcode, options = query.rcode, NO_OPTIONS
    if name:
        rcode = Rcode.FORMERR  # RFC 6891 6.1.2: the root owns it; and 7: such a FORMERR has an OPT, too
    elif ttl >> _VERSION_SHIFT & _VERSION_MASK:
        rcode = Rcode.BADVERS
    else:
        try:
            options = parse_options(data)
        except WireError as error:
            rcode = error.rcode
    edns = Edns(rclass, bool(ttl & _DNSSEC_OK), options)
    return Query(query.id, query.bitmap, query.question, edns, rcode)
