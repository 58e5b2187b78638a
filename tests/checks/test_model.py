from gtm.checks.model import Part, checks
from gtm.ids import CheckId
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, parse, parse_shared
from tests.fakes.vocabulary import FAKE_VOCABULARY

ZONE = """zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {one: {}, two: {}}
monitors: {web: {type: http}, tls: {type: https}}
services:
  API: &api
    monitor: web
    steer: weighted
    endpoints: [{region: one, address: 192.0.2.1}, {region: two, address: 192.0.2.1}, {region: two, target: lb}]
  again: *api
  other: {monitor: tls, steer: weighted, endpoints: [{region: one, address: 192.0.2.1}]}
  unwatched: {steer: weighted, endpoints: [{region: one, address: 192.0.2.9}]}
"""


def test_endpoints_of_one_monitor_and_address_share_one_check() -> None:
    zone = parse(ZONE, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)
    assert [(check.id, check.target) for check in checks((zone,))] == [
        ("example.com/tls/192.0.2.1", "192.0.2.1"),
        ("example.com/web/192.0.2.1", "192.0.2.1"),
        ("example.com/web/lb.example.com", "lb.example.com"),
    ]


def test_a_check_of_the_shared_file_knows_who_asks_for_it() -> None:
    shared = parse_shared("monitors: {alive: {type: tcp, port: 443}}", "_shared.yaml")
    first = ZONE.replace("monitor: web", "monitor: alive")
    zones = [
        parse(text, "zone.yaml", shared, FAKE_VOCABULARY)
        for text in (
            first,
            first.replace("zone: example.com", "zone: example.org").replace("192.0.2.1}", "192.0.2.2}", 1),
        )
    ]
    assert {check.id: check.asked_by for check in checks(tuple(zones)) if check.monitor.name != "tls"} == {
        "_shared/alive/192.0.2.1": ("example.com", "example.org"),
        "_shared/alive/192.0.2.2": ("example.org",),
        "_shared/alive/lb.example.com": ("example.com",),
        "_shared/alive/lb.example.org": ("example.org",),
    }
    assert {check.asked_by for check in checks(tuple(zones)) if check.monitor.name == "tls"} == {
        ("example.com",),
        ("example.org",),
    }


CALCULATED = """zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {one: {}}
monitors:
  web: {type: http}
  database: {type: tcp, port: 5432}
  both: {type: calculated, all: [web, database]}
  whole:
    type: calculated
    all: [both, service search.example.com, service static.example.com, service gone.example.net]
services:
  api: {monitor: whole, steer: weighted, endpoints: [{region: one, address: 192.0.2.1}]}
  search:
    monitor: web
    steer: weighted
    endpoints: [{region: one, address: 192.0.2.2}, {region: one, address: 192.0.2.3}]
  static: {steer: weighted, endpoints: [{region: one, address: 192.0.2.9}]}
"""


def test_the_parts_of_a_calculated_check_are_checked_too_on_the_same_endpoint() -> None:
    zone = parse(CALCULATED, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)
    found = {check.id: check for check in checks((zone,))}
    assert set(found) == {
        "example.com/whole/192.0.2.1",
        "example.com/both/192.0.2.1",
        "example.com/web/192.0.2.1",
        "example.com/database/192.0.2.1",
        "example.com/web/192.0.2.2",
        "example.com/web/192.0.2.3",
    }
    assert found[CheckId("example.com/whole/192.0.2.1")].parts == (
        Part("both", (CheckId("example.com/both/192.0.2.1"),)),
        Part("search.example.com", (CheckId("example.com/web/192.0.2.2"), CheckId("example.com/web/192.0.2.3"))),
        Part("static.example.com", (), is_unchecked=True),
        Part("gone.example.net", ()),
    )
    assert found[CheckId("example.com/web/192.0.2.1")].parts == ()


def test_services_of_two_zones_that_wait_for_each_other_are_not_known() -> None:
    def zone_of(name: str, other: str) -> Zone:
        text = f"""zone: {name}
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {{one: {{}}}}
monitors: {{web: {{type: http}}, whole: {{type: calculated, all: [web, service api.{other}]}}}}
services: {{api: {{monitor: whole, steer: weighted, endpoints: [{{region: one, address: 192.0.2.1}}]}}}}
"""
        return parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)

    a, b = zone_of("a.example", "b.example"), zone_of("b.example", "a.example")
    whole = {check.id: check.parts for check in checks((a, b)) if check.parts}
    assert whole[CheckId("a.example/whole/192.0.2.1")][1] == Part("api.b.example", ())
    assert whole[CheckId("b.example/whole/192.0.2.1")][1] == Part("api.a.example", ())
    alone = {check.id: check.parts for check in checks((a,)) if check.parts}
    assert alone[CheckId("a.example/whole/192.0.2.1")][1] == Part("api.b.example", ()), "nobody has it"
