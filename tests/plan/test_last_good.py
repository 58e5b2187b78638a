"""The memory of `serve_last_good` is one object for all that remember the same, and does not grow."""

from dataclasses import replace

from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import Status
from gtm.ids import ServiceId
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.plan.outcome import Decisions
from gtm.steer.decide import State
from tests.fakes import world

SERVICE = """
  s{number}:
    monitor: web
    steer: nearest
    on_all_down: serve_last_good
    endpoints:
      - {{region: us-east, address: 192.0.2.{number}1}}
      - {{region: eu-west, address: 192.0.2.{number}2}}
      - {{region: ap-southeast, address: 192.0.2.{number}3}}
"""
ZONE = world.services("".join(SERVICE.format(number=number) for number in (1, 2)))
NAMES = [ServiceId(f"s{number}.gtm.example.com") for number in (1, 2)]
ALL_UP = world.status({}, ZONE)


def with_down(regions: str, number: str = "12") -> Status:
    """The status in which these regions (the last digit of an address) of these services are down."""
    return world.status(world.down(*(f"192.0.2.{one}{region}" for one in number for region in regions)), ZONE)


def walked(*statuses: Status) -> Plan:
    plan, before = world.plan(ZONE, beliefs={}, geography=world.geography()), ALL_UP
    for status in statuses:
        delta = StatusDelta.between(before, status)
        plan, before = apply(plan, status, () if delta is None else delta.flipped) or plan, status
    return plan


def of_both(plan: Plan) -> tuple[Decisions, Decisions]:
    return plan.decisions[NAMES[0]], plan.decisions[NAMES[1]]


def test_services_of_one_shape_that_remember_the_same_share_what_is_decided() -> None:
    for walk in ([with_down("1")], [with_down("123")], [with_down("1"), with_down("123")]):
        one, other = of_both(walked(*walk))
        assert one.spread is other.spread
        assert one.ttls is other.ttls
        assert one.answer_pool != other.answer_pool


def test_services_of_one_shape_that_remember_something_else_do_not() -> None:
    one, other = of_both(walked(with_down("1", number="1"), with_down("123")))
    assert [each.in_cell(0).outcomes[1].state for each in (one, other)] == [State.FAIL_OPEN] * 2
    shown = [{pick.number for part in each.spread.different for pick in part[0].picks} for each in (one, other)]
    assert shown == [{1, 2}, {0, 1, 2}]


def test_a_memory_does_not_cut_the_world_finer_with_every_flip() -> None:
    walk = [with_down(regions) for regions in ("1", "123", "23", "123", "2", "123", "13", "123", "")]
    for end in range(1, len(walk) + 1):
        for each in of_both(walked(*walk[:end])):
            assert len(set(each.spread.different)) == len(each.spread.different) <= 3
    assert of_both(walked(*walk)) == of_both(walked(ALL_UP))


def test_what_is_decided_again_alike_is_no_change() -> None:
    status = with_down("123")
    plan = walked(with_down("1"), status)
    assert apply(plan, status, plan.watchers) is None
    unread = Status({check: replace(one, belief=Belief.UNKNOWN) for check, one in status.checks.items()})
    assert apply(plan, unread, plan.watchers) is not None
