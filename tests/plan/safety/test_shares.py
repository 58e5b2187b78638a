import pytest
from dns.rdatatype import RdataType

from gtm.ids import ServiceId
from gtm.plan.safety.minimums import wanted_regions
from gtm.plan.safety.shares import Shares, shares_of
from tests.fakes import world


def shares(text: str, zone: str = "") -> Shares:
    """The shares of a zone with these services."""
    whole = f"{world.HEAD}\n{zone}\nservices:\n{text}\nrecords:{world.NS1}"
    return shares_of(world.plan(world.zone(whole)).services)


def service(name: str, *ends: str, more: str = "") -> str:
    lines = "".join(f"      - {{{end}}}\n" for end in ends)
    return f"  {name}:\n    monitor: web\n    steer: nearest\n{more}    endpoints:\n{lines}"


US, EU = "region: us-east, address: 192.0.2.1", "region: eu-west, address: 192.0.2.2"
AP, FAR = "region: ap-southeast, address: 192.0.2.3", "region: us-east, address: 192.0.2.4"
ZONE = "zone gtm.example.com"
A, AAAA = int(RdataType.A), int(RdataType.AAAA)


def carried(found: Shares, target: str) -> dict[str, float]:
    """What the check of an address carries, by service."""
    (check,) = [check for check in found.parts if check.endswith(f"/{target}")]
    return {name.partition(".")[0]: part.share for name, part in found.parts[check].items()}


def test_every_service_counts_alike_and_within_it_every_weight() -> None:
    found = shares(service("a", US, f"{EU}, weight: 3") + service("b", EU))
    assert carried(found, "192.0.2.1") == {"a": pytest.approx(1 / 8)}
    assert carried(found, "192.0.2.2") == {"a": pytest.approx(3 / 8), "b": pytest.approx(1 / 2)}
    assert sum(part.share for parts in found.parts.values() for part in parts.values()) == pytest.approx(1)


def test_the_largest_region_may_always_go_at_once() -> None:
    budget = shares(service("a", US, f"{EU}, weight: 3")).budgets[ZONE]
    assert budget.limit == 0.25
    assert budget.capacity == {A: pytest.approx(0.75)}
    wide = shares(service("a", US, EU), "safety: {max_share_removed_per_minute: 80}").budgets[ZONE]
    assert (wide.limit, wide.capacity) == (0.8, {A: 0.8})


def test_one_check_may_always_go_even_if_its_endpoints_are_in_several_regions() -> None:
    twin = "region: eu-west, address: 192.0.2.1"
    assert shares(service("a", US, twin, AP)).budgets[ZONE].capacity[A] == pytest.approx(2 / 3)


def test_a_machine_that_several_services_have_in_several_regions_may_always_go() -> None:
    twin = "region: ap-southeast, address: 192.0.2.1"
    found = shares(service("a", US, EU) + service("b", twin, FAR))
    assert found.budgets[ZONE].capacity[A] == pytest.approx(3 / 4), "all of us-east, and what else its machines serve"


def test_what_is_calculated_from_a_region_may_go_along_with_it() -> None:
    monitors = "  on-db: {type: calculated, all: [service db.gtm.example.com]}"
    web = service("web", FAR, AP).replace("monitor: web", "monitor: on-db")
    found = shares(service("db", EU) + web, monitors)
    assert found.budgets[ZONE].capacity[A] == pytest.approx(1)
    spread = shares(service("db", EU, AP) + web, monitors)
    assert spread.budgets[ZONE].capacity[A] == pytest.approx(1 / 4), "a region has half of the database"
    one = shares(service("db", EU, AP) + web.replace(AP, f"{AP}, weight: 3"), monitors)
    assert one.budgets[ZONE].capacity[A] == pytest.approx(3 / 8), "or what costs most would be held for ever"
    assert set(found.felling.values()) == {frozenset({"eu-west"})}
    assert len(found.felling) == 3


def test_weights_of_zero_count_alike_and_a_last_resort_for_nothing() -> None:
    found = shares(service("a", f"{US}, weight: 0", f"{EU}, weight: 0"))
    assert carried(found, "192.0.2.1") == {"a": 0.5}
    last = shares(service("a", US, f"{EU}, last_resort: true", more="    on_all_down: last_resort\n"))
    assert carried(last, "192.0.2.1") == {"a": 1.0}
    assert carried(last, "192.0.2.2") == {"a": 0.0}


def test_a_service_with_a_limit_of_its_own_is_counted_by_itself() -> None:
    own = "    safety: {max_share_removed_per_minute: 10}\n"
    found = shares(service("a", US, EU, more=own) + service("b", US, AP))
    assert found.budget_of == {
        ServiceId("a.gtm.example.com"): "service a.gtm.example.com",
        ServiceId("b.gtm.example.com"): ZONE,
    }
    assert carried(found, "192.0.2.1") == {"a": 0.5, "b": 0.5}
    assert found.budgets["service a.gtm.example.com"].limit == 0.1


def test_services_are_related_through_any_chain_of_shared_targets() -> None:
    found = shares(service("a", US, EU) + service("b", EU, AP) + service("c", AP) + service("d", FAR))
    numbers = {name.partition(".")[0]: number for name, number in found.clusters.items()}
    assert numbers["a"] == numbers["b"] == numbers["c"] != numbers["d"]


def test_what_is_disabled_has_no_share_and_no_rule_counts_it() -> None:
    text = service("a", US, f"{EU}, enabled: false", AP, more="    safety: {at_least: 3}\n")
    whole = world.zone(f"{world.HEAD}services:\n{text}records:{world.NS1}")
    services = world.plan(whole).services
    assert carried(shares_of(services), "192.0.2.1") == {"a": pytest.approx(1 / 2)}
    assert [wanted_regions(steered) for steered in services.values()] == [2]


def test_each_type_is_a_whole_and_an_alias_counts_for_both() -> None:
    us6, eu6 = (f'region: {name}, address: "2001:db8::{n}"' for n, name in enumerate(("us-east", "eu-west"), 1))
    found = shares(service("a", US, f"{EU}, weight: 3", us6, eu6) + service("b", AP))
    assert carried(found, "192.0.2.2") == {"a": pytest.approx(3 / 8)}
    assert carried(found, "2001:db8::2") == {"a": pytest.approx(1 / 4)}, "half of its AAAA, and one service of two"
    assert carried(found, "192.0.2.3") == {"b": pytest.approx(1 / 2)}
    assert found.budgets[ZONE].capacity == {A: pytest.approx(1 / 2), AAAA: pytest.approx(1 / 4)}
    alias = shares(service("a", US, "region: eu-west, target: other.example.net."))
    [check] = [check for check in alias.parts if check.endswith("/192.0.2.1")]
    [part] = alias.parts[check].values()
    assert (part.share, part.types) == (0.5, (A, AAAA)), "where one is an alias, all are decided together"
    assert alias.budgets[ZONE].capacity == {A: 0.5, AAAA: 0.5}
