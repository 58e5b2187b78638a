"""A cell map: client networks -> cell, with the length of the network that decided.

Cells are numbered from 0. The networks of a map cover every address of both families and do not overlap, and
neighbours of one cell are merged into the largest network that lies in one cell. So the length found is the ECS
scope (RFC 7871 7.2.1): exact, never covering a client that would get another answer.
"""

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import NamedTuple

from gtm.ids import Address


class Hit(NamedTuple):
    """Where a client falls."""

    cell: int
    prefix_length: int
    """Of the largest network around the client that lies in the same cell."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of one family, sorted by their first address; the three columns are equally long."""

    starts: "array[int] | tuple[int, ...]"
    """The first address of each network, as an integer; the first is 0."""
    lengths: "array[int]"
    cells: "array[int]"

    def lookup(self, address: int) -> Hit:
        """Returns the cell of an address given as an integer."""
        row = bisect_right(self.starts, address) - 1
        return Hit(self.cells[row], self.lengths[row])


@dataclass(frozen=True, slots=True)
class CellMap:
    """Every client's cell, for one way of looking at places."""

    v4: Networks
    v6: Networks

    def lookup(self, address: Address) -> Hit:
        """Returns the cell of an address, and the length of the network that decides."""
        return (self.v4 if isinstance(address, IPv4Address) else self.v6).lookup(int(address))


def _everywhere(cell: int) -> Networks:
    return Networks(array("I", [0]), array("B", [0]), array("I", [cell]))


ONE_CELL = CellMap(_everywhere(0), _everywhere(0))
"""The map of a service whose answer does not depend on the client: one cell, scope 0."""
