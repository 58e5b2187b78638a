from ipaddress import ip_address

import pytest
from dns.rdatatype import RdataType

from gtm.geo.geography import Geography
from gtm.geo.place import Coordinates, Place
from gtm.ids import RegionName, ServiceId
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.outcome import Answer
from gtm.steer.decide import State
from gtm.steer.filter import Choose, Regions
from tests.fakes import world

ORIGIN = (b"gtm", b"example", b"com")
API = ServiceId("api.gtm.example.com")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return world.plan(world.zone(), beliefs={}, geography=world.geography())


def test_a_plan_is_one_generation_after_the_one_before(plan: Plan) -> None:
    assert EMPTY_PLAN.generation == 0
    assert plan.generation == 1
    assert world.plan(world.zone(), before=plan).generation == 2


def test_no_zones_are_an_empty_plan() -> None:
    empty = world.plan()
    assert (empty.zones, empty.services, empty.decisions, empty.watchers) == ({}, {}, {}, {})


def test_an_outcome_has_the_answers_of_the_cell_with_their_weights(plan: Plan) -> None:
    cell = plan.services[API].space.networks.lookup(ip_address(world.EU)).cell
    found = plan.decisions[API].in_cell(cell).outcomes[RdataType.A]
    assert found.answers == (
        Answer(RdataType.A, bytes((192, 0, 2, 20)), 2, found.answers[0].endpoint, RegionName("eu-west")),
        Answer(RdataType.A, bytes((192, 0, 2, 21)), 1, found.answers[1].endpoint, RegionName("eu-west")),
    )
    assert (found.choose, found.count, found.ttl, found.state, found.rcode) == (Choose.ONE, 0, 30, State.STEADY, 0)


def test_each_type_has_its_own_outcome_and_a_type_without_endpoints_none(plan: Plan) -> None:
    outcomes = plan.decisions[API].in_cell(0).outcomes
    assert set(outcomes) == {RdataType.A, RdataType.AAAA}
    assert set(plan.decisions[ServiceId("v4.gtm.example.com")].in_cell(0).outcomes) == {RdataType.A}


def test_there_is_a_decision_for_every_cell(plan: Plan) -> None:
    for name, decisions in plan.decisions.items():
        assert len(decisions.by_cell) == len(plan.services[name].space.cells)
        assert set(decisions.by_cell) == set(range(len(decisions.different)))


def test_a_check_is_watched_by_the_services_that_it_can_change(plan: Plan) -> None:
    [check] = world.checks_of(plan, "192.0.2.10")
    assert plan.watchers[check] == (API,)
    assert not world.checks_of(plan, "192.0.2.80"), "nobody checks a service without monitor"


def test_an_endpoint_that_nobody_checks_counts_as_up() -> None:
    found = world.plan(world.zone()).decisions[ServiceId("pair.gtm.example.com")].in_cell(0).outcomes[RdataType.A]
    assert len(found.answers) == 2
    assert found.state is State.STEADY


# The name table


def test_the_apex_has_soa_and_ns(plan: Plan) -> None:
    apex = plan.zones[ORIGIN].nodes[ORIGIN]
    assert {RdataType.SOA, RdataType.NS, RdataType.TXT, RdataType.MX} == set(apex.rrsets)
    assert apex.service == "gtm.example.com"
    assert not apex.delegation


@pytest.mark.parametrize("serial", [0, 1, 2**32 - 1])
def test_the_serial_is_as_given(serial: int) -> None:
    soa = world.plan(world.zone(), serial=serial).zones[ORIGIN].soa.rdatas[0]
    assert int.from_bytes(soa[-20:-16], "big") == serial


def test_every_name_between_a_record_and_the_apex_is_a_node(plan: Plan) -> None:
    nodes = plan.zones[ORIGIN].nodes
    for name in nodes:
        while name != ORIGIN:
            assert name in nodes
            name = name[1:]  # noqa: PLW2901  # up to the apex
    assert nodes[b"ent", *ORIGIN].rrsets == {}


def test_only_ns_below_the_apex_is_a_delegation(plan: Plan) -> None:
    cuts = {name[0] for name, node in plan.zones[ORIGIN].nodes.items() if node.delegation}
    assert cuts == {b"sub", b"other"}


# `at: auto`

AUTO = """
zone: gtm.example.com
nameservers: [ns1.gtm.example.com]
hostmaster: hostmaster@example.com
regions:
  found: {at: auto, country: US}
  country: {at: auto, country: IE}
  lost: {at: auto}
  said: {at: [1.0, 2.0]}
services:
  api:
    steer: nearest
    endpoints:
      - {region: found, address: 198.51.100.9}
      - {region: found, address: 10.3.0.9}
      - {region: country, address: 198.51.100.2}
      - {region: lost, target: far.example.net.}
      - {region: said, address: 10.1.0.9}
records:
  ns1: {A: 192.0.2.53}
"""


def test_auto_is_the_place_of_the_endpoints_then_the_country_then_nowhere() -> None:
    at = {str(region.name): region.at for region in _regions(world.geography())}
    assert at["found"] == world.SINGAPORE
    assert at["said"] == Coordinates(1.0, 2.0)
    country = at["country"]
    assert country is not None
    assert (round(country.latitude), round(country.longitude)) == (53, -6)
    assert at["lost"] is None


def test_a_region_that_moved_in_the_geo_data_moves_in_the_plan() -> None:
    moved = world.geography({**world.PLACES, "198.51.100.0/24": Place(at=world.DUBLIN)})
    assert {str(region.name): region.at for region in _regions(moved)}["found"] == world.DUBLIN


def test_a_service_has_the_regions_of_its_endpoints_in_the_order_of_the_zone() -> None:
    assert [region.name for region in _regions(world.geography())] == ["found", "country", "lost", "said"]
    zone = world.services("""
  api:
    steer: nearest
    endpoints: [{region: ap-southeast, address: 192.0.2.1}, {region: us-east, address: 192.0.2.2}]
""")
    assert [region.name for region in world.plan(zone).services[API].regions] == ["us-east", "ap-southeast"]


def _regions(geography: Geography) -> Regions:
    return world.plan(world.zone(AUTO), geography=geography).services[API].regions
