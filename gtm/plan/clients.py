"""Clients: who would get a region of a service if all were up, and what they get now.

What comes in: services, and their decisions. What goes out: cells, and the regions that cells are answered with. It
runs in the event loop when many services change at once. So the work for all of them together has a limit; beyond it
the result is None. Its state is the work that is left, and the results so far; services of one shape are examined once.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gtm.health.belief import Belief
from gtm.ids import RegionName
from gtm.plan.model import SteeredService
from gtm.plan.outcome import Decisions, Selected
from gtm.plan.service_shape import EffectiveHealth
from gtm.plan.shape_decisions import Shapes
from gtm.steer.decide import State

MAX_WORK = 20_000
"""Cells times endpoints of the services to look at: about 30 milliseconds."""
READ = 10
"""To read so many cells or endpoints of a decision costs as much as to decide one endpoint for one cell."""

Cells = tuple[int, ...]


class ClientAnswers(NamedTuple):
    """The regions that a set of cells gets in its answers."""

    regions: tuple[RegionName, ...]
    """The regions in the answers; the region that most cells get comes first."""
    failed: tuple[Selected, ...]
    """The types without an answer, because all endpoints are down (FAIL_CLOSED)."""


class Clients:
    """Finds which cells get which regions, within a limit of work.

    An instance serves for one plan and one round of messages about it.
    """

    def __init__(self, work: int = MAX_WORK) -> None:
        self._left = work
        self._shapes = Shapes()
        self._of: dict[tuple[int, int, RegionName], Cells] = {}
        self._steady: set[tuple[int, int]] = set()
        """Pairs of cell space and service shape for which the answers with all endpoints up are known."""
        self._known: set[tuple[int, int]] = set()
        self._answers: dict[tuple[int, int, RegionName | None], ClientAnswers] = {}

    def is_known(self, steered: SteeredService, decisions: Decisions) -> bool:
        """Returns whether `answers` already has a result for a service of this shape with these decisions."""
        return (id(decisions.spread), id(steered.service_shape)) in self._known

    def of(self, steered: SteeredService, region: RegionName) -> Cells | None:
        """Returns the cells that would get a region if all endpoints were up; None when that takes too much work."""
        shape = _shape(steered)
        key = (*shape, region)
        if key not in self._of:
            cells, ends = steered.space.cells, steered.service.endpoints
            if not self._may(_reading(len(cells)) if shape in self._steady else len(cells) * len(ends)):
                return None
            self._steady.add(shape)
            self._of[key] = self._sent_to(steered, region)
        return self._of[key]

    def _sent_to(self, steered: SteeredService, region: RegionName) -> Cells:
        ends = steered.service.endpoints
        steady = self._shapes.spread(steered, EffectiveHealth((Belief.UP,) * len(ends)))
        theirs = {
            number
            for number, part in enumerate(steady.different)
            if any(ends[pick.number].region == region for chosen in part for pick in chosen.picks)
        }
        return tuple(cell for cell, number in enumerate(steady.by_cell) if number in theirs)

    def answers(
        self, steered: SteeredService, decisions: Decisions, region: RegionName | None = None
    ) -> ClientAnswers | None:
        """Returns the present answers of all cells; None when that takes too much work.

        With `region` it counts only the cells that would get that region if all were up (`of`).
        """
        known = (id(decisions.spread), id(steered.service_shape))
        key = (*known, region)
        if key not in self._answers:
            cells = None if region is None else self.of(steered, region)
            numbers = decisions.by_cell if cells is None else [decisions.by_cell[cell] for cell in cells]
            if not self._may(_reading(len(numbers) + len(decisions.spread.different) * len(steered.checks))):
                return None
            self._known.add(known)
            self._answers[key] = _answered(steered, decisions, numbers)
        return self._answers[key]

    def _may(self, work: int) -> bool:
        if work > self._left:
            return False
        self._left -= work
        return True


def _shape(steered: SteeredService) -> tuple[int, int]:
    return id(steered.space), id(steered.service_shape)


def _reading(read: int) -> int:
    return 1 + read // READ


def _answered(steered: SteeredService, decisions: Decisions, numbers: Sequence[int]) -> ClientAnswers:
    ends = steered.service.endpoints
    counts: Counter[RegionName] = Counter()
    failed = []
    for part, times in Counter(numbers).items():
        answered_regions: dict[RegionName, None] = {}
        for chosen in decisions.spread.different[part]:
            answered_regions |= dict.fromkeys(ends[pick.number].region for pick in chosen.picks)
            if chosen.state is State.FAIL_CLOSED:
                failed.append(chosen)
        counts.update(dict.fromkeys(answered_regions, times))
    regions = tuple(name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return ClientAnswers(regions, tuple(failed))
