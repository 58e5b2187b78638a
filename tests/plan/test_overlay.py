from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import pytest

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import Action, InForce, Override, SafetyRule, in_force, joined, newest
from gtm.ids import EndpointId, RegionName, ServiceId
from gtm.plan.apply import apply
from gtm.plan.model import Plan, SteeredService
from gtm.plan.overlay import NO_OVERLAY, Overlay, effective, guided, guided_anew, is_by_checks_alone
from gtm.plan.safety.minimums import skipping
from gtm.steer.decide import State
from tests.fakes import world
from tests.fakes.overrides import WALL, said

TEXT = """
  api:
    monitor: web
    steer: nearest
    ttl: {max: 300, min: 30}
    endpoints:
      - {region: us-east, address: 192.0.2.10}
      - {region: eu-west, address: 192.0.2.20}
      - {region: eu-west, address: 192.0.2.21}
  other:
    monitor: web
    steer: [nearest, {first: 1}]
    endpoints:
      - {region: us-east, address: 192.0.2.30}
      - {region: ap-southeast, address: 192.0.2.31}
"""
ZONE = world.services(TEXT)
API, OTHER = ServiceId("api.gtm.example.com"), ServiceId("other.gtm.example.com")
ALL = {"192.0.2.10", "192.0.2.20", "192.0.2.21"}


def saying(*overrides: Override) -> Overlay:
    return Overlay(in_force(newest(joined({}, overrides)), wall=WALL))


def planned(overlay: Overlay, down: Mapping[str, Belief] | None = None) -> tuple[Plan, Status]:
    """The plan of ZONE, all up but for these, after people said this."""
    status = world.status(down or {}, ZONE)
    plan = world.plan(ZONE, beliefs=down or {}, geography=world.geography())
    guided = guided_anew(plan, NO_OVERLAY, overlay)
    return apply(plan, status, (), overlay=overlay, guided=guided) or plan, status


def answers(plan: Plan, service: ServiceId = API) -> set[str]:
    """The addresses that clients anywhere may get."""
    found = plan.decisions[service].different
    return {
        answer.endpoint.partition("/")[2]
        for each in found
        for outcome in each.outcomes.values()
        for answer in outcome.answers
    }


def with_minimum(steered: SteeredService, **regions: int) -> SteeredService:
    """The service with a `min_healthy` for these regions."""
    minima = tuple((RegionName(name.replace("_", "-")), least) for name, least in regions.items())
    return replace(steered, service=replace(steered.service, min_healthy=minima))


def states(plan: Plan, service: ServiceId = API) -> set[State]:
    return set(plan.decisions[service].states)


@pytest.mark.parametrize("action", [Action.DOWN, Action.DRAIN])
@pytest.mark.parametrize("scope", ["region gtm.example.com/eu-west", "region */eu-west"])
def test_a_region_taken_out_is_in_no_answer_though_its_checks_are_fine(action: Action, scope: str) -> None:
    plan, _ = planned(saying(said(scope, action)))
    assert answers(plan) == {"192.0.2.10"}


def test_a_drain_is_no_failure_and_down_is_one() -> None:
    region = "region gtm.example.com/eu-west"
    assert states(planned(saying(said(region, Action.DRAIN)))[0]) == {State.STEADY}
    assert State.DEGRADED in states(planned(saying(said(region, Action.DOWN)))[0])


def test_what_a_person_took_out_is_out_even_of_a_chain_that_does_not_look_at_health() -> None:
    plan, _ = planned(saying(said("region gtm.example.com/us-east", Action.DRAIN)))
    assert answers(plan, OTHER) == {"192.0.2.31"}


def test_up_is_believed_whatever_the_checks_say() -> None:
    plan, _ = planned(saying(said("region gtm.example.com/eu-west", Action.UP)), world.down(*ALL))
    assert answers(plan) == {"192.0.2.20", "192.0.2.21"}


def test_obey_at_an_endpoint_exempts_it_from_its_region() -> None:
    endpoint = said("endpoint api.gtm.example.com eu-west/192.0.2.21", Action.OBEY)
    plan, _ = planned(saying(said("region gtm.example.com/eu-west"), endpoint))
    assert answers(plan) == {"192.0.2.10", "192.0.2.21"}


def test_when_the_rest_dies_what_a_person_took_out_stays_out() -> None:
    plan, _ = planned(saying(said("region gtm.example.com/eu-west", Action.DRAIN)), world.down("192.0.2.10"))
    assert answers(plan) == {"192.0.2.10"}
    assert states(plan) == {State.FAIL_OPEN}


def test_when_all_is_taken_out_all_is_answered() -> None:
    plan, _ = planned(saying(said("zone gtm.example.com", Action.DOWN)))
    assert answers(plan) == ALL
    assert states(plan) == {State.FAIL_OPEN}


def test_the_end_of_an_override_gives_the_answers_back() -> None:
    overlay = saying(said("region gtm.example.com/eu-west"))
    plan, status = planned(overlay)
    after = apply(plan, status, (), overlay=NO_OVERLAY, guided=guided_anew(plan, overlay, NO_OVERLAY))
    assert after is not None
    assert answers(after) == ALL
    assert after.generation == plan.generation + 1


def test_only_services_that_are_spoken_of_are_decided_anew() -> None:
    plan = world.plan(ZONE, beliefs={})
    for scope, touched in {
        "endpoint api.gtm.example.com eu-west/192.0.2.20": {API},
        "service other.gtm.example.com": {OTHER},
        "region gtm.example.com/eu-west": {API},
        "region */ap-southeast": {OTHER},
        "region other.example/eu-west": set(),
        "zone gtm.example.com": {API, OTHER},
        "zone example.com": set(),
    }.items():
        overlay = saying(said(scope))
        assert guided_anew(plan, NO_OVERLAY, overlay) == touched
        assert guided_anew(plan, overlay, NO_OVERLAY) == touched
        assert not guided_anew(plan, overlay, saying(said(scope)))


def test_a_ttl_that_follows_health_is_the_least_one_while_a_person_decides() -> None:
    overlay = saying(said("region gtm.example.com/eu-west", Action.DRAIN))
    plan, _ = planned(overlay)
    assert set(plan.decisions[API].ttls) == {30}
    assert not is_by_checks_alone(plan.services[API], overlay)
    assert is_by_checks_alone(plan.services[OTHER], overlay)


def test_what_a_rule_holds_is_believed_up_unless_a_person_took_it_out() -> None:
    held = {API: {EndpointId("eu-west/192.0.2.20"): SafetyRule.CORRELATED}}
    steered = world.plan(ZONE).services[API]
    status = world.status(world.down(*ALL), ZONE)
    up, down = Belief.UP, Belief.DOWN
    assert effective(steered, status, Overlay(held=held)).beliefs == (down, up, down)
    drained = saying(said("region gtm.example.com/eu-west")).said
    assert effective(steered, status, Overlay(drained, held)).beliefs == (down, down, down)


ENDPOINTS = ("192.0.2.10", "192.0.2.20", "192.0.2.21")


@pytest.mark.parametrize("policy", ["serve_all", "serve_last_good"])
@pytest.mark.slow
def test_no_subset_of_what_is_down_and_taken_out_leaves_an_answer_empty(policy: str) -> None:
    zone = world.services(TEXT.replace("  api:", f"  api:\n    on_all_down: {policy}"))
    first = world.plan(zone, beliefs={}, geography=world.geography())
    for words in product((None, *Action, "failing"), repeat=len(ENDPOINTS)):
        status = world.status(
            world.down(*(ip for ip, word in zip(ENDPOINTS, words, strict=True) if word == "failing")), zone
        )
        overrides = [
            said(f"endpoint {API} {'us-east' if ip.endswith('10') else 'eu-west'}/{ip}", word)
            for ip, word in zip(ENDPOINTS, words, strict=True)
            if isinstance(word, Action)
        ]
        overlay = saying(*overrides)
        plan = apply(first, status, first.watchers, overlay=overlay, guided=[API]) or first
        assert all(each.outcomes[1].answers for each in plan.decisions[API].different), words


def test_min_healthy_skips_a_region_as_a_group_where_another_has_enough() -> None:
    zone = world.services(TEXT)
    steered = world.plan(zone).services[API]
    steered = with_minimum(steered, eu_west=2)
    up, down = Belief.UP, Belief.DOWN

    def counts(*failing: str, overlay: Overlay = NO_OVERLAY) -> tuple[Belief, ...]:
        return effective(steered, world.status(world.down(*failing), zone), overlay).beliefs

    assert counts() == (up, up, up)
    assert counts("192.0.2.20") == (up, down, down)
    assert counts("192.0.2.20", "192.0.2.10") == (down, down, up), "the only one that is up is not skipped"
    forced = saying(said("endpoint api.gtm.example.com eu-west/192.0.2.21", Action.UP))
    assert counts("192.0.2.20", overlay=forced) == (up, down, up), "a person said that it is up"
    assert counts("192.0.2.20", overlay=saying(said("service api.gtm.example.com", Action.OBEY))) == (up, down, down)


RULE = (SafetyRule.MIN_HEALTHY,)


@pytest.mark.parametrize(
    "scope",
    [
        "zone gtm.example.com",
        "service api.gtm.example.com",
        "region */eu-west",
        "endpoint api.gtm.example.com eu-west/192.0.2.21",
    ],
)
def test_an_override_that_names_min_healthy_lifts_it_and_explain_agrees(scope: str) -> None:
    steered = with_minimum(world.plan(ZONE).services[API], eu_west=2)
    status = world.status(world.down("192.0.2.20"), ZONE)
    skip = (EndpointId("eu-west/192.0.2.21"), "skipped: its region has fewer than min_healthy up")
    assert effective(steered, status, NO_OVERLAY).beliefs == (Belief.UP, Belief.DOWN, Belief.DOWN)
    assert skip in guided(steered, status, NO_OVERLAY)
    lifted = saying(said(scope, Action.OBEY, rules=RULE))
    assert effective(steered, status, lifted).beliefs == (Belief.UP, Belief.DOWN, Belief.UP)
    assert skip not in guided(steered, status, lifted)
    assert not skipping([steered], status, lifted), "and no refusal is told"


@pytest.mark.parametrize("scope", ["region gtm.example.com/us-east", "service other.gtm.example.com"])
def test_min_healthy_is_lifted_for_what_the_override_covers_alone(scope: str) -> None:
    steered = with_minimum(world.plan(ZONE).services[API], eu_west=2)
    elsewhere = saying(said(scope, Action.OBEY, rules=RULE))
    counted = effective(steered, world.status(world.down("192.0.2.20"), ZONE), elsewhere)
    assert counted.beliefs == (Belief.UP, Belief.DOWN, Belief.DOWN)


def test_who_drains_a_part_of_a_region_may_keep_the_rest_of_it() -> None:
    steered = with_minimum(world.plan(ZONE).services[API], eu_west=2)
    endpoint, status = "endpoint api.gtm.example.com eu-west/192.0.2.20", world.status({}, ZONE)
    up, down = Belief.UP, Belief.DOWN
    assert effective(steered, status, saying(said(endpoint, Action.DRAIN))).beliefs == (up, down, down)
    assert effective(steered, status, saying(said(endpoint, Action.DRAIN, rules=RULE))).beliefs == (up, down, up)


def test_nothing_in_force_touches_nothing() -> None:
    assert not InForce().touches("gtm.example.com", API, [])
