from gtm.geo.place import NOWHERE, Place
from gtm.health.belief import Belief
from gtm.steer import chain
from gtm.steer.filter import Choose
from gtm.steer.filters import first, nearest, shuffle, up, weight
from tests.fakes.world import DUBLIN
from tests.steer.test_filters import REGIONS, candidate, numbers

NEAREST = (up.parse(None), nearest.parse(None), weight.parse(None))
POOL = (
    candidate(1, region="us-east"),
    candidate(2, region="eu-west", weight=2),
    candidate(3, region="eu-west"),
    candidate(4, Belief.DOWN, region="eu-west"),
)
NEAR_DUBLIN = chain.views(NEAREST, Place(at=DUBLIN), REGIONS)


def test_a_chain_hands_on_what_each_filter_leaves() -> None:
    selection = chain.select(NEAREST, POOL, NEAR_DUBLIN)
    assert numbers(selection.candidates) == [2, 3]
    assert (selection.choose, selection.count) == (Choose.ONE, 0)


def test_a_chain_that_chooses_nothing_answers_all() -> None:
    selection = chain.select((up.parse(None),), POOL, ((),))
    assert numbers(selection.candidates) == [1, 2, 3]
    assert selection.choose is Choose.ALL


def test_the_last_choosing_filter_decides() -> None:
    links = (shuffle.parse(3), shuffle.parse_rotate(2), first.parse(2))
    selection = chain.select(links, POOL, ((), (), ()))
    assert (selection.choose, selection.count) == (Choose.ROTATE, 2)


def test_an_empty_chain_keeps_everyone() -> None:
    assert chain.select((), POOL, ()).candidates == POOL


def test_steps_tell_what_went_in_and_out() -> None:
    told = [
        (step.filter.name, numbers(step.before), numbers(step.after))
        for step in chain.steps(NEAREST, POOL, NEAR_DUBLIN)
    ]
    assert told == [("up", [1, 2, 3, 4], [1, 2, 3]), ("nearest", [1, 2, 3], [2, 3, 1]), ("weight", [2, 3, 1], [2, 3])]


def test_steps_stop_when_nothing_is_left() -> None:
    assert [step.filter.name for step in chain.steps(NEAREST, POOL[3:], NEAR_DUBLIN)] == ["up"]


def test_only_a_filter_with_a_view_looks_at_the_client() -> None:
    assert chain.looks_at_place(NEAREST)
    assert not chain.looks_at_place((up.parse(None), weight.parse(None)))
    assert chain.views(NEAREST, NOWHERE, REGIONS) == ((), ("us-east", "eu-west", "ap-southeast"), ())
