"""Cells: every distinct place of the geo data gets the views of a chain; equal views are one cell.

Services with the same looking filters and the same regions share one CellSpace, so a thousand services on one set
of regions cost one map; and chains that part the places in the same way share that. A map is tens of megabytes and
tenths of a second, so spaces are kept from plan to plan, for as long as geo data and vantages stay. Where local truth
counts (local_view.py), places of equal views are one cell only if they are nearest to the same vantage.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from gtm.geo.cellmap import ONE_CELL, CellMap
from gtm.geo.geography import Geography
from gtm.geo.place import NOWHERE, Place
from gtm.health.consensus.local_view import MIN_VANTAGES, NO_ORDER, Order, Vantages, by_distance
from gtm.ids import VantageName
from gtm.plan.model import Cell, CellSpace
from gtm.steer.chain import Chain, looks_at_place, views, views_of
from gtm.steer.filter import Regions
from gtm.zone.steering import Steer

SpaceKey = Hashable
"""Services with equal keys have the same CellSpace."""

ViewKey = TypeVar("ViewKey", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Parts(Generic[ViewKey]):
    """The places of the geo data in groups, one group for each key; and which group every network is in."""

    examples: Mapping[ViewKey, Place]
    """One place of each group, by its key, in the order of the groups' numbers."""
    networks: CellMap


@dataclass(frozen=True)  # no slots: they have no room for what is made when it is looked at
class Near:
    """The vantage nearest to each place of the geo data."""

    geography: Geography
    names: tuple[VantageName | None, ...]
    """The name of the nearest vantage, for each place of the geo data; None for a place that has none."""
    order: Order

    @cached_property
    def parts(self) -> Parts[VantageName | None]:
        """Returns the places grouped by their nearest vantage: the cells of a chain that does not look at places."""
        return _parted(self.names, self.geography)


class Spaces:
    """A cache of the cell spaces of one plan and of the plan before it.

    Its state is the spaces that were made, and the spaces that the plan in work uses.
    """

    def __init__(self) -> None:
        self._geography: Geography | None = None
        self._vantages: Vantages = ()
        self._near: Near | None = None
        self._made: dict[SpaceKey, CellSpace] = {}
        self._maps: dict[tuple[int, ...], CellMap] = {}
        """Cell maps, by the cell number of each place."""
        self._used: dict[SpaceKey, CellSpace] = {}

    def begin(self, geography: Geography, vantages: Vantages) -> None:
        """Starts a new plan; drops all cached spaces if the geography or the vantages changed."""
        self._used = {}
        if geography is not self._geography or vantages != self._vantages:
            self._made, self._maps = {}, {}
            self._geography, self._vantages = geography, vantages
            self._near = near_vantages(vantages, geography)

    @property
    def has_near(self) -> bool:
        """Returns whether there are enough vantages for local truth (MIN_VANTAGES)."""
        return self._near is not None

    def space(self, steer: Steer, chain: Chain, regions: Regions, *, is_local: bool) -> CellSpace:
        """Returns the cell space of a service, from the cache or made anew.

        `is_local` says whether local truth counts for the service.
        """
        assert self._geography is not None, "it has begun"
        key = space_key(steer, chain, regions, is_local=is_local)
        known = self._made.get(key)
        if known is None:
            near = self._near if is_local else None
            known = self._made[key] = cell_space(chain, regions, self._geography, near, self._maps)
        self._used[key] = known
        return known

    def end(self) -> None:
        """Drops the cached spaces and maps that the new plan does not use."""
        self._made = self._used
        maps = {id(space.networks) for space in self._used.values()}
        self._maps = {cells: networks for cells, networks in self._maps.items() if id(networks) in maps}


def near_vantages(vantages: Vantages, geography: Geography) -> Near | None:
    """Returns the vantage nearest to each place; None when there are fewer vantages than MIN_VANTAGES."""
    if len(vantages) < MIN_VANTAGES:
        return None
    from gtm.geo.nearest import nearest  # noqa: PLC0415  # numpy, which a node without geo data does without

    numbers = nearest(geography.places, [vantage.at for vantage in vantages])
    names = tuple(None if number is None else vantages[number].name for number in numbers)
    return Near(geography, names, by_distance(vantages))


def space_key(steer: Steer, chain: Chain, regions: Regions, *, is_local: bool) -> SpaceKey:
    """Returns the key of the cell space of a service; `is_local` says whether local truth counts for it."""
    if not looks_at_place(chain):
        return (len(chain), is_local)
    return (steer.chain, regions, is_local)


def cell_space(
    chain: Chain,
    regions: Regions,
    geography: Geography,
    near: Near | None = None,
    maps: dict[tuple[int, ...], CellMap] | None = None,
) -> CellSpace:
    """Returns the cells of a chain over regions, and the networks of each cell.

    With `near`, cells also differ by their nearest vantage. `maps` is a cache of cell maps, which it reads and extends.
    """
    if looks_at_place(chain):
        sights = views_of(chain, geography.places, regions)
        names = near.names if near is not None else (None,) * len(sights)
        parts = _parted(tuple(zip(sights, names, strict=True)), geography, maps)
        cells = [Cell(seen, place, name) for (seen, name), place in parts.examples.items()]
        return _space(cells, parts.networks, NO_ORDER if near is None else near.order)
    seen = views(chain, NOWHERE, regions)
    if near is None:
        return _space([Cell(seen, NOWHERE)], ONE_CELL)
    cells = [Cell(seen, place, name) for name, place in near.parts.examples.items()]
    return _space(cells, near.parts.networks, near.order)


def _space(cells: Sequence[Cell], networks: CellMap, order: Order = NO_ORDER) -> CellSpace:
    vantages = frozenset(cell.nearest for cell in cells if cell.nearest is not None)
    return CellSpace(tuple(cells), networks, vantages, order)


def _parted(
    keys: Sequence[ViewKey], geography: Geography, maps: dict[tuple[int, ...], CellMap] | None = None
) -> Parts[ViewKey]:
    """Returns the places of the geography grouped by key; groups are numbered in the order of their first place.

    `keys` has one key for each place. `maps` is a cache of cell maps, which it reads and extends.
    """
    numbers: dict[ViewKey, int] = {}
    for key in keys:
        numbers.setdefault(key, len(numbers))
    first = dict(zip(reversed(keys), reversed(geography.places), strict=True))
    examples = {key: first[key] for key in numbers}
    if len(numbers) == 1:
        return Parts(examples, ONE_CELL)
    cells = tuple(numbers[key] for key in keys)
    maps = {} if maps is None else maps
    if cells not in maps:
        maps[cells] = geography.cell_map(cells)
    return Parts(examples, maps[cells])


def carried(after: CellSpace, before: CellSpace | None) -> Mapping[int, int]:
    """Returns, for each cell of `after`, the number of the cell of `before` with the same views.

    A cell without such a cell is left out. Of several, it takes the one with the same nearest vantage, if there is one.
    """
    if before is None:
        return {}
    alike = {cell.views: number for number, cell in enumerate(before.cells)}
    same = {(cell.views, cell.nearest): number for number, cell in enumerate(before.cells)}
    return {
        number: same.get((cell.views, cell.nearest), alike[cell.views])
        for number, cell in enumerate(after.cells)
        if cell.views in alike
    }
