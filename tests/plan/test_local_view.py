"""Clients near a vantage are spared what its probes see down, and nobody is the worse for it."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.checks.model import checks
from gtm.engine.reference import ReferenceEngine
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import LocalBelief, Vantages
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import Action, InForce
from gtm.ids import VantageName
from gtm.plan.apply import apply
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.overlay import Overlay
from gtm.steer.decide import State
from gtm.steer.vocabulary import STEERING
from gtm.zone.model import Zone
from tests.fakes import world
from tests.fakes.deltas import delta_of
from tests.fakes.overrides import said

VANTAGES = world.VANTAGES
GEOGRAPHY = world.geography()

FIRST, SECOND, THIRD = "192.0.2.1", "192.0.2.2", "192.0.2.3"
ENDPOINTS = f"""
    endpoints:
      - {{region: us-east, address: {FIRST}}}
      - {{region: eu-west, address: {SECOND}}}
      - {{region: ap-southeast, address: {THIRD}}}"""
ZONE = world.services(
    f"""
  failover:
    monitor: web
    steer: failover{ENDPOINTS}
  nearest:
    monitor: web
    steer: nearest{ENDPOINTS}
  everywhere:
    monitor: web
    steer: failover
    health_view: global{ENDPOINTS}
"""
)


def status(local: Mapping[str, str], beliefs: Mapping[str, Belief] | None = None, zone: Zone = ZONE) -> Status:
    """What is believed of each target, and the vantages that see it down (`eu us`)."""
    found = {}
    for check in checks((zone,)):
        belief = (beliefs or {}).get(check.target, Belief.UP)
        seen = tuple(LocalBelief(VantageName(name), Belief.DOWN) for name in local.get(check.target, "").split())
        found[check.id] = CheckStatus(belief, 0.0, local=seen)
    return Status(found)


def plan(believed: Status, zone: Zone = ZONE, vantages: Vantages = VANTAGES) -> Plan:
    return world.plan(zone, believed=believed, geography=GEOGRAPHY, vantages=vantages)


def answers(served: Plan, name: str, rtype: str = "A") -> list[str]:
    """What clients of us-east, eu-west, ap-southeast and from nowhere get."""
    engine = ReferenceEngine()
    engine.swap(served)
    clients = (world.US, world.EU, world.AP, world.ELSEWHERE)
    asked = [world.answer(engine, world.query(name, rtype), client=client) for client in clients]
    return [" ".join(world.values(message.answer, rtype)) for message in asked]


def test_only_the_clients_near_the_vantage_are_moved() -> None:
    served = plan(status({FIRST: "eu"}))
    assert answers(served, "failover") == [FIRST, SECOND, FIRST, FIRST]
    assert answers(served, "everywhere") == [FIRST] * 4
    assert answers(plan(status({SECOND: "eu"})), "nearest") == [FIRST, FIRST, THIRD, FIRST]


def test_what_is_seen_down_everywhere_is_answered_rather_than_nothing() -> None:
    served = plan(status({FIRST: "eu", SECOND: "eu", THIRD: "eu"}))
    assert answers(served, "failover") == [FIRST] * 4
    assert answers(plan(status({FIRST: "eu"}, world.down(SECOND, THIRD))), "failover") == [FIRST] * 4
    unknown = {SECOND: Belief.UNKNOWN, THIRD: Belief.UNKNOWN}
    assert answers(plan(status({FIRST: "eu"}, unknown)), "failover") == [FIRST] * 4, "unknown is not healthy"


def test_what_is_down_for_the_world_is_not_brought_back() -> None:
    believed = status({}, world.down(FIRST))
    up_in_europe = {
        check: CheckStatus(one.belief, 0.0, local=(LocalBelief(VantageName("eu"), Belief.UP),))
        for check, one in believed.checks.items()
    }
    assert answers(plan(Status(up_in_europe)), "failover") == [SECOND] * 4


@pytest.mark.parametrize("vantages", [(), VANTAGES[:1], VANTAGES[:2]])
def test_with_fewer_than_three_vantages_the_quorum_decides_for_all(vantages: Vantages) -> None:
    served = plan(status({FIRST: "eu"}), vantages=vantages)
    assert answers(served, "failover") == [FIRST] * 4
    assert {service.space.vantages for service in served.services.values()} == {frozenset()}


def test_what_a_vantage_that_says_not_where_it_is_sees_counts_for_nobody() -> None:
    assert answers(plan(status({FIRST: "gru"})), "failover") == [FIRST] * 4


def test_cells_are_of_one_vantage_only_where_local_truth_counts() -> None:
    spaces = {name.partition(".")[0]: one.space for name, one in plan(status({})).services.items()}
    assert len(spaces["everywhere"].cells) == 1
    assert {cell.nearest for cell in spaces["failover"].cells} == {None, "ap", "eu", "us"}
    assert spaces["failover"].vantages == spaces["nearest"].vantages == {"ap", "eu", "us"}


def test_one_family_is_not_emptied_for_the_other() -> None:
    zone = world.services(
        f"""
  both:
    monitor: web
    steer: failover
    on_all_down: nodata
    endpoints:
      - {{region: us-east, address: {FIRST}}}
      - {{region: us-east, address: "2001:db8:f::1"}}
      - {{region: eu-west, address: {SECOND}}}
"""
    )
    served = plan(status({FIRST: "eu", "2001:db8:f::1": "eu"}, zone=zone), zone)
    assert answers(served, "both") == [FIRST, SECOND, FIRST, FIRST]
    assert answers(served, "both", "AAAA") == ["2001:db8:f::1"] * 4


def test_what_a_person_says_counts_everywhere() -> None:
    believed = status({FIRST: "eu"})
    override = said("service failover.gtm.example.com", Action.UP)
    served = compile_plan(
        (ZONE,),
        serials={ZONE.origin.to_text(): 7},
        geography=GEOGRAPHY,
        vocabulary=STEERING,
        status=believed,
        before=EMPTY_PLAN,
        overlay=Overlay(InForce({override.scope: override})),
        vantages=VANTAGES,
    )
    assert answers(served, "failover") == [FIRST] * 4


def test_a_change_of_local_truth_decides_the_services_it_touches_and_no_others() -> None:
    well, cut = status({}), status({FIRST: "eu"})
    before = plan(well)
    assert delta_of(well, cut).flipped == frozenset()
    after = apply(before, cut, delta_of(well, cut).local)
    assert after is not None
    assert answers(after, "failover") == [FIRST, SECOND, FIRST, FIRST]
    changed = {name for name, decided in after.decisions.items() if decided is not before.decisions[name]}
    assert {name.partition(".")[0] for name in changed} == {"failover"}
    healed = apply(after, well, delta_of(cut, well).local)
    assert healed is not None
    assert answers(healed, "failover") == [FIRST] * 4


def test_the_cells_that_are_moved_are_degraded_and_the_others_steady() -> None:
    served = plan(status({FIRST: "eu"}))
    name = next(name for name in served.services if name.startswith("failover"))
    states = {
        cell.nearest: {selected.state for selected in served.decisions[name].spread.different[number]}
        for cell, number in zip(served.services[name].space.cells, served.decisions[name].by_cell, strict=True)
    }
    assert states == {None: {State.STEADY}, "ap": {State.STEADY}, "eu": {State.DEGRADED}, "us": {State.STEADY}}


targets = st.sampled_from((FIRST, SECOND, THIRD))
seen = st.dictionaries(targets, st.sets(st.sampled_from(("ap", "eu", "us"))).map(" ".join))


@pytest.mark.slow
@settings(max_examples=150)
@given(seen, st.dictionaries(targets, st.sampled_from(Belief)), st.sampled_from(("failover", "nearest")))
def test_nobody_is_the_worse_for_it(local: dict[str, str], beliefs: dict[str, Belief], name: str) -> None:
    believed = status(local, beliefs)
    everywhere = answers(plan(believed, vantages=()), name)
    for mine, other, vantage in zip(answers(plan(believed), name), everywhere, ("us", "eu", "ap", ""), strict=True):
        assert mine, "there is an answer"
        if mine != other:
            assert beliefs.get(mine, Belief.UP) is Belief.UP
            assert vantage in local[other].split(), "what was left out is seen down from there"
            assert vantage not in local.get(mine, "").split(), "and what is answered instead is not"
