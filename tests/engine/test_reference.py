"""What every engine does with a plan; the protocol is in tests/rfc."""

import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from gtm.geo.place import Coordinates, Place
from gtm.health.belief import Belief
from gtm.plan.apply import apply
from tests.fakes import world
from tests.fakes.world import query, values


@pytest.mark.parametrize(
    ("client", "address"), [(world.US, "192.0.2.40"), (world.EU, "192.0.2.41"), (world.ELSEWHERE, "192.0.2.40")]
)
def test_a_client_gets_the_nearest_region(serving: Engine, client: str, address: str) -> None:
    assert values(world.answer(serving, query("v4"), client=client).answer) == [address]


def test_a_swap_changes_the_next_answer(engine: Engine) -> None:
    zone = world.zone()
    plan = world.plan(zone, beliefs={}, geography=world.geography())
    engine.swap(plan)
    assert values(world.answer(engine, query("v4"), client=world.EU).answer) == ["192.0.2.41"]
    after = apply(plan, world.status(world.down("192.0.2.41"), zone), world.checks_of(plan, "192.0.2.41"))
    assert after is not None
    engine.swap(after)
    assert values(world.answer(engine, query("v4"), client=world.EU).answer) == ["192.0.2.40"]


def test_servfail_where_the_zone_asks_for_it_has_no_records(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(), beliefs=world.down("192.0.2.91")))
    message = world.answer(engine, query("broken", subnet="10.2.0.0/16"))
    assert message.rcode() == dns.rcode.SERVFAIL
    assert not any(message.sections[1:])


def test_the_last_resort_is_answered_when_all_others_are_down(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(), beliefs=world.down("192.0.2.92", "192.0.2.93")))
    assert values(world.answer(engine, query("spare")).answer) == ["192.0.2.93"]


@pytest.mark.parametrize("otherwise", Belief)
def test_the_same_arguments_give_the_same_bytes(engine: Engine, otherwise: Belief) -> None:
    engine.swap(world.plan(world.zone(), beliefs={}, otherwise=otherwise, geography=world.geography()))
    for name in ("api", "many", "chained", "robin", "nothing"):
        wire = query(name, subnet="10.2.3.0/24").to_wire()
        for coin in (0, 1, 2**64 - 1):
            first, second = (world.respond(engine, wire, client=world.EU, coin=coin) for _ in range(2))
            assert first == second


def test_the_engine_has_a_name(engine: Engine) -> None:
    assert engine.name in {"reference", "rust"}


@pytest.mark.parametrize("rtype", ["A", "AAAA", "CNAME", "TXT", "ANY"])
def test_a_last_resort_alias_is_not_shown_while_addresses_are_up(engine: Engine, rtype: str) -> None:
    """A resolver that sees the alias once uses it for every type."""
    zone = world.services("""
  mixed:
    monitor: web
    steer: nearest
    on_all_down: last_resort
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, target: backup.example.net., last_resort: true}
""")
    engine.swap(world.plan(zone, beliefs={}))
    assert not values(world.answer(engine, query("mixed", rtype)).answer, "CNAME")
    engine.swap(world.plan(zone, beliefs=world.down("192.0.2.1")))
    shown = values(world.answer(engine, query("mixed", rtype)).answer, "CNAME")
    assert shown == (["backup.example.net."] if rtype in {"A", "AAAA", "CNAME"} else [])


def test_an_alias_of_a_far_region_is_not_shown_to_who_is_near_an_address(engine: Engine) -> None:
    zone = world.services("""
  mixed:
    steer: nearest
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, target: eu.example.net.}
""")
    engine.swap(world.plan(zone, geography=world.geography()))
    for rtype in ("AAAA", "CNAME"):
        near, far = (world.answer(engine, query("mixed", rtype), client=client) for client in (world.US, world.EU))
        assert (near.rcode(), near.answer) == (dns.rcode.NOERROR, [])
        assert values(far.answer, "CNAME") == ["eu.example.net."]


CONTINENTS = {"10.1.0.0/16": Place("EU"), "10.2.0.0/16": Place("AS"), "10.3.0.0/16": Place("AF")}


def test_a_client_of_whom_only_the_continent_is_known_goes_to_a_region_there(engine: Engine) -> None:
    zone = world.services(THREE_REGIONS)
    engine.swap(world.plan(zone, geography=world.geography(CONTINENTS)))
    found = [world.answer(engine, query("api"), client=f"10.{number}.0.1") for number in (1, 2, 3, 4)]
    assert [values(each.answer) for each in found] == [["192.0.2.2"], ["192.0.2.3"], ["192.0.2.1"], ["192.0.2.1"]]
    engine.swap(world.plan(zone, beliefs=world.down("192.0.2.2"), geography=world.geography(CONTINENTS)))
    assert values(world.answer(engine, query("api"), client="10.1.0.1").answer) == ["192.0.2.1"]


def test_regions_at_one_point_share_the_places_and_each_takes_over_for_the_other(engine: Engine) -> None:
    places = {f"10.{number}.0.0/16": Place("EU", at=Coordinates(40.0 + number / 4, 10.0)) for number in range(40)}
    head = world.HEAD.replace("us-east: {at: [38.95, -77.45], country: US}", "eu-west-2: {at: [53.35, -6.26]}")
    services = THREE_REGIONS.replace("us-east", "eu-west-2")
    zone = world.zone(f"{head}\nservices:\n{services}\nrecords:{world.NS1}")
    clients = [f"10.{number}.0.1" for number in range(40)]
    asked = query("api")

    def answers(*down: str) -> list[str]:
        engine.swap(world.plan(zone, beliefs=world.down(*down), geography=world.geography(places)))
        return [value for client in clients for value in values(world.answer(engine, asked, client=client).answer)]

    usual = answers()
    assert usual == answers()
    assert {*usual} == {"192.0.2.1", "192.0.2.2"}
    assert 10 < usual.count("192.0.2.1") < 30
    assert answers("192.0.2.1") == ["192.0.2.2"] * 40


THREE_REGIONS = """
  api:
    steer: nearest
    monitor: web
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.2}
      - {region: ap-southeast, address: 192.0.2.3}
"""
