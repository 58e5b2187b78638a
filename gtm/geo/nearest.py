"""Which of some points is nearest to each of many places, on the sphere, and how far many points are from one.

What comes in: places, and points. What goes out: for each place the number of its point. The nearest of two points has
the larger cosine of the angle at the centre of the Earth, so for that no distance is worked out: a city database has
hundreds of thousands of places.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gtm.geo.place import EARTH_RADIUS_KM, Coordinates, Place


def nearest(places: Sequence[Place], points: Sequence[Coordinates]) -> list[int | None]:
    """Returns for each place the index of the nearest point, the first of equals; None without coordinates."""
    numbers: list[int | None] = [None] * len(places)
    known = [(number, place.at) for number, place in enumerate(places) if place.at is not None]
    if known and points:
        cosines = _vectors([at for _, at in known]) @ _vectors(points).T
        for (number, _), nearest_numbers in zip(known, np.argmax(cosines, axis=1).tolist(), strict=True):
            numbers[number] = nearest_numbers
    return numbers


class Ranks(NamedTuple):
    """For each of many points, the numbers of others in the order of their distance."""

    rows: list[tuple[int, ...]]
    """Every order that there is; equals are in the order of their numbers."""
    row_of: list[int]
    """Of each point."""
    doubtful: list[int]
    """The points for which two of the others are as far, but for A_METRE_KM times the largest factor."""


A_METRE_KM = 0.001


def ranks(points: Sequence[Coordinates], others: Sequence[Coordinates], factors: Sequence[float]) -> Ranks:
    """Returns for each point the order of the others by distance; each distance is multiplied by the other's factor."""
    distances = distances_km(points, others) * np.array(factors)
    doubt_km = A_METRE_KM * max([1.0, *factors])  # a factor enlarges what rounding left
    rows, row_of = np.unique(np.argsort(distances, axis=1, kind="stable"), axis=0, return_inverse=True)
    near = np.any(np.diff(np.sort(distances, axis=1), axis=1) < doubt_km, axis=1)
    return Ranks(list(map(tuple, rows.tolist())), row_of.ravel().tolist(), np.flatnonzero(near).tolist())


def distances_km(points: Sequence[Coordinates], others: Sequence[Coordinates]) -> NDArray[np.float64]:
    """Returns the distance of each point from each of the others, (points, others), by the formula of distance_km()."""
    latitudes, longitudes = (column[:, None] for column in _radians(points))
    latitude, longitude = _radians(others)
    across = np.sin((latitudes - latitude) / 2) ** 2
    along = np.sin((longitudes - longitude) / 2) ** 2
    haversine = across + np.cos(latitudes) * np.cos(latitude) * along
    distances: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, haversine)))
    return distances


def _radians(points: Iterable[Coordinates]) -> NDArray[np.float64]:
    """Returns two rows: latitudes and longitudes."""
    return np.radians(np.fromiter(chain.from_iterable(points), np.float64).reshape(-1, 2)).T


def _vectors(points: Iterable[Coordinates]) -> NDArray[np.float64]:
    """Returns points as unit vectors from the centre of the Earth."""
    latitudes, longitudes = _radians(points)
    flat = np.cos(latitudes)
    return np.stack([flat * np.cos(longitudes), flat * np.sin(longitudes), np.sin(latitudes)], axis=1)
