"""Databases and custom networks merged into one trie per family: a Geography, and cell maps made from it.

What comes in: parsed databases in order of preference, and the custom networks. What goes out: the place of an address,
and for any numbering of places into cells, the map of all addresses. Sources combine place by place:

    1. the location (continent to coordinates) is that of the first source that knows one; of databases the first that
       knows a country or a point, and the first that knows the continent alone only where none knows more
    2. the autonomous system is that of the first source that knows one, so a City and an ASN database add up
    3. custom networks are the source before all databases; the longest network around an address decides, and what it
       does not say comes from the next shorter one around it, and finally from the databases
    4. networks that tell no place by themselves (special.py) are among the custom networks; of those that embed IPv4
       addresses, and of loopback and its like, no database is believed
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

import numpy as np

from gtm.geo.cellmap import UNPLACED, CellMap, Halves, Networks, embedded
from gtm.geo.database import Database
from gtm.geo.geography import Located
from gtm.geo.networks import CustomNetwork
from gtm.geo.place import NOWHERE, Place
from gtm.geo.special import SPECIAL, Embedding, NoPlace, Special
from gtm.geo.trie import Blocks, Trie, collapse, everywhere, from_networks, merge, renumber
from gtm.ids import Address, Network


@dataclass(frozen=True, slots=True, eq=False)
class MergedGeography:
    """Every address's place, a Geography."""

    places: tuple[Place, ...]
    """All that differ; the first is NOWHERE. Values of the tries index them, and higher ones `specials`."""
    v4: Trie
    v6: Trie
    specials: tuple[Special, ...] = ()
    """The special networks whose addresses no source gives a place."""

    def locate(self, address: Address) -> Located:
        """Returns the location of an address; an IPv6 address that embeds an IPv4 address is where that is."""
        if isinstance(address, IPv4Address):
            value, length = self.v4.locate(int(address))
            return Located(self._place(value), IPv4Network((address, length), strict=False))
        value, length = self.v6.locate(int(address))
        special = self.specials[value - len(self.places)] if value >= len(self.places) else None
        if isinstance(special, Embedding):
            return self.locate(special.address(int(address)))
        return Located(self._place(value), IPv6Network((address, length), strict=False))

    def _place(self, value: int) -> Place:
        return self.places[value] if value < len(self.places) else NOWHERE

    def cell_map(self, cells: Sequence[int]) -> CellMap:
        """Returns the map of all addresses, where cells[i] is the cell of places[i], and that of NOWHERE is 0."""
        if len(set(cells)) > 1:
            cells = [
                *cells,
                *(embedded(special) if isinstance(special, Embedding) else UNPLACED for special in self.specials),
            ]
        else:
            cells = [cells[0]] * (len(cells) + len(self.specials))
        return CellMap(_networks(collapse(self.v4, cells)), _networks(collapse(self.v6, cells)))


def build(databases: Sequence[Database], networks: Sequence[CustomNetwork] = ()) -> MergedGeography:
    """Returns the geography merged from databases, the first preferred, and custom networks, preferred to all."""
    v4, spots_v4 = _merged(_custom(networks, bits=32), [(database.v4, database.places) for database in databases])
    v6, spots_v6 = _merged(_custom(networks, bits=128), [(database.v6, database.places) for database in databases])
    spots = dict.fromkeys([NOWHERE, *spots_v4, *spots_v6])
    places = tuple(spot for spot in spots if isinstance(spot, Place))
    specials = tuple(spot for spot in spots if not isinstance(spot, Place))
    number_of = {spot: number for number, spot in enumerate([*places, *specials])}
    v4, v6 = (renumber(trie, [number_of[spot] for spot in known]) for trie, known in ((v4, spots_v4), (v6, spots_v6)))
    return MergedGeography(places, v4, v6, specials)


def combine(first: Place, second: Place) -> Place:
    """Returns the place merged from two sources, with the location of the first one if it has any."""
    return _combined(first, second, where=first if _knowledge(first) else second)


def combine_databases(first: Place, second: Place) -> Place:
    """Returns the place merged from two databases, with the location of the first one unless the second knows more.

    A continent alone is what is left of a code that is no country: another database may know the country.
    """
    return _combined(first, second, where=first if _knowledge(first) >= _knowledge(second) else second)


def _combined(first: Place, second: Place, *, where: Place) -> Place:
    if first == NOWHERE:  # nearly always: then no place of the hundred thousands of a city database is copied
        return second
    network = first if first.asn is not None or first.organization else second
    return where._replace(asn=network.asn, organization=network.organization, tags=first.tags or second.tags)


def _knowledge(place: Place) -> int:
    """Returns the detail of a location, 0 to 3: 3 with a country or a point, 2 with a continent, 1 with a name only."""
    if place.country or place.at is not None:
        return 3
    if place.continent:
        return 2
    return 1 if place.subdivision or place.city else 0


@dataclass(frozen=True, slots=True)
class _Settled:
    """The final place of a custom network inside a special one, where databases are not believed."""

    place: Place


_Spot = Place | Special
_Layer = tuple[Trie, Sequence["_Spot | _Settled"]]
_Source = tuple[Trie, tuple[Place, ...]]
"""A trie, and what its values index."""


def _custom(networks: Sequence[CustomNetwork], *, bits: int) -> _Layer:
    """Returns the custom networks of one family and the special ones, each completed by the networks around it."""
    spots: list[_Spot | _Settled] = [NOWHERE]
    value_of: dict[tuple[int, int], int] = {}
    rows = []
    for network, spot in sorted(_spots(networks), key=lambda row: row[0].prefixlen):
        if network.max_prefixlen != bits:
            continue
        start, length = int(network.network_address), network.prefixlen
        around = ((start >> (bits - shorter) << (bits - shorter), shorter) for shorter in reversed(range(length + 1)))
        outer = next((value_of[key] for key in around if key in value_of), 0)
        value_of[start, length] = len(spots)
        rows.append((start, length, len(spots)))
        spots.append(_within(spots[outer], spot))
    return from_networks(rows, bits=bits), spots


def _spots(networks: Iterable[CustomNetwork]) -> list[tuple[Network, _Spot]]:
    """Returns the places of networks that no database has; of two for one network the custom one is later."""
    return [*SPECIAL.items(), *((network.network, network.embedding or network.place) for network in networks)]


def _within(outer: _Spot | _Settled, spot: _Spot) -> _Spot | _Settled:
    """Returns the place of a network within another that is longer than all others around it."""
    place = outer.place if isinstance(outer, _Settled) else outer
    if isinstance(spot, Place) and isinstance(place, Place):
        completed = combine(spot, place)
        return _Settled(completed) if isinstance(outer, _Settled) else completed
    if isinstance(spot, Place):
        return spot if outer is NoPlace.PRIVATE else _Settled(spot)
    return outer if spot is NoPlace.PRIVATE and isinstance(place, Place) and _knowledge(place) else spot


def _merged(custom: _Layer, databases: Sequence[_Source]) -> tuple[Trie, Sequence[_Spot]]:
    """Returns the trie of the custom networks over all databases, and what its values index."""
    known: _Source = (everywhere(custom[0].bits, 0), (NOWHERE,))
    for database in databases:
        known = _both(known, database)
    trie, spots = custom
    if not known[0].is_unknown:
        trie, pairs = merge(trie, known[0])
        spots = [_over(spots[a], known[1][b]) for a, b in pairs]
    return trie, [spot.place if isinstance(spot, _Settled) else spot for spot in spots]


def _both(source: _Source, other: _Source) -> _Source:
    if source[0].is_unknown:
        return other
    if other[0].is_unknown:
        return source
    trie, pairs = merge(source[0], other[0])
    return trie, tuple(combine_databases(source[1][a], other[1][b]) for a, b in pairs)


def _over(spot: _Spot | _Settled, known: Place) -> _Spot | _Settled:
    """Returns the place of a custom or special network, merged with the place that the databases know."""
    if isinstance(spot, Place):
        return combine(spot, known)
    return known if spot is NoPlace.PRIVATE and _knowledge(known) else spot


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
