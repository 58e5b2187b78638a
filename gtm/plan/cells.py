"""Cells: every distinct place of the geo data gets the views of a chain; equal views are one cell.

Services with the same looking filters and the same regions share one CellSpace, so a thousand services on one set
of regions cost one map. Where local truth counts (local.py), places of equal views are one cell only if they are
nearest to the same vantage.
"""

from array import array
from collections.abc import Hashable, Mapping, Sequence

from gtm.geo.cellmap import ONE_CELL, CellMap, Networks
from gtm.geo.geography import Geography
from gtm.geo.nearest import nearest
from gtm.geo.place import NOWHERE
from gtm.health.vantage import MIN_VANTAGES, Vantages
from gtm.ids import VantageName
from gtm.plan.model import Cell, CellSpace
from gtm.steer.chain import Chain, Views, looks_at_place, views
from gtm.steer.filter import Regions
from gtm.zone.chain import Steer

SpaceKey = Hashable
"""What two services must have in common to share their cells."""

Near = Sequence[VantageName | None]
"""The vantage nearest to each place of the geo data; empty where none counts."""


def near_vantages(vantages: Vantages, geography: Geography) -> Near:
    """Returns the vantage nearest to each place; of fewer than MIN_VANTAGES none has a truth of its own."""
    if len(vantages) < MIN_VANTAGES:
        return ()
    found = nearest(geography.places, [vantage.at for vantage in vantages])
    return [None if number is None else vantages[number].name for number in found]


def space_key(steer: Steer, chain: Chain, regions: Regions, *, is_local: bool) -> SpaceKey:
    """Returns the key of the cells that a service needs."""
    if not looks_at_place(chain):
        return (len(chain), is_local)
    return (steer.chain, regions, is_local)


def cell_space(chain: Chain, regions: Regions, geography: Geography, near: Near = ()) -> CellSpace:
    """Returns the cells of a chain over regions, and the networks of each."""
    if not looks_at_place(chain) and not near:
        return CellSpace((Cell(views(chain, NOWHERE, regions), NOWHERE),), ONE_CELL)
    sights = _sights(chain, regions, geography)
    seen = list(zip(sights, near or [None] * len(sights), strict=True))
    numbers: dict[tuple[Views, VantageName | None], int] = {}
    for key in seen:
        numbers.setdefault(key, len(numbers))
    examples = dict(zip(reversed(seen), reversed(geography.places), strict=True))
    cells = tuple(Cell(key[0], examples[key], key[1]) for key in numbers)
    vantages = frozenset(cell.nearest for cell in cells if cell.nearest is not None)
    if len(cells) == 1:
        return CellSpace(cells, ONE_CELL, vantages)
    return CellSpace(cells, _split(geography.cell_map([numbers[key] for key in seen])), vantages)


def _sights(chain: Chain, regions: Regions, geography: Geography) -> list[Views]:
    """Returns what the chain sees of each place."""
    if not looks_at_place(chain):
        return [views(chain, NOWHERE, regions)] * len(geography.places)
    return [views(chain, place, regions) for place in geography.places]


def _split(networks: CellMap) -> CellMap:
    """Returns the map of several cells without a network of length 0.

    Where one family is all one cell, its scope would be 0, and resolvers give what has that to the other family too.
    """
    return CellMap(_at_least_half(networks.v4), _at_least_half(networks.v6))


def _at_least_half(networks: Networks) -> Networks:
    return Networks(networks.starts, array("B", [1]), networks.cells) if networks.lengths[0] == 0 else networks


def carried(after: CellSpace, before: CellSpace | None) -> Mapping[int, int]:
    """Returns, for each cell of `after`, the number of the cell of `before` with the same views, where there is one.

    Of several it is the one nearest to the same vantage, if there is such a one.
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
