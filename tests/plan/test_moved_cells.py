"""Whose answers moved between two plans: cases by hand, and what must hold between any two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.ids import RegionName, ServiceId
from gtm.metrics.endpoints import region_shares
from gtm.plan import moved_cells as module
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.plan.moved_cells import LEAST_SHARE, NOWHERE, Move, moves, parse_move
from gtm.plan.outcome import CellAnswers
from tests.fakes import world
from tests.fakes.deltas import delta_of
from tests.plan.test_apply import PLAN, ZONE, after

TARGETS = sorted({endpoint.target for service in ZONE.all_services for endpoint in service.endpoints})


def moved(*down: str, before: Plan = PLAN) -> list[str]:
    plan, _ = after(PLAN, *down)
    found = moves(before, plan or PLAN, (plan or PLAN).services)
    assert found is not None
    return [str(move).replace(".gtm.example.com", "") for move in found]


def test_a_region_that_dies_gives_its_cells_to_the_next() -> None:
    assert moved("192.0.2.41") == ["v4: 50.00% of cells from eu-west to us-east"]
    assert moved("192.0.2.50") == ["failover: 100.00% of cells from us-east to eu-west"]


def test_what_is_drawn_by_weight_moves_by_weight() -> None:
    assert moved("192.0.2.61") == ["weighted: 25.00% of cells from eu-west to us-east"]
    assert moved("192.0.2.71") == [
        "robin: 16.67% of cells from eu-west to ap-southeast",
        "robin: 16.67% of cells from eu-west to us-east",
    ]


def test_what_stays_in_a_region_is_within_it() -> None:
    assert moved("198.51.100.1", "198.51.100.2") == ["many: 18.18% of cells within us-east"]


def test_what_is_not_answered_any_more_goes_nowhere_and_comes_back_from_there() -> None:
    assert moved("192.0.2.90") == ["closed: 100.00% of cells from us-east to no answer"]
    plan, _ = after(PLAN, "192.0.2.90")
    assert plan is not None
    back = moves(plan, PLAN, [ServiceId("closed.gtm.example.com")])
    assert back == (Move(ServiceId("closed.gtm.example.com"), 1, NOWHERE, RegionName("us-east"), 1.0),)


def test_services_of_one_shape_move_together() -> None:
    twins = "".join(
        f"""
  {name}:
    monitor: web
    steer: failover
    endpoints: [{{region: us-east, address: 192.0.2.10}}, {{region: eu-west, address: 192.0.2.20}}]
"""
        for name in ("a", "b", "c")
    )
    zone = world.services(twins)
    was, now = (world.plan(zone, beliefs=world.down(*down)) for down in ((), ("192.0.2.10",)))
    assert moves(was, now, was.services) == ()  # two compilations: nothing says that their cells are the same
    up, down = (world.status(world.down(*names), zone) for names in ((), ("192.0.2.10",)))
    later = apply(was, down, delta_of(up, down).flipped)
    assert later is not None
    assert [str(move) for move in moves(was, later, was.services) or ()] == [
        "a.gtm.example.com and 2 more: 100.00% of cells from us-east to eu-west"
    ]


def test_of_too_many_cells_it_looks_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, _ = after(PLAN, "192.0.2.41")
    assert plan is not None
    monkeypatch.setattr(module, "MAX_CELLS", 1)
    assert moves(PLAN, plan, plan.services) is None


def test_of_too_many_answers_it_looks_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, _ = after(PLAN, "192.0.2.41")
    assert plan is not None
    monkeypatch.setattr(module, "MAX_PICKS", 1)
    assert moves(PLAN, plan, plan.services) is None


def test_an_answer_that_gives_way_to_many_others_is_looked_at_for_each() -> None:
    name = ServiceId("weighted.gtm.example.com")
    several = PLAN.decisions[name].spread.different[0]
    picks = sum(len(selected.picks) for selected in several)
    before, after = CellAnswers((several,), (0, 0, 0)), CellAnswers((several, (), several), (0, 1, 2))
    assert module.Swap(before, after, ()).work == 5 * picks


@pytest.mark.slow
@given(st.sets(st.sampled_from(TARGETS)), st.sets(st.sampled_from(TARGETS)))
def test_a_region_loses_and_gains_what_its_share_differs_by(first: set[str], second: set[str]) -> None:
    was, now = (after(PLAN, *down)[0] or PLAN for down in (first, second))
    found = moves(was, now, now.services)
    assert found is not None
    for name in now.services:
        regions = tuple(endpoint_ref.region for endpoint_ref in now.services[name].endpoint_refs)
        old, new = (region_shares(plan.decisions[name].spread, regions) for plan in (was, now))
        own = [move for move in found if move.service == name]
        if any(move.services > 1 for move in found):
            continue  # told of another service of its shape
        for region in set(regions):
            balance = sum(move.share * ((move.target == region) - (move.origin == region)) for move in own)
            assert new[region] - old[region] == pytest.approx(balance, abs=LEAST_SHARE * len(regions) ** 2)


names = st.from_regex(r"[a-z0-9*_]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
ends = names | st.just("")


@given(names, st.integers(1, 10**6), ends, ends, st.integers(1, 10_000))
def test_the_text_of_a_move_can_be_read_again(name: str, count: int, origin: str, target: str, share: int) -> None:
    move = Move(ServiceId(name), count, RegionName(origin), RegionName(target), share / 10_000)
    if origin or target:
        assert parse_move(str(move)) == move


@pytest.mark.parametrize(
    "text", ["", "a", "a: 5% of cells", "a: 5.00% of cells from b", "a b: 5.00% of cells within c"]
)
def test_any_other_text_is_of_no_move(text: str) -> None:
    assert parse_move(text) is None
