"""The check of monitors `tcp`: a connection that opens is good.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. No
byte is sent or read: there is no protocol to speak.
"""

import asyncio

from gtm.probe.failures import PASSED, Outcome
from gtm.probe.instruments import Instruments, target_address
from gtm.zone.model import Check


async def check_tcp(check: Check, instruments: Instruments) -> Outcome:
    """Returns that the endpoint accepted a connection, or raises why not."""
    address = await target_address(check.target, instruments.resolver)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, str(address), check.monitor.port)
    # Aborting sends RST: the probe keeps no port in TIME_WAIT, however many endpoints it checks.
    transport.abort()
    return PASSED
