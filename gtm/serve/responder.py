"""Between the sockets and an engine: reads the clock, throws the coin, counts.

An engine never raises. Should one do so all the same, that query gets SERVFAIL, the log gets the traceback, and
serving goes on.
"""

import logging
import secrets
import struct
from collections.abc import Callable

from dns.rcode import Rcode

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.dns.query import HEADER_OCTETS
from gtm.engine.protocol import Engine, Transport
from gtm.ids import Address

Coin = Callable[[], int]
"""Gives a uniform number of 64 bits."""

log = logging.getLogger(__name__)
_QR = 0x8000


def system_coin() -> int:
    """Returns 64 random bits of the system."""
    return secrets.randbits(64)


class Responder:
    """Answers one message at a time with an engine."""

    def __init__(self, engine: Engine, *, clock: Clock, counters: Counters, coin: Coin = system_coin) -> None:
        self._engine = engine
        self._clock = clock
        self._counters = counters
        self._coin = coin

    def respond(self, wire: bytes, client: Address, transport: Transport) -> bytes | None:
        """Returns the bytes to send back, or None to send nothing."""
        try:
            answer = self._engine.respond(wire, client, transport, self._clock.monotonic(), self._coin())
        except Exception:
            log.exception("the %s engine failed on a query of %d octets", self._engine.name, len(wire))
            self._counters.add("dns_engine_failures")
            answer = _servfail(wire)
        self._count(answer, transport)
        return answer

    def _count(self, answer: bytes | None, transport: Transport) -> None:
        if answer is None:
            self._counters.add("dns_ignored", transport=transport.value)
            return
        self._counters.add("dns_responses", rcode=_rcode_name(_rcode(answer)), transport=transport.value)


def _servfail(wire: bytes) -> bytes | None:
    if len(wire) < HEADER_OCTETS:
        return None
    message_id, bitmap = struct.unpack_from("!HH", wire)
    if bitmap & _QR:
        return None  # to answer a response could start a loop
    return struct.pack("!HHHHHH", message_id, bitmap & 0x7900 | _QR | Rcode.SERVFAIL, 0, 0, 0, 0)


def _rcode(answer: bytes) -> int:
    """Returns the RCODE of one of our answers, with the upper bits that OPT has (RFC 6891 6.1.3).

    Only a message with no record but OPT has any: what needs them is refused before the plan is looked at.
    """
    if answer[6:HEADER_OCTETS] != _OPT_ALONE:
        return answer[3] & 0xF
    at = HEADER_OCTETS
    if answer[5]:
        while answer[at]:
            at += answer[at] + 1
        at += _BEHIND_QNAME
    return answer[at + _EXTENDED_AT] << 4 | answer[3] & 0xF


_OPT_ALONE = struct.pack("!HHH", 0, 0, 1)
_BEHIND_QNAME = 5
"""The root label, QTYPE and QCLASS."""
_EXTENDED_AT = 5
"""In OPT, behind the root label, TYPE and CLASS."""


def _rcode_name(rcode: int) -> str:
    try:
        return Rcode(rcode).name
    except ValueError:
        return str(rcode)
