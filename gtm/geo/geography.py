"""Where every address is: what the rest of the program asks of geo data, and the answer where there is none.

What comes in: an address, or a numbering of places into cells. What goes out: the address's place, or the map of all
addresses. Databases and networks become a Geography in merging.py, which takes numpy: here is what does without.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple, Protocol

from gtm.geo.cellmap import ONE_CELL, CellMap
from gtm.geo.place import NOWHERE, Place
from gtm.ids import Address, Network


class Located(NamedTuple):
    """Where an address is."""

    place: Place
    network: Network
    """The network for which the databases and the custom networks hold this place."""


class Geography(Protocol):
    """Every address's place."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Returns all places that differ; the first is NOWHERE."""

    def locate(self, address: Address) -> Located:
        """Returns the location of an address; an IPv6 address that embeds an IPv4 address is where that is."""

    def cell_map(self, cells: Sequence[int]) -> CellMap:
        """Returns the map of all addresses, where cells[i] is the cell of places[i], and that of NOWHERE is 0."""


def unmapped(address: Address) -> Address:
    """Returns the IPv4 address in an IPv4-mapped IPv6 address, and any other as it is."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


class _Nowhere:
    places = (NOWHERE,)

    def locate(self, address: Address) -> Located:
        is_long = isinstance(address, IPv6Address)
        return Located(NOWHERE, IPv6Network("::/0") if is_long else IPv4Network("0.0.0.0/0"))

    def cell_map(self, cells: Sequence[int]) -> CellMap:
        assert list(cells) == [0], "there is one place"
        return ONE_CELL


NO_GEOGRAPHY: Geography = _Nowhere()
"""Nothing is known: every client gets the default order."""
