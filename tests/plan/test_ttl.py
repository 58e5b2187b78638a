from dataclasses import replace

import pytest
from dns.name import from_text
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import LocalBelief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.ids import CheckId, ServiceId, VantageName
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.plan.ttl import degraded_ttl
from gtm.zone.model import Service
from gtm.zone.steering import Steer
from tests.fakes import world
from tests.fakes.deltas import delta_of

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
US, EU, AP, LAST = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.9"
SERVICE = ServiceId("s.gtm.example.com")


def zone_with(keys: str, *, monitor: str = "monitor: web", more: str = "") -> str:
    return f"""
  s:
    {keys}
    {monitor}
    steer: failover
    endpoints:
      - {{region: us-east, address: {US}}}
      - {{region: eu-west, address: {EU}}}
      - {{region: ap-southeast, address: {AP}}}
{more}"""


def believed(promises: dict[str, tuple[Belief, float]]) -> Status:
    return Status(
        {
            CheckId(f"gtm.example.com/web/{address}"): CheckStatus(belief, 0.0, flip_in_s=flip_in_s)
            for address, (belief, flip_in_s) in promises.items()
        }
    )


def planned(text: str, promises: dict[str, tuple[Belief, float]]) -> Plan:
    plan = world.plan(world.services(text), beliefs={}, geography=world.geography())
    status = believed(promises)
    return apply(plan, status, status.checks, retimed=status.checks) or plan


def ttl(plan: Plan) -> int:
    [served] = {outcome.ttl for decision in plan.decisions[SERVICE].different for outcome in decision.outcomes.values()}
    return served


def ttl_of(text: str, promises: dict[str, tuple[Belief, float]]) -> int:
    return ttl(planned(text, promises))


WELL = {US: (UP, 90.0), EU: (UP, 90.0), AP: (UP, 90.0)}
RANGE = zone_with("ttl: {max: 300, min: 30}")


@pytest.mark.parametrize(
    ("promises", "served"),
    [
        (WELL, 90),
        (WELL | {US: (UP, 400.0)}, 300),
        (WELL | {US: (UP, 60.9)}, 60),
        (WELL | {US: (UP, 7.0)}, 30),
        (WELL | {EU: (UP, 40.0)}, 90),  # it is not answered; whatever becomes of it changes nothing yet
        (WELL | {EU: (DOWN, 40.0)}, 40),  # it may come back; the chain is not asked whether that would matter
        (WELL | {US: (DOWN, 200.0)}, 90),  # the next one may go down too
        (WELL | {US: (DOWN, 50.0)}, 50),
        (WELL | {US: (UP, 0.0)}, 30),  # it just came up
        (WELL | {US: (UNKNOWN, 0.0)}, 30),
        ({US: (DOWN, 50.0), EU: (DOWN, 60.0), AP: (DOWN, 70.0)}, 50),
        ({}, 30),  # nothing was read yet
    ],
)
def test_a_ttl_between_bounds_is_the_time_until_the_answer_could_change(
    promises: dict[str, tuple[Belief, float]], served: int
) -> None:
    assert ttl_of(RANGE, promises) == served


def test_what_nobody_checks_changes_only_with_the_zone() -> None:
    assert ttl_of(zone_with("ttl: {max: 300, min: 30}", monitor="on_all_down: serve_all"), {}) == 300


def test_a_last_resort_is_answered_whatever_its_health() -> None:
    last = f"      - {{region: us-east, address: {LAST}, last_resort: true}}\n    on_all_down: last_resort\n"
    text = zone_with("ttl: {max: 300, min: 30}", more=last)
    assert ttl_of(text, WELL | {LAST: (DOWN, 0.0)}) == 90
    assert ttl_of(text, {US: (DOWN, 50.0), EU: (DOWN, 60.0), AP: (DOWN, 70.0), LAST: (UP, 0.0)}) == 50


@pytest.mark.parametrize(
    ("keys", "steady", "other"),
    [
        ("ttl: 30", 30, 15),
        ("ttl: 8", 8, 5),
        ("ttl: 3", 3, 3),
        ("ttl: 0", 0, 0),
        ("ttl: 30\n    ttl_degraded: 30", 30, 30),
        ("ttl: 30\n    ttl_degraded: 2", 30, 2),
    ],
)
def test_a_plain_ttl_is_shorter_while_the_answer_is_not_the_steady_one(keys: str, steady: int, other: int) -> None:
    text = zone_with(keys)
    assert ttl_of(text, WELL | {US: (UP, 0.0)}) == steady
    assert ttl_of(text, WELL | {AP: (DOWN, 0.0)}) == steady, "not what was answered anyway"
    assert ttl_of(text, WELL | {US: (DOWN, 400.0)}) == other
    assert ttl_of(text, {US: (DOWN, 9.0), EU: (DOWN, 9.0), AP: (DOWN, 9.0)}) == other


@given(ttl=st.integers(0, 10_000))
def test_the_default_of_a_degraded_ttl_is_never_longer_than_the_ttl(ttl: int) -> None:
    service = Service(from_text("s.example."), ttl, Steer(()), ())
    assert min(ttl, 5) <= degraded_ttl(service) <= ttl


def test_a_new_promise_changes_the_ttls_of_those_services_that_follow_it_and_of_no_other() -> None:
    plain = zone_with("ttl: 30").replace("  s:", "  plain:")
    before = believed(WELL)
    plan = planned(RANGE + plain, WELL)
    status = believed(WELL | {US: (UP, 60.0)})
    after = apply(plan, status, delta_of(before, status).flipped, retimed=delta_of(before, status).retimed)
    assert after is not None
    assert ttl(after) == 60
    assert after.generation == plan.generation + 1
    assert after.decisions[SERVICE].spread is plan.decisions[SERVICE].spread, "nothing else is decided again"
    other = ServiceId("plain.gtm.example.com")
    assert after.decisions[other] is plan.decisions[other]


@pytest.mark.parametrize("promise", [(UP, 20.0), (UP, 90.5)])
def test_a_promise_that_changes_no_ttl_is_no_plan(promise: tuple[Belief, float]) -> None:
    start = WELL | {US: (UP, 7.0)} if promise[1] == 20.0 else WELL
    plan, before, status = planned(RANGE, start), believed(start), believed(start | {US: promise})
    assert delta_of(before, status).retimed
    assert apply(plan, status, (), retimed=delta_of(before, status).retimed) is None


promised = st.tuples(st.sampled_from(Belief), st.floats(0, 1000))


@pytest.mark.slow
@given(st.tuples(promised, promised, promised), st.tuples(promised, promised, promised))
def test_following_a_status_step_by_step_ends_where_deciding_anew_does(
    first: tuple[tuple[Belief, float], ...], second: tuple[tuple[Belief, float], ...]
) -> None:
    addresses = (US, EU, AP)
    start, end = dict(zip(addresses, first, strict=True)), dict(zip(addresses, second, strict=True))
    before, after = believed(start), believed(end)
    plan = planned(RANGE, start)
    stepped = apply(plan, after, delta_of(before, after).flipped, retimed=delta_of(before, after).retimed) or plan
    anew = planned(RANGE, end)
    assert stepped.decisions == replace(anew, generation=stepped.generation).decisions
    assert 30 <= ttl(stepped) <= 300


def test_what_is_down_as_seen_from_one_vantage_may_come_back_there() -> None:
    status = believed(WELL | {EU: (UP, 40.0)})
    check = CheckId(f"gtm.example.com/web/{EU}")
    cut = Status({**status.checks, check: replace(status.checks[check], local=(LocalBelief(VantageName("eu"), DOWN),))})
    zone = world.services(RANGE)
    assert ttl(world.plan(zone, believed=status, geography=world.geography(), vantages=world.VANTAGES)) == 90
    assert ttl(world.plan(zone, believed=cut, geography=world.geography(), vantages=world.VANTAGES)) == 40
