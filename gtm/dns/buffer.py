"""A dnslib buffer whose names are those of RFC 1035, byte for byte.

dnslib refuses labels that are not UTF-8, takes the reserved label types 01 and 10 for lengths, recurses once per
compression pointer, and measures a name by its printed form. Here any bytes make a label, reserved types and names
over 255 octets are errors, and pointers are followed in a loop.
"""

from dnslib.buffer import BufferError as DnslibBufferError
from dnslib.label import DNSBuffer, DNSLabel

from gtm.dns.name import Labels

MAX_NAME_OCTETS = 255
"""RFC 1035 2.3.4."""

MAX_POINTERS = 127
"""The most compression pointers in one name: a name of 255 octets has at most so many labels."""

_POINTER = 0xC0
_POINTER_REACH = 0x4000
"""A compression pointer has 14 bits (RFC 1035 4.1.4)."""


class WireBuffer(DNSBuffer):  # type: ignore[misc]  # dnslib is untyped
    """Reads and writes messages; raises dnslib's BufferError for bytes that are no name."""

    data: bytearray
    offset: int
    names: dict[Labels, int]
    room: int = 1 << 16
    """The most suffixes of names that are kept for compression pointers."""

    def decode_name(self, last: int = -1) -> DNSLabel:  # noqa: ARG002  # dnslib's signature
        """Reads the name at the offset, with its compression pointers, and moves the offset past it.

        Raises BufferError of dnslib for bytes that are no name.
        """
        parts: list[bytes] = []
        octets, pointers, end, barrier = 1, 0, -1, self.offset
        while length := self._octet():
            if length & _POINTER == _POINTER:
                pointer = (length & ~_POINTER) << 8 | self._octet()
                end = self.offset if end < 0 else end
                pointers += 1
                if pointer >= barrier or pointers > MAX_POINTERS:
                    raise DnslibBufferError("a compression pointer does not point back, or too many pointers in a name")
                self.offset = barrier = pointer
                continue
            octets += 1 + length
            if length & _POINTER or octets > MAX_NAME_OCTETS:
                raise DnslibBufferError("a label type is reserved, or a name too long")
            parts.append(self.get(length))
        self.offset = self.offset if end < 0 else end
        return DNSLabel(parts)

    def encode_name(self, name: DNSLabel) -> None:
        """Writes a name at the end, with a compression pointer to the longest suffix written before."""
        parts: Labels = name.label
        while parts:
            if parts in self.names:
                self.pack("!H", _POINTER << 8 | self.names[parts])
                return
            if self.offset < _POINTER_REACH and len(self.names) < self.room:
                self.names[parts] = self.offset
            self.pack("!B", len(parts[0]))
            self.append(parts[0])
            parts = parts[1:]
        self.append(b"\0")

    def rewind(self, offset: int) -> None:
        """Removes all octets from an offset on, and the suffixes that were written there."""
        del self.data[offset:]
        self.offset = offset
        self.names = {name: at for name, at in self.names.items() if at < offset}

    def _octet(self) -> int:
        if self.offset >= len(self.data):
            raise DnslibBufferError("the message ends within a name")
        octet = self.data[self.offset]
        self.offset += 1
        return octet
