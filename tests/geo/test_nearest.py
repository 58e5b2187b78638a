"""The nearest point is the one at the least distance."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gtm.geo.nearest import A_METRE_KM, distances_km, nearest
from gtm.geo.place import NOWHERE, Coordinates, Place, distance_km

FRANKFURT, ASHBURN, SINGAPORE = Coordinates(50.11, 8.68), Coordinates(38.95, -77.45), Coordinates(1.35, 103.82)
points = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))

NOISE_KM = 1.0
"""Of two points so nearly as far, arithmetic may take either."""


@pytest.mark.slow
@given(st.lists(points, min_size=1, max_size=20), st.lists(points, min_size=1, max_size=5))
def test_no_other_point_is_nearer(places: list[Coordinates], candidates: list[Coordinates]) -> None:
    found = nearest([Place(at=at) for at in places], candidates)
    for at, number in zip(places, found, strict=True):
        assert number is not None
        least = min(distance_km(at, candidate) for candidate in candidates)
        assert distance_km(at, candidates[number]) <= least + NOISE_KM


def test_what_is_nowhere_is_near_nothing() -> None:
    assert nearest([NOWHERE, Place(at=Coordinates(48.86, 2.35))], [FRANKFURT, ASHBURN, SINGAPORE]) == [None, 0]
    assert nearest([Place(at=FRANKFURT)], []) == [None]
    assert nearest([], [FRANKFURT]) == []
    assert nearest([NOWHERE], [FRANKFURT]) == [None]


def test_of_points_in_one_place_the_first_is_taken() -> None:
    assert nearest([Place(at=SINGAPORE)], [FRANKFURT, SINGAPORE, SINGAPORE]) == [1]


def test_the_date_line_is_no_border() -> None:
    fiji, tonga, sydney = Coordinates(-18.1, 178.4), Coordinates(-21.1, -175.2), Coordinates(-33.9, 151.2)
    assert nearest([Place(at=tonga)], [sydney, fiji]) == [1]


@example(places=[Coordinates(-36.42, -59.89)], others=[Coordinates(36.42, 120.11)])  # the other end of the Earth
@given(st.lists(points, min_size=1, max_size=9), st.lists(points, max_size=4))
def test_distances_of_many_are_those_of_each(places: list[Coordinates], others: list[Coordinates]) -> None:
    found = distances_km(places, others).tolist()
    assert found == [[pytest.approx(distance_km(at, other), abs=A_METRE_KM) for other in others] for at in places]
