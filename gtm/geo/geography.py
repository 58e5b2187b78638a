"""Where every address is: databases and custom networks merged into one trie per family, and cell maps made from it.

What comes in: parsed databases in order of preference, and the custom networks. What goes out: the place of an address,
and for any numbering of places into cells, the map of all addresses. Sources combine place by place:

    1. the location (continent to coordinates) is that of the first source that knows one
    2. the autonomous system is that of the first source that knows one, so a City and an ASN database add up
    3. custom networks are the source before all databases; the longest network around an address decides, and what it
       does not say comes from the next shorter one around it, and finally from the databases
"""

from array import array
from collections.abc import Sequence
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
    v4 = _merged([_custom(networks, bits=32), *((each.v4, each.places) for each in databases)], number_of)
    v6 = _merged([_custom(networks, bits=128), *((each.v6, each.places) for each in databases)], number_of)
    return Geography(tuple(number_of), v4, v6)


def combine(first: Place, second: Place) -> Place:
    """Returns what two sources know together, where the first one is preferred."""
    where = first if _is_located(first) else second
    network = first if first.asn is not None or first.organization else second
    return where._replace(asn=network.asn, organization=network.organization, tags=first.tags or second.tags)


def _is_located(place: Place) -> bool:
    return bool(place.continent or place.country or place.subdivision or place.city) or place.at is not None


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


def _merged(sources: Sequence[_Source], number_of: dict[Place, int]) -> Trie:
    """Returns the trie of all sources, whose values are numbers of places; new places get the next numbers."""
    (trie, places), *rest = sources
    for other, other_places in rest:
        if trie.is_unknown:
            trie, places = other, other_places
        elif not other.is_unknown:
            trie, pairs = merge(trie, other)
            places = tuple(combine(places[a], other_places[b]) for a, b in pairs)
    return renumber(trie, [number_of.setdefault(place, len(number_of)) for place in places])


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
