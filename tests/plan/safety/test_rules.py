"""The rules of safety: what may be taken out, and when."""

from dataclasses import replace
from itertools import cycle, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import Action, Override, SafetyRule, in_force, joined, newest
from gtm.plan.overlay import Overlay
from gtm.plan.safety.correlated import HOLD_S
from gtm.plan.safety.minimums import skipping, taking_too_much
from gtm.plan.safety.rules import NO_HISTORY
from gtm.zone.model import Safety
from tests.fakes import world
from tests.fakes.overrides import WALL, said
from tests.plan.site import Site, address, region, text


def test_a_region_of_three_may_die_at_once() -> None:
    site = Site(text(4)).see(*region(1, 4))
    assert site.out == region(1, 4)
    assert not site.allowed.refusals


def test_a_machine_that_serves_two_regions_of_three_may_die_at_once() -> None:
    two = text(1).replace(address(0, 1), address(0, 0))
    site = Site(two).see(address(0, 0))
    assert site.out == {address(0, 0)}, "or it would be held for ever: no budget is larger than full"


def test_a_second_region_within_a_minute_goes_at_the_pace_of_the_budget() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).see(*region(1, 4)).see(*dead, after_s=12.0)
    assert len(site.out) == 4, "5 % of the budget came back, and one check has 8.3 %"
    assert site.rules == {SafetyRule.MAX_SHARE}
    refusal = site.allowed.refusals[0]
    assert refusal.subject == "zone gtm.example.com"
    assert refusal.facts == {"waiting": pytest.approx(1 / 3), "per_minute": 0.25}
    assert len(site.see(*dead, after_s=8.1).out) == 5
    assert site.see(*dead, after_s=59.8).out < dead
    assert site.see(*dead, after_s=0.2).out == dead, "80 s after the first, 33 % is refilled at 25 % a minute"
    assert not site.allowed.refusals


def test_what_came_back_costs_nothing_any_more() -> None:
    site = Site(text(4))
    for place in (1, 1, 0, 2, 1):
        assert site.see(*region(place, 4), after_s=7.0).out == region(place, 4), "one region at a time may always go"
        assert not site.allowed.refusals
        site.see(after_s=1.0)


def test_what_recovers_while_it_waits_is_never_taken_out() -> None:
    site = Site(text(4)).see(*region(1, 4)).see(*region(0, 4), *region(1, 4), after_s=12.0).see(after_s=1.0)
    assert site.out == set()
    site.see(after_s=600.0)
    assert site.history.is_calm


def test_what_fails_again_and_again_does_not_keep_out_what_waits() -> None:
    ends = [("us-east", 8), ("eu-west", 2), ("eu-west", 2), ("ap-southeast", 2), ("ap-southeast", 2)]
    lines = "".join(
        f"\n      - {{region: {name}, address: 192.0.2.{n}, weight: {weight}}}" for n, (name, weight) in enumerate(ends)
    )
    site = Site(f"  s:\n    monitor: web\n    steer: nearest\n    endpoints:{lines}\n")
    large, small = "192.0.2.0", cycle([{f"192.0.2.{n}", f"192.0.2.{n % 4 + 1}"} for n in range(1, 5)])
    site.see(*next(small)).see(large, *next(small), after_s=20.0)
    assert large not in site.out, "half of the zone, and a quarter was just paid for"
    waited_s = 0.0
    while large not in site.out:
        site.see(large, *next(small), after_s=20.0)
        waited_s += 20.0
        assert waited_s <= 120.0, "the other half of the zone at 25 % a minute"


def test_one_service_of_many_is_a_small_share() -> None:
    site = Site(text(20))
    whole = {address(3, place) for place in range(3)}
    assert site.see(*whole).out == whole


def test_a_service_apart_has_a_budget_of_its_own() -> None:
    site = Site(text(4), Safety(max_share=0.25, is_apart=True, correlated_failure=False))
    assert set(site.shares.budgets) == {f"service s{number}.gtm.example.com" for number in range(4)}
    dead = {address(3, place) for place in range(2)}
    assert len(site.see(*dead).out) == 1
    assert site.allowed.refusals[0].subject == "service s3.gtm.example.com"


def test_a_limit_of_everything_is_none() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4), Safety(max_share=1.0, correlated_failure=False))
    assert site.see(*dead).out == dead


def test_at_least_two_regions_stay_while_something_is_up() -> None:
    site = Site(text(1), Safety(at_least=2, max_share=1.0, correlated_failure=False))
    us, eu, ap = (address(0, place) for place in range(3))
    assert site.see(us).out == {us}
    assert site.see(us, eu, after_s=90.0).out == {us}
    assert site.rules == {SafetyRule.AT_LEAST}
    assert site.allowed.refusals[0].subject == "service s0.gtm.example.com"
    assert site.see(us, eu, after_s=90.0).out == {us}, "as long as it lasts"
    assert site.see(eu, after_s=90.0).out == {eu}, "another serves again"
    assert not site.allowed.refusals
    assert site.see(us, eu, ap, after_s=90.0).out == {us, eu, ap}, "nothing is up: on_all_down decides"


def test_at_least_asks_for_no_more_regions_than_there_are() -> None:
    site = Site(text(1), Safety(at_least=9, max_share=1.0, correlated_failure=False))
    assert site.see(address(0, 0)).out == set()


def test_an_endpoint_that_was_never_up_is_not_held() -> None:
    site = Site(text(4))
    site.truth = world.status({}, site.zone, otherwise=Belief.UNKNOWN)
    dead = region(0, 4) | region(1, 4)
    assert site.see(*dead).out == dead
    assert not site.allowed.refusals


def test_a_person_may_take_out_what_automatics_may_not() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).say(said("zone gtm.example.com", Action.DOWN)).see(*dead)
    assert site.out >= dead
    assert not site.allowed.held


@pytest.mark.parametrize(
    ("rule", "safety", "scope"),
    [
        (SafetyRule.CORRELATED, Safety(max_share=1.0), "zone gtm.example.com"),
        (SafetyRule.MAX_SHARE, Safety(correlated_failure=False), "region */us-east"),
        (SafetyRule.AT_LEAST, Safety(at_least=2, max_share=1.0, correlated_failure=False), "zone gtm.example.com"),
    ],
)
def test_an_override_that_names_a_rule_lifts_it(rule: SafetyRule, safety: Safety, scope: str) -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4), safety).see(*region(1, 4)).see(*dead, after_s=1.0)
    assert site.out < dead
    assert site.rules == {rule}
    site.say(said(scope, Action.OBEY, rules=(rule,)))
    assert site.see(*dead).out == dead


def test_what_a_person_lets_go_of_a_suspicion_goes_at_the_pace_of_the_budget_and_stays_out() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).see(*region(1, 4)).see(*dead, after_s=1.0)
    assert site.rules == {SafetyRule.CORRELATED}
    site.say(said("zone gtm.example.com", Action.OBEY, rules=(SafetyRule.CORRELATED,))).see(*dead)
    out = [site.out, *(site.see(*dead, after_s=5.0).out for _ in range(17))]
    assert len(out[0]) == 4, "33 % at once"
    assert all(before <= after for before, after in pairwise(out)), "what is out stays out"
    assert out[-1] == dead, "the other 33 % at 25 % a minute"


def test_a_person_is_held_to_at_least_too() -> None:
    site = Site(text(2))
    before = Overlay()

    def refused(*overrides: Override, status: Status = site.truth) -> list[str]:
        after = Overlay(in_force(newest(joined({}, overrides)), wall=WALL))
        return [str(one.subject) for one in taking_too_much(site.services.values(), status, before, after)]

    two = [said("region */us-east"), said("region */eu-west", Action.DRAIN)]
    assert refused(*two) == []
    assert refused(*two, said("region */ap-southeast")) == ["service s0.gtm.example.com", "service s1.gtm.example.com"]
    assert refused(said("service s1.gtm.example.com")) == ["service s1.gtm.example.com"]
    all_down = world.status(world.down(*(address(n, p) for n in range(2) for p in range(3))), site.zone)
    assert refused(said("zone gtm.example.com"), status=all_down) == [], "there is nothing left to lose"


def test_a_region_with_too_few_is_told() -> None:
    site = Site(text(1, per_region=2))
    ((name, one),) = site.services.items()
    service = replace(one.service, min_healthy=((one.regions[0].name, 2),))
    demanding = replace(one, service=service)
    status = world.status(world.down(address(0, 0)), site.zone)
    (refusal,) = skipping([demanding], status, Overlay())
    assert refusal.rule is SafetyRule.MIN_HEALTHY
    assert refusal.words == f"{name}: us-east has fewer endpoints up than min_healthy, and is skipped"


def test_calm_costs_nothing() -> None:
    site = Site(text(1)).see()
    assert site.history == NO_HISTORY
    calm = site.history
    assert site.see(after_s=1.0).history is calm
    assert site.see(after_s=10.0).history is calm


steps = st.lists(st.tuples(st.floats(0, 90), st.sets(st.integers(0, 11))), min_size=1, max_size=8)


ADDRESSES = [address(number, place) for number in range(4) for place in range(3)]


@pytest.mark.slow
@given(steps)
def test_whatever_fails_only_what_failed_is_out_and_no_more_than_the_budget_has(
    script: list[tuple[float, set[int]]],
) -> None:
    site = Site(text(4), Safety(correlated_failure=False))
    out_since: dict[str, float] = {}
    for after_s, failing in script:
        dead = {ADDRESSES[number] for number in failing}
        site.see(*dead, after_s=after_s)
        assert site.out <= dead, "a rule never takes out what the checks do not"
        out_since = {each: out_since.get(each, site.now) for each in site.out - site.open}
        for begin in out_since.values():
            taken = sum(since >= begin for since in out_since.values()) / 12
            assert taken <= 1 / 3 + (site.now - begin) * 0.25 / 60 + 1e-6
        assert bool(dead - site.out) is (SafetyRule.MAX_SHARE in site.rules), "every refusal is told"


@pytest.mark.slow
@given(steps, st.integers(1, 3))
def test_whatever_fails_nothing_is_taken_out_that_leaves_too_few_regions(
    script: list[tuple[float, set[int]]], at_least: int
) -> None:
    site = Site(text(4), Safety(at_least=at_least, max_share=1.0, correlated_failure=False))
    for after_s, failing in script:
        was_out = site.out
        site.see(*(ADDRESSES[number] for number in failing), after_s=after_s)
        for number in range(4):
            all_of_it = {address(number, place) for place in range(3)}
            serving = all_of_it - site.out
            assert not serving or len(serving) >= at_least or not (site.out - was_out) & all_of_it


@pytest.mark.slow
@given(steps)
def test_everything_that_stays_down_is_out_in_the_end_and_everything_that_is_up_is_in(
    script: list[tuple[float, set[int]]],
) -> None:
    site = Site(text(4))
    for after_s, failing in script:
        dead = {ADDRESSES[number] for number in failing}
        site.see(*dead, after_s=after_s)
        assert site.out <= dead
    for _ in range(3):
        site.see(*dead, after_s=HOLD_S + 240)
    assert site.out == dead
    assert not site.allowed.refusals
