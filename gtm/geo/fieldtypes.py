"""The types of fields as a database has them on disk: readers return one Python float for its two kinds of number.

In come the bytes of a file and where its records begin; out goes the type number of a field (MaxMind DB File Format
Specification 2.0, "Data Field Format"), or ABSENT, for malformed bytes too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ABSENT, POINTER, TEXT, DOUBLE, MAP, FLOAT = 0, 1, 2, 3, 7, 15
ARRAY, BOOLEAN = 11, 14

MOST_FIELDS = 10_000
"""That are walked through for one field: malformed bytes may have any number."""


@dataclass(frozen=True, slots=True)
class DataSection:
    """The data section of a database file: its bytes, and where the records begin."""

    content: bytes | memoryview
    start: int
    """What pointers count from."""

    def type_at(self, offset: int, path: Sequence[str]) -> int:
        """Returns the type of a field of the record at an offset of this section; `path` is its keys, outer first."""
        try:
            return _Walk(self.content, self.start).type_at(self.start + offset, path)
        except (IndexError, ValueError, RecursionError):
            return ABSENT


@dataclass(slots=True)
class _Walk:
    """One search for a field in a record. It has state: how many fields it may still read."""

    content: bytes | memoryview
    start: int
    left: int = MOST_FIELDS

    def type_at(self, at: int, path: Sequence[str]) -> int:
        kind, size, at = self._value(at)
        if not path:
            return kind
        if kind != MAP:
            return ABSENT
        for _ in range(size):
            key, at = self._text(at)
            if key == path[0].encode():
                return self.type_at(at, path[1:])
            at = self._after(at)
        return ABSENT

    def _value(self, at: int) -> tuple[int, int, int]:
        """Returns the type of a value, its size and where its payload is, of the value that a pointer points at."""
        kind, size, at = self._control(at)
        if kind != POINTER:
            return kind, size, at
        kind, size, at = self._control(self.start + size)
        if kind == POINTER:
            raise ValueError("a pointer to a pointer")
        return kind, size, at

    def _control(self, at: int) -> tuple[int, int, int]:
        """Returns the type and the size of a field, and where it goes on; for a pointer its value is the size."""
        self.left -= 1
        if self.left < 0:
            raise ValueError("too many fields")
        first, at = self.content[at], at + 1
        kind, size = first >> 5, first & 0x1F
        if kind == POINTER:
            count = (size >> 3) + 1
            high = 0 if count == LONGEST_POINTER else size & 0x7
            return POINTER, (high << 8 * count | self._number(at, count)) + POINTER_BIAS[count], at + count
        if kind == ABSENT:
            kind, at = 7 + self.content[at], at + 1
        more = max(0, size - 28)
        return kind, SIZE_BIAS[more] + self._number(at, more) if more else size, at + more

    def _number(self, at: int, count: int) -> int:
        digits = bytes(self.content[at : at + count])
        if len(digits) < count:
            raise IndexError
        return int.from_bytes(digits, "big")

    def _text(self, at: int) -> tuple[bytes, int]:
        """Returns a key, and where its value is."""
        after = self._after(at)
        kind, size, at = self._value(at)
        if kind != TEXT:
            raise ValueError("a key that is no text")
        return bytes(self.content[at : at + size]), after

    def _after(self, at: int) -> int:
        """Returns the offset of the field after this one."""
        kind, size, at = self._control(at)
        if kind in {POINTER, BOOLEAN}:
            return at
        if kind not in {MAP, ARRAY}:
            return at + size
        for _ in range(2 * size if kind == MAP else size):
            at = self._after(at)
        return at


LONGEST_POINTER = 4
POINTER_BIAS = (0, 0, 2048, 526336, 0)
"""By the octets of a pointer."""
SIZE_BIAS = (0, 29, 285, 65821)
"""By the octets of a size that does not fit in five bits."""
