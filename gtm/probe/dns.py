"""The check of monitors `dns`: a query that is answered as expected.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. Over
UDP the socket is connected: datagrams of others do not come in, and a port where nobody listens is told of at once. An
answer that says it was cut short is asked for again over TCP, within the same timeout.
"""

import asyncio
import socket

from dns.message import Message

from gtm.ids import Address
from gtm.probe.dns_answer import is_truncated, judged, query_for
from gtm.probe.failures import Outcome
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.route import reaching
from gtm.probe.stopwatch import Phase, lap
from gtm.zone.model import Check
from gtm.zone.settings import DnsSettings

MAX_MESSAGE_BYTES = 65_535
"""RFC 1035 4.2.2: the length of a message over TCP has two bytes."""


async def check_dns(check: Check, instruments: Instruments) -> Outcome:
    """Returns how the endpoint answered, or raises why it did not."""
    settings = check.monitor.settings
    assert isinstance(settings, DnsSettings)
    address = await target_address(check, instruments.resolver)
    with reaching(address):
        return await ask(address, check.monitor.port, settings)


async def ask(address: Address, port: int, settings: DnsSettings) -> Outcome:
    """Returns how a server answered the query that the settings describe; waits for ever."""
    query = query_for(settings)
    found = await _over_udp(query, address, port, settings) if settings.transport == "udp" else None
    return found or await _over_tcp(query, address, port, settings)


async def _over_udp(query: Message, address: Address, port: int, settings: DnsSettings) -> Outcome | None:
    """Returns the outcome; None when it takes TCP to tell."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0)
        asking.connect((str(address), port))
        await loop.sock_sendall(asking, query.to_wire())
        while True:
            wire = await loop.sock_recv(asking, MAX_MESSAGE_BYTES)
            if is_truncated(query, wire):
                return None
            found = judged(query, wire, settings)
            if found is not None:
                lap(Phase.FIRST_BYTE)
                return found
            await asyncio.sleep(0)  # what is there is read without waiting: a flood must not hold up all else


async def _over_tcp(query: Message, address: Address, port: int, settings: DnsSettings) -> Outcome:
    reader, writer = await asyncio.open_connection(str(address), port)
    lap(Phase.CONNECT)
    try:
        writer.write(query.to_wire(prepend_length=True))
        while True:
            length = int.from_bytes(await reader.readexactly(2))
            found = judged(query, await reader.readexactly(length), settings)
            if found is not None:
                lap(Phase.FIRST_BYTE)
                return found
            await asyncio.sleep(0)
    finally:
        writer.transport.abort()  # RST: the probe keeps no port in TIME_WAIT
