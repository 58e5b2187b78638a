"""The check of monitors `icmp`: an echo request that is answered.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. Where
the kernel lets this process's group send echoes (net.ipv4.ping_group_range), no right is needed; else a raw socket is
tried, which takes CAP_NET_RAW; without either the check is inconclusive:

    socket     right                source of the identifier    what is received
    datagram   ping_group_range     the kernel                  replies to it alone
    raw        CAP_NET_RAW          chance                      all ICMP of the endpoint, and with IPv4 the header of IP

A reply counts when its identifier, its sequence number and its payload, which nobody can guess, are ours.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from gtm.checks.model import Check
from gtm.health.verdict.reading import Reason
from gtm.ids import Address
from gtm.probe.echo import answered_sequence, compose_request, without_ipv4_header
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.route import reaching
from gtm.probe.stopwatch import Phase, lap
from gtm.zone.monitors.kinds.icmp import IcmpSettings

MAX_PACKET_BYTES = 65_535
"""Most bytes of a packet (RFC 791 3.1), so that nothing that is read is cut."""

NOT_PERMITTED = "ICMP is not permitted: net.ipv4.ping_group_range leaves this process out, and it has no CAP_NET_RAW"

_PROTOCOLS = {4: (socket.AF_INET, socket.IPPROTO_ICMP), 6: (socket.AF_INET6, socket.IPPROTO_ICMPV6)}

OpenSocket = Callable[[int, int, int], socket.socket]
"""Opens a socket of a family, type and protocol. Raises PermissionError where the type is not permitted."""


async def check_icmp(check: Check, settings: IcmpSettings, instruments: Instruments) -> CheckOutcome:
    """Returns a good outcome if the endpoint answered a request; raises the network's error if not."""
    address = target_address(check, instruments)
    with reaching(address):
        return await ping(address, settings, timeout_s=check.monitor.timeout_s)


async def ping(
    address: Address, settings: IcmpSettings, *, timeout_s: float, open_socket: OpenSocket = socket.socket
) -> CheckOutcome:
    """Returns a good outcome when one of `count` requests, spread over the timeout, is answered.

    After the last request it waits without a limit of its own.
    """
    payload = secrets.token_bytes(settings.size_bytes)
    try:
        line = _open(address, payload, open_socket)
    except PermissionError:
        return CheckOutcome(Reason.UNREAD, NOT_PERMITTED)
    with line.socket:
        for sequence in range(1, settings.count):
            await line.send(sequence)
            try:
                async with asyncio.timeout(timeout_s / settings.count):
                    return await line.reply(sent=sequence)
            except TimeoutError:
                pass
        await line.send(settings.count)
        return await line.reply(sent=settings.count)


@dataclass(frozen=True, slots=True)
class _Line:
    """A socket connected to one endpoint, with the values that identify our replies."""

    socket: socket.socket
    version: int
    identifier: int
    payload: bytes
    has_ip_header: bool

    async def send(self, sequence: int) -> None:
        request = compose_request(self.version, identifier=self.identifier, sequence=sequence, payload=self.payload)
        await asyncio.get_running_loop().sock_sendall(self.socket, request)

    async def reply(self, *, sent: int) -> CheckOutcome:
        """Returns a good outcome once any of the first `sent` requests is answered."""
        loop = asyncio.get_running_loop()
        while True:
            packet = await loop.sock_recv(self.socket, MAX_PACKET_BYTES)
            message = without_ipv4_header(packet) if self.has_ip_header else packet
            sequence = answered_sequence(self.version, message, identifier=self.identifier, payload=self.payload)
            if sequence is not None and 1 <= sequence <= sent:
                lap(Phase.FIRST_BYTE)
                return PASSED
            await asyncio.sleep(0)  # read without waiting: a flood must not block other checks


def _open(address: Address, payload: bytes, open_socket: OpenSocket) -> _Line:
    """Opens a socket to an endpoint, without special rights if possible.

    Raises PermissionError when neither kind of socket is permitted.
    """
    family, protocol = _PROTOCOLS[address.version]
    try:
        opened, is_raw = open_socket(family, socket.SOCK_DGRAM, protocol), False
    except PermissionError:
        opened, is_raw = open_socket(family, socket.SOCK_RAW, protocol), True
    try:
        opened.settimeout(0)
        opened.connect((str(address), 0))
        # the "port" of a datagram socket for echoes is the identifier that the kernel gave it
        identifier = secrets.randbits(16) if is_raw else opened.getsockname()[1]
    except OSError:
        opened.close()
        raise
    return _Line(opened, address.version, identifier, payload, is_raw and address.version == 4)
