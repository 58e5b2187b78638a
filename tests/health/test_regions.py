import pytest

from gtm.health.belief import Belief
from gtm.health.regions import RegionState, region_state

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN


@pytest.mark.parametrize(
    ("beliefs", "state"),
    [
        ([UP, UP], RegionState.UP),
        ([UP, UNKNOWN], RegionState.UP),
        ([UP, DOWN], RegionState.DEGRADED),
        ([DOWN, UNKNOWN], RegionState.DEGRADED),
        ([UP, DOWN, UNKNOWN], RegionState.DEGRADED),
        ([DOWN, DOWN], RegionState.DOWN),
        ([UNKNOWN, UNKNOWN], RegionState.UNKNOWN),
        ([], RegionState.DISABLED),
    ],
)
def test_a_region_is_what_its_endpoints_make_it(beliefs: list[Belief], state: RegionState) -> None:
    assert region_state(beliefs) is state
    assert region_state(beliefs[::-1]) is state
