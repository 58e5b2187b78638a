from gtm.health.belief import Belief
from gtm.metrics.transitions import Transitions
from gtm.zone.model import PLAIN_HTTP
from tests.fakes.checks import check_of

ONE, TWO = (check_of(PLAIN_HTTP, target=target) for target in ("192.0.2.1", "192.0.2.2"))


def counts(transitions: Transitions) -> dict[tuple[str, str], object]:
    return {(point.labels["check"], point.labels["to"]): point.value for point in transitions.family().points}


def test_every_belief_of_a_watched_check_is_there_before_the_first_change() -> None:
    transitions = Transitions()
    assert counts(transitions) == {}
    transitions.watch([ONE])
    assert counts(transitions) == {(ONE.id, to): 0 for to in ("up", "down", "unknown")}


def test_each_change_is_counted_by_check_and_belief() -> None:
    transitions = Transitions()
    transitions.watch([ONE, TWO])
    for belief in (Belief.UP, Belief.DOWN, Belief.UP):
        transitions.changed(ONE.id, belief)
    assert counts(transitions)[ONE.id, "up"] == 2
    assert counts(transitions)[ONE.id, "down"] == 1
    assert counts(transitions)[TWO.id, "up"] == 0


def test_a_check_that_stays_keeps_its_count_and_one_that_goes_is_forgotten() -> None:
    transitions = Transitions()
    transitions.watch([ONE, TWO])
    transitions.changed(ONE.id, Belief.UP)
    transitions.watch([ONE])
    assert counts(transitions)[ONE.id, "up"] == 1
    transitions.changed(TWO.id, Belief.UP)
    assert (TWO.id, "up") not in counts(transitions)
    transitions.watch([])
    assert counts(transitions) == {}
