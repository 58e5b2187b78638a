"""Outcome and coin -> answers: chances, order, and one coin for several draws."""

import random
from collections import Counter
from itertools import permutations

import pytest
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from gtm.engine.choose import choose
from gtm.engine.protocol import Engine
from gtm.ids import EndpointId, RegionName
from gtm.plan.outcome import Answer, Outcome
from gtm.steer.decide import State
from gtm.steer.filter import Choose
from tests.fakes import world
from tests.fakes.world import query, values

COINS = 30_000


def outcome(*weights: int, by: Choose, count: int = 0, aliases: tuple[int, ...] = ()) -> Outcome:
    answers = tuple(
        Answer(
            RdataType.CNAME if number in aliases else RdataType.A,
            bytes((number,)),
            weight,
            EndpointId(str(number)),
            RegionName("here"),
        )
        for number, weight in enumerate(weights)
    )
    return Outcome(answers, by, count, 60, State.STEADY)


def drawn(one: Outcome, coin: int) -> tuple[int, ...]:
    return tuple(answer.rdata[0] for answer in choose(one, coin).answers)


def shares(one: Outcome) -> dict[tuple[int, ...], float]:
    """How often each answer comes, over many coins."""
    dice = random.Random(1)
    counts = Counter(drawn(one, dice.getrandbits(64)) for _ in range(COINS))
    return {answers: count / COINS for answers, count in counts.items()}


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 2, 3, 4), (255, 1), (100, 0, 100)])
def test_one_is_chosen_in_proportion_to_the_weights(weights: tuple[int, ...]) -> None:
    found = shares(outcome(*weights, by=Choose.ONE))
    for number, weight in enumerate(weights):
        assert found.get((number,), 0) == pytest.approx(weight / sum(weights), abs=0.01)
    assert all(weights[number] for (number,) in found)


def test_one_of_all_zero_weights_is_chosen_in_equal_shares() -> None:
    found = shares(outcome(0, 0, 0, 0, by=Choose.ONE))
    assert all(found[number,] == pytest.approx(0.25, abs=0.01) for number in range(4))


def test_rotate_keeps_the_order_and_starts_everywhere_equally_often() -> None:
    found = shares(outcome(1, 1, 1, 1, by=Choose.ROTATE, count=3))
    assert found.keys() == {(0, 1, 2), (1, 2, 3), (2, 3, 0), (3, 0, 1)}
    assert all(share == pytest.approx(0.25, abs=0.01) for share in found.values())


def test_shuffle_gives_every_order_equally_often() -> None:
    found = shares(outcome(1, 1, 1, 1, by=Choose.SHUFFLE))
    assert found.keys() == set(permutations(range(4)))
    assert all(share == pytest.approx(1 / 24, abs=0.01) for share in found.values())


def test_shuffle_gives_every_member_and_place_equally_often() -> None:
    dice, one = random.Random(2), outcome(*[1] * 11, by=Choose.SHUFFLE, count=8)
    places = Counter(
        (place, number) for _ in range(COINS) for place, number in enumerate(drawn(one, dice.getrandbits(64)))
    )
    assert len(places) == 88
    assert all(count / COINS == pytest.approx(1 / 11, abs=0.01) for count in places.values())


def test_all_are_answered_in_the_order_of_the_file() -> None:
    assert shares(outcome(1, 1, 1, by=Choose.ALL)) == {(0, 1, 2): 1.0}


@given(
    st.lists(st.integers(0, 255), max_size=12),
    st.sampled_from(Choose),
    st.integers(0, 12),
    st.integers(0, 2**64 - 1),
)
def test_any_coin_draws_from_the_outcome_and_nothing_twice(
    weights: list[int], by: Choose, count: int, coin: int
) -> None:
    one = outcome(*weights, by=by, count=count)
    found = drawn(one, coin)
    assert len(found) == len(set(found))
    assert set(found) <= set(range(len(weights)))
    expected = (
        len(weights)
        if by is Choose.ALL
        else min(1, len(weights))
        if by is Choose.ONE
        else min(count or 99, len(weights))
    )
    assert len(found) == expected
    assert drawn(one, coin) == found
    assert 0 <= choose(one, coin).coin <= coin


def test_what_is_left_of_the_coin_draws_anew() -> None:
    one, dice = outcome(1, 1, by=Choose.ONE), random.Random(3)
    pairs: Counter[tuple[int, ...]] = Counter()
    for _ in range(COINS):
        first = choose(one, dice.getrandbits(64))
        pairs[first.answers[0].rdata[0], *drawn(one, first.coin)] += 1
    assert all(pairs[pair] / COINS == pytest.approx(0.25, abs=0.02) for pair in [(0, 0), (0, 1), (1, 0), (1, 1)])


@pytest.mark.parametrize("by", [Choose.ALL, Choose.SHUFFLE, Choose.ROTATE])
def test_an_alias_that_comes_first_stands_alone_and_elsewhere_is_left_out(by: Choose) -> None:
    one = outcome(1, 1, 1, by=by, aliases=(1,))
    for coin in range(12):
        assert drawn(one, coin) == (1,) or 1 not in drawn(one, coin)


@pytest.mark.slow
def test_a_service_behind_a_steered_alias_does_not_draw_with_the_coin_of_the_alias(serving: Engine) -> None:
    """`chained` halves its queries between `robin` and `pair`: those that get `pair` get both of its addresses."""
    dice, found = random.Random(4), Counter[str]()
    for _ in range(2000):
        message = world.answer(serving, query("chained"), coin=dice.getrandbits(64))
        found[values(message.answer)[0]] += 1
    assert found["192.0.2.80"] == pytest.approx(500, abs=80)
    assert found["192.0.2.81"] == pytest.approx(500, abs=80)
    assert found["192.0.2.70"] == pytest.approx(333, abs=70)
