from gtm.ids import RegionName
from gtm.zone.model import DEFAULT_SAFETY, Safety, Service
from tests.fakes import world

ENDS = """
    endpoints:
      - {region: us-east, address: 192.0.2.10}
      - {region: us-east, address: 192.0.2.11}
      - {region: us-east, address: 192.0.2.12, last_resort: true}
      - {region: eu-west, address: 192.0.2.20}
    on_all_down: last_resort
"""


def service(own: str = "", zone: str = "") -> Service:
    """The only service of a zone, with these keys of its own and of the zone."""
    text = f"{world.HEAD}\n{zone}\nservices:\n  api:\n    steer: nearest\n{own}{ENDS}\nrecords:{world.NS1}"
    return world.zone(text).services[0]


def test_without_a_word_the_defaults_bind() -> None:
    assert service().safety == DEFAULT_SAFETY == Safety(1, 0.25, correlated_failure=True, is_apart=False)
    assert service().min_healthy == ()


def test_a_zone_binds_its_services() -> None:
    zone = "safety: {at_least: 2, max_share_removed_per_minute: 50, correlated_failure: false}"
    assert service(zone=zone).safety == Safety(2, 0.5, correlated_failure=False)


def test_a_service_replaces_key_by_key_and_its_own_share_is_apart() -> None:
    zone = "safety: {at_least: 2, max_share_removed_per_minute: 50, correlated_failure: false}"
    own = "    safety: {max_share_removed_per_minute: 10, correlated_failure: true}\n"
    assert service(own, zone).safety == Safety(2, 0.1, correlated_failure=True, is_apart=True)


def test_min_healthy_is_by_region_and_never_more_than_the_service_has_there() -> None:
    zone = "min_healthy: {us-east: 9, ap-southeast: 2}"
    assert service(zone=zone).min_healthy == ((RegionName("us-east"), 2),), "the last resort is not counted"
    both = service("    min_healthy: {eu-west: 1, us-east: 1}\n", zone).min_healthy
    assert both == ((RegionName("us-east"), 1), (RegionName("eu-west"), 1))
