"""The check of monitors `grpc`: the standard health service says SERVING.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. One
connection for each reading, with HTTP/2 known beforehand (RFC 9113 3.3), or over TLS agreed by ALPN; the call itself is
health_call.py's. Where the server says that it did nothing for the call, it is made once more on another connection, as
clients do (gRPC, transparent retries).
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial

from gtm.checks.model import Check
from gtm.ids import Address
from gtm.probe.cost import begin_another_request
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.health_call import HealthCall
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.route import reaching
from gtm.probe.stopwatch import Phase, lap
from gtm.probe.tls import days_left
from gtm.zone.monitors.kinds.grpc import GrpcSettings

READ_BYTES = 2 * 1024
"""Bytes that are read in one step: more than an answer has, but few enough that tiny frames are parsed quickly."""


async def check_grpc(check: Check, settings: GrpcSettings, instruments: Instruments) -> CheckOutcome:
    """Returns whether the endpoint's health service answers SERVING."""
    address = target_address(check, instruments)
    call = HealthCall(
        settings.service,
        authority=_authority(check, settings),
        secure=settings.tls is not None,
        timeout_s=check.monitor.timeout_s,
    )
    if settings.tls is None:
        return await ask_health(address, check.monitor.port, call)
    tls = await instruments.contexts.of(settings.tls, check.monitor.scope, alpn=("h2",))
    name = settings.tls.server_name or settings.host or check.target
    looks = partial(days_left, settings=settings.tls, wall=instruments.clock.wall())
    return await ask_health(address, check.monitor.port, call, tls=tls, server_name=name, looks_at=looks)


async def ask_health(
    address: Address,
    port: int,
    call: HealthCall,
    *,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    looks_at: Callable[[object], CheckOutcome] = lambda _: PASSED,
) -> CheckOutcome:
    """Returns the outcome of a call, or raises the network's error; it has no time limit of its own.

    `looks_at` gets the connection's TLS object and returns the outcome for its certificate.
    """
    outcome = await _called(address, port, call, tls=tls, server_name=server_name, looks_at=looks_at)
    if not call.is_unprocessed:
        return outcome
    begin_another_request()
    return await _called(address, port, call.again(), tls=tls, server_name=server_name, looks_at=looks_at)


async def _called(
    address: Address,
    port: int,
    call: HealthCall,
    *,
    tls: ssl.SSLContext | None,
    server_name: str | None,
    looks_at: Callable[[object], CheckOutcome],
) -> CheckOutcome:
    with reaching(address):
        reader, writer = await asyncio.open_connection(str(address), port, ssl=tls, server_hostname=server_name)
    if tls is None:
        lap(Phase.CONNECT)  # the laps with TLS are its own (tls.py)
    try:
        seen = looks_at(writer.get_extra_info("ssl_object"))
        if seen is not PASSED:
            return seen
        while True:
            writer.write(call.to_send())
            await writer.drain()
            if call.outcome is not None:
                lap(Phase.FIRST_BYTE)
                return call.outcome
            call.receive(await reader.read(READ_BYTES))
            await asyncio.sleep(0)  # what is there is read without waiting: a flood must not hold up all else
    finally:
        writer.transport.abort()  # RST: the probe keeps no port in TIME_WAIT


def _authority(check: Check, settings: GrpcSettings) -> str:
    """Returns the :authority of the request: the monitor's own, or the target with its port."""
    target = f"[{check.target}]" if ":" in check.target else check.target
    return settings.host or f"{target}:{check.monitor.port}"
