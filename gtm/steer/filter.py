"""A filter: one link of a steering chain.

    candidates (in order, best first) -> filter -> fewer candidates, or the same in another order

A filter is a pure function with some words about it. What it may know of a client is its **view** of the client's
place: all places with one view get one decision, so the views of a chain are what makes the cells. A filter that
needs no place has no view, and a service of such filters has one cell for the whole world.

A candidate has no address: a filter cannot choose by it, so services that look alike share their decisions.

Sorting filters give candidates a longer *rank*; candidates of equal rank are equally good. Choosing filters keep
those of the first rank and say how each query chooses among them.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

from gtm.geo.place import Place
from gtm.health.belief import Belief
from gtm.health.override.override import Action
from gtm.ids import RegionName
from gtm.zone.model import DEFAULT_WEIGHT, Region

View = Hashable
"""What a filter sees of a place; equal views mean equal decisions."""

Regions = tuple[Region, ...]
"""The regions of one service, in the zone's default order, with their coordinates found."""


class Choose(Enum):
    """How a query chooses among the answers of an outcome, with its coin."""

    ALL = "all"
    ONE = "one"
    """One, with chances in proportion to the weights."""
    SHUFFLE = "shuffle"
    """`count` of them in random order."""
    ROTATE = "rotate"
    """`count` of them in their own order, from a random start."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An endpoint that may be answered, as the filters see it."""

    number: int
    """Its place among the service's endpoints, from 0."""
    region: RegionName
    belief: Belief
    weight: int = DEFAULT_WEIGHT
    priority: int = 1
    last_resort: bool = False
    rank: tuple[int, ...] = ()
    """The numbers that sorting filters have added so far; lower is better."""
    said: Action | None = None
    """The action of the override that decides for it; None when there is none."""

    @property
    def is_taken_out(self) -> bool:
        """Returns whether an override takes it out of the answers (`down` or `drain`)."""
        return self.said is Action.DOWN or self.said is Action.DRAIN

    def ranked(self, rank: int) -> "Candidate":
        """Returns this candidate with one more number at the end of its rank."""
        return self._with(self.belief, self.weight, (*self.rank, rank))

    def weighing(self, weight: int) -> "Candidate":
        """Returns this candidate with another weight."""
        return self._with(self.belief, weight, self.rank)

    def believed(self, belief: Belief) -> "Candidate":
        """Returns this candidate with another belief."""
        return self if self.belief is belief else self._with(belief, self.weight, self.rank)

    def _with(self, belief: Belief, weight: int, rank: tuple[int, ...]) -> "Candidate":
        # not dataclasses.replace: this is most of the work of a decision, and a third of its time
        return Candidate(self.number, self.region, belief, weight, self.priority, self.last_resort, rank, self.said)


Candidates = tuple[Candidate, ...]


def _no_reason(_candidate: Candidate, _place: Place, _regions: Regions) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of a steering chain: a function that keeps or drops candidates, and what it needs to see."""

    name: str
    keep: Callable[[Candidates, View], Candidates]
    """Returns the candidates that are left, best first. The view is all that it may know of the client."""
    view: Callable[[Place, Regions], View] | None = None
    """Returns the view that this filter has of a place; None for a filter that needs no place."""
    views: Callable[[Sequence[Place], Regions], Sequence[View]] | None = None
    """Returns the views of many places at once; None for a filter without a faster way."""
    why: Callable[[Candidate, Place, Regions], str] = _no_reason
    """Returns a text with the filter's reason for a candidate: `5512 km`."""
    choose: Choose | None = None
    """How queries choose among the candidates; None for a filter that does not decide that."""
    count: int = 0
    """How many answers SHUFFLE and ROTATE give; 0 means all."""


def leading(candidates: Candidates) -> Candidates:
    """Returns the candidates with the rank of the first one; they must be sorted by rank."""
    return tuple(candidate for candidate in candidates if candidate.rank == candidates[0].rank)


def by_rank(candidates: Candidates) -> Candidates:
    """Returns the candidates in the order of their ranks; equal ones keep their order."""
    return tuple(sorted(candidates, key=lambda candidate: candidate.rank))
