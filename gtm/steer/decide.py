"""From beliefs to what one cell is answered for one type: the chain, and what to do when all are down.

Endpoints that an override takes out (`down`, `drain`) are no candidates, in any chain. For the others of a type:

every endpoint of the type      what is decided                                     state
-------------------------      -----------------------------------------------     ---------
all as healthy as can be        the chain                                           STEADY
some not up, same selection     the chain                                           STEADY
some not up, other selection    the chain                                           DEGRADED
all down: serve_all             the chain, as if all were up                        FAIL_OPEN
all down: last_resort           the last_resort endpoints through the chain, as up  FAIL_OPEN
all down: serve_last_good       left to the plan, which remembers                   FAIL_OPEN
all down: nodata | servfail     nothing                                             FAIL_CLOSED
everything was taken out        the same as all down, of all of them

An answer without drained endpoints is STEADY: a drain is no failure. Without endpoints of an override `down` it is
DEGRADED.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gtm.health.belief import Belief
from gtm.health.override.override import Action
from gtm.steer.chain import Chain, Selection, Views, select
from gtm.steer.filter import Candidates, Choose
from gtm.zone.model import OnAllDown


class State(Enum):
    """How an outcome differs from the outcome with all endpoints up."""

    STEADY = "steady"
    DEGRADED = "degraded"
    FAIL_OPEN = "fail_open"
    FAIL_CLOSED = "fail_closed"


ALL_DOWN = frozenset({State.FAIL_OPEN, State.FAIL_CLOSED})
"""The states in which no endpoint is up."""


class Pick(NamedTuple):
    """One endpoint that may be answered."""

    number: int
    """Its place among the service's endpoints, from 0."""
    weight: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision for one cell and one record type: the endpoints, how queries choose among them, and the state."""

    picks: tuple[Pick, ...]
    choose: Choose
    count: int
    state: State


def decide(chain: Chain, candidates: Candidates, seen: Views, on_all_down: OnAllDown) -> Decided:
    """Returns the decision for candidates in the cell with the views `seen`.

    At least one candidate must not be a last resort.
    """
    regular = tuple(candidate for candidate in candidates if not candidate.last_resort)
    selection = select(chain, _left(regular), seen)
    if selection.candidates:
        return _decided(selection, _state(chain, regular, seen, selection))
    if on_all_down in {OnAllDown.NODATA, OnAllDown.SERVFAIL}:
        return _decided(selection, State.FAIL_CLOSED)
    spare = _left(tuple(candidate for candidate in candidates if candidate.last_resort))
    pool = spare if spare and on_all_down is OnAllDown.LAST_RESORT else regular
    return _decided(select(chain, as_if_up(offered(pool)), seen), State.FAIL_OPEN)


def offered(candidates: Candidates) -> Candidates:
    """Returns the candidates that no override takes out; all candidates when none is left.

    So a service that has endpoints has an answer.
    """
    return _left(candidates) or candidates


def _left(candidates: Candidates) -> Candidates:
    return tuple([candidate for candidate in candidates if not candidate.is_taken_out])


def as_if_up(candidates: Candidates) -> Candidates:
    """Returns the candidates, each with the belief UP."""
    return tuple(candidate.believed(Belief.UP) for candidate in candidates)


def _state(chain: Chain, candidates: Candidates, seen: Views, selection: Selection) -> State:
    candidates = tuple([candidate for candidate in candidates if candidate.said is not Action.DRAIN])
    if all(candidate.belief is Belief.UP for candidate in candidates):
        return State.STEADY
    steady = select(chain, as_if_up(candidates), seen)
    return State.STEADY if _numbers(steady) == _numbers(selection) else State.DEGRADED


def _numbers(selection: Selection) -> list[int]:
    return [candidate.number for candidate in selection.candidates]


def _decided(selection: Selection, state: State) -> Decided:
    picks = tuple(Pick(candidate.number, candidate.weight) for candidate in selection.candidates)
    return Decided(picks, selection.choose, selection.count, state)
