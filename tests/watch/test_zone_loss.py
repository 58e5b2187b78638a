"""What a zone loses of what serves, and when that is too much."""

import pytest

from gtm.watch.zone_loss import DEFAULT_MOST_LOST, NO_GUARD, LossGuard, losses
from gtm.zone.model import Zone
from tests.fakes import world


def hosts(*numbers: int, address: str = "192.0.2.1") -> str:
    """Records of hosts."""
    return "".join(f"  h{number:02}: {{A: [{address}]}}\n" for number in numbers)


def zone(records: str = "", *, services: str = "", file: str = "") -> Zone:
    """A zone with these records and services, and this records file."""
    text = f"{world.HEAD}services:\n{services or '  {}'}\nrecords:{world.NS1}\n{records}"
    return world.zone(text, records=file)


def service(name: str, endpoints: int) -> str:
    """A service with so many endpoints."""
    ends = ", ".join(f"{{region: us-east, address: 192.0.2.{number + 1}}}" for number in range(endpoints))
    return f"  {name}: {{steer: round-robin, endpoints: [{ends}]}}\n"


def told(before: Zone, after: Zone, most_lost: float = DEFAULT_MOST_LOST) -> list[str]:
    return [str(loss) for loss in losses(before, after, most_lost)]


def test_most_of_the_names_tells_how_many_and_some_of_them() -> None:
    assert told(zone(hosts(*range(19))), zone(hosts(*range(9)))) == []
    assert told(zone(hosts(*range(19))), zone(hosts(*range(8)))) == [
        "11 of 20 names (h08.gtm.example.com, h09.gtm.example.com, h10.gtm.example.com and 8 more)",
        "11 of 21 records",
    ]


def test_names_that_are_others_now_are_lost_however_many_there_are() -> None:
    [loss] = told(zone(hosts(*range(20))), zone(hosts(*range(50, 90))))
    assert loss.startswith("20 of 21 names (h00.gtm.example.com, ")


def test_what_records_say_may_change_as_it_likes() -> None:
    assert told(zone(hosts(*range(40))), zone(hosts(*range(40), address="198.51.100.7"))) == []


def test_records_count_where_names_stay() -> None:
    many = "  pool: {A: [" + ", ".join(f"192.0.2.{number + 1}" for number in range(30)) + "]}\n"
    assert told(zone(many), zone("  pool: {A: [192.0.2.1]}\n")) == ["29 of 32 records"]


def test_services_and_endpoints_count_too() -> None:
    before = zone(services="".join(service(f"s{number:02}", 2) for number in range(12)))
    assert told(before, zone(services=service("s00", 24))) == [
        "11 of 13 names (s01.gtm.example.com, s02.gtm.example.com, s03.gtm.example.com and 8 more)",
        "11 of 12 services",
    ]
    same_names = zone(services="".join(service(f"s{number:02}", 1) for number in range(12)))
    assert told(before, same_names) == []
    assert told(zone(services=service("api", 12)), zone(services=service("api", 5))) == ["7 of 12 endpoints"]


def test_a_service_that_becomes_a_record_is_no_name_less() -> None:
    before = zone(services="".join(service(f"h{number:02}", 1) for number in range(12)))
    assert told(before, zone(hosts(*range(12)))) == ["12 of 12 services", "12 of 12 endpoints"]


def test_a_small_zone_may_lose_all_at_once() -> None:
    assert told(zone(hosts(*range(7)), services=service("api", 9)), zone()) == [], "nine names, nine endpoints"
    assert told(zone(hosts(*range(9))), zone()) == [
        "9 of 10 names (h00.gtm.example.com, h01.gtm.example.com, h02.gtm.example.com and 6 more)",
        "9 of 11 records",
    ]


def test_a_records_file_counts_by_its_names_and_not_by_those_between() -> None:
    before = zone(file="".join(f"a{number:02}.b.c A 192.0.2.1\n" for number in range(11)))
    assert told(before, zone(file="a00.b.c A 192.0.2.1\n")) == [
        "10 of 12 names (a01.b.c.gtm.example.com, a02.b.c.gtm.example.com, a03.b.c.gtm.example.com and 7 more)",
        "10 of 13 records",
    ]
    moved = zone(records="".join(f"  a{number:02}.b.c: {{A: [192.0.2.1]}}\n" for number in range(11)))
    assert told(before, moved) == [], "into the zone file"


def test_a_records_file_that_stays_is_counted_too() -> None:
    stays = "".join(f"a{number:02} A 192.0.2.1\n" for number in range(20))
    assert told(zone(hosts(*range(18)), file=stays), zone(file=stays)) == []
    assert told(zone(hosts(*range(30)), file=stays), zone(file=stays)) == [
        "30 of 51 names (h00.gtm.example.com, h01.gtm.example.com, h02.gtm.example.com and 27 more)",
        "30 of 52 records",
    ]


@pytest.mark.parametrize(("most_lost", "is_told"), [(0.0, True), (0.5, True), (0.91, False), (1.0, False)])
def test_how_much_may_go_is_a_setting(most_lost: float, is_told: bool) -> None:  # noqa: FBT001  # of the table
    assert bool(told(zone(hosts(*range(20))), zone(hosts(0, 1)), most_lost)) is is_told


def test_the_guard_says_what_to_do_and_lets_pass_what_is_forced() -> None:
    before, after = zone(hosts(*range(19))), zone(hosts(0))
    words = LossGuard().words(before, after)
    assert words.startswith("it would lose 18 of 20 names (h01.gtm.example.com, h02.gtm.example.com, ")
    assert words.endswith(
        " and 15 more), 18 of 21 records. What serves stays as it is; if this is meant: "
        "gtm reload --force gtm.example.com"
    )
    assert LossGuard(forced=frozenset([after.origin])).words(before, after) == ""
    assert LossGuard().words(None, after) == ""
    assert NO_GUARD.words(before, after) == ""


def off(text: str) -> str:
    """The service with every endpoint disabled."""
    return text.replace("}", ", enabled: false}")


def some_off(text: str) -> str:
    """The service with all endpoints but the last one disabled."""
    return text.replace("}, {", ", enabled: false}, {")


def test_to_disable_endpoints_is_no_loss_but_services_of_which_nothing_is_left_are_lost() -> None:
    whole = [service(f"s{number}", 3) for number in range(10)]
    before = zone(services="".join(whole))
    assert told(before, zone(services="".join(map(some_off, whole)))) == []
    assert told(before, zone(services="".join([*map(off, whole[:5]), *whole[5:]]))) == []
    assert told(before, zone(services="".join([*map(off, whole[:6]), *whole[6:]]))) == ["6 of 10 services"]


def test_what_was_disabled_is_missed_when_it_is_taken_out() -> None:
    whole = [service(f"s{number}", 3) for number in range(10)]
    assert told(zone(services="".join(map(off, whole))), zone()) == [
        "10 of 11 names (s0.gtm.example.com, s1.gtm.example.com, s2.gtm.example.com and 7 more)",
        "30 of 30 endpoints",
    ]
