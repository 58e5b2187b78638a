"""The two messages of grpc.health.v1.Health/Check. Pure: a service's name to bytes, bytes to a status.

What comes in: a name; or what a server sent, which may be anything. What goes out: a request; or a status, None where
there is none. Each message has one field, so that they are read and written here rather than by generated code:

    HealthCheckRequest     string service = 1            grpc/health/v1/health.proto
    HealthCheckResponse    ServingStatus status = 1      an enum, which is a varint; unknown fields are passed over
    framing                1 byte: 0, not compressed; 4 bytes: length; the message     gRPC over HTTP/2
"""

from collections.abc import Mapping

SERVING = 1
STATUSES: Mapping[int, str] = {0: "UNKNOWN", SERVING: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
"""The names of HealthCheckResponse.ServingStatus by number; newer servers may send others."""

_PREFIX_BYTES = 5


def compose_request(service: str) -> bytes:
    """Returns a HealthCheckRequest, framed for gRPC. In proto3 a field with its default value is left out."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4) + message


def parse_response(framed: bytes) -> int | None:
    """Returns the status in a framed HealthCheckResponse; None for anything else."""
    if len(framed) < _PREFIX_BYTES or framed[0] != 0 or int.from_bytes(framed[1:5]) != len(framed) - _PREFIX_BYTES:
        return None
    status, rest = 0, framed[_PREFIX_BYTES:]
    while rest:
        field = _parse_field(rest)
        if field is None:
            return None
        tag, value, rest = field
        if tag == _STATUS_TAG:
            status = value
    return status


_STATUS_TAG = 0x08
"""The tag of field 1 with wire type 0, a varint (Protocol Buffers, Encoding: Message Structure)."""
_MAX_VARINT_BYTES = 10
_FIXED_BYTES = {1: 8, 5: 4}
"""The size of fields with a fixed size, by wire type."""


def _parse_field(data: bytes) -> tuple[int, int, bytes] | None:
    """Returns the first field: its tag, its value if it is a varint (else 0), and the bytes after it.

    Returns None if the field is malformed.
    """
    tag = _parse_varint(data)
    if tag is None or tag[0] >> 3 == 0:
        return None
    number, rest = tag
    wire_type = number & 0x07
    if wire_type in _FIXED_BYTES:
        return _after(number, rest, _FIXED_BYTES[wire_type])
    value = _parse_varint(rest)
    if value is None or wire_type not in {0, 2}:
        return None
    return (number, *value) if wire_type == 0 else _after(number, value[1], value[0])


def _after(tag: int, data: bytes, length: int) -> tuple[int, int, bytes] | None:
    return (tag, 0, data[length:]) if length <= len(data) else None


def _parse_varint(data: bytes) -> tuple[int, bytes] | None:
    value = 0
    for index, byte in enumerate(data[:_MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, data[index + 1 :]
    return None


def _varint(value: int) -> bytes:
    composed = bytearray()
    while value >= 0x80:
        composed.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*composed, value])
