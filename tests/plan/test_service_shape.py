"""Services that look alike to their chain are of one form, whatever their addresses."""

from gtm.ids import ServiceId
from gtm.plan.service_shape import form_of
from tests.fakes import world

ALIKE = """
  one:
    monitor: web
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2}]
  two:
    monitor: web
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.3}, {region: eu-west, address: 192.0.2.4}]
  same-address:
    monitor: web
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.5}, {region: eu-west, address: 192.0.2.5}]
  heavier:
    monitor: web
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2, weight: 2}]
"""
PLAN = world.plan(world.services(ALIKE), geography=world.geography())
ONE, TWO, SAME, HEAVIER = (ServiceId(f"{name}.gtm.example.com") for name in ("one", "two", "same-address", "heavier"))


def test_services_of_one_form_share_it_and_what_is_decided() -> None:
    assert PLAN.services[ONE].service_shape is PLAN.services[TWO].service_shape
    assert PLAN.decisions[ONE].spread is PLAN.decisions[TWO].spread
    assert PLAN.decisions[ONE].different != PLAN.decisions[TWO].different


def test_a_form_tells_weights_apart_and_an_address_that_is_twice() -> None:
    forms = {form_of(PLAN.services[name].service) for name in (ONE, TWO, SAME, HEAVIER)}
    assert len(forms) == 3


def test_an_address_in_two_regions_is_answered_once() -> None:
    for decision in PLAN.decisions[SAME].different:
        for outcome in decision.outcomes.values():
            assert len({answer.rdata for answer in outcome.answers}) == 1
