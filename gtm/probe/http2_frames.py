"""Frames of HTTP/2, as far as a client has to know them before its library does. Pure: bytes in, frames out.

What comes in: the bytes of a server, which may be anything. What goes out: one whole frame after the other, so that
what follows an answer cannot spoil it; and whether a frame is a GOAWAY that leaves a stream alone (RFC 9113 6.8):

    NO_ERROR, last stream not below ours    a graceful end: streams that are open go on. h2 takes nothing more after a
                                            GOAWAY, so it gets none of these
    last stream below ours                  the request was not processed, and may be sent again elsewhere
    an error                                the connection is at its end (RFC 9113 5.4.1)
"""

HEADER_BYTES = 9
"""The bytes of a frame header (RFC 9113 4.1): length, type, flags, stream."""
MAX_PAYLOAD_BYTES = 16_384
"""Most bytes of a frame's payload (RFC 9113 4.2): we allow the server no more."""

_TYPE_AT, _STREAM_AT = 3, 5
_STREAM_BITS = 0x7FFF_FFFF
"""The bit before them means nothing."""
_GOAWAY = 7
_GOAWAY_BYTES = 8
"""The bytes of a GOAWAY's last stream and error code."""

_NO_ERROR = 0


class Frames:
    """Splits bytes into frames. It has state: the beginning of the next frame."""

    def __init__(self) -> None:
        self._begun = b""
        self.is_too_long = False
        """Whether the next frame is longer than allowed."""

    def take(self, data: bytes) -> list[bytes]:
        """Returns the complete frames so far, and stores the rest for the next call."""
        rest, frames = self._begun + data, []
        while len(rest) >= HEADER_BYTES:
            length = int.from_bytes(rest[:_TYPE_AT])
            end = HEADER_BYTES + length
            self.is_too_long = length > MAX_PAYLOAD_BYTES
            if len(rest) < end or self.is_too_long:
                break
            frames.append(rest[:end])
            rest = rest[end:]
        self._begun = rest
        return frames


def spares(frame: bytes, stream: int) -> bool:
    """Returns whether a frame is a graceful GOAWAY after which the server still answers this stream."""
    payload = frame[HEADER_BYTES:]
    on_stream = int.from_bytes(frame[_STREAM_AT:HEADER_BYTES]) & _STREAM_BITS
    if frame[_TYPE_AT] != _GOAWAY or on_stream != 0 or len(payload) < _GOAWAY_BYTES:
        return False
    last, code = int.from_bytes(payload[:4]) & _STREAM_BITS, int.from_bytes(payload[4:_GOAWAY_BYTES])
    return code == _NO_ERROR and last >= stream
