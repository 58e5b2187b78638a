"""The check of monitors `grpc`: the standard health service says SERVING.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. One
connection for each reading, with HTTP/2 known beforehand (RFC 9113 3.3), or over TLS agreed by ALPN; the call itself is
health_call.py's.
"""

import asyncio
import ssl

from gtm.ids import Address
from gtm.probe.failures import Outcome
from gtm.probe.health_call import HealthCall
from gtm.probe.instruments import Instruments, target_address
from gtm.zone.model import Check
from gtm.zone.settings import GrpcSettings

READ_BYTES = 64 * 1024


async def ask_health(
    address: Address,
    port: int,
    call: HealthCall,
    *,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
) -> Outcome:
    """Returns how the endpoint answered a call, or raises why it did not; waits for ever."""
    reader, writer = await asyncio.open_connection(str(address), port, ssl=tls, server_hostname=server_name)
    try:
        while True:
            writer.write(call.to_send())
            await writer.drain()
            if call.outcome is not None:
                return call.outcome
            call.receive(await reader.read(READ_BYTES))
            await asyncio.sleep(0)  # what is there is read without waiting: a flood must not hold up all else
    finally:
        writer.transport.abort()  # RST: the probe keeps no port in TIME_WAIT
