"""Not to know is never worse than to know that all is well: with everything unknown the answers are the same."""

from gtm.health.belief import Belief
from gtm.plan.model import Plan
from gtm.plan.outcome import Selected
from tests.fakes import world

ZONE, GEOGRAPHY = world.zone(), world.geography()


def plan(beliefs: dict[str, Belief], otherwise: Belief) -> Plan:
    return world.plan(ZONE, beliefs=beliefs, otherwise=otherwise, geography=GEOGRAPHY, vantages=world.VANTAGES)


def answered(served: Plan) -> dict[str, list[list[tuple[object, ...]]]]:
    """What each cell of each service is answered, but for the state."""
    return {
        name: [[_said(one) for one in decided.spread.different[number]] for number in decided.by_cell]
        for name, decided in served.decisions.items()
    }


def _said(one: Selected) -> tuple[object, ...]:
    return (one.rtype, one.picks, one.choose, one.count, one.rcode)


def test_with_everything_unknown_everybody_is_answered_as_with_everything_up() -> None:
    assert answered(plan({}, Belief.UNKNOWN)) == answered(plan({}, Belief.UP))
