import pytest

from gtm.checks.calculated import belief_of, needed_of
from gtm.checks.model import Part
from gtm.health.belief import Belief
from gtm.ids import CheckId
from gtm.zone.monitors.kinds.calculated import CalculatedSettings, Combine

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN


@pytest.mark.parametrize(("combine", "needed"), [(Combine.ALL, 3), (Combine.ANY, 1), (Combine.AT_LEAST, 2)])
def test_so_many_of_three_must_be_up(combine: Combine, needed: int) -> None:
    assert needed_of(CalculatedSettings(combine, 2), 3) == needed


@pytest.mark.parametrize(
    ("beliefs", "belief"),
    [((UP, DOWN), UP), ((DOWN, DOWN), DOWN), ((DOWN, UNKNOWN), UNKNOWN), ((), UNKNOWN)],
)
def test_a_service_is_up_while_one_of_its_endpoints_is(beliefs: tuple[Belief, ...], belief: Belief) -> None:
    known = {CheckId(str(number)): each for number, each in enumerate(beliefs)}
    assert belief_of(Part("service", tuple(known)), known.__getitem__) is belief
    assert belief_of(Part("service", tuple(known), is_unchecked=True), known.__getitem__) is UP
