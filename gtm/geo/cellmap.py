"""A cell map: client networks -> cell, with the length of the network that decided.

Cells are numbered from 0, which is that of the clients whose place nobody knows. The networks of a map cover every
address of both families and do not overlap, and neighbours of one cell are merged into the largest network that lies in
one cell. So the length found is the ECS scope (RFC 7871 7.2.1): exact, never covering a client that would get another
answer. The highest numbers are no cells, but say where to look:

    EMBEDDED and more    in the IPv4 networks, for the address inside (gtm/geo/special.py)
    UNPLACED             for whoever asks: the place of these addresses says nothing
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple, Self, overload

from gtm.geo.special import Embedding
from gtm.ids import Address

UNPLACED = 2**24 - 1
EMBEDDED = 2**24 - 512
"""What is lower is a cell. The Rust engine has the same two (dataplane/core/src/networks.rs)."""


def embedded(embedding: Embedding) -> int:
    """Returns the entry of a map for networks that embed IPv4 addresses in this way."""
    return EMBEDDED + 2 * embedding.start + embedding.is_inverted


class Hit(NamedTuple):
    """The cell of a client, and the prefix length that the cell is right for."""

    cell: int
    prefix_length: int
    """Of the largest network around the client that lies in the same cell."""


@dataclass(frozen=True, slots=True)
class Halves(Sequence[int]):
    """Sorted numbers of 128 bits, each as two of 64: a million IPv6 addresses are then 16 MB, and not 50."""

    highs: "array[int]"
    lows: "array[int]"

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Self:
        """Returns sorted 128-bit numbers as two arrays of 64-bit halves."""
        rows = [divmod(number, 2**64) for number in numbers]
        return cls(array("Q", [high for high, _ in rows]), array("Q", [low for _, low in rows]))

    def __len__(self) -> int:
        return len(self.highs)

    @overload
    def __getitem__(self, row: int) -> int: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[int]: ...
    def __getitem__(self, row: int | slice) -> int | Sequence[int]:
        if isinstance(row, slice):
            return Halves(self.highs[row], self.lows[row])
        return self.highs[row] << 64 | self.lows[row]

    def after(self, number: int) -> int:
        """Returns the index of the first number greater than `number`, as bisect_right does."""
        high, low = number >> 64, number & 2**64 - 1
        first = bisect_left(self.highs, high)
        return bisect_right(self.lows, low, first, bisect_right(self.highs, high, first))


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of one family, sorted by their first address; the three columns are equally long."""

    starts: "array[int] | Halves"
    """The first address of each network, as an integer; the first is 0."""
    lengths: "array[int]"
    cells: "array[int]"

    def lookup(self, address: int) -> Hit:
        """Returns the cell of an address given as an integer."""
        after = self.starts.after(address) if isinstance(self.starts, Halves) else bisect_right(self.starts, address)
        row = after - 1
        return Hit(self.cells[row], self.lengths[row])


@dataclass(frozen=True, slots=True)
class CellMap:
    """The cell of every client address, for one steering chain."""

    v4: Networks
    v6: Networks

    def lookup(self, client: Address, resolver: Address | None = None) -> Hit:
        """Returns the cell of a client, and the length of the network that decides.

        Where the client's address says nothing, its resolver's decides, for all of the network around the client
        (RFC 7871 10).
        """
        hit = self._at(client)
        if hit.cell != UNPLACED:
            return hit
        cell = UNPLACED if resolver is None else self._at(resolver).cell
        return Hit(0 if cell == UNPLACED else cell, hit.prefix_length)

    def _at(self, address: Address) -> Hit:
        number = int(address)
        if isinstance(address, IPv4Address):
            return self.v4.lookup(number)
        hit = self.v6.lookup(number)
        if not EMBEDDED <= hit.cell < UNPLACED:
            return hit
        start, is_inverted = divmod(hit.cell - EMBEDDED, 2)
        embedding = Embedding(start, is_inverted=bool(is_inverted))
        hit = self.v4.lookup(int(embedding.address(number)))
        return Hit(hit.cell, embedding.length(hit.prefix_length))


def _everywhere(starts: "array[int] | Halves") -> Networks:
    return Networks(starts, array("B", [0]), array("I", [0]))


ONE_CELL = CellMap(_everywhere(array("I", [0])), _everywhere(Halves.of([0])))
"""The map of a service whose answer does not depend on the client: one cell, scope 0."""
