from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.override.override import (
    KEPT_S,
    MAX_PER_NODE,
    NOTHING_HELD,
    Action,
    Override,
    SafetyRule,
    all_of,
    in_force,
    joined,
    kept,
    newest,
)
from gtm.health.override.scope import EndpointRef
from gtm.ids import EndpointId, RegionName, ServiceId
from tests.fakes.overrides import WALL, overrides, said

SPOT = EndpointRef(
    "gtm.example.com", ServiceId("api.gtm.example.com"), RegionName("eu-west"), EndpointId("eu-west/192.0.2.20")
)
ENDPOINT, REGION = "endpoint api.gtm.example.com eu-west/192.0.2.20", "region gtm.example.com/eu-west"
EVERYWHERE, SERVICE, ZONE = "region */eu-west", "service api.gtm.example.com", "zone gtm.example.com"

many = st.lists(overrides, max_size=12)


def decided(*said_: Override, wall: float = WALL) -> Override | None:
    return in_force(newest(joined(NOTHING_HELD, said_)), wall=wall).of(SPOT)


def test_the_most_specific_scope_decides_whatever_is_newer() -> None:
    order = [ENDPOINT, REGION, EVERYWHERE, SERVICE, ZONE]
    all_of_them = [said(scope, made_at=WALL + age) for age, scope in enumerate(order)]
    for place, scope in enumerate(order):
        found = decided(*all_of_them[place:])
        assert found is not None
        assert str(found.scope) == scope


def test_of_one_scope_the_newer_decides_and_the_older_does_not_come_back() -> None:
    older, newer = said(REGION, Action.DOWN, span_s=7200), said(REGION, Action.UP, made_at=WALL + 1, span_s=60)
    assert decided(older, newer) == newer
    assert decided(newer, older) == newer
    assert decided(newer, older, wall=WALL + 62) is None


def test_obey_exempts_a_part_of_what_was_said() -> None:
    found = decided(said(REGION, Action.DOWN), said(ENDPOINT, Action.OBEY))
    assert found is not None
    assert found.action is Action.OBEY


def test_what_is_elsewhere_says_nothing_here() -> None:
    assert decided(said("region other.example/eu-west"), said("zone example.com"), said("region */us-east")) is None


def test_an_override_ends_with_the_second_that_it_names() -> None:
    one = said(REGION, span_s=60)
    assert decided(one, wall=WALL + 59.9) == one
    assert decided(one, wall=WALL + 60) is None


def test_a_rule_is_lifted_by_any_override_that_covers_the_endpoint() -> None:
    rules = (SafetyRule.AT_LEAST,)
    found = in_force(newest(joined({}, [said(ENDPOINT), said(ZONE, Action.OBEY, rules=rules)])), wall=WALL)
    assert found.lifts(SPOT, SafetyRule.AT_LEAST)
    assert not found.lifts(SPOT, SafetyRule.CORRELATED)


def test_what_ended_is_kept_as_long_as_an_older_one_could_be_in_force() -> None:
    ended = joined({}, [said(REGION, span_s=60)])
    assert kept(ended, wall=WALL + KEPT_S - 1) is ended
    assert kept(ended, wall=WALL + KEPT_S) == {}
    older = said(REGION, made_at=WALL - 1, span_s=KEPT_S - 30.0)
    assert older.until <= WALL + KEPT_S, "the last moment of any older one"


def test_a_flood_costs_the_oldest_of_who_makes_it() -> None:
    people = [said(f"zone z{n}.example", node="ns1", made_at=WALL - n) for n in range(3)]
    flood = [said(f"service s{n}.example.com", node="eve", made_at=WALL + n) for n in range(MAX_PER_NODE + 5)]
    after = newest(joined(joined({}, people), flood))
    assert set(after) == {one.scope for one in [*people, *flood[5:]]}


@pytest.mark.slow
def test_what_a_flood_pushes_out_uncovers_what_others_said_before_in_any_order() -> None:
    """A flood of newer ones must not take away what people said, by superseding it first."""
    person, over = said(ZONE, node="ns1", made_at=WALL), said(ZONE, Action.DOWN, node="eve", made_at=WALL + 1)
    flood = [said(f"service s{n}.example.com", node="eve", made_at=WALL + 2 + n) for n in range(MAX_PER_NODE)]
    orders = [[person, over, *flood], [over, person, *flood], [*flood, over, person], [*flood, person, over]]
    for order in orders:
        held = NOTHING_HELD
        for one in order:
            held = joined(held, [one])
        assert newest(held)[person.scope] == person
        assert held == joined({}, order)


@given(many, many)
def test_joining_commutes(one: list[Override], other: list[Override]) -> None:
    assert joined(joined({}, one), other) == joined(joined({}, other), one)


@pytest.mark.slow
@given(many, many, many)
def test_joining_associates(one: list[Override], two: list[Override], three: list[Override]) -> None:
    right = joined(joined({}, two), three)
    assert joined(joined(joined({}, one), two), three) == joined(joined({}, one), all_of(right))


@pytest.mark.slow
@given(many)
def test_hearing_again_changes_nothing(one: list[Override]) -> None:
    known = joined({}, one)
    assert joined(known, one) is known
    assert joined(known, all_of(known)) is known


@given(many, st.permutations(range(4)), st.integers(0, 130))
def test_nodes_that_heard_the_same_decide_the_same(one: list[Override], order: list[int], age: int) -> None:
    parts: list[Iterable[Override]] = [one[n::4] for n in range(4)]
    here = joined({}, one)
    there = NOTHING_HELD
    for number in order:
        there = joined(there, parts[number])
    assert in_force(newest(here), wall=WALL + age).of(SPOT) == in_force(newest(there), wall=WALL + age).of(SPOT)
