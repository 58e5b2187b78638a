"""Several beliefs as one: Route 53's calculated checks, Azure's nested profiles, and what an unknown one may not do."""

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.checks.combine import combined
from gtm.health.belief import Belief

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
BELIEFS = st.lists(st.sampled_from(Belief), max_size=8)


@pytest.mark.parametrize(
    ("beliefs", "needed", "together"),
    [
        ([UP, UP, UP], 3, UP),
        ([UP, UP, DOWN], 3, DOWN),
        ([UP, UP, UNKNOWN], 3, UNKNOWN),
        ([UP, UNKNOWN, DOWN], 3, DOWN),
        ([UP, DOWN, DOWN], 1, UP),
        ([DOWN, DOWN, DOWN], 1, DOWN),
        ([UNKNOWN, DOWN, DOWN], 1, UNKNOWN),
        ([UP, UNKNOWN, UNKNOWN], 1, UP),
        ([UP, UP, DOWN], 2, UP),
        ([UP, DOWN, DOWN], 2, DOWN),
        ([UP, UNKNOWN, DOWN], 2, UNKNOWN),
        ([UNKNOWN, UNKNOWN, DOWN], 2, UNKNOWN),
    ],
)
def test_the_table(beliefs: list[Belief], needed: int, together: Belief) -> None:
    assert combined(beliefs, needed=needed) is together


@pytest.mark.parametrize("ups", range(6))
@pytest.mark.parametrize("threshold", range(8))
def test_route_53s_health_threshold(ups: int, threshold: int) -> None:
    """Healthy when `HealthThreshold` of the children are; 0 is always healthy, more than there are is never."""
    beliefs = [UP] * ups + [DOWN] * (5 - ups)
    assert combined(beliefs, needed=threshold) is (UP if ups >= threshold else DOWN)


@pytest.mark.parametrize(("online", "checking", "degraded"), list(product(range(3), repeat=3)))
@pytest.mark.parametrize("minimum", [1, 2, 3])
def test_azures_nested_profiles(online: int, checking: int, degraded: int, minimum: int) -> None:
    """A parent endpoint is Online, CheckingEndpoint or Degraded by its child's MinChildEndpoints."""
    beliefs = [UP] * online + [UNKNOWN] * checking + [DOWN] * degraded
    if online >= minimum:
        expected = UP
    elif online + checking >= minimum:
        expected = UNKNOWN
    else:
        expected = DOWN
    assert combined(beliefs, needed=minimum) is expected


@given(BELIEFS, st.integers(0, 10))
def test_what_is_said_stays_true_whatever_the_unknown_ones_turn_out_to_be(beliefs: list[Belief], needed: int) -> None:
    together = combined(beliefs, needed=needed)
    unknowns = beliefs.count(UNKNOWN)
    known = [belief for belief in beliefs if belief is not UNKNOWN]
    futures = {
        combined([*known, *[UP] * ups, *[DOWN] * (unknowns - ups)], needed=needed) for ups in range(unknowns + 1)
    }
    assert futures == {together} if together is not UNKNOWN else futures == {UP, DOWN}


@given(BELIEFS, st.integers(0, 10), st.randoms())
def test_the_order_does_not_matter(beliefs: list[Belief], needed: int, random: Random) -> None:
    shuffled = list(beliefs)
    random.shuffle(shuffled)
    assert combined(shuffled, needed=needed) is combined(beliefs, needed=needed)
