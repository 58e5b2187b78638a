"""What a zone file disables is as if it were not there, and enabling it again is no mistake."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.checks.model import checks
from gtm.ids import RegionName
from gtm.zone.model import DisabledBy, Endpoint, Region, Service, Zone
from gtm.zone.parse import NO_SHARED, Shared, parse
from tests.fakes import world
from tests.fakes.vocabulary import FAKE_VOCABULARY

US, EU, AP = "us-east", "eu-west", "ap-southeast"
OFF = ", enabled: false"


def end(region: str, number: int, more: str = "") -> str:
    return f"{{region: {region}, address: 192.0.2.{number}{more}}}"


def zone(*ends: str, regions: Sequence[str] = (), more: str = "", shared: Shared = NO_SHARED, zone: str = "") -> Zone:
    """A zone with one service that has these endpoints; the regions named are disabled."""
    head = world.HEAD
    for name in regions:
        head = head.replace(f"{name}: {{", f"{name}: {{enabled: false, ")
    lines = "".join(f"      - {one}\n" for one in ends)
    text = f"{head}{zone}\nservices:\n  api:\n    monitor: web\n    steer: nearest\n{more}    endpoints:\n{lines}"
    return parse(f"{text}records:{world.NS1}", "zone.yaml", shared, FAKE_VOCABULARY)


def only(parsed: Zone) -> Service:
    (service,) = parsed.all_services
    return service


def targets(endpoints: Sequence[Endpoint]) -> list[str]:
    return [endpoint.target for endpoint in endpoints]


def warnings(parsed: Zone) -> list[str]:
    return [warning.message for warning in parsed.warnings]


def test_a_disabled_endpoint_is_neither_checked_nor_answered() -> None:
    parsed = zone(end(US, 1), end(US, 2, OFF), end(EU, 3))
    assert targets(only(parsed).endpoints) == ["192.0.2.1", "192.0.2.3"]
    assert targets(only(parsed).disabled) == ["192.0.2.2"]
    assert [check.target for check in checks((parsed,))] == ["192.0.2.1", "192.0.2.3"]
    assert only(parsed).disabled_by(only(parsed).disabled[0]) is DisabledBy.ENDPOINT
    assert warnings(parsed) == []


def test_a_disabled_region_disables_what_is_in_it_in_every_service() -> None:
    parsed = zone(end(US, 1), end(EU, 2), end(EU, 3, OFF), regions=[EU])
    assert targets(only(parsed).endpoints) == ["192.0.2.1"]
    assert [(one.target, only(parsed).disabled_by(one)) for one in only(parsed).disabled] == [
        ("192.0.2.2", DisabledBy.REGION),
        ("192.0.2.3", DisabledBy.ENDPOINT),
    ]
    assert [region.name for region in parsed.regions] == [US, EU], "it is still a region of the zone"


def test_a_region_of_the_shared_file_is_disabled_for_all_zones_but_those_with_their_own() -> None:
    shared = Shared((Region(RegionName("far"), enabled=False), Region(RegionName(EU), enabled=False)))
    assert targets(only(zone(end("far", 1), end(EU, 2), shared=shared)).endpoints) == ["192.0.2.2"]


def test_a_disabled_region_is_news_of_every_zone_that_uses_it() -> None:
    on, off = (Shared((Region(RegionName("far"), enabled=enabled),)) for enabled in (True, False))
    assert zone(end("far", 1), end(US, 2), shared=on).digest != zone(end("far", 1), end(US, 2), shared=off).digest


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.sampled_from([US, EU, AP]), st.booleans(), st.integers(0, 255)), min_size=1, max_size=9),
    st.sets(st.sampled_from([US, EU, AP])),
)
def test_what_is_enabled_is_what_it_would_be_without_the_rest(
    drawn: list[tuple[str, bool, int]], regions: set[str]
) -> None:
    ends = [
        (region, is_enabled, end(region, number, f", weight: {weight}, priority: 1{'' if is_enabled else OFF}"))
        for number, (region, is_enabled, weight) in enumerate(drawn, start=1)
    ]
    parsed = zone(*(text for _, _, text in ends), regions=sorted(regions))
    left = [text for region, is_enabled, text in ends if is_enabled and region not in regions]
    assert len(only(parsed).endpoints) == len(left)
    assert len(only(parsed).disabled) == len(ends) - len(left)
    if left:
        assert replace(only(parsed), disabled=()) == only(zone(*left))
        assert parsed.disabled_services == ()
    else:
        assert parsed.services == ()


def test_ranks_of_regions_stay_when_one_is_disabled() -> None:
    parsed = zone(end(US, 1), end(EU, 2), end(AP, 3), regions=[US])
    assert [endpoint.priority for endpoint in only(parsed).endpoints] == [2, 3]


def test_a_service_of_which_nothing_is_enabled_is_warned_of_and_none_that_serves() -> None:
    parsed = zone(end(US, 1, OFF), end(EU, 2), regions=[EU])
    assert parsed.services == ()
    assert targets(parsed.disabled_services[0].disabled) == ["192.0.2.1", "192.0.2.2"]
    assert checks((parsed,)) == ()
    assert warnings(parsed) == ["nothing of this service is enabled: its answers are empty (NODATA) until something is"]


def test_a_disabled_service_is_as_one_of_which_nothing_is_enabled_but_that_was_said() -> None:
    parsed = zone(end(US, 1), end(EU, 2, OFF), more="    enabled: false\n")
    assert parsed.services == ()
    assert [only(parsed).disabled_by(one) for one in only(parsed).disabled] == [DisabledBy.SERVICE] * 2
    assert warnings(parsed) == []


def test_what_the_whole_service_can_have_is_no_mistake_while_some_is_disabled() -> None:
    safety = "    safety: {at_least: 3}\n    min_healthy: {us-east: 2}\n"
    parsed = zone(end(US, 1), end(US, 2), end(EU, 3), end(AP, 4), more=safety, regions=[US])
    assert only(parsed).safety.at_least == 3
    assert warnings(parsed) == [], "the region is out, and asks for nothing"


def test_a_region_with_fewer_enabled_than_it_needs_is_warned_of() -> None:
    parsed = zone(end(US, 1), end(US, 2, OFF), end(EU, 3), more="    min_healthy: {us-east: 2}\n")
    assert only(parsed).min_healthy == ((US, 2),)
    [warning] = warnings(parsed)
    assert warning == (
        "min_healthy asks for 2 endpoints up in us-east, of which 1 are enabled: the region is skipped while another "
        "has enough; disable the region, or ask for fewer"
    )


LAST, ON_LAST = ", last_resort: true", "    on_all_down: last_resort\n"


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        ([end(US, 1), end(EU, 2, OFF), end(AP, 3, LAST)], [False, True]),
        ([end(US, 1, OFF), end(EU, 2, OFF), end(AP, 3, LAST)], [False]),
        (
            [end(US, 1, OFF), "{region: us-east, address: '2001:db8::1'}", end(AP, 3, LAST)],
            [False, False],
        ),
        (["{region: us-east, target: www.example.net.}", end(EU, 2, OFF), end(AP, 3, LAST)], [False, True]),
    ],
)
def test_the_last_resort_is_as_any_other_once_nothing_regular_is_left_for_its_type(
    ends: list[str], last: list[bool]
) -> None:
    assert [endpoint.last_resort for endpoint in only(zone(*ends, more=ON_LAST)).endpoints] == last


def test_it_is_true_or_false(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"expected true or false"):
        zone(end(US, 1, ", enabled: maybe"))
