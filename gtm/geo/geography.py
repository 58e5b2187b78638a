"""The geography: the place of every address, as the rest of the program uses it; also one for no geo data.

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
    """The place of an address, and the network that it is known for."""

    place: Place
    network: Network
    """The network for which the databases and the custom networks hold this place."""


class Geography(Protocol):
    """Returns the place of every address."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Returns all different places, each once; the first is NOWHERE."""

    def locate(self, address: Address) -> Located:
        """Returns the place and network of an address; an IPv6 address with an IPv4 address inside has its place."""

    def cell_map(self, cells: Sequence[int]) -> CellMap:
        """Returns the cell map of all addresses; cells[i] is the cell of places[i], and that of NOWHERE must be 0."""


def unmapped(address: Address) -> Address:
    """Returns the IPv4 address in an IPv4-mapped IPv6 address; any other address unchanged."""
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
