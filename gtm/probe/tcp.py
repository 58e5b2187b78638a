"""The check of monitors `tcp`: a connection that opens, with TLS if configured, and sends the expected text.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. If
the monitor expects no text, no byte is read.
"""

import asyncio

from gtm.checks.model import Check
from gtm.health.verdict.reading import Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.mismatch import begins, names_credential, quoted
from gtm.probe.route import reaching
from gtm.probe.stopwatch import Phase, lap
from gtm.probe.tls import days_left
from gtm.zone.monitors.kinds.tcp import TcpSettings

MAX_SAID_BYTES = 64 * 1024
"""Bytes from an endpoint that are searched for the expected text."""


async def check_tcp(check: Check, settings: TcpSettings, instruments: Instruments) -> CheckOutcome:
    """Returns a good outcome if the endpoint accepts a connection and sends the expected text.

    Raises the network's error if it does not.
    """
    address = target_address(check, instruments)
    context = None if settings.tls is None else await instruments.contexts.of(settings.tls, check.monitor.scope)
    name = None if settings.tls is None else settings.tls.server_name or check.target
    with reaching(address):
        reader, writer = await asyncio.open_connection(
            str(address), check.monitor.port, ssl=context, server_hostname=name, limit=MAX_SAID_BYTES
        )
    if settings.tls is None:
        lap(Phase.CONNECT)  # the laps with TLS are its own (tls.py)
    try:
        if settings.tls is not None:
            outcome = days_left(writer.get_extra_info("ssl_object"), settings.tls, wall=instruments.clock.wall())
            if outcome is not PASSED:
                return outcome
        return await _conversed(reader, writer, settings)
    finally:
        # Aborting sends RST: the probe keeps no port in TIME_WAIT, however many endpoints it checks.
        writer.transport.abort()


async def _conversed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: TcpSettings) -> CheckOutcome:
    if settings.send:
        writer.write(settings.send)
        await writer.drain()
    received, searched = bytearray(), 0
    while received.find(settings.expect, searched) < 0:
        searched = max(0, len(received) - len(settings.expect) + 1)  # it may begin in what is here already
        part = await reader.read(MAX_SAID_BYTES - len(received)) if len(received) < MAX_SAID_BYTES else b""
        if part and not received:
            lap(Phase.FIRST_BYTE)
        if not part:
            wanted = quoted(settings.expect.decode(errors="replace"))
            quotes = not names_credential(settings.send.decode(errors="replace"))
            return CheckOutcome(Reason.BODY, f"it said {begins(bytes(received), quotes=quotes)}; wanted {wanted}")
        received += part
    return PASSED
