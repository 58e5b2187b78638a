import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.ids import CheckId, ServiceId
from gtm.plan.apply import apply
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.outcome import Outcome
from gtm.steer.decide import State
from gtm.zone.model import OnAllDown
from tests.fakes import world
from tests.fakes.deltas import delta_of

ZONE = world.zone()
ALL_UP = world.status({}, ZONE)
PLAN = world.plan(ZONE, beliefs={}, geography=world.geography())
GOOD = ("192.0.2.94", "192.0.2.95")


def id_of(name: str) -> ServiceId:
    return ServiceId(f"{name}.gtm.example.com")


def after(plan: Plan, *down: str, before: Status = ALL_UP) -> tuple[Plan | None, Status]:
    status = world.status(world.down(*down), ZONE)
    return apply(plan, status, delta_of(before, status).flipped), status


def changed(before: Plan, plan: Plan) -> set[str]:
    return {name.partition(".")[0] for name in plan.decisions if plan.decisions[name] is not before.decisions[name]}


def addresses(plan: Plan, name: str, cell: int = 0) -> list[str]:
    return [answer.endpoint.rpartition("/")[2] for answer in outcome(plan, name, cell).answers]


def outcome(plan: Plan, name: str, cell: int = 0) -> Outcome:
    return plan.decisions[id_of(name)].in_cell(cell).outcomes[1]


def test_nothing_flipped_is_no_plan() -> None:
    assert apply(PLAN, ALL_UP, ()) is None


def test_a_flip_that_changes_no_answer_is_no_plan() -> None:
    assert after(PLAN, "192.0.2.51")[0] is None, "the standby of failover"
    assert after(PLAN, "192.0.2.62")[0] is None, "weight 0 beside others"


def test_a_flip_of_a_check_that_nobody_watches_is_no_plan() -> None:
    assert apply(PLAN, ALL_UP, [CheckId("elsewhere/web/192.0.2.10")]) is None


def test_a_flip_makes_the_next_generation_and_changes_one_service() -> None:
    plan, _ = after(PLAN, "192.0.2.50")
    assert plan is not None
    assert plan.generation == PLAN.generation + 1
    assert changed(PLAN, plan) == {"failover"}
    assert addresses(plan, "failover") == ["192.0.2.51"]


def test_everything_else_is_shared_with_the_plan_before() -> None:
    plan, _ = after(PLAN, "192.0.2.50")
    assert plan is not None
    assert plan.zones is PLAN.zones
    assert plan.services is PLAN.services
    assert plan.watchers is PLAN.watchers


def test_every_service_that_watches_a_check_is_decided_again() -> None:
    text = "".join(
        f"""
  s{number}:
    monitor: web
    steer: failover
    endpoints: [{{region: us-east, address: 192.0.2.1}}, {{region: eu-west, address: 192.0.2.{number}}}]
"""
        for number in (2, 3, 4)
    )
    zone = world.services(text)
    plan = world.plan(zone, beliefs={})
    status = world.status(world.down("192.0.2.1"), zone)
    moved = apply(plan, status, world.checks_of(plan, "192.0.2.1"))
    assert moved is not None
    assert changed(plan, moved) == {"s2", "s3", "s4"}
    assert [addresses(moved, f"s{number}") for number in (2, 3, 4)] == [["192.0.2.2"], ["192.0.2.3"], ["192.0.2.4"]]


def test_what_fell_and_rose_again_is_decided_as_before() -> None:
    down, status = after(PLAN, "192.0.2.50", "192.0.2.10")
    assert down is not None
    up, _ = after(down, before=status)
    assert up is not None
    assert up.decisions == PLAN.decisions
    assert up.generation == PLAN.generation + 2


def test_a_check_that_is_heard_of_for_the_first_time_is_a_flip() -> None:
    boot = world.plan(ZONE, geography=world.geography())
    plan = apply(boot, ALL_UP, delta_of(Status(), ALL_UP).flipped)
    assert plan is None, "all unknown and all up are answered alike"
    status = world.status(world.down("192.0.2.50"), ZONE)
    moved = apply(boot, status, delta_of(Status(), status).flipped)
    assert moved is not None
    assert addresses(moved, "failover") == ["192.0.2.51"]


# serve_last_good


def test_last_good_is_what_was_answered_when_the_last_endpoint_was_up() -> None:
    one, status = after(PLAN, GOOD[0])
    assert one is not None
    both, status = after(one, *GOOD, before=status)
    assert both is not None
    assert addresses(both, "good") == [GOOD[1]]
    assert outcome(both, "good").state is State.FAIL_OPEN


def test_last_good_after_both_fell_at_once_is_the_steady_answer() -> None:
    plan, _ = after(PLAN, *GOOD)
    assert plan is not None
    assert addresses(plan, "good") == [GOOD[0]]


def test_last_good_lasts_over_flips_of_others_and_over_a_reload() -> None:
    one, status = after(PLAN, GOOD[0])
    assert one is not None
    both, status = after(one, *GOOD, before=status)
    assert both is not None
    other, status = after(both, *GOOD, "192.0.2.50", before=status)
    assert other is not None
    assert addresses(other, "good") == [GOOD[1]]
    again = world.plan(ZONE, beliefs=world.down(*GOOD), geography=world.geography(), before=other, serial=8)
    assert addresses(again, "good") == [GOOD[1]]
    assert again.generation == other.generation + 1


def test_last_good_is_forgotten_once_something_is_up() -> None:
    one, status = after(PLAN, GOOD[0])
    assert one is not None
    both, status = after(one, *GOOD, before=status)
    assert both is not None
    back, status = after(both, GOOD[1], before=status)
    assert back is not None
    assert (addresses(back, "good"), outcome(back, "good").state) == ([GOOD[0]], State.STEADY)


def test_last_good_does_not_name_an_endpoint_that_a_reload_took_away() -> None:
    one, status = after(PLAN, GOOD[0])
    assert one is not None
    both, status = after(one, *GOOD, before=status)
    assert both is not None
    without = world.zone(world.WORLD.replace("      - {region: eu-west, address: 192.0.2.95}\n", ""))
    plan = world.plan(without, beliefs=world.down(*GOOD), geography=world.geography(), before=both)
    assert addresses(plan, "good") == [GOOD[0]]


def test_without_a_memory_last_good_is_everything() -> None:
    plan = world.plan(ZONE, beliefs=world.down(*GOOD))
    assert (addresses(plan, "good"), outcome(plan, "good").state) == ([GOOD[0]], State.FAIL_OPEN)


# whatever is believed

TARGETS = sorted({check.rpartition("/")[2] for check in PLAN.watchers})
beliefs = st.fixed_dictionaries({target: st.sampled_from(Belief) for target in TARGETS})


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(beliefs, min_size=1, max_size=4))
def test_whatever_is_believed_applying_flips_is_compiling_anew(history: list[dict[str, Belief]]) -> None:
    plan, before = PLAN, ALL_UP
    for believed in history:
        status = world.status(believed, ZONE)
        plan = apply(plan, status, delta_of(before, status).flipped) or plan
        before = status
    anew = world.plan(ZONE, beliefs=history[-1], geography=world.geography(), before=EMPTY_PLAN)
    differing = {name for name in anew.decisions if anew.decisions[name] != plan.decisions[name]}
    assert differing <= {id_of("good")}, "only serve_last_good remembers"


@pytest.mark.slow
@settings(max_examples=150)
@given(beliefs)
def test_whatever_is_believed_no_answer_is_empty_unless_the_zone_says_so(believed: dict[str, Belief]) -> None:
    plan = world.plan(ZONE, beliefs=believed, geography=world.geography())
    for name, decisions in plan.decisions.items():
        service = plan.services[name].service
        for decision in decisions.different:
            for found in decision.outcomes.values():
                closed = found.state is State.FAIL_CLOSED
                assert bool(found.answers) is not closed
                assert not closed or service.on_all_down in {OnAllDown.NODATA, OnAllDown.SERVFAIL}
                down = {believed.get(answer.endpoint.rpartition("/")[2]) is Belief.DOWN for answer in found.answers}
                assert found.state is State.FAIL_OPEN or down <= {False}
