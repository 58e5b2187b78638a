"""What `on_all_down` decides goes together: nobody is sent through a smaller and smaller set."""

import pytest

from gtm.health.override import SafetyRule
from gtm.plan.emptied import emptied
from gtm.zone.model import OnAllDown
from tests.scenes.shares import TIMEOUT, Moment, Stage, address, service_text, zone_of

REGIONS = 3
RULES = "    safety: {correlated_failure: false}\n"
BUDGET_S = 160.0
"""Until two regions of three are paid for after the first."""


def site(policy: OnAllDown, *, families: tuple[int, ...] = (4,)) -> Stage:
    more = f"{RULES}    on_all_down: {policy.value}\n"
    return Stage(zone_of(service_text("api", 0, regions=REGIONS, each=1, families=families, more=more)))


def ends(*places: int, family: int = 4) -> set[str]:
    return {address(0, place, 0, family) for place in places}


def play(stage: Stage, failed: set[str], *, seconds: float) -> list[Moment]:
    return stage.play(lambda target, _now: TIMEOUT if target in failed else None, until=stage.now + seconds)


def answered(stage: Stage) -> set[str]:
    return {endpoint.partition("/")[2] for _, _, endpoint in stage.shares()}


@pytest.mark.parametrize("policy", [OnAllDown.SERVE_ALL, OnAllDown.SERVE_LAST_GOOD])
def test_what_is_answered_then_is_let_go_at_once(policy: OnAllDown) -> None:
    stage = site(policy)
    [moment, *_] = play(stage, ends(0, 1, 2), seconds=1.0)
    assert moment.states == {"fail_open"}
    assert answered(stage) == ends(0, 1, 2)
    assert not moment.refusals


@pytest.mark.parametrize("policy", [OnAllDown.NODATA, OnAllDown.SERVFAIL])
def test_what_is_not_answered_then_stays_until_the_budget_has_paid_for_all_of_it(policy: OnAllDown) -> None:
    stage = site(policy)
    for moment in play(stage, ends(0, 1, 2), seconds=BUDGET_S):
        assert [round(share, 6) for share in moment.shares.values()] == [0.333333] * REGIONS
        assert [refusal.rule for refusal in moment.refusals] == [SafetyRule.MAX_SHARE]
    assert play(stage, ends(0, 1, 2), seconds=1.0)[-1].states == {"fail_closed"}
    assert not answered(stage)


def test_a_last_resort_takes_over_all_at_once() -> None:
    text = service_text("api", 0, regions=REGIONS, each=1, more=f"{RULES}    on_all_down: last_resort\n")
    stage = Stage(zone_of(f"{text}      - {{region: us-east, address: 192.0.0.99, last_resort: true}}\n"))
    assert all(len(moment.shares) == REGIONS for moment in play(stage, ends(0, 1, 2), seconds=BUDGET_S))
    play(stage, ends(0, 1, 2), seconds=1.0)
    assert answered(stage) == {"192.0.0.99"}


def test_regions_that_really_die_one_after_the_other_end_no_later_than_the_budget_says() -> None:
    stage = site(OnAllDown.NODATA)
    play(stage, ends(0), seconds=20.0)
    play(stage, ends(0, 1), seconds=20.0)
    assert answered(stage) == ends(1, 2)
    play(stage, ends(0, 1, 2), seconds=BUDGET_S - 40.5)
    assert answered(stage) == ends(1, 2), "not the third alone"
    play(stage, ends(0, 1, 2), seconds=1.0)
    assert not answered(stage)


def test_when_something_is_up_again_the_rest_is_taken_out_at_the_pace_of_the_budget() -> None:
    stage = site(OnAllDown.SERVE_ALL)
    play(stage, ends(0, 1, 2), seconds=3600.0)
    play(stage, ends(1, 2), seconds=5.0)
    assert answered(stage) == ends(0, 1, 2), "what is mended with it is up within an interval"
    play(stage, ends(1, 2), seconds=5.0)
    assert len(answered(stage)) == 2
    play(stage, ends(1, 2), seconds=80.0)
    assert answered(stage) == ends(0)
    assert stage.history.is_calm


def test_each_type_is_decided_alone() -> None:
    stage = site(OnAllDown.SERVE_ALL, families=(4, 6))
    [moment, *_] = play(stage, ends(0, 1, 2), seconds=1.0)
    assert not moment.refusals
    assert answered(stage) == ends(0, 1, 2) | ends(0, 1, 2, family=6)
    [steered] = stage.plan.services.values()
    lost = emptied(steered, stage.status, stage.said)
    assert {name.partition("/")[2] for name in lost} == ends(0, 1, 2)


def test_what_is_open_costs_nothing_while_nothing_changes() -> None:
    stage = site(OnAllDown.SERVE_ALL)
    play(stage, ends(0, 1, 2), seconds=30.0)
    before = stage.history
    assert before.open
    play(stage, ends(0, 1, 2), seconds=30.0)
    assert stage.history is before
