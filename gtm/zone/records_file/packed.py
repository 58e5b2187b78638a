"""The records of a master file, packed: a million of them are a few large pieces of bytes, and no objects.

In come records, out goes a Bulk, which finds what one name has and is handed to the Rust engine as it is
(dataplane/core/src/bulk.rs; dataplane/zonefile/ packs the same bytes). It must not know of zones or of text.

    row      octets of key 1 | key | RRsets 2 | RRset ...      by key; every name above one that is there has a row too
    key      labels relative to the origin, that next to the origin first, each behind its length; lower case
    RRset    type 2 | TTL 4 | line 4 | values 2 | value ...    by type
    value    octets 2 | RDATA                                  in the order of the file
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dns.rdatatype import RdataType

from gtm.errors import TextInvalid

NameKey = bytes
"""A name relative to the origin, from the top down: what is below a name begins with the name's key."""

NOTABLE = frozenset({RdataType.NS, RdataType.CNAME, RdataType.DS})
"""Types that say something of other names; the rows that have one are listed."""

_RRSET = struct.Struct("!HIIH")
_PLACE_OCTETS = 4
MAX_ROWS_BYTES = 2**32 - 1
"""Starts have 32 bits."""


@dataclass(frozen=True, slots=True)
class BulkRRset:
    """The values of one name and type."""

    rtype: int
    ttl: int
    line: int
    """Of the file, of the first value."""
    rdatas: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bulk:
    """The rows, and where each begins."""

    rows: bytes = field(default=b"", repr=False)
    starts: bytes = field(default=b"", repr=False)
    """A column of big-endian numbers of four octets."""
    notable: bytes = field(default=b"", repr=False)
    """The starts of the rows with a type of NOTABLE, in another such column."""
    values: int = 0
    """How many records there are."""

    def __len__(self) -> int:
        """Returns the number of names, empty non-terminals too."""
        return len(self.starts) // _PLACE_OCTETS

    def find(self, key: NameKey) -> tuple[BulkRRset, ...] | None:
        """Returns the RRsets of a name, nothing for an empty non-terminal; None for a name that is not there."""
        number = self._first_from(key)
        if number < len(self) and self._key(number) == key:
            return self.rrsets_at(self._start(number))
        return None

    def below(self, key: NameKey) -> Iterator[tuple[NameKey, tuple[BulkRRset, ...]]]:
        """Yields a name and all names below it, with what they have."""
        number = self._first_from(key)
        while number < len(self) and (here := self._key(number)).startswith(key):
            yield here, self.rrsets_at(self._start(number))
            number += 1

    def notables(self) -> Iterator[tuple[NameKey, tuple[BulkRRset, ...]]]:
        """Yields the names with a type of NOTABLE, with all they have."""
        for (start,) in struct.iter_unpack("!I", self.notable):
            yield self._key_at(start), self.rrsets_at(start)

    def names(self) -> Iterator[NameKey]:
        """Yields every name."""
        return (self._key_at(start) for (start,) in struct.iter_unpack("!I", self.starts))

    def owners(self) -> Iterator[NameKey]:
        """Yields the names that have records, which are all but empty non-terminals."""
        rows = self.rows
        for (start,) in struct.iter_unpack("!I", self.starts):
            end = start + 1 + rows[start]
            if rows[end] or rows[end + 1]:
                yield rows[start + 1 : end]

    def _first_from(self, key: NameKey) -> int:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low

    def _start(self, number: int) -> int:
        return int.from_bytes(self.starts[number * _PLACE_OCTETS : (number + 1) * _PLACE_OCTETS])

    def _key(self, number: int) -> NameKey:
        return self._key_at(self._start(number))

    def _key_at(self, start: int) -> NameKey:
        return self.rows[start + 1 : start + 1 + self.rows[start]]

    def rrsets_at(self, start: int) -> tuple[BulkRRset, ...]:
        """Returns the RRsets of the name whose row begins here."""
        at = start + 1 + self.rows[start]
        count, at, rrsets = int.from_bytes(self.rows[at : at + 2]), at + 2, []
        for _ in range(count):
            rtype, ttl, line, values = _RRSET.unpack_from(self.rows, at)
            at += _RRSET.size
            rdatas = []
            for _ in range(values):
                end = at + 2 + int.from_bytes(self.rows[at : at + 2])
                rdatas.append(self.rows[at + 2 : end])
                at = end
            rrsets.append(BulkRRset(rtype, ttl, line, tuple(rdatas)))
        return tuple(rrsets)


NO_BULK = Bulk()


def pack(records: Mapping[NameKey, Iterable[BulkRRset]]) -> Bulk:
    """Returns the Bulk of some names."""
    rows, starts, notable, count = bytearray(), bytearray(), bytearray(), 0
    names = {b"", *(above for name in records for above in _from_the_top(name))}
    for key in sorted(names):
        rrsets = sorted(records.get(key, ()), key=lambda rrset: rrset.rtype)
        start = struct.pack("!I", len(rows) & MAX_ROWS_BYTES)
        starts += start
        if any(rrset.rtype in NOTABLE for rrset in rrsets):
            notable += start
        rows += bytes((len(key),)) + key + struct.pack("!H", len(rrsets))
        for rrset in rrsets:
            rows += _RRSET.pack(rrset.rtype, rrset.ttl, rrset.line, len(rrset.rdatas))
            rows += b"".join(struct.pack("!H", len(rdata)) + rdata for rdata in rrset.rdatas)
            count += len(rrset.rdatas)
    if len(rows) > MAX_ROWS_BYTES:
        raise TextInvalid(f"the records take {len(rows)} bytes; the most is {MAX_ROWS_BYTES}")
    return Bulk(bytes(rows), bytes(starts), bytes(notable), count)


def labels_of(key: NameKey) -> tuple[bytes, ...]:
    """Returns the labels of a key in the order of a name."""
    return tuple(reversed(list(_labels(key))))


def _labels(key: NameKey) -> Iterator[bytes]:
    at = 0
    while at < len(key):
        yield key[at + 1 : at + 1 + key[at]]
        at += 1 + key[at]


def _from_the_top(key: NameKey) -> Iterator[NameKey]:
    """Yields every name above one, and the name itself."""
    at = 0
    while at < len(key):
        at += 1 + key[at]
        yield key[:at]
