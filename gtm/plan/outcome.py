"""Outcomes: what a query of one type gets in one cell, in two halves that change at different rates.

    Menu       what a service can answer: its endpoints as records           changes with the zone
    Spread     which of them each cell gets, for all services of one shape   changes with health
    Decisions  both together, and the TTLs; outcomes are made when somebody looks

A region with a thousand services that dies changes one spread, and a thousand references to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gtm.ids import EndpointId, RegionName
from gtm.steer.decide import ALL_DOWN, Pick, State
from gtm.steer.filter import Choose


@dataclass(frozen=True, slots=True)
class Answer:
    """One record that an outcome may answer with."""

    rtype: int
    rdata: bytes
    """Wire format, without compression."""
    weight: int
    endpoint: EndpointId
    region: RegionName


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a query of one type gets in one cell of one service."""

    answers: tuple[Answer, ...]
    choose: Choose
    count: int
    """How many answers SHUFFLE and ROTATE give; 0 means all."""
    ttl: int
    state: State
    rcode: int = 0
    """NOERROR, or SERVFAIL where the zone says so for the case that all is down."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcomes of one service, by type, in the cells that get them; a type without one is NODATA."""

    outcomes: Mapping[int, Outcome]


@dataclass(frozen=True, slots=True)
class Selected:
    """An outcome but for addresses and TTL: the same for all services of one shape."""

    rtype: int
    picks: tuple[Pick, ...]
    choose: Choose
    count: int
    state: State
    rcode: int = 0


@dataclass(frozen=True, slots=True)
class CellAnswers:
    """What is decided for a shape over all cells."""

    different: tuple[tuple[Selected, ...], ...]
    """Each with one part for each type that is answered."""
    by_cell: tuple[int, ...]
    """For each cell, the number of what it gets."""


@dataclass(frozen=True, slots=True)
class AnswerPool:
    """What a service can answer with, in the order of its endpoints in the zone file."""

    answers: tuple[Answer, ...]


@dataclass(frozen=True)  # no slots: they have no room for what is made when it is looked at
class Decisions:
    """Everything decided of one service."""

    answer_pool: AnswerPool
    spread: CellAnswers
    ttls: tuple[int, ...]
    """In seconds, for each of the spread's different parts."""

    @property
    def by_cell(self) -> tuple[int, ...]:
        """Returns, for each cell, the number of its decision; services of one shape share this."""
        return self.spread.by_cell

    @cached_property
    def different(self) -> tuple[Decision, ...]:
        """Returns the decisions, each once."""
        return tuple(
            Decision({selected.rtype: self._outcome(selected, ttl) for selected in part})
            for part, ttl in zip(self.spread.different, self.ttls, strict=True)
        )

    @property
    def states(self) -> frozenset[State]:
        """Returns every state that an outcome of this service is in somewhere."""
        return frozenset(selected.state for part in self.spread.different for selected in part)

    @property
    def is_all_down(self) -> bool:
        """Returns whether there are clients for whom none of the endpoints is up."""
        return not ALL_DOWN.isdisjoint(self.states)

    def in_cell(self, cell: int) -> Decision:
        """Returns the decision of a cell."""
        return self.different[self.by_cell[cell]]

    def _outcome(self, selected: Selected, ttl: int) -> Outcome:
        answers = tuple(_weighing(self.answer_pool.answers[number], weight) for number, weight in selected.picks)
        return Outcome(answers, selected.choose, selected.count, ttl, selected.state, selected.rcode)


def _weighing(answer: Answer, weight: int) -> Answer:
    if answer.weight == weight:
        return answer
    return Answer(answer.rtype, answer.rdata, weight, answer.endpoint, answer.region)
