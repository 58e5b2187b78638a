"""DNS answers, judged. Pure: a query and bytes in, an outcome out.

What comes in: what a monitor asks for, the query that was sent, and a message, which is anybody's. What goes out: the
first row that fits:

    nothing (None)    no answer to this query: another id or another question, or no answer at all. Wait on
    status            it has our id and cannot be read; or its RCODE is not one of those expected
    body              none of the expected values is among its answers of the type that was asked for
    ok
"""

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
from dns.message import Message
from dns.rdata import Rdata
from dns.rdatatype import RdataType

from gtm.dns.rdata import parse_rdata
from gtm.health.reading import Reason
from gtm.probe.failures import PASSED, Outcome
from gtm.zone.settings import DnsSettings

UDP_PAYLOAD_BYTES = 1232
"""What we say fits in one datagram (EDNS): no network cuts it into fragments."""

_HEADER_BYTES = 12
_TRUNCATED = 0x02
"""The bit TC in the third byte of a message (RFC 1035 4.1.1)."""


def query_for(settings: DnsSettings) -> Message:
    """Returns a query with a random id."""
    flags = dns.flags.RD if settings.recursion else dns.flags.Flag(0)
    name = dns.name.from_text(settings.name)
    return dns.message.make_query(name, settings.rtype, flags=flags, use_edns=0, payload=UDP_PAYLOAD_BYTES)


def is_truncated(query: Message, wire: bytes) -> bool:
    """Returns whether a message says to ask again over TCP (RFC 2181 9); how much of it can be read does not matter."""
    return _has_our_id(query, wire) and bool(wire[2] & _TRUNCATED)


def judged(query: Message, wire: bytes, settings: DnsSettings) -> Outcome | None:
    """Returns what a message says of the endpoint; None if it is no answer to this query."""
    if not _has_our_id(query, wire):
        return None
    try:
        answer = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError) as error:
        return Outcome(Reason.STATUS, f"no DNS message: {type(error).__name__}")
    if not query.is_response(answer):
        return None
    rcode = dns.rcode.to_text(answer.rcode())
    if rcode not in settings.rcodes:
        return Outcome(Reason.STATUS, f"RCODE {rcode}")
    if settings.answers and not _wanted(settings) & _given(answer, settings.rtype):
        return Outcome(Reason.BODY, f"RCODE {rcode} without an expected {settings.rtype} in the answer")
    return PASSED


def _has_our_id(query: Message, wire: bytes) -> bool:
    return len(wire) >= _HEADER_BYTES and int.from_bytes(wire[:2]) == query.id


def _wanted(settings: DnsSettings) -> set[Rdata]:
    rtype = RdataType.from_text(settings.rtype)
    return {parse_rdata(rtype, text, dns.name.root) for text in settings.answers}


def _given(answer: Message, rtype: str) -> set[Rdata]:
    """Returns the values of the type that was asked for, at whatever name a chain of aliases ends."""
    asked = RdataType.from_text(rtype)
    return {rdata for rrset in answer.answer if rrset.rdtype == asked for rdata in rrset}
