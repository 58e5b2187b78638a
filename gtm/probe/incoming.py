"""Incoming: bytes that came and that nobody took yet, to be taken as lines or by number.

What comes in: bytes, in whatever pieces the network made of them. What goes out: lines without their LF, or so many
octets. No octet is looked at twice for the end of a line, however small the pieces are. No I/O.
"""


class Incoming:
    """Bytes in their order. It has state: those that are here."""

    __slots__ = ("_bytes", "_searched", "_taken")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._taken = 0
        """So many at the beginning are taken."""
        self._searched = 0
        """So many hold no LF that is not taken."""

    def __len__(self) -> int:
        """Returns the number of bytes that are here."""
        return len(self._bytes) - self._taken

    def feed(self, piece: bytes) -> None:
        """Adds what came."""
        del self._bytes[: self._taken]
        self._searched -= self._taken
        self._taken = 0
        self._bytes += piece

    def beginning(self, count: int) -> bytes:
        """Returns the first so many, which stay here."""
        return bytes(self._bytes[self._taken : self._taken + count])

    def line(self) -> bytes | None:
        """Returns the next line without its LF; None while its end is not here."""
        end = self._bytes.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._bytes)
            return None
        line = bytes(self._bytes[self._taken : end])
        self._taken = self._searched = end + 1
        return line

    def octets(self, most: int) -> bytes:
        """Returns the next so many, or all that are here."""
        some = self.beginning(most)
        self._taken += len(some)
        self._searched = max(self._searched, self._taken)
        return some
