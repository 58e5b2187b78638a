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
"""The view that each filter of a chain has of a place; () for a filter that needs no place. It is the key of a cell."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The candidates that a chain leaves in one cell, and how queries choose among them."""

    candidates: Candidates
    choose: Choose
    count: int


@dataclass(frozen=True, slots=True)
class FilterStep:
    """One step of a chain: a filter, and the candidates before and after it."""

    filter: Filter
    before: Candidates
    after: Candidates


def views(chain: Chain, place: Place, regions: Regions) -> Views:
    """Returns the view that each filter of the chain has of a place; places with equal views are in one cell."""
    return tuple(() if link.view is None else link.view(place, regions) for link in chain)


def views_of(chain: Chain, places: Sequence[Place], regions: Regions) -> list[Views]:
    """Returns the chain's views for each of many places, in their order."""
    columns = [_column(link, places, regions) for link in chain]
    return list(zip(*columns, strict=True))


def _column(link: Filter, places: Sequence[Place], regions: Regions) -> Sequence[View]:
    if link.view is None:
        return ((),) * len(places)
    if link.views is not None:
        return link.views(places, regions)
    return [link.view(place, regions) for place in places]


def looks_at_place(chain: Chain) -> bool:
    """Returns whether a filter of the chain looks at the client's place."""
    return any(link.view is not None for link in chain)


def select(chain: Chain, candidates: Candidates, seen: Views) -> Selection:
    """Returns the candidates that the chain leaves in the cell with the views `seen`."""
    for step in steps(chain, candidates, seen):
        candidates = step.after
    chooser = next((link for link in reversed(chain) if link.choose is not None), None)
    if chooser is None or chooser.choose is None:
        return Selection(candidates, Choose.ALL, 0)
    return Selection(candidates, chooser.choose, chooser.count)


def steps(chain: Chain, candidates: Candidates, seen: Views) -> Iterator[FilterStep]:
    """Yields the step of each filter, in the order of the chain; stops when no candidate is left."""
    for link, view in zip(chain, seen, strict=True):
        if not candidates:
            return
        kept = link.keep(candidates, view)
        yield FilterStep(link, candidates, kept)
        candidates = kept
