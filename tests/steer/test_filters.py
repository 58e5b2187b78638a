"""The filters one by one: gtm/steer/filters/*.py."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gtm.geo.place import NOWHERE, Coordinates, Place, distance_km
from gtm.health.belief import Belief
from gtm.ids import RegionName
from gtm.steer.filter import Candidate, Candidates, Choose, Filter, Regions
from gtm.steer.filters import first, nearest, priority, shuffle, up, weight
from gtm.zone.model import Region
from gtm.zone.steering import Argument
from tests.fakes.world import ASHBURN, DUBLIN, SINGAPORE

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN

REGIONS: Regions = (
    Region(RegionName("us-east"), ASHBURN),
    Region(RegionName("eu-west"), DUBLIN),
    Region(RegionName("ap-southeast"), SINGAPORE),
)


def candidate(
    number: int, belief: Belief = UP, *, region: str = "us-east", weight: int = 1, priority: int = 1
) -> Candidate:
    return Candidate(number, RegionName(region), belief, weight, priority)


def numbers(candidates: Candidates) -> list[int]:
    return [each.number for each in candidates]


def order(at: Coordinates | None, regions: Regions = REGIONS) -> list[str]:
    return list(nearest.order(Place(at=at), regions))


# up


UP_GROUPS = [
    candidate(1, UP),
    candidate(2, UNKNOWN),
    candidate(3, UP, weight=0),
    candidate(4, UNKNOWN, weight=0),
    candidate(5, DOWN),
    candidate(6, DOWN, weight=0),
]


@pytest.mark.parametrize(("missing", "kept"), [(0, [1]), (1, [2]), (2, [3]), (3, [4]), (4, []), (5, [])])
def test_up_keeps_the_first_of_its_four_groups_and_never_what_is_down(missing: int, kept: list[int]) -> None:
    assert numbers(up.parse(None).keep(tuple(UP_GROUPS[missing:]), ())) == kept


def test_up_keeps_everyone_of_the_group_in_order() -> None:
    pool = (candidate(3), candidate(1, UNKNOWN), candidate(2), candidate(4, DOWN), candidate(5))
    assert numbers(up.parse(None).keep(pool, ())) == [3, 2, 5]


def test_up_of_nobody_is_nobody() -> None:
    assert up.parse(None).keep((), ()) == ()


# weight


def test_weight_keeps_the_best_rank_and_its_weights() -> None:
    pool = (candidate(1, weight=3).ranked(0), candidate(2, weight=7).ranked(0), candidate(3, weight=9).ranked(1))
    kept = weight.parse(None).keep(pool, ())
    assert [(*numbers((each,)), each.weight) for each in kept] == [(1, 3), (2, 7)]


def test_weight_zero_is_not_chosen_beside_a_weight() -> None:
    pool = (candidate(1, weight=0), candidate(2, weight=255), candidate(3, weight=0))
    assert numbers(weight.parse(None).keep(pool, ())) == [2]


def test_weight_all_zero_means_equal_shares() -> None:
    kept = weight.parse(None).keep((candidate(1, weight=0), candidate(2, weight=0)), ())
    assert [each.weight for each in kept] == [1, 1]


# priority


def test_priority_sorts_lowest_first_and_keeps_the_order_of_equals() -> None:
    pool = (candidate(1, priority=2), candidate(2, priority=0), candidate(3, priority=2), candidate(4, priority=0))
    kept = priority.parse(None).keep(pool, ())
    assert numbers(kept) == [2, 4, 1, 3]
    assert numbers(weight.parse(None).keep(kept, ())) == [2, 4]


# nearest


def test_nearest_orders_regions_by_distance() -> None:
    assert order(Coordinates(48.9, 2.4)) == ["eu-west", "us-east", "ap-southeast"]
    assert order(Coordinates(-6.2, 106.8)) == ["ap-southeast", "eu-west", "us-east"]


def test_nearest_of_a_place_found_nowhere_is_the_order_of_the_file() -> None:
    assert order(None) == ["us-east", "eu-west", "ap-southeast"]
    assert list(nearest.order(NOWHERE._replace(country="IE"), REGIONS)) == order(None)


def points() -> st.SearchStrategy[Coordinates]:
    """Anywhere; often on one of few lines, where two regions are equally far."""
    north, east = (
        st.floats(-90, 90) | st.sampled_from([-90, 0, 90]),
        st.floats(-180, 180) | st.sampled_from([-180, 0, 180]),
    )
    return st.builds(Coordinates, north, east)


CONTINENT = st.sampled_from(["", "EU", "NA"])


@pytest.mark.slow
@example(  # the other end of the Earth, where a bias makes a hundred times of the last digits of a distance
    [(Coordinates(-87.39888924156935, -88.7153531703448), "")],
    [
        (Coordinates(87.39888924156935, 91.28464702305895), -99, ""),
        (Coordinates(87.39889017335949, 91.2846468296552), -99, ""),
    ],
)
@given(
    st.lists(st.tuples(st.none() | points(), CONTINENT), max_size=20),
    st.lists(st.tuples(st.none() | points(), st.integers(-99, 99) | st.just(0), CONTINENT), max_size=6),
)
def test_many_places_at_once_get_the_orders_that_each_gets_alone(
    places: list[tuple[Coordinates | None, str]], drawn: list[tuple[Coordinates | None, int, str]]
) -> None:
    regions = tuple(
        Region(RegionName(f"r{number % 4}{number}"), at, continent=continent, bias=bias)
        for number, (at, bias, continent) in enumerate(drawn)
    )
    asked = [Place(continent, at=at) for at, continent in places]
    assert nearest.orders(asked, regions) == [nearest.order(place, regions) for place in asked]


def in_continents() -> Regions:
    return (
        Region(RegionName("us-east"), ASHBURN, continent="NA"),
        Region(RegionName("eu-west"), DUBLIN, continent="EU"),
        Region(RegionName("ap-southeast"), SINGAPORE, continent="AS"),
        Region(RegionName("eu-central"), None, continent="EU"),
        Region(RegionName("nowhere"), None),
    )


@pytest.mark.parametrize(
    ("continent", "first"),
    [
        ("EU", ["eu-west", "eu-central", "us-east", "ap-southeast", "nowhere"]),
        ("AS", ["ap-southeast", "us-east", "eu-west", "eu-central", "nowhere"]),
        ("AF", ["us-east", "eu-west", "ap-southeast", "eu-central", "nowhere"]),
        ("", ["us-east", "eu-west", "ap-southeast", "eu-central", "nowhere"]),
    ],
)
def test_a_client_of_whom_only_the_continent_is_known_gets_the_regions_there(continent: str, first: list[str]) -> None:
    place = Place(continent)
    assert list(nearest.order(place, in_continents())) == first
    assert nearest.orders([NOWHERE, place], in_continents())[1] == tuple(first)


def test_a_client_whose_point_is_known_goes_by_distance_whatever_the_continents() -> None:
    istanbul = Place("AS", "TR", at=Coordinates(41.0, 29.0))
    assert nearest.order(istanbul, in_continents())[0] == "eu-west"
    assert nearest.orders([istanbul], in_continents())[0][0] == "eu-west"


def test_nearest_puts_a_region_without_coordinates_last_and_two_of_them_by_name() -> None:
    lost = (Region(RegionName("b-lost"), None, bias=99), Region(RegionName("a-lost"), None, bias=-99))
    assert order(DUBLIN, (*lost, *REGIONS)) == ["eu-west", "us-east", "ap-southeast", "a-lost", "b-lost"]
    assert order(None, (*lost, *REGIONS))[:2] == ["b-lost", "a-lost"]


def test_nearest_breaks_ties_of_points_by_name() -> None:
    equator = tuple(
        Region(RegionName(name), Coordinates(0.0, east)) for name, east in (("b", 90.0), ("a", -90.0), ("c", 0.0))
    )
    assert order(Coordinates(90.0, 0.0), equator)[:1] == ["a"]


@pytest.mark.parametrize(
    ("bias", "factor"),
    [(0, 1.0), (50, 0.5), (-50, 2.0), (99, 0.01), (-99, 100.0), (1, 0.99), (-1, 1 / 0.99), (25, 0.75)],
)
def test_nearest_scales_the_distance_by_the_bias_as_route_53_does(bias: int, factor: float) -> None:
    plain = distance_km(SINGAPORE, DUBLIN)
    assert nearest.biased_km(SINGAPORE, Region(RegionName("r"), DUBLIN, bias=bias)) == pytest.approx(plain * factor)


def test_nearest_with_a_bias_draws_clients_over_the_middle() -> None:
    middle = Coordinates(47.0, -40.0)
    assert order(middle)[0] == "eu-west"
    drawing = tuple(replace(region, bias=40 if region.name == "us-east" else 0) for region in REGIONS)
    assert order(middle, drawing)[0] == "us-east"
    pushing = tuple(replace(region, bias=-40 if region.name == "eu-west" else 0) for region in REGIONS)
    assert order(middle, pushing)[0] == "us-east"


def test_nearest_ranks_candidates_by_their_region_in_the_view() -> None:
    pool = (candidate(1), candidate(2, region="ap-southeast"), candidate(3), candidate(4, region="eu-west"))
    kept = nearest.parse(None).keep(pool, ("eu-west", "us-east", "ap-southeast"))
    assert numbers(kept) == [4, 1, 3, 2]
    assert [each.rank for each in kept] == [(0,), (1,), (1,), (2,)]


def test_nearest_sees_the_order_alone_so_that_near_places_are_one_cell() -> None:
    looks = nearest.parse(None).view
    assert looks is not None
    assert looks(Place(country="FR", at=Coordinates(48.9, 2.4)), REGIONS) == looks(Place(at=DUBLIN), REGIONS)
    assert looks(NOWHERE, REGIONS) != looks(Place(at=DUBLIN), REGIONS)


@pytest.mark.parametrize(
    ("at", "bias", "words"),
    [
        (DUBLIN, 0, "0 km, 1 of 3"),
        (SINGAPORE, 0, "11199 km, 2 of 3"),
        (SINGAPORE, -50, "11199 km, 22399 km with bias -50, 3 of 3"),
        (None, 0, "default order, 2 of 3"),
    ],
)
def test_nearest_says_what_it_saw(at: Coordinates | None, bias: int, words: str) -> None:
    regions = tuple(replace(region, bias=bias) if region.name == "eu-west" else region for region in REGIONS)
    assert nearest.parse(None).why(candidate(1, region="eu-west"), Place(at=at), regions) == words


def test_nearest_says_why_regions_are_alike() -> None:
    twins = (*REGIONS, Region(RegionName("eu-west-2"), DUBLIN), Region(RegionName("eu-west-3"), DUBLIN, bias=1))
    words = nearest.parse(None).why(candidate(1, region="eu-west-2"), Place(at=DUBLIN), twins)
    assert words.startswith("0 km, at one point with eu-west, ")
    why = nearest.parse(None).why
    assert why(candidate(1, region="eu-west"), Place("EU"), in_continents()) == "in EU, 1 of 5"
    assert why(candidate(1, region="us-east"), Place("EU"), in_continents()) == "default order, 3 of 5"


# first, shuffle, rotate


def test_first_keeps_so_many_whatever_their_ranks() -> None:
    pool = (candidate(1).ranked(0), candidate(2).ranked(1), candidate(3).ranked(2))
    assert numbers(first.parse(2).keep(pool, ())) == [1, 2]
    assert numbers(first.parse(9).keep(pool, ())) == [1, 2, 3]


@pytest.mark.parametrize(
    ("made", "choose", "count"),
    [
        (shuffle.parse(None), Choose.SHUFFLE, 0),
        (shuffle.parse(8), Choose.SHUFFLE, 8),
        (shuffle.parse_rotate(None), Choose.ROTATE, 0),
        (shuffle.parse_rotate(2), Choose.ROTATE, 2),
    ],
)
def test_shuffle_and_rotate_keep_the_best_rank_and_say_how_to_choose(made: Filter, choose: Choose, count: int) -> None:
    pool = (candidate(1).ranked(0), candidate(2).ranked(0), candidate(3).ranked(1))
    assert numbers(made.keep(pool, ())) == [1, 2]
    assert (made.choose, made.count) == (choose, count)


@pytest.mark.parametrize("argument", [0, -1, True, False, 1.5, "two", (1, 2)])
def test_a_count_that_is_none_is_refused(argument: Argument) -> None:
    for parse in (first.parse, shuffle.parse, shuffle.parse_rotate):
        with pytest.raises(ValueError, match="at least 1"):
            parse(argument)


@pytest.mark.parametrize("argument", [10_001, 2**32, 2**64, 10**29])
def test_a_count_that_no_engine_has_a_number_for_is_refused(argument: Argument) -> None:
    for parse in (first.parse, shuffle.parse, shuffle.parse_rotate):
        with pytest.raises(ValueError, match="at most 10000"):
            parse(argument)


def test_first_needs_a_count() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        first.parse(None)


@pytest.mark.parametrize("parse", [up.parse, weight.parse, priority.parse, nearest.parse])
def test_a_filter_without_argument_refuses_one(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(ValueError, match="takes no argument"):
        parse(1)
