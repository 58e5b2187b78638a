"""Regions at one point: each point of clients has one of them as its own."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.geo.place import Coordinates, Place
from gtm.ids import RegionName
from gtm.steer.filter import Regions
from gtm.steer.filters import nearest
from gtm.steer.filters.sites import own_first, owners, site_of, sites_of
from gtm.zone.model import Region
from tests.fakes.world import ASHBURN, DUBLIN, SINGAPORE

WORLD = [Coordinates(float(north), float(east)) for north in range(-60, 75, 5) for east in range(-180, 180, 6)]


def at(point: Coordinates | None, *names: str, bias: int = 0) -> Regions:
    return tuple(Region(RegionName(name), point, bias=bias) for name in names)


def firsts(regions: Regions) -> list[str]:
    """Returns the first region of each point of the world."""
    return [names[0] for names in nearest.orders([Place(at=point) for point in WORLD], regions)]


def test_regions_are_of_one_site_where_point_and_bias_are_the_same() -> None:
    regions = at(DUBLIN, "d", "b") + at(DUBLIN, "c", bias=1) + at(None, "f", "e") + at(SINGAPORE, "a")
    sites = [[region.name for region in site] for site in sites_of(regions)]
    assert sites == [["a"], ["b", "d"], ["c"], ["e"], ["f"]]
    assert [region.name for region in site_of(regions[0], regions)] == ["b", "d"]


@pytest.mark.parametrize("names", [("a", "b"), ("us-east-1a", "us-east-1b", "us-east-1c"), ("x", "yy", "zzz", "w")])
def test_each_region_of_a_site_has_about_as_many_points_as_the_others(names: tuple[str, ...]) -> None:
    share = len(WORLD) / len(names)
    counts = Counter(firsts(at(DUBLIN, *names)))
    assert set(counts) == set(names)
    assert all(abs(count - share) < share / 5 for count in counts.values())


def test_a_point_has_the_same_region_on_every_machine_and_in_every_order_of_the_file() -> None:
    assert firsts(at(DUBLIN, "a", "b", "c")) == firsts(at(DUBLIN, "c", "a", "b"))
    for point in (DUBLIN, ASHBURN):  # whatever the point of the regions
        regions = at(point, "a", "b", "c")
        assert nearest.order(Place(at=Coordinates(48.86, 2.35)), regions) == ("a", "b", "c")
        assert nearest.order(Place(at=Coordinates(41.9, 12.5)), regions) == ("b", "c", "a")
        assert nearest.order(Place(at=Coordinates(-12.05, -77.05)), regions) == ("c", "a", "b")


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=50), st.integers(1, 5))
def test_many_points_at_once_have_the_owners_that_each_has_alone(drawn: list[tuple[float, float]], count: int) -> None:
    site, points = at(DUBLIN, *"abcde"[:count]), [Coordinates(*point) for point in drawn]
    assert [site[number] for number in owners(site, points)] == [own_first(site, point)[0] for point in points]


def test_a_region_that_is_added_takes_points_and_moves_no_other() -> None:
    before, after = firsts(at(DUBLIN, "a", "b")), firsts(at(DUBLIN, "a", "b", "c"))
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {"c"}


def test_the_others_of_a_site_follow_before_what_is_farther() -> None:
    regions = at(DUBLIN, "c", "a") + at(ASHBURN, "b") + at(SINGAPORE, "d", "e")
    orders = nearest.orders([Place(at=point) for point in WORLD], regions)
    for names in orders:
        places = [{"a": "dublin", "c": "dublin", "b": "ashburn"}.get(name, "singapore") for name in names]
        assert len(list(dict.fromkeys(places))) == 3
        assert [place for number, place in enumerate(places) if place not in places[:number]] == list(
            dict.fromkeys(places)
        )
        assert abs(names.index(RegionName("a")) - names.index(RegionName("c"))) == 1
        assert abs(names.index(RegionName("d")) - names.index(RegionName("e"))) == 1


def test_a_bias_prefers_one_of_two_everywhere() -> None:
    regions = at(DUBLIN, "a") + at(DUBLIN, "b", bias=1)
    assert Counter(firsts(regions)) == {"b": len(WORLD)}


@pytest.mark.parametrize(("biases", "expected"), [((0, 1), "ba"), ((-1, 0), "ba"), ((1, 0), "ab")])
def test_a_bias_prefers_one_of_two_for_clients_at_their_very_point_too(biases: tuple[int, int], expected: str) -> None:
    regions = at(DUBLIN, "a", bias=biases[0]) + at(DUBLIN, "b", bias=biases[1])  # such as two with the same country
    assert nearest.order(Place(at=DUBLIN), regions) == tuple(expected)
    assert nearest.orders([Place(at=DUBLIN)], regions) == [tuple(expected)]


@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(1, 6))
def test_a_point_gets_every_region_of_a_site_once(north: float, east: float, count: int) -> None:
    site = at(DUBLIN, *"abcdef"[:count])
    found = own_first(site, Coordinates(north, east))
    assert {*found} == {*site}
    assert len(found) == count
    assert found == own_first(site, Coordinates(north + 0.0, east + 0.0))
