"""Where every address is: databases and custom networks merged into one trie per family, and cell maps made from it.

What comes in: parsed databases in order of preference, and the custom networks. What goes out: the place of an address,
and for any numbering of places into cells, the map of all addresses. Sources combine place by place:

    1. the location (continent to coordinates) is that of the first source that knows one; of databases the first that
       knows a country or a point, and the first that knows the continent alone only where none knows more
    2. the autonomous system is that of the first source that knows one, so a City and an ASN database add up
    3. custom networks are the source before all databases; the longest network around an address decides, and what it
       does not say comes from the next shorter one around it, and finally from the databases
"""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

import numpy as np

from gtm.geo.cellmap import CellMap, Halves, Networks
from gtm.geo.database import Database
from gtm.geo.networks import CustomNetwork
from gtm.geo.place import NOWHERE, Place
from gtm.geo.trie import Blocks, Trie, collapse, everywhere, from_networks, merge, renumber
from gtm.ids import Address, Network


class Located(NamedTuple):
    """Where an address is."""

    place: Place
    network: Network
    """The network for which the databases and the custom networks hold this place."""


@dataclass(frozen=True, slots=True, eq=False)
class Geography:
    """Every address's place."""

    places: tuple[Place, ...]
    """All that differ; the first is NOWHERE. Values of the tries index them."""
    v4: Trie
    v6: Trie

    def locate(self, address: Address) -> Located:
        """Returns where an address is; an IPv4-mapped IPv6 address is the IPv4 address in it (RFC 4291 2.5.5.2)."""
        address = unmapped(address)
        if isinstance(address, IPv4Address):
            value, length = self.v4.locate(int(address))
            return Located(self.places[value], IPv4Network((address, length), strict=False))
        value, length = self.v6.locate(int(address))
        return Located(self.places[value], IPv6Network((address, length), strict=False))

    def cell_map(self, cells: Sequence[int]) -> CellMap:
        """Returns the map of all addresses, where cells[i] is the cell of places[i]."""
        return CellMap(_networks(collapse(self.v4, cells)), _networks(collapse(self.v6, cells)))


def unmapped(address: Address) -> Address:
    """Returns the IPv4 address in an IPv4-mapped IPv6 address, and any other as it is."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


NO_GEOGRAPHY = Geography((NOWHERE,), everywhere(32, 0), everywhere(128, 0))
"""Nothing is known: every client gets the default order."""


def build(databases: Sequence[Database], networks: Sequence[CustomNetwork] = ()) -> Geography:
    """Returns the geography of some databases, the first preferred, under the custom networks."""
    number_of: dict[Place, int] = {NOWHERE: 0}
    v4 = _merged(_custom(networks, bits=32), [(each.v4, each.places) for each in databases], number_of)
    v6 = _merged(_custom(networks, bits=128), [(each.v6, each.places) for each in databases], number_of)
    return Geography(tuple(number_of), v4, v6)


def combine(first: Place, second: Place) -> Place:
    """Returns what two sources know together, where what the first one knows of a location counts alone."""
    return _combined(first, second, where=first if _knowledge(first) else second)


def combine_databases(first: Place, second: Place) -> Place:
    """Returns what two databases know together, the first one preferred where it knows no less of the location.

    A continent alone is what is left of a code that is no country: another database may know the country.
    """
    return _combined(first, second, where=first if _knowledge(first) >= _knowledge(second) else second)


def _combined(first: Place, second: Place, *, where: Place) -> Place:
    network = first if first.asn is not None or first.organization else second
    return where._replace(asn=network.asn, organization=network.organization, tags=first.tags or second.tags)


def _knowledge(place: Place) -> int:
    """Returns how much is known of a location; a name of a city alone says nothing to steering."""
    if place.country or place.at is not None:
        return 3
    if place.continent:
        return 2
    return 1 if place.subdivision or place.city else 0


_Source = tuple[Trie, tuple[Place, ...]]
"""A trie, and the places that its values index."""


def _custom(networks: Sequence[CustomNetwork], *, bits: int) -> _Source:
    """Returns the custom networks of one family as a source, each place completed by the networks around it."""
    places = [NOWHERE]
    value_of: dict[tuple[int, int], int] = {}
    rows = []
    for custom in sorted(networks, key=lambda each: each.network.prefixlen):
        if custom.network.max_prefixlen != bits:
            continue
        start, length = int(custom.network.network_address), custom.network.prefixlen
        around = ((start >> (bits - shorter) << (bits - shorter), shorter) for shorter in reversed(range(length)))
        outer = next((value_of[key] for key in around if key in value_of), 0)
        value_of[start, length] = len(places)
        rows.append((start, length, len(places)))
        places.append(combine(custom.place, places[outer]))
    return from_networks(rows, bits=bits), tuple(places)


def _merged(custom: _Source, databases: Sequence[_Source], number_of: dict[Place, int]) -> Trie:
    """Returns the trie of all sources, whose values are numbers of places; new places get the next numbers."""
    known: _Source = (everywhere(custom[0].bits, 0), (NOWHERE,))
    for database in databases:
        known = _both(known, database, combine_databases)
    trie, places = _both(custom, known, combine)
    return renumber(trie, [number_of.setdefault(place, len(number_of)) for place in places])


def _both(one: _Source, other: _Source, together: Callable[[Place, Place], Place]) -> _Source:
    if one[0].is_unknown:
        return other
    if other[0].is_unknown:
        return one
    trie, pairs = merge(one[0], other[0])
    return trie, tuple(together(one[1][a], other[1][b]) for a, b in pairs)


def _networks(blocks: Blocks) -> Networks:
    if blocks.starts.shape[1] == 1:
        starts: array[int] | Halves = array("I", blocks.starts.astype(np.uint32).tobytes())
    else:
        starts = Halves(*(array("Q", column.tobytes()) for column in blocks.starts.T))
    return Networks(
        starts,
        array("B", blocks.lengths.tobytes()),
        array("I", blocks.cells.tobytes()),
    )
