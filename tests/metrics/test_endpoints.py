from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import LocalBelief
from gtm.health.consensus.status import NO_STATUS, Status
from gtm.health.override.override import Action, InForce, SafetyRule, in_force, joined, newest
from gtm.ids import EndpointId, RegionName, ServiceId, VantageName
from gtm.metrics.endpoints import STATES, endpoint_families, region_shares
from gtm.metrics.model import Chosen, Family, Point
from gtm.plan.model import Plan
from gtm.plan.outcome import CellAnswers, Selected
from gtm.plan.overlay import NO_OVERLAY, Overlay
from gtm.steer.decide import Pick, State
from gtm.steer.filter import Choose
from tests.fakes import world
from tests.fakes.overrides import WALL, said
from tests.node.guided import TEXT

UP, DOWN = Belief.UP, Belief.DOWN
ZONE = world.zone(TEXT)
API = ServiceId("api.gtm.example.com")
US, EU, AP = (RegionName(name) for name in ("us-east", "eu-west", "ap-southeast"))


def saying(action: Action, scope: str) -> InForce:
    return in_force(newest(joined({}, [said(scope, action)])), wall=WALL)


def families(
    *down: str, overlay: Overlay = NO_OVERLAY, plan: Plan | None = None, status: Status | None = None
) -> dict[str, Family]:
    believed = world.status(world.down(*down), ZONE) if status is None else status
    made = plan or world.plan(ZONE, believed=believed, geography=world.geography())
    return {
        endpoint_family.metric.prometheus: endpoint_family
        for endpoint_family in endpoint_families(made, believed, overlay)
    }


def states(found: dict[str, Family]) -> dict[str, str]:
    """The state of each endpoint of `api`, by the last part of its address."""
    shown = {}
    for point in found["gtm_endpoint_state"].points:
        assert isinstance(point.value, Chosen)
        if point.labels["service"] == API:
            shown[point.labels["endpoint"].rpartition(".")[2]] = point.value.state
    return shown


def test_what_nobody_said_anything_of_is_as_the_checks_say() -> None:
    assert states(families("192.0.2.20")) == {"10": "up", "20": "down", "30": "up"}
    assert states(families(status=NO_STATUS)) == {"10": "unknown", "20": "unknown", "30": "unknown"}


@pytest.mark.parametrize(
    ("action", "state"),
    [(Action.DOWN, "taken_out"), (Action.DRAIN, "taken_out"), (Action.UP, "forced_up"), (Action.OBEY, "down")],
)
def test_an_override_is_a_state_of_its_own(action: Action, state: str) -> None:
    overlay = Overlay(saying(action, "region gtm.example.com/eu-west"))
    assert states(families("192.0.2.20", overlay=overlay)) == {"10": "up", "20": state, "30": "up"}


def test_what_a_safety_rule_holds_is_up() -> None:
    held = {API: {EndpointId("eu-west/192.0.2.20"): SafetyRule.AT_LEAST}}
    assert states(families("192.0.2.20", overlay=Overlay(held=held)))["20"] == "up"


def test_a_person_who_takes_out_what_is_held_is_followed() -> None:
    held = {API: {EndpointId("eu-west/192.0.2.20"): SafetyRule.AT_LEAST}}
    overlay = Overlay(saying(Action.DOWN, "region gtm.example.com/eu-west"), held)
    assert states(families("192.0.2.20", overlay=overlay))["20"] == "taken_out"


def test_the_endpoints_of_a_region_are_counted_by_state() -> None:
    found = families("192.0.2.20")["gtm_region_endpoints"].points
    eu = {point.labels["state"]: point.value for point in found if point.labels["region"] == EU}
    assert eu == dict.fromkeys(STATES, 0) | {"up": 1, "down": 1}
    assert {point.labels["zone"] for point in found} == {"gtm.example.com"}


def seen_by(status: Status, vantage: str, *targets: str, belief: Belief = DOWN) -> Status:
    """The same, where one vantage sees these otherwise."""
    local = (LocalBelief(VantageName(vantage), belief),)
    seen = {name: replace(one, local=local) for name, one in status.checks.items() if name.endswith(targets)}
    return Status({**status.checks, **seen})


def test_what_one_vantage_sees_otherwise_is_named_with_it() -> None:
    well = world.status({}, ZONE)
    assert families(status=well)["gtm_endpoint_local"].points == ()
    cut = seen_by(well, "fra", "192.0.2.20", "192.0.2.21")
    assert families(status=cut)["gtm_endpoint_local"].points == tuple(
        Point({"service": f"{name}.gtm.example.com", "endpoint": f"eu-west/{end}", "vantage": "fra", "seen": "down"}, 1)
        for name, end in (("api", "192.0.2.20"), ("mail", "192.0.2.21"))
    )
    dead = seen_by(world.status(world.down("192.0.2.20"), ZONE), "fra", "192.0.2.20", belief=UP)
    assert [point.labels["seen"] for point in families(status=dead)["gtm_endpoint_local"].points] == ["up"]


@pytest.mark.parametrize(
    ("action", "count"), [(Action.DOWN, 0), (Action.DRAIN, 0), (Action.UP, 0), (Action.OBEY, 1), (None, 1)]
)
def test_what_a_person_decides_no_vantage_sees_otherwise(action: Action | None, count: int) -> None:
    cut = seen_by(world.status({}, ZONE), "fra", "192.0.2.20")
    overlay = NO_OVERLAY if action is None else Overlay(saying(action, "region gtm.example.com/eu-west"))
    assert len(families(status=cut, overlay=overlay)["gtm_endpoint_local"].points) == count


def shares(points: tuple[Point, ...]) -> dict[str, object]:
    return {point.labels["region"]: point.value for point in points if point.labels["service"] == API}


def test_the_share_of_a_region_goes_with_its_endpoints() -> None:
    before = shares(families()["gtm_region_share_ratio"].points)
    after = shares(families("192.0.2.20")["gtm_region_share_ratio"].points)
    assert before == {US: pytest.approx(1 / 3), EU: pytest.approx(1 / 3), AP: pytest.approx(1 / 3)}
    assert after == {US: pytest.approx(0.5), EU: 0.0, AP: pytest.approx(0.5)}


def selected(choose: Choose, *picks: tuple[int, int], rtype: int = 1) -> Selected:
    return Selected(rtype, tuple(Pick(*pick) for pick in picks), choose, 0, State.STEADY)


def test_where_one_is_drawn_by_weight_a_region_has_its_weight() -> None:
    spread = CellAnswers(((selected(Choose.ONE, (0, 1), (1, 3)),),), (0,))
    assert region_shares(spread, (US, EU)) == {US: 0.25, EU: 0.75}
    nothing = CellAnswers(((selected(Choose.ONE, (0, 0), (1, 0)),),), (0,))
    assert region_shares(nothing, (US, EU)) == {US: 0.5, EU: 0.5}


def test_each_cell_counts_as_one() -> None:
    parts = ((selected(Choose.ALL, (0, 1)),), (selected(Choose.ALL, (1, 1)),))
    assert region_shares(CellAnswers(parts, (0, 1, 1, 1)), (US, EU)) == {US: 0.25, EU: 0.75}


def test_each_type_that_is_answered_counts_alike_and_none_that_is_not() -> None:
    part = (selected(Choose.ALL, (0, 1)), selected(Choose.ALL, (1, 1), rtype=28), selected(Choose.ALL, rtype=5))
    assert region_shares(CellAnswers((part,), (0,)), (US, EU)) == {US: 0.5, EU: 0.5}
    assert region_shares(CellAnswers(((selected(Choose.ALL),),), (0,)), (US, EU)) == {}


@settings(max_examples=30)
@given(st.sets(st.sampled_from(["192.0.2.10", "192.0.2.20", "192.0.2.30", "192.0.2.11"])))
def test_the_shares_of_a_service_that_answers_are_1_together(down: set[str]) -> None:
    found = shares(families(*down)["gtm_region_share_ratio"].points)
    assert sum(value for value in found.values() if isinstance(value, float)) == pytest.approx(1.0)
