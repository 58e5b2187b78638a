"""Runs a chain of filters over candidates: what is left, how queries choose from it, and each step for `explain`.

    candidates -> filter -> filter -> ... -> Selection

An empty selection means that every candidate is down: the filters alone never lose all of the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gtm.geo.place import Place
from gtm.steer.filter import Candidates, Choose, Filter, Regions, View

Chain = tuple[Filter, ...]

Views = tuple[View, ...]
"""What each filter of a chain sees of a place; () for one that does not look. It is the key of a cell."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a chain leaves for the queries of one cell."""

    candidates: Candidates
    choose: Choose
    count: int


@dataclass(frozen=True, slots=True)
class FilterStep:
    """One filter at work."""

    filter: Filter
    before: Candidates
    after: Candidates


def views(chain: Chain, place: Place, regions: Regions) -> Views:
    """Returns the chain's views of a place; places of equal views are of one cell."""
    return tuple(() if link.view is None else link.view(place, regions) for link in chain)


def views_of(chain: Chain, places: Sequence[Place], regions: Regions) -> list[Views]:
    """Returns the chain's views of each of many places."""
    columns = [_column(link, places, regions) for link in chain]
    return list(zip(*columns, strict=True))


def _column(link: Filter, places: Sequence[Place], regions: Regions) -> Sequence[View]:
    if link.view is None:
        return ((),) * len(places)
    if link.views is not None:
        return link.views(places, regions)
    return [link.view(place, regions) for place in places]


def looks_at_place(chain: Chain) -> bool:
    """Returns whether the answer can depend on the client."""
    return any(link.view is not None for link in chain)


def select(chain: Chain, candidates: Candidates, seen: Views) -> Selection:
    """Returns the candidates that the chain leaves in the cell with these views."""
    for step in steps(chain, candidates, seen):
        candidates = step.after
    chooser = next((link for link in reversed(chain) if link.choose is not None), None)
    if chooser is None or chooser.choose is None:
        return Selection(candidates, Choose.ALL, 0)
    return Selection(candidates, chooser.choose, chooser.count)


def steps(chain: Chain, candidates: Candidates, seen: Views) -> Iterator[FilterStep]:
    """Yields each filter's work; stops early when nothing is left."""
    for link, view in zip(chain, seen, strict=True):
        if not candidates:
            return
        kept = link.keep(candidates, view)
        yield FilterStep(link, candidates, kept)
        candidates = kept
