"""Two plans -> whose answers moved: the share of a service's cells, from one region to another, or within one.

What comes in: the plan before and the plan after, of the same zones. What goes out: Moves, the largest first. A cell
counts as one, however many clients it has; where a cell has several answers, what some lose goes to those that gain, in
proportion. Services of one shape move together, and are one Move. The text of a Move can be read again:

    api.example.com and 6 more: 33.33% of cells from eu-west to us-east

It runs at every change of health, in the event loop. So it returns None when there are too many cells.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from gtm.ids import RegionName, ServiceId
from gtm.plan.model import Plan
from gtm.plan.outcome import CellAnswers, Selected
from gtm.steer.filter import Choose

MAX_CELLS = 100_000
"""The most cells of all changed shapes together; so many take about ten milliseconds."""
MAX_PICKS = 100_000
"""The most endpoints in the answers before and after together; so many take about ten milliseconds more."""
LEAST_SHARE = 0.00005
"""A smaller share would be shown as 0.00%."""
NO_ANSWER = "no answer"
NOWHERE = RegionName("")

_Shares = Mapping[int, float]
"""The share of the answers that each endpoint has, by the endpoint's number."""
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Move:
    """A share of a service's cells that changed from one region to another, or within one."""

    service: ServiceId
    services: int
    """The number of services that moved: this one, and others of its shape."""
    origin: RegionName
    target: RegionName
    """NOWHERE: no answer at all."""
    share: float
    """The share of the service's cells, from 0 to 1."""

    def __str__(self) -> str:
        others = f" and {self.services - 1} more" if self.services > 1 else ""
        route = f"from {self.origin or NO_ANSWER} to {self.target or NO_ANSWER}"
        where = f"within {self.origin}" if self.origin == self.target else route
        return f"{self.service}{others}: {self.share:.2%} of cells {where}"


def moves(before: Plan, after: Plan, changed: Iterable[ServiceId]) -> tuple[Move, ...] | None:
    """Returns the moves of the `changed` services between two plans of the same zones, the largest first.

    None when there are too many cells or endpoints to examine (MAX_CELLS, MAX_PICKS).
    """
    shapes: dict[tuple[int, int, tuple[RegionName, ...]], list[ServiceId]] = {}
    for name in changed:
        was, now = before.decisions.get(name), after.decisions.get(name)
        if was is None or now is None or was.spread == now.spread:
            continue
        if before.services[name].space is not after.services[name].space:
            continue  # nothing says which of the cells are the same
        regions = tuple(endpoint_ref.region for endpoint_ref in after.services[name].endpoint_refs)
        shapes.setdefault((id(was.spread), id(now.spread), regions), []).append(name)
    if sum(len(after.decisions[names[0]].by_cell) for names in shapes.values()) > MAX_CELLS:
        return None
    swaps = [
        (Swap(before.decisions[names[0]].spread, after.decisions[names[0]].spread, regions), names)
        for (_, _, regions), names in shapes.items()
    ]
    if sum(swap.work for swap, _ in swaps) > MAX_PICKS:
        return None
    moved = [
        Move(names[0], len(names), origin, target, share)
        for swap, names in swaps
        for (origin, target), share in swap.flows().items()
        if share >= LEAST_SHARE
    ]
    return tuple(sorted(moved, key=lambda move: (-move.share * move.services, str(move))))


def parse_move(text: str) -> Move | None:
    """Returns the Move of a text in the form of `str(move)`; None for any other text."""
    parts = _TEXT.fullmatch(text)
    if parts is None:
        return None
    ends = (parts["within"],) * 2 if parts["within"] else (parts["origin"], parts["target"])
    origin, target = (NOWHERE if end == NO_ANSWER else RegionName(end) for end in ends)
    share = round(float(parts["share"]) / 100, 6)
    return Move(ServiceId(parts["service"]), 1 + int(parts["others"] or 0), origin, target, share)


_TEXT = re.compile(
    r"(?P<service>[^ ]+)(?: and (?P<others>\d{1,9}) more)?: (?P<share>\d{1,3}\.\d\d)% of cells "
    rf"(?:within (?P<within>[^ ]+)|from (?P<origin>{NO_ANSWER}|[^ ]+) to (?P<target>{NO_ANSWER}|[^ ]+))"
)


class Swap:
    """The answers of the same cells before and after, and how many cells change from each answer to each other."""

    def __init__(self, before: CellAnswers, after: CellAnswers, regions: Sequence[RegionName]) -> None:
        self._before, self._after = before.different, after.different
        self._cells = len(after.by_cell)
        self._pairs = Counter(zip(before.by_cell, after.by_cell, strict=True))
        self._region_of = {_NOBODY: NOWHERE, **dict(enumerate(regions))}

    @property
    def work(self) -> int:
        """Returns the number of endpoints that `flows` would examine."""
        was, now = ([sum(len(pick.picks) for pick in part) for part in parts] for parts in (self._before, self._after))
        return sum(was[old] + now[new] for old, new in self._pairs)

    def flows(self) -> Mapping[tuple[RegionName, RegionName], float]:
        """Returns the share of cells, from 0 to 1, that changes from one region to another, by the pair of regions."""
        was, now = ([part_shares(part) for part in parts] for parts in (self._before, self._after))
        flows_by_pair: defaultdict[tuple[RegionName, RegionName], float] = defaultdict(float)
        for (old, new), count in self._pairs.items():
            lost = _by_region(_less(was[old], now[new]), self._region_of)
            gained = _by_region(_less(now[new], was[old]), self._region_of)
            total = sum(gained.values())
            for origin, target in product(lost, gained):
                flows_by_pair[origin, target] += lost[origin] * gained[target] / total * count / self._cells
        return flows_by_pair


def _by_region(shares: Iterable[tuple[int, float]], region_of: Mapping[int, RegionName]) -> Mapping[RegionName, float]:
    """Returns the sum of the shares of each region's endpoints.

    Sums keep the pairs few: with thousands of endpoints in one answer, each could be paired with each.
    """
    shares_by_region: defaultdict[RegionName, float] = defaultdict(float)
    for number, share in shares:
        shares_by_region[region_of[number]] += share
    return shares_by_region


def _less(shares: _Shares, others: _Shares) -> Iterator[tuple[int, float]]:
    """Yields each endpoint that has a smaller share in `others` than in `shares`, with the difference."""
    for number in {**shares, **others, _NOBODY: 0.0}:
        has, gets = (_share(number, part_of) for part_of in (shares, others))
        if has > gets:
            yield number, has - gets


def _share(number: int, shares: _Shares) -> float:
    return shares.get(number, 0.0) if number != _NOBODY else 0.0 if shares else 1.0


def part_shares(part: Sequence[Selected]) -> _Shares:
    """Returns the share of each endpoint in a cell's answers, by its number; empty when the cell has no answer.

    Shares are by weight where one endpoint is drawn by weight, else equal. They are the mean over the answered types.
    """
    shares_by_part: defaultdict[int, float] = defaultdict(float)
    answered = [selected for selected in part if selected.picks]
    for selected in answered:
        total = sum(pick.weight for pick in selected.picks) if selected.choose is Choose.ONE else 0
        for pick in selected.picks:
            share = pick.weight / total if total else 1 / len(selected.picks)
            shares_by_part[pick.number] += share / len(answered)
    return shares_by_part
