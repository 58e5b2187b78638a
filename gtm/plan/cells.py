"""Cells: every distinct place of the geo data gets the views of a chain; equal views are one cell.

Services with the same looking filters and the same regions share one CellSpace, so a thousand services on one set
of regions cost one map.
"""

from array import array
from collections.abc import Hashable, Mapping

from gtm.geo.cellmap import ONE_CELL, CellMap, Networks
from gtm.geo.geography import Geography
from gtm.geo.place import NOWHERE
from gtm.plan.model import Cell, CellSpace
from gtm.steer.chain import Chain, Views, looks_at_place, views
from gtm.steer.filter import Regions
from gtm.zone.chain import Steer

SpaceKey = Hashable
"""What two services must have in common to share their cells."""


def space_key(steer: Steer, chain: Chain, regions: Regions) -> SpaceKey:
    """Returns the key of the cells that a service needs."""
    if not looks_at_place(chain):
        return len(chain)
    return (steer.chain, regions)


def cell_space(chain: Chain, regions: Regions, geography: Geography) -> CellSpace:
    """Returns the cells of a chain over regions, and the networks of each."""
    if not looks_at_place(chain):
        return CellSpace((Cell(views(chain, NOWHERE, regions), NOWHERE),), ONE_CELL)
    seen = [views(chain, place, regions) for place in geography.places]
    numbers: dict[Views, int] = {}
    for key in seen:
        numbers.setdefault(key, len(numbers))
    examples = dict(zip(reversed(seen), reversed(geography.places), strict=True))
    cells = tuple(Cell(key, examples[key]) for key in numbers)
    if len(cells) == 1:
        return CellSpace(cells, ONE_CELL)
    return CellSpace(cells, _split(geography.cell_map([numbers[key] for key in seen])))


def _split(networks: CellMap) -> CellMap:
    """Returns the map of several cells without a network of length 0.

    Where one family is all one cell, its scope would be 0, and resolvers give what has that to the other family too.
    """
    return CellMap(_at_least_half(networks.v4), _at_least_half(networks.v6))


def _at_least_half(networks: Networks) -> Networks:
    return Networks(networks.starts, array("B", [1]), networks.cells) if networks.lengths[0] == 0 else networks


def carried(after: CellSpace, before: CellSpace | None) -> Mapping[int, int]:
    """Returns, for each cell of `after`, the number of the cell of `before` with the same views, where there is one."""
    if before is None:
        return {}
    old = {cell.views: number for number, cell in enumerate(before.cells)}
    return {number: old[cell.views] for number, cell in enumerate(after.cells) if cell.views in old}
