"""Outcomes: what a query of one type gets in one cell, in two halves that change at different rates.

    AnswerPool   the records of a service's endpoints                          changes with the zone
    CellAnswers  which of them each cell gets, for all services of one shape   changes with health
    Decisions    both together, and the TTLs; outcomes are made on first use

A region with a thousand services of one shape that dies changes one CellAnswers, and a thousand references to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gtm.ids import EndpointId, RegionName
from gtm.steer.decide import ALL_DOWN, Pick, State
from gtm.steer.filter import Choose


@dataclass(frozen=True, slots=True)
class Answer:
    """One record of an endpoint, with its weight."""

    rtype: int
    rdata: bytes
    """Wire format, without compression."""
    weight: int
    endpoint: EndpointId
    region: RegionName


@dataclass(frozen=True, slots=True)
class Outcome:
    """The records for queries of one type in one cell of one service, how a query chooses among them, and the TTL."""

    answers: tuple[Answer, ...]
    choose: Choose
    count: int
    """How many answers SHUFFLE and ROTATE give; 0 means all."""
    ttl: int
    state: State
    rcode: int = 0
    """The RCODE: NOERROR, or SERVFAIL when all endpoints are down and `on_all_down` is `servfail`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcomes of one service in some of its cells, by type; a type without an outcome is NODATA."""

    outcomes: Mapping[int, Outcome]


@dataclass(frozen=True, slots=True)
class Selected:
    """An outcome without addresses and TTL; it is the same for all services of one shape."""

    rtype: int
    picks: tuple[Pick, ...]
    choose: Choose
    count: int
    state: State
    rcode: int = 0


@dataclass(frozen=True, slots=True)
class CellAnswers:
    """The answers of one service shape in all of its cells."""

    different: tuple[tuple[Selected, ...], ...]
    """The different answers, each once; each has one Selected for each type that is answered."""
    by_cell: tuple[int, ...]
    """For each cell, the number of its answer in `different`."""


@dataclass(frozen=True, slots=True)
class AnswerPool:
    """The records that a service can answer with, in the order of its endpoints in the zone file."""

    answers: tuple[Answer, ...]


@dataclass(frozen=True)  # no slots: they have no room for what is made when it is looked at
class Decisions:
    """All decisions of one service: its answer pool, the answers of each cell, and the TTLs."""

    answer_pool: AnswerPool
    spread: CellAnswers
    ttls: tuple[int, ...]
    """In seconds, one for each answer in `spread.different`."""

    @property
    def by_cell(self) -> tuple[int, ...]:
        """Returns, for each cell, the number of its decision in `different`."""
        return self.spread.by_cell

    @cached_property
    def different(self) -> tuple[Decision, ...]:
        """Returns the different decisions, each once. They are made on first use."""
        return tuple(
            Decision({selected.rtype: self._outcome(selected, ttl) for selected in part})
            for part, ttl in zip(self.spread.different, self.ttls, strict=True)
        )

    @property
    def states(self) -> frozenset[State]:
        """Returns the states of all outcomes of this service, in any cell and type."""
        return frozenset(selected.state for part in self.spread.different for selected in part)

    @property
    def is_all_down(self) -> bool:
        """Returns whether there is a cell and type in which no endpoint is up."""
        return not ALL_DOWN.isdisjoint(self.states)

    def in_cell(self, cell: int) -> Decision:
        """Returns the decision of the cell with this number."""
        return self.different[self.by_cell[cell]]

    def _outcome(self, selected: Selected, ttl: int) -> Outcome:
        answers = tuple(_weighing(self.answer_pool.answers[number], weight) for number, weight in selected.picks)
        return Outcome(answers, selected.choose, selected.count, ttl, selected.state, selected.rcode)


def _weighing(answer: Answer, weight: int) -> Answer:
    if answer.weight == weight:
        return answer
    return Answer(answer.rtype, answer.rdata, weight, answer.endpoint, answer.region)
