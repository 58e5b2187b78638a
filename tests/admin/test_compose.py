import dns.name

from gtm.admin.compose import check_status, region_views, service_views, zone_views
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.status import NO_STATUS
from gtm.health.regions import RegionState
from gtm.plan.model import EMPTY_PLAN
from gtm.steer.decide import State
from tests.fakes import world

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
ZONE = world.zone()


def test_a_service_shows_its_worst_state_over_all_cells_and_types() -> None:
    down = world.down("192.0.2.20", "192.0.2.40", "192.0.2.41", "192.0.2.90")
    plan = world.plan(ZONE, beliefs=down, geography=world.geography())
    states = {view.service.partition(".")[0]: view.state for view in service_views(plan, world.status(down, ZONE))}
    assert states["api"] is State.DEGRADED, "in one cell of three"
    assert states["v4"] is State.FAIL_OPEN
    assert states["closed"] is State.FAIL_CLOSED
    assert states["weighted"] is State.STEADY


def test_what_nobody_heard_of_is_unknown_and_what_nobody_checks_is_up() -> None:
    services = {service.name: service for service in ZONE.services}
    watched = services[dns.name.from_text("api.gtm.example.com")]
    unwatched = services[dns.name.from_text("pair.gtm.example.com")]
    assert check_status(watched, watched.endpoints[0], NO_STATUS).belief is UNKNOWN
    assert check_status(unwatched, unwatched.endpoints[0], NO_STATUS).belief is UP


def test_regions_are_counted_by_endpoint_and_stand_where_the_plan_found_them() -> None:
    auto = world.zone(
        world.HEAD.replace("at: [53.35, -6.26], country: IE", "at: auto") + "services:\n  a:\n    monitor: web\n"
        "    steer: nearest\n    endpoints:\n      - {region: eu-west, address: 10.2.0.9}\n"
        "      - {region: us-east, address: 192.0.2.1}\nrecords:" + world.NS1
    )
    plan = world.plan(auto, beliefs=world.down("10.2.0.9"), geography=world.geography())
    views = {str(view.region): view for view in region_views(plan, world.status(world.down("10.2.0.9"), auto))}
    assert views["eu-west"].at == world.DUBLIN
    assert (views["eu-west"].state, views["eu-west"].up, views["eu-west"].down) == (RegionState.DOWN, 0, 1)
    assert views["us-east"].at == Coordinates(38.95, -77.45)
    assert (views["us-east"].state, views["us-east"].up) == (RegionState.UP, 1)


def test_zones_and_their_services_are_in_the_order_of_their_names() -> None:
    other = world.zone(world.WORLD.replace("gtm.example.com", "a.example.com"))
    plan = world.plan(ZONE, other)
    assert [view.zone for view in zone_views(plan)] == ["a.example.com", "gtm.example.com"]
    zones = [view.zone for view in service_views(plan, NO_STATUS)]
    assert zones == sorted(zones)
    assert zone_views(plan)[0].serial == 7


def test_a_plan_without_zones_shows_nothing() -> None:
    assert not zone_views(EMPTY_PLAN)
    assert not service_views(EMPTY_PLAN, NO_STATUS)
    assert not region_views(EMPTY_PLAN, NO_STATUS)


def test_what_is_disabled_is_shown_apart_and_counts_in_no_region() -> None:
    zone = world.services("""
  api:
    monitor: web
    steer: nearest
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.2, enabled: false}
  off: {steer: nearest, endpoints: [{region: us-east, address: 192.0.2.3, enabled: false}]}
""")
    plan = world.plan(zone, beliefs={})
    api, off = service_views(plan, world.status({}, zone))
    assert ([endpoint.endpoint for endpoint in api.endpoints], [one.endpoint for one in api.disabled]) == (
        ["us-east/192.0.2.1"],
        ["eu-west/192.0.2.2"],
    )
    assert (off.endpoints, [one.by.value for one in off.disabled]) == ((), ["endpoint"])
    regions = {view.region: view for view in region_views(plan, world.status({}, zone))}
    assert [(view.state, view.up, view.down) for view in regions.values()] == [
        (RegionState.UP, 1, 0),
        (RegionState.DISABLED, 0, 0),
    ]
    [view] = zone_views(plan)
    assert view.services == 2
