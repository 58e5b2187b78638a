"""Shapes: what a service looks like to its chain, and what is decided for everything of that shape.

Filters see regions, weights and beliefs, but no addresses. So services with the same cells, chain and candidates are
decided alike, and deciding costs one run of the chain per cell and *shape*: when a region with a thousand services
dies, most of the work is done once. What is different between cells is small too: a chain over ten regions makes
hundreds of cells, and about ten decisions.
"""

from dataclasses import dataclass

from gtm.plan.model import CellSpace, SteeredService
from gtm.steer.chain import Chain
from gtm.steer.decide import Decided, decide
from gtm.steer.filter import Candidates
from gtm.zone.chain import FilterSpec
from gtm.zone.model import OnAllDown

Pools = tuple[Candidates, ...]
"""The candidates for each type that a service answers."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What is decided for a shape over all cells."""

    different: tuple[tuple[Decided, ...], ...]
    """Each with one part for each pool."""
    by_cell: tuple[int, ...]


class Shapes:
    """Remembers the spread of each shape. It has state: one lives as long as one compile or one apply."""

    def __init__(self) -> None:
        self._spreads: dict[tuple[int, tuple[FilterSpec, ...], OnAllDown, Pools], Spread] = {}

    def spread(self, steered: SteeredService, pools: Pools) -> Spread:
        """Returns what is decided for these pools of a service in each of its cells."""
        service = steered.service
        key = (id(steered.space), service.steer.chain, service.on_all_down, pools)
        if key not in self._spreads:
            self._spreads[key] = _spread(steered.chain, pools, steered.space, service.on_all_down)
        return self._spreads[key]


def _spread(chain: Chain, pools: Pools, space: CellSpace, on_all_down: OnAllDown) -> Spread:
    numbers: dict[tuple[Decided, ...], int] = {}
    by_cell = []
    for cell in space.cells:
        decided = tuple(decide(chain, pool, cell.views, on_all_down) for pool in pools)
        by_cell.append(numbers.setdefault(decided, len(numbers)))
    return Spread(tuple(numbers), tuple(by_cell))
