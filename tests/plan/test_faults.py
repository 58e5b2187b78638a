from dataclasses import replace

from gtm.checks.model import Part, checks
from gtm.ids import CheckId, ServiceId
from gtm.plan.faults import Watched, everything, fallen, single_faults
from gtm.zone.model import Zone
from tests.fakes import world

TEXT = f"""{world.HEAD}
  tcp: {{type: tcp, port: 22}}
  both: {{type: calculated, all: [web, tcp]}}
  on-db: {{type: calculated, all: [service db.gtm.example.com]}}
  either: {{type: calculated, any: [service db.gtm.example.com, service queue.gtm.example.com]}}
  or-bare: {{type: calculated, any: [service db.gtm.example.com, service bare.gtm.example.com]}}
services:
  db:
    monitor: web
    steer: nearest
    endpoints: [{{region: us-east, address: 192.0.2.1}}, {{region: us-east, address: 192.0.2.2}}]
  queue:
    monitor: web
    steer: nearest
    endpoints: [{{region: eu-west, address: 192.0.2.3}}]
  bare:
    steer: nearest
    endpoints: [{{region: eu-west, address: 192.0.2.4}}]
  s:
    monitor: MONITOR
    steer: nearest
    endpoints: [{{region: ap-southeast, address: 192.0.2.8}}]
records:{world.NS1}"""


def zone(monitor: str) -> Zone:
    return world.zone(TEXT.replace("MONITOR", monitor))


def watched(monitor: str) -> Watched:
    return {check.id: check for check in checks((zone(monitor),))}


def faults(monitor: str) -> dict[str, set[str]]:
    """The single faults of `s`, and what is down after each."""
    services = world.plan(zone(monitor), geography=world.geography()).services
    found = single_faults(services[ServiceId("s.gtm.example.com")], services, watched(monitor))
    return {fault.name: names(fault.fallen) for fault in found}


def names(found: frozenset[CheckId]) -> set[str]:
    return {check.removeprefix("gtm.example.com/") for check in found}


def test_a_region_takes_every_check_of_its_targets_along() -> None:
    assert faults("both") == {"all of ap-southeast dies": {"both/192.0.2.8", "web/192.0.2.8", "tcp/192.0.2.8"}}


def test_a_service_that_another_is_calculated_from_takes_it_along_wherever_that_is() -> None:
    after = {"web/192.0.2.1", "web/192.0.2.2", "on-db/192.0.2.8"}
    assert faults("on-db") == {"all of us-east dies": after, "all of db.gtm.example.com dies": after}
    assert names(fallen(frozenset({"192.0.2.1"}), watched("on-db"))) == {"web/192.0.2.1"}, "one of two endpoints"


def test_where_no_single_death_is_enough_all_that_is_awaited_dies() -> None:
    after = {"web/192.0.2.1", "web/192.0.2.2", "web/192.0.2.3", "either/192.0.2.8"}
    assert faults("either") == {"all that its monitor is calculated from dies": after}


def test_what_nobody_checks_keeps_up_what_it_is_enough_for() -> None:
    assert faults("or-bare") == {}
    assert "or-bare/192.0.2.8" not in names(everything(watched("or-bare")).fallen)


def test_a_service_that_nobody_checks_has_no_fault() -> None:
    services = world.plan(zone("web"), geography=world.geography()).services
    assert single_faults(services[ServiceId("bare.gtm.example.com")], services, watched("web")) == ()


def test_services_may_wait_for_each_other_in_a_row_of_any_length() -> None:
    found = dict(watched("on-db"))
    last = found[CheckId("gtm.example.com/on-db/192.0.2.8")]
    for number in range(2000):
        part = Part(f"s{number}.gtm.example.com", (last.id,))
        last = replace(last, id=CheckId(f"gtm.example.com/row/{number}"), parts=(part,))
        found[last.id] = last
    assert last.id in fallen(frozenset({"192.0.2.1", "192.0.2.2"}), found)
    assert last.id not in fallen(frozenset({"192.0.2.1"}), found)
