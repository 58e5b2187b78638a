"""Last good: what `serve_last_good` answers where everything is down: what was answered before.

What comes in: what is decided of a service as if it remembered nothing, and the service and its decisions in the plan
before. What goes out: what is decided of it with that memory.

    decided now     answered in that cell before                     answered
    not fail open   whatever                                         what is decided now
    fail open       endpoints that the zone has still                those
    fail open       nothing, or only what is gone or taken out       what is decided now: everything, as `serve_all`

Services of one shape that remember the same get the same object, so that a thousand that flip together cost one.
"""

from collections.abc import Mapping

from gtm.plan.cells import carried
from gtm.plan.model import CellSpace, SteeredService
from gtm.plan.outcome import CellAnswers, Decisions, Selected
from gtm.steer.decide import Pick, State

Remembered = tuple[SteeredService, Decisions] | None
"""A service as the plan before had it, with its decisions; None for a new one."""

SelectedRecords = tuple[Selected, ...]


class LastGood:
    """A cache of answers for one compile or one apply.

    Its keys are ids of objects that the plans, or `Shapes`, keep alive for that time.
    """

    def __init__(self) -> None:
        self._spreads: dict[tuple[int, int, int, int, tuple[tuple[int, int], ...]], CellAnswers] = {}
        self._failing: dict[int, bool] = {}
        self._carried: dict[tuple[int, int], Mapping[int, int]] = {}

    def spread(
        self, steered: SteeredService, fresh: CellAnswers, before: Remembered, *, taken_out: frozenset[int]
    ) -> CellAnswers:
        """Returns the answers of each cell; where `fresh` fails open, those of the plan before.

        `fresh` is decided without memory. `before` is the service in the plan before. `taken_out` are the numbers of
        endpoints that overrides took out; they stay out.
        """
        if before is None or not self._fails_open(fresh):
            return fresh
        old, last = before[0], before[1].spread
        kept = _kept_numbers(steered, old, taken_out)
        key = (id(steered.space), id(old.space), id(fresh), id(last), tuple(kept.items()))
        if key not in self._spreads:
            self._spreads[key] = _spread(fresh, last, self._carry(steered.space, old.space), kept)
        return self._spreads[key]

    def _fails_open(self, fresh: CellAnswers) -> bool:
        known = self._failing.get(id(fresh))
        if known is None:
            states = {selected.state for part in fresh.different for selected in part}
            known = self._failing[id(fresh)] = State.FAIL_OPEN in states
        return known

    def _carry(self, after: CellSpace, before: CellSpace) -> Mapping[int, int]:
        key = (id(after), id(before))
        if key not in self._carried:
            self._carried[key] = carried(after, before)
        return self._carried[key]


def _kept_numbers(steered: SteeredService, old: SteeredService, taken_out: frozenset[int]) -> dict[int, int]:
    """Returns the numbers of endpoints now, by their numbers in the old plan, without those that overrides took out."""
    if steered is old:
        return {number: number for number in range(len(steered.checks)) if number not in taken_out}
    ends = enumerate(steered.service.endpoints)
    now = {endpoint.id: number for number, endpoint in ends if number not in taken_out}
    return {number: now[endpoint.id] for number, endpoint in enumerate(old.service.endpoints) if endpoint.id in now}


def _spread(fresh: CellAnswers, last: CellAnswers, carry: Mapping[int, int], kept: Mapping[int, int]) -> CellAnswers:
    """Returns the answers of `fresh`, with those of `last` where a cell fails open; equal parts are there once.

    `carry` has the number of each cell in `last`; `kept` has the numbers of endpoints now, by their numbers in `last`.
    """
    known: dict[tuple[int, int | None], int] = {}
    numbers: dict[SelectedRecords, int] = {}
    by_cell = []
    for cell, number in enumerate(fresh.by_cell):
        pair = (number, last.by_cell[carry[cell]] if cell in carry else None)
        if pair not in known:
            remembered = () if pair[1] is None else last.different[pair[1]]
            part = _part(fresh.different[number], remembered, kept)
            known[pair] = numbers.setdefault(part, len(numbers))
        by_cell.append(known[pair])
    return CellAnswers(tuple(numbers), tuple(by_cell))


def _part(fresh: SelectedRecords, last: SelectedRecords, kept: Mapping[int, int]) -> SelectedRecords:
    of_type = {selected.rtype: selected for selected in last}
    return tuple(_selected(selected, of_type.get(selected.rtype), kept) for selected in fresh)


def _selected(fresh: Selected, last: Selected | None, kept: Mapping[int, int]) -> Selected:
    if fresh.state is not State.FAIL_OPEN or last is None:
        return fresh
    picks = tuple(Pick(kept[pick.number], pick.weight) for pick in last.picks if pick.number in kept)
    return Selected(fresh.rtype, picks, last.choose, last.count, fresh.state, fresh.rcode) if picks else fresh
