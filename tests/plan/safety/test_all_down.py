"""What `on_all_down` decides goes together: nobody is sent through a smaller and smaller set."""

import pytest

from gtm.health.override.override import SafetyRule
from gtm.health.verdict.reading import Reason
from gtm.plan.overlay import Overlay
from gtm.plan.safety.all_down import emptied
from gtm.plan.safety.rules import NO_HISTORY
from gtm.zone.model import OnAllDown
from tests.scenes.shares import NOT_FOUND, TIMEOUT, Failed, Moment, Stage, address, service_text, zone_of

REGIONS = 3
RULES = "    safety: {correlated_failure: false}\n"
BUDGET_S = 160.0
"""Until two regions of three are paid for after the first."""


def site(policy: OnAllDown, *, families: tuple[int, ...] = (4,)) -> Stage:
    more = f"{RULES}    on_all_down: {policy.value}\n"
    return Stage(zone_of(service_text("api", 0, regions=REGIONS, each=1, families=families, more=more)))


def ends(*places: int, family: int = 4) -> set[str]:
    return {address(0, place, 0, family) for place in places}


def play(stage: Stage, failed: set[str], *, seconds: float, why: Failed = TIMEOUT) -> list[Moment]:
    return stage.play(lambda target, _now: why if target in failed else None, until=stage.now + seconds)


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


def with_spare() -> Stage:
    text = service_text("api", 0, regions=REGIONS, each=1, more=f"{RULES}    on_all_down: last_resort\n")
    return Stage(zone_of(f"{text}      - {{region: us-east, address: 192.0.0.99, last_resort: true}}\n"))


def test_a_last_resort_takes_over_all_at_once() -> None:
    stage = with_spare()
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


@pytest.mark.parametrize("why", [NOT_FOUND, Failed(Reason.OK)])
def test_when_something_is_up_again_what_answers_is_taken_out_at_the_pace_of_the_budget(why: Failed) -> None:
    """Its check is wrong, or it is not up yet."""
    stage = site(OnAllDown.SERVE_ALL)
    play(stage, ends(0, 1, 2), seconds=3600.0, why=why)
    play(stage, ends(1, 2), seconds=5.0, why=why)
    assert answered(stage) == ends(0, 1, 2), "what is mended with it is up within an interval"
    play(stage, ends(1, 2), seconds=5.0, why=why)
    assert len(answered(stage)) == 2
    play(stage, ends(1, 2), seconds=80.0, why=why)
    assert answered(stage) == ends(0)
    assert stage.history.is_calm


@pytest.mark.parametrize("policy", list(OnAllDown.__members__.values()))
def test_when_something_is_up_again_what_is_dead_is_out_at_once(policy: OnAllDown) -> None:
    stage = site(policy) if policy is not OnAllDown.LAST_RESORT else with_spare()
    play(stage, ends(0, 1, 2), seconds=60.0)
    [moment] = play(stage, ends(1, 2), seconds=0.25)
    assert answered(stage) == ends(0)
    assert not moment.refusals
    assert stage.history.is_calm


def test_what_answered_and_dies_before_it_is_up_is_out_at_once() -> None:
    stage = site(OnAllDown.SERVE_ALL)
    play(stage, ends(0, 1, 2), seconds=60.0, why=NOT_FOUND)
    play(stage, ends(1, 2), seconds=10.0, why=NOT_FOUND)
    assert len(answered(stage)) == 2
    play(stage, ends(1, 2), seconds=0.25)
    assert answered(stage) == ends(0)


def test_a_node_that_starts_while_nothing_is_up_does_the_same() -> None:
    """What was found out before it started was no news to it, and is answered all the same."""
    stage = site(OnAllDown.SERVE_ALL)
    play(stage, ends(0, 1, 2), seconds=600.0, why=NOT_FOUND)
    stage.history = NO_HISTORY
    play(stage, ends(0, 1, 2), seconds=60.0, why=NOT_FOUND)
    play(stage, ends(1, 2), seconds=5.0, why=NOT_FOUND)
    assert answered(stage) == ends(0, 1, 2)
    play(stage, ends(1, 2), seconds=60.0, why=NOT_FOUND)
    assert len(answered(stage)) == 2


def test_what_was_out_while_others_were_held_does_not_come_back_with_them() -> None:
    """One region is out for long; the checks of the others are in doubt; it was never answered meanwhile."""
    stage = Stage(zone_of(service_text("api", 0, regions=4, each=1)))
    play(stage, ends(0), seconds=600.0, why=NOT_FOUND)
    for _ in range(10):
        play(stage, ends(0, 1, 2, 3), seconds=1.0, why=NOT_FOUND)
        assert ends(0).isdisjoint(answered(stage))
    play(stage, ends(0), seconds=60.0, why=NOT_FOUND)
    assert answered(stage) == ends(1, 2, 3)
    assert stage.history.is_calm


def test_each_type_is_decided_alone() -> None:
    stage = site(OnAllDown.SERVE_ALL, families=(4, 6))
    [moment, *_] = play(stage, ends(0, 1, 2), seconds=1.0)
    assert not moment.refusals
    assert answered(stage) == ends(0, 1, 2) | ends(0, 1, 2, family=6)
    [steered] = stage.plan.services.values()
    lost = emptied(steered, stage.status, Overlay(stage.said))
    assert {name.partition("/")[2] for name in lost} == ends(0, 1, 2)


def test_what_is_open_costs_nothing_while_nothing_changes() -> None:
    stage = site(OnAllDown.SERVE_ALL)
    play(stage, ends(0, 1, 2), seconds=30.0)
    before = stage.history
    assert before.open
    play(stage, ends(0, 1, 2), seconds=30.0)
    assert stage.history is before
