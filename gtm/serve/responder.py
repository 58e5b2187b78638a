"""The responder, between the sockets and an engine: draws the coin of each query, and counts answers.

What comes in: the bytes of a query. What goes out: the bytes of an answer, or None. An engine never raises. If it does
all the same, that query gets SERVFAIL, the log gets the traceback, and other queries are answered as before.
"""

import logging
import secrets
import struct
from collections.abc import Callable

from dns.rcode import Rcode

from gtm.counters import Counters
from gtm.dns.query import HEADER_OCTETS
from gtm.engine.protocol import Answered, Engine, Transport
from gtm.ids import Address

Coin = Callable[[], int]
"""Returns a uniform random number of 64 bits."""

log = logging.getLogger(__name__)
_QR = 0x8000


def system_coin() -> int:
    """Returns a random number of 64 bits from the operating system."""
    return secrets.randbits(64)


class Responder:
    """Answers DNS messages with an engine, one at a time, and counts the answers."""

    def __init__(self, engine: Engine, *, counters: Counters, coin: Coin = system_coin) -> None:
        self._engine = engine
        self._counters = counters
        self._coin = coin

    def respond(self, wire: bytes, client: Address, transport: Transport) -> bytes | None:
        """Returns the answer to a DNS message (`wire`) from a client's address; None if nothing is to be sent."""
        try:
            answered = self._engine.respond(wire, client, transport, self._coin())
        except Exception:
            log.exception("the %s engine failed on a query of %d octets", self._engine.name, len(wire))
            self._counters.add("dns_engine_failures")
            answered = _servfail(wire)
        if answered is None:
            self._counters.add("dns_ignored", transport=transport.value)
            return None
        self._counters.add("dns_responses", rcode=_rcode_name(answered.rcode), transport=transport.value)
        return answered.wire


def _servfail(wire: bytes) -> Answered | None:
    if len(wire) < HEADER_OCTETS:
        return None
    message_id, bitmap = struct.unpack_from("!HH", wire)
    if bitmap & _QR:
        return None  # an answer to a response could start a loop
    answer = struct.pack("!HHHHHH", message_id, bitmap & 0x7900 | _QR | Rcode.SERVFAIL, 0, 0, 0, 0)
    return Answered(answer, Rcode.SERVFAIL)


def _rcode_name(rcode: int) -> str:
    try:
        return Rcode(rcode).name
    except ValueError:
        return str(rcode)
