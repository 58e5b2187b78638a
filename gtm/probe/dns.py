"""The check of monitors `dns`: a query that is answered as expected.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. Over
UDP the socket is connected: datagrams of others do not come in, and a port where nobody listens is told of at once. An
answer that says it was cut short is asked for again over TCP, within the same timeout. An endpoint that sends something
else again and again is bad, and is not listened to any longer.
"""

import asyncio
import socket

from gtm.health.reading import Reason
from gtm.ids import Address
from gtm.probe.dns_answer import is_answer, is_truncated, judged, query_for
from gtm.probe.failures import Outcome
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.route import reaching
from gtm.probe.stopwatch import Phase, lap
from gtm.threads import Pool
from gtm.zone.model import Check
from gtm.zone.settings import DnsSettings

MAX_MESSAGE_BYTES = 65_535
"""RFC 1035 4.2.2: the length of a message over TCP has two bytes."""

SMALL_BYTES = 1_232
"""So much is read in no time; more is read beside the event loop. Few answers are longer (DNS Flag Day 2020)."""

MAX_STRAYS = 64
MAX_STRAY_BYTES = 256 * 1024
"""Of what is no answer: late answers to the query before on the same port are a few, and spoofed ones as they come."""


async def check_dns(check: Check, instruments: Instruments) -> Outcome:
    """Returns how the endpoint answered, or raises why it did not."""
    settings = check.monitor.settings
    assert isinstance(settings, DnsSettings)
    address = await target_address(check, instruments)
    with reaching(address):
        return await ask(address, check.monitor.port, settings, parsing=instruments.parsing)


async def ask(address: Address, port: int, settings: DnsSettings, *, parsing: Pool) -> Outcome:
    """Returns how a server answered the query that the settings describe; waits for ever."""
    query = query_for(settings).to_wire()
    try:
        wire = await _over_udp(query, address, port) if settings.transport == "udp" else None
        if wire is None or is_truncated(wire):
            wire = await _over_tcp(query, address, port)
    except _FloodError:
        return Outcome(Reason.STATUS, "a flood of messages, and none answers the query")
    lap(Phase.FIRST_BYTE)
    if len(wire) <= SMALL_BYTES:
        return judged(wire, settings)
    return await parsing.run(judged, wire, settings)


class _FloodError(Exception):
    """The endpoint sends what nobody asked for, again and again."""


class _Strays:
    """What came that is no answer to the query. It has state: how much."""

    def __init__(self) -> None:
        self._messages = 0
        self._size_bytes = 0

    async def take(self, wire: bytes) -> None:
        """Takes one; raises _FloodError when there are too many."""
        self._messages += 1
        self._size_bytes += len(wire)
        if self._messages >= MAX_STRAYS or self._size_bytes > MAX_STRAY_BYTES:
            raise _FloodError
        await asyncio.sleep(0)  # what is there is read without waiting: it must not hold up all else


async def _over_udp(query: bytes, address: Address, port: int) -> bytes:
    loop, strays = asyncio.get_running_loop(), _Strays()
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0)
        asking.connect((str(address), port))
        await loop.sock_sendall(asking, query)
        while True:
            wire = await loop.sock_recv(asking, MAX_MESSAGE_BYTES)
            if is_answer(query, wire):
                return wire
            await strays.take(wire)


async def _over_tcp(query: bytes, address: Address, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(str(address), port)
    strays = _Strays()
    lap(Phase.CONNECT)
    try:
        writer.write(len(query).to_bytes(2) + query)
        while True:
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            if is_answer(query, wire):
                return wire
            await strays.take(wire)
    finally:
        writer.transport.abort()  # RST: the probe keeps no port in TIME_WAIT
