"""DNS answers, judged. Pure: a query and bytes in, an outcome out.

What comes in: what a monitor asks for, the query that was sent, and a message of any content. What goes out:
whether it answers the query at all (is_answer); if it does, the first row that fits (judged):

    status    it cannot be read, or its RCODE is not one of those expected
    body      none of the expected values is among its answers of the type that was asked for
    ok

Records are read one by one, and compared by their bytes (dns_values.py): a Message of dnspython 2.9 hashes them, which
can take it far longer than to read them, and refuses all of an answer for one record that is not as it should be.
"""

import secrets

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.wire
from dns.message import Message
from dns.rdatatype import RdataType

from gtm.health.verdict.reading import Reason
from gtm.probe.dns_values import expected_value, next_value, value_text
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.mismatch import MAX_VALUES, some
from gtm.zone.monitors.kinds.dns import DnsSettings

UDP_PAYLOAD_BYTES = 1232
"""The UDP payload size that our EDNS offers: no network cuts such a datagram into fragments."""

MAX_RECORDS = 1_000
"""Most records of an answer: with a name of 127 labels in each, reading them takes a tenth of a second."""

HEADER_BYTES = 12
_TYPE_AND_CLASS_BYTES = 4

_FLAGS_AT = 2
_RESPONSE = 0x80
_OPCODE = 0x78
_TRUNCATED = 0x02
"""The bits QR, OPCODE and TC of the third byte of a message (RFC 1035 4.1.1)."""

_RCODE = 0x0F
_WITHOUT_QUESTION = frozenset({dns.rcode.FORMERR, dns.rcode.SERVFAIL, dns.rcode.NOTIMP, dns.rcode.REFUSED})

_REFUSALS_OF_EDNS = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})


def query_for(settings: DnsSettings) -> Message:
    """Returns the query of a monitor, with a random id and EDNS."""
    flags = dns.flags.RD if settings.recursion else dns.flags.Flag(0)
    name = dns.name.from_text(settings.name)
    return dns.message.make_query(name, settings.rtype, flags=flags, use_edns=0, payload=UDP_PAYLOAD_BYTES)


def without_edns(query: Message) -> Message:
    """Returns the same query without EDNS and with another id, so that an answer belongs to one of the two."""
    plain = dns.message.make_query(query.question[0].name, query.question[0].rdtype, flags=query.flags, use_edns=False)
    plain.id = query.id ^ secrets.randbelow(0xFFFF) + 1
    return plain


def is_truncated(wire: bytes) -> bool:
    """Returns whether an answer has the flag TC: the query must be sent again over TCP (RFC 2181 9).

    It reads only the header, as the rest may be cut.
    """
    return bool(wire[_FLAGS_AT] & _TRUNCATED)


def is_answer(query: bytes, wire: bytes) -> bool:
    """Returns whether a message answers a query, from its first bytes alone, so that floods are not parsed.

    It compares id, QR, opcode and question; the name may come back in another case (RFC 1035 2.3.3, 4.1.1).
    """
    if len(wire) < HEADER_BYTES or wire[:2] != query[:2]:
        return False
    flags = wire[_FLAGS_AT]
    if not flags & _RESPONSE or (flags ^ query[_FLAGS_AT]) & _OPCODE:
        return False
    questions = int.from_bytes(wire[4:6])
    if questions == 0:  # a server that cannot read a query may omit its question, and a truncated answer may omit all
        return is_truncated(wire) or wire[_FLAGS_AT + 1] & _RCODE in _WITHOUT_QUESTION
    asked = _question(query)
    name = len(asked) - _TYPE_AND_CLASS_BYTES
    given = wire[HEADER_BYTES : HEADER_BYTES + len(asked)]
    if is_truncated(wire):
        asked = asked[: len(given)]
    # lower() changes no length of a label, which is below "A"; type and class are compared as they stand
    return questions == 1 and given[name:] == asked[name:] and given[:name].lower() == asked[:name].lower()


def records_in(wire: bytes) -> int:
    """Returns the number of records that the header of a message gives."""
    return sum(int.from_bytes(wire[at : at + 2]) for at in (6, 8, 10))


def judged(wire: bytes, settings: DnsSettings) -> CheckOutcome:
    """Returns the outcome of an answer: whether its RCODE and values are as the settings expect."""
    if records_in(wire) > MAX_RECORDS:
        return CheckOutcome(Reason.STATUS, f"an answer of more than {MAX_RECORDS} records")
    try:
        rtype = RdataType.from_text(settings.rtype)
        number, values = _read(wire, rtype)
    except (dns.exception.DNSException, ValueError) as error:
        return CheckOutcome(Reason.STATUS, f"no DNS message: {type(error).__name__}")
    rcode = dns.rcode.to_text(dns.rcode.Rcode(number))
    if rcode not in settings.rcodes:
        return CheckOutcome(Reason.STATUS, f"RCODE {rcode}, wanted {some(settings.rcodes)}")
    if settings.answers and not _wanted(settings) & values:
        few = sorted(values)[:MAX_VALUES]
        got = some([value_text(rtype, value) for value in few], of=len(values)) or "none"
        return CheckOutcome(Reason.BODY, f"RCODE {rcode} with {settings.rtype} {got}, wanted {some(settings.answers)}")
    return PASSED


def refuses_edns(wire: bytes, settings: DnsSettings) -> bool:
    """Returns whether an answer means that the server does not know EDNS, and is not the expected one.

    RFC 6891 6.2.2 and 7: FORMERR; NOTIMP, which RFC 2671 5.3 named; BADVERS from servers that do not know version 0.
    """
    if records_in(wire) > MAX_RECORDS:
        return False
    try:
        number, _ = _read(wire, None)
    except (dns.exception.DNSException, ValueError):
        number = wire[_FLAGS_AT + 1] & _RCODE  # old servers send back what they could not read
    return number in _REFUSALS_OF_EDNS and judged(wire, settings) is not PASSED


def _question(query: bytes) -> bytes:
    """Returns the question of our query: one uncompressed name, its type and its class."""
    end = HEADER_BYTES
    while query[end]:
        end += 1 + query[end]
    return query[HEADER_BYTES : end + 1 + _TYPE_AND_CLASS_BYTES]


def _wanted(settings: DnsSettings) -> set[bytes]:
    rtype = RdataType.from_text(settings.rtype)
    return {expected_value(rtype, text) for text in settings.answers}


def _read(wire: bytes, asked: RdataType | None) -> tuple[int, set[bytes]]:
    """Returns the RCODE, and the values of a type in the answer section, at any owner name.

    With None for the type it reads only the RCODE. Octets after the last record are ignored. Raises DNSException if it
    is no DNS message.
    """
    parser = dns.wire.Parser(wire, 4)
    questions, answers, authorities, additionals = parser.get_struct("!HHHH")
    rcode = wire[_FLAGS_AT + 1] & _RCODE
    values: set[bytes] = set()
    for _ in range(questions):
        parser.get_name(decompress=True)
        parser.get_bytes(_TYPE_AND_CLASS_BYTES)
    for number in range(answers + authorities + additionals):
        parser.get_name(decompress=True)
        rtype, rclass, ttl, length = parser.get_struct("!HHIH")
        if rtype == RdataType.OPT:
            rcode |= ttl >> 24 << 4  # RFC 6891 6.1.3: the upper eight bits
        if asked is not None and number < answers and rtype == asked and rclass == dns.rdataclass.IN:
            values.add(next_value(parser, asked, length))
        else:
            parser.get_bytes(length)
    return rcode, values
