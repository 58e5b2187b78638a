import math

import pytest

from gtm.geo.place import EARTH_RADIUS_KM, Coordinates, distance_km


def test_a_quarter_of_the_equator_is_a_quarter_of_the_circumference() -> None:
    assert distance_km(Coordinates(0, 0), Coordinates(0, 90)) == pytest.approx(EARTH_RADIUS_KM * math.pi / 2)


def test_antipodes_are_half_a_circumference_apart() -> None:
    assert distance_km(Coordinates(45, 10), Coordinates(-45, -170)) == pytest.approx(EARTH_RADIUS_KM * math.pi)


def test_the_date_line_does_not_separate() -> None:
    assert distance_km(Coordinates(0, 179.5), Coordinates(0, -179.5)) == pytest.approx(111.195, abs=0.01)


def test_distance_is_symmetric_and_zero_at_home() -> None:
    dublin, singapore = Coordinates(53.35, -6.26), Coordinates(1.35, 103.82)
    assert distance_km(dublin, singapore) == distance_km(singapore, dublin)
    assert distance_km(dublin, dublin) == 0
