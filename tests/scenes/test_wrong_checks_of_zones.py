"""A scene: one node serves several zones of one API each, and what fails in one holds nothing of another.

renamed    the check of a zone asks for a path that is gone: all of it answers 404, and is well
dead       a region of a zone, really
"""

from collections.abc import Mapping
from itertools import pairwise

import pytest

from gtm.health.override.override import SafetyRule
from gtm.zone.model import Zone
from tests.scenes.shares import NOT_FOUND, TIMEOUT, Failed, Fate, Key, Moment, Stage, region_of, zone_of
from tests.scenes.shares import service_text as text
from tests.scenes.test_wrong_checks import BEGINS, offsets, real_death, require_no_more_than

pytestmark = pytest.mark.slow

NAMES = ("api", "shop", "mail")
REGIONS = 3
MENDED = 160.0
ZONES = tuple(
    zone_of(text(name, number, regions=REGIONS, each=1), origin=f"{name}.example.com")
    for number, name in enumerate(NAMES)
)
LATE: Mapping[str, float] = {
    target: late for number, zone in enumerate(ZONES) for target, late in offsets(zone, number).items()
}


def zone_number(target: str) -> int:
    return int(target.split(".")[2])


def play(fate: Fate, *, until: float) -> list[Moment]:
    return Stage(ZONES[0], others=ZONES[1:]).play(fate, until=until)


def found_out(target: str, now: float) -> bool:
    return BEGINS <= now - LATE[target] < MENDED


def of_zone(moment: Moment, number: int) -> Mapping[Key, float]:
    return {key: share for key, share in moment.shares.items() if key[0] == NAMES[number]}


def limit_of(zone: Zone, number: int) -> dict[Key, float]:
    return real_death(zone, offsets(zone, number), REGIONS)


def dead_seconds(moments: list[Moment], number: int, dead: set[str]) -> float:
    """For how long addresses that are found out are answered."""
    return sum(
        later.at - moment.at
        for moment, later in pairwise(moments)
        if any(key[2].partition("/")[2] in dead & moment.dead for key in of_zone(moment, number))
    )


@pytest.mark.parametrize("renamed", [{0}, {0, 1}, {0, 1, 2}])
def test_a_path_that_is_renamed_moves_nobody_further_than_a_dead_region_in_any_zone(renamed: set[int]) -> None:
    def fate(target: str, now: float) -> Failed | None:
        return NOT_FOUND if zone_number(target) in renamed and found_out(target, now) else None

    moments = play(fate, until=MENDED + 30.0)
    for number, zone in enumerate(ZONES):
        mine = [Moment(moment.at, of_zone(moment, number), (), moment.states, moment.dead) for moment in moments]
        require_no_more_than(limit_of(zone, number), mine)
        assert number in renamed or all(one.shares == mine[0].shares for one in mine), "nothing of it failed"
    assert moments[-1].shares == moments[0].shares
    assert not moments[-1].refusals


def test_a_region_that_dies_in_every_zone_goes_at_once_in_each() -> None:
    moments = play(lambda one, now: TIMEOUT if region_of(one) == 0 and found_out(one, now) else None, until=60.0)
    assert not [moment.refusals for moment in moments if moment.refusals]
    for number in range(len(ZONES)):
        assert dead_seconds(moments, number, set(LATE)) == 0.0


@pytest.mark.parametrize("regions", [1, 2])
@pytest.mark.parametrize("after_s", [0.0, 2.0, 60.0])
def test_regions_that_die_go_as_fast_as_alone_while_the_path_of_another_zone_is_renamed(
    regions: int, after_s: float
) -> None:
    dead = {target for target in LATE if zone_number(target) == 1 and region_of(target) < regions}

    def dies(target: str, now: float) -> Failed | None:
        return TIMEOUT if target in dead and found_out(target, now - after_s) else None

    def both(target: str, now: float) -> Failed | None:
        return NOT_FOUND if zone_number(target) == 0 and found_out(target, now) else dies(target, now)

    alone, moments = play(dies, until=MENDED), play(both, until=MENDED)
    assert dead_seconds(moments, 1, dead) == dead_seconds(alone, 1, dead)
    told = {refusal.rule for moment in moments for refusal in moment.refusals if "shop" in refusal.subject}
    assert SafetyRule.CORRELATED not in told
    assert all(of_zone(moment, 0) == of_zone(moments[0], 0) for moment in moments[40:]), "and the renamed is held"
