"""ICMP echo messages: a request composed, a reply recognised. Pure: bytes in, bytes out.

What comes in: an identifier, a sequence number and a payload; or bytes from a socket, of any content. What goes
out: a request (RFC 792, RFC 4443 4.1); or the sequence number that a reply answers, or None for all else. It raises
nothing, whatever the bytes are.
"""

import struct
from dataclasses import dataclass

_HEADER = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence number."""

_MIN_IPV4_HEADER_BYTES = 20


@dataclass(frozen=True, slots=True)
class EchoTypes:
    """The ICMP types of an echo request and a reply, which differ between IPv4 and IPv6."""

    request: int
    reply: int


ECHO_TYPES = {4: EchoTypes(request=8, reply=0), 6: EchoTypes(request=128, reply=129)}
"""The types by IP version: RFC 792, RFC 4443 4.1 and 4.2."""


def compose_request(version: int, *, identifier: int, sequence: int, payload: bytes) -> bytes:
    """Returns an echo request. The kernel fills in the checksum of IPv6, and both on its own sockets for echoes."""
    kind = ECHO_TYPES[version].request
    unsigned = _HEADER.pack(kind, 0, 0, identifier, sequence) + payload
    checksum = checksum_of(unsigned) if version == 4 else 0
    return _HEADER.pack(kind, 0, checksum, identifier, sequence) + payload


def answered_sequence(version: int, message: bytes, *, identifier: int, payload: bytes) -> int | None:
    """Returns the sequence number of a reply to a request with this identifier and payload; None for all else."""
    if len(message) < _HEADER.size:
        return None
    kind, code, _, replied_to, sequence = _HEADER.unpack_from(message)
    is_ours = (kind, code, replied_to) == (ECHO_TYPES[version].reply, 0, identifier)
    return sequence if is_ours and message[_HEADER.size :] == payload else None


def without_ipv4_header(packet: bytes) -> bytes:
    """Returns the bytes after the IPv4 header, which raw sockets give too (raw(7)); nothing if it is cut short."""
    if len(packet) < _MIN_IPV4_HEADER_BYTES:
        return b""
    length = (packet[0] & 0x0F) * 4  # RFC 791 3.1: the IHL counts words of 32 bits
    return packet[length:] if length >= _MIN_IPV4_HEADER_BYTES else b""


def checksum_of(message: bytes) -> int:
    """Returns the Internet checksum (RFC 1071)."""
    padded = message + b"\0" * (len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
