"""The truth table above gtm/steer/decide.py, row by row; and what holds whatever is believed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.geo.place import NOWHERE, Place
from gtm.health.belief import Belief
from gtm.steer import chain
from gtm.steer.decide import Decided, State, decide
from gtm.steer.filter import Candidate, Candidates
from gtm.steer.vocabulary import PRESETS, STEERING
from gtm.zone.model import OnAllDown
from gtm.zone.steering import Steer
from tests.fakes.world import DUBLIN
from tests.steer.test_filters import DOWN, REGIONS, UNKNOWN, UP, candidate

CHAINS = {name: STEERING.build(Steer(specs, name)) for name, specs in PRESETS.items()}
FAILOVER = CHAINS["failover"]


def resort(number: int, belief: Belief = UP) -> Candidate:
    return replace(candidate(number, belief), last_resort=True)


def picked(found: Decided) -> list[int]:
    return [number for number, _ in found.picks]


def decided(pool: Candidates, policy: OnAllDown = OnAllDown.SERVE_ALL) -> Decided:
    return decide(FAILOVER, pool, ((), (), ()), policy)


def pair(one: Belief, two: Belief) -> Candidates:
    return (candidate(1, one, priority=1), candidate(2, two, priority=2))


@pytest.mark.parametrize(
    ("one", "two", "kept", "state"),
    [
        (UP, UP, [1], State.STEADY),
        (UNKNOWN, UNKNOWN, [1], State.STEADY),
        (UP, DOWN, [1], State.STEADY),
        (UP, UNKNOWN, [1], State.STEADY),
        (UNKNOWN, DOWN, [1], State.STEADY),
        (DOWN, UP, [2], State.DEGRADED),
        (DOWN, UNKNOWN, [2], State.DEGRADED),
        (UNKNOWN, UP, [2], State.DEGRADED),
        (DOWN, DOWN, [1], State.FAIL_OPEN),
    ],
)
def test_the_rows_of_the_table(one: Belief, two: Belief, kept: list[int], state: State) -> None:
    found = decided(pair(one, two))
    assert (picked(found), found.state) == (kept, state)


def test_all_down_serve_all_runs_the_chain_as_if_all_were_up() -> None:
    near = chain.views(CHAINS["nearest"], Place(at=DUBLIN), REGIONS)
    pool = (candidate(1, DOWN), candidate(2, DOWN, region="eu-west"), candidate(3, DOWN, region="eu-west", weight=0))
    found = decide(CHAINS["nearest"], pool, near, OnAllDown.SERVE_ALL)
    assert picked(found) == [2]
    assert found.state is State.FAIL_OPEN


@pytest.mark.parametrize("policy", [OnAllDown.NODATA, OnAllDown.SERVFAIL])
def test_all_down_may_answer_nothing(policy: OnAllDown) -> None:
    found = decided(pair(DOWN, DOWN), policy)
    assert (found.picks, found.state) == ((), State.FAIL_CLOSED)
    assert decided(pair(DOWN, UNKNOWN), policy).state is State.DEGRADED


@pytest.mark.parametrize("belief", Belief)
def test_the_last_resort_is_answered_whatever_its_health_when_all_others_are_down(belief: Belief) -> None:
    found = decided((*pair(DOWN, DOWN), resort(3, belief)), OnAllDown.LAST_RESORT)
    assert (picked(found), found.state) == ([3], State.FAIL_OPEN)


@pytest.mark.parametrize(("one", "two"), [(UP, DOWN), (DOWN, UNKNOWN)])
def test_the_last_resort_is_kept_out_while_any_other_is_not_down(one: Belief, two: Belief) -> None:
    found = decided((resort(3), *pair(one, two)), OnAllDown.LAST_RESORT)
    assert 3 not in picked(found)


def test_a_last_resort_that_is_down_does_not_degrade() -> None:
    assert decided((*pair(UP, UP), resort(3, DOWN)), OnAllDown.LAST_RESORT).state is State.STEADY


candidates = st.lists(
    st.tuples(
        st.sampled_from(Belief),
        st.sampled_from([region.name for region in REGIONS]),
        st.sampled_from([0, 0, 1, 7, 255]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=8,
).map(
    lambda drawn: tuple(
        candidate(number, belief, region=region, weight=weight, priority=priority)
        for number, (belief, region, weight, priority) in enumerate(drawn)
    )
)
presets = st.sampled_from(sorted(CHAINS))
places = st.sampled_from([NOWHERE, Place(at=DUBLIN)])


@given(candidates, presets, st.sampled_from(OnAllDown), places)
def test_whatever_is_believed_there_is_an_answer_unless_the_zone_says_otherwise(
    pool: Candidates, preset: str, policy: OnAllDown, place: Place
) -> None:
    links = CHAINS[preset]
    found = decide(links, pool, chain.views(links, place, REGIONS), policy)
    all_down = all(each.belief is DOWN for each in pool)
    closed = all_down and policy in {OnAllDown.NODATA, OnAllDown.SERVFAIL}
    assert bool(found.picks) is not closed
    assert (found.state is State.FAIL_CLOSED) is closed
    assert (found.state is State.FAIL_OPEN) is (all_down and not closed)


@given(candidates, presets, places)
def test_whatever_is_believed_nothing_worse_is_answered_beside_something_better(
    pool: Candidates, preset: str, place: Place
) -> None:
    def quality(each: Candidate) -> int:
        return [UP, UNKNOWN, DOWN].index(each.belief) + (0 if each.weight else 2) if each.belief is not DOWN else 9

    links = CHAINS[preset]
    found = decide(links, pool, chain.views(links, place, REGIONS), OnAllDown.SERVE_ALL)
    best = min(map(quality, pool))
    assert best == 9 or {quality(pool[number]) for number in picked(found)} == {best}


@given(candidates, presets)
def test_a_decision_is_steady_when_everything_is_up(pool: Candidates, preset: str) -> None:
    links = CHAINS[preset]
    healthy = tuple(each.believed(UP) for each in pool)
    assert decide(links, healthy, chain.views(links, NOWHERE, REGIONS), OnAllDown.SERVE_ALL).state is State.STEADY


@given(candidates, presets)
def test_fail_open_answers_what_would_be_answered_with_all_up(pool: Candidates, preset: str) -> None:
    links = CHAINS[preset]
    seen = chain.views(links, Place(at=DUBLIN), REGIONS)
    dead, alive = (tuple(each.believed(belief) for each in pool) for belief in (DOWN, UP))
    open_, steady = decide(links, dead, seen, OnAllDown.SERVE_ALL), decide(links, alive, seen, OnAllDown.NODATA)
    assert open_ == replace(steady, state=State.FAIL_OPEN)
