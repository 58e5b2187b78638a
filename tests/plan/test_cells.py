from dataclasses import replace
from ipaddress import ip_address

import pytest

from gtm.geo.cellmap import ONE_CELL, Hit
from gtm.geo.geography import NO_GEOGRAPHY
from gtm.geo.place import Coordinates, Place
from gtm.ids import ServiceId, VantageName
from gtm.plan.cells import carried
from gtm.plan.model import Cell, CellSpace, Plan
from gtm.zone.model import Zone
from tests.fakes import world

TWO = """
  one:
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2}]
  two:
    steer: nearest
    ttl: 5
    endpoints: [{region: eu-west, address: 192.0.2.3}, {region: us-east, address: 192.0.2.4}]
  three:
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.5}, {region: ap-southeast, address: 192.0.2.6}]
  chance:
    steer: weighted
    endpoints: [{region: us-east, address: 192.0.2.7}, {region: eu-west, address: 192.0.2.8}]
  turns:
    steer: round-robin
    endpoints: [{region: us-east, address: 192.0.2.9}]
  alone:
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.9}]
"""


@pytest.fixture(scope="module")
def zone() -> Zone:
    return world.services(TWO)


@pytest.fixture(scope="module")
def plan(zone: Zone) -> Plan:
    return world.plan(zone, geography=world.geography())


def space(plan: Plan, name: str) -> CellSpace:
    return plan.services[ServiceId(f"{name}.gtm.example.com")].space


def test_services_of_the_same_regions_share_one_space(plan: Plan) -> None:
    assert space(plan, "one") is space(plan, "two")
    assert space(plan, "one") is not space(plan, "three")


def test_services_that_do_not_look_at_the_client_have_one_cell_for_the_world(plan: Plan) -> None:
    for name in ("chance", "turns"):
        assert len(space(plan, name).cells) == 1
        assert space(plan, name).networks is ONE_CELL
    assert space(plan, "chance") is space(plan, "turns")


def test_a_service_of_one_region_has_one_cell_and_scope_0(plan: Plan) -> None:
    assert space(plan, "alone").networks is ONE_CELL


def test_there_is_a_cell_for_each_order_of_the_regions_that_some_place_has(plan: Plan) -> None:
    assert {cell.views[1] for cell in space(plan, "one").cells} == {("us-east", "eu-west"), ("eu-west", "us-east")}


def test_a_cell_has_an_example_place_of_its_own(plan: Plan) -> None:
    for name in ("one", "three"):
        steered = plan.services[ServiceId(f"{name}.gtm.example.com")]
        for cell in steered.space.cells:
            assert steered.chain[1].view is not None
            assert steered.chain[1].view(cell.example, steered.regions) == cell.views[1]


def test_without_geo_data_everyone_is_in_one_cell(zone: Zone) -> None:
    plan = world.plan(zone, geography=NO_GEOGRAPHY)
    assert all(steered.space.networks is ONE_CELL for steered in plan.services.values())


def test_a_bias_makes_other_cells(zone: Zone) -> None:
    biased = tuple(replace(region, bias=90 if region.name == "us-east" else 0) for region in zone.regions)
    plan = world.plan(replace(zone, regions=biased), geography=world.geography())
    dublin = space(plan, "one").networks.lookup(ip_address(world.EU))
    assert space(plan, "one").cells[dublin.cell].views[1] == ("eu-west", "us-east")
    london = world.geography({**world.PLACES, "10.9.0.0/16": Place(at=Coordinates(51.5, -20.0))})
    moved = world.plan(replace(zone, regions=biased), geography=london)
    hit = space(moved, "one").networks.lookup(ip_address("10.9.0.1"))
    assert space(moved, "one").cells[hit.cell].views[1] == ("us-east", "eu-west")


def test_no_family_has_a_network_of_length_0_in_a_map_of_several_cells(zone: Zone) -> None:
    only_v6 = world.geography({"2001:db8:2::/48": world.PLACES["2001:db8:2::/48"]})
    networks = space(world.plan(zone, geography=only_v6), "one").networks
    assert networks.lookup(ip_address("192.0.2.1")) == Hit(0, 9)
    assert networks.lookup(ip_address("10.0.0.1")) == Hit(0, 8)
    assert 0 not in networks.v4.lengths
    assert 0 not in networks.v6.lengths


def test_cells_of_equal_views_carry_over_to_another_space() -> None:
    def cells(*views: str) -> CellSpace:
        return CellSpace(tuple(Cell((view,), Place()) for view in views), ONE_CELL)

    assert carried(cells("b", "c", "a"), cells("a", "b")) == {0: 1, 2: 0}
    assert carried(cells("a"), None) == {}


def test_what_a_cell_had_before_is_that_of_the_cell_near_the_same_vantage() -> None:
    def cells(*near: str) -> CellSpace:
        return CellSpace(tuple(Cell((), Place(), VantageName(name) if name else None) for name in near), ONE_CELL)

    assert carried(cells("eu", "us", "ap"), cells("us", "eu")) == {0: 1, 1: 0, 2: 1}, "a new one is like any other"
    assert carried(cells("eu", "us"), cells("")) == {0: 0, 1: 0}


def test_chains_that_look_at_no_place_share_the_networks_near_each_vantage() -> None:
    text = "\n".join(
        f"  {steer}: {{monitor: web, steer: {steer}, endpoints: [{{region: us-east, address: 192.0.2.1}}]}}"
        for steer in ("failover", "weighted", "round-robin")
    )
    plan = world.plan(world.services(text), geography=world.geography(), vantages=world.VANTAGES)
    spaces = [service.space for service in plan.services.values()]
    assert len({id(space.networks) for space in spaces}) == 1
    assert {len(space.cells) for space in spaces} == {4}
