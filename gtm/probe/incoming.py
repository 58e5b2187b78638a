"""Incoming: received bytes that were not taken yet, to be taken as lines or by number.

What comes in: bytes, in whatever pieces the network made of them. What goes out: lines without their LF, or so many
octets. No octet is looked at twice for the end of a line, however small the pieces are. No I/O.
"""


class Incoming:
    """Received bytes in their order. It has state: the bytes that were not taken yet."""

    __slots__ = ("_bytes", "_searched", "_taken")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._taken = 0
        """The number of bytes, from the beginning, that were taken."""
        self._searched = 0
        """The number of bytes, from the beginning, that contain no line end that was not taken."""

    def __len__(self) -> int:
        """Returns the number of bytes that were not taken yet."""
        return len(self._bytes) - self._taken

    def feed(self, piece: bytes) -> None:
        """Adds received bytes."""
        del self._bytes[: self._taken]
        self._searched -= self._taken
        self._taken = 0
        self._bytes += piece

    def beginning(self, count: int) -> bytes:
        """Returns the first `count` bytes without taking them."""
        return bytes(self._bytes[self._taken : self._taken + count])

    def line(self) -> bytes | None:
        """Takes and returns the next line without its LF; None while the line is not complete."""
        end = self._bytes.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._bytes)
            return None
        line = bytes(self._bytes[self._taken : end])
        self._taken = self._searched = end + 1
        return line

    def octets(self, most: int) -> bytes:
        """Takes and returns the next `most` bytes, or all bytes if there are fewer."""
        some = self.beginning(most)
        self._taken += len(some)
        self._searched = max(self._searched, self._taken)
        return some
