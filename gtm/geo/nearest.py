"""Which of some points is nearest to each of many places, on the sphere.

What comes in: places, and points. What goes out: for each place the number of its point. The nearest of two points has
the larger cosine of the angle at the centre of the Earth, so no distance is worked out: a city database has hundreds of
thousands of places.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gtm.geo.place import Coordinates, Place


def nearest(places: Sequence[Place], points: Sequence[Coordinates]) -> list[int | None]:
    """Returns the number of the point nearest to each place, the first of equals; None for a place that is nowhere."""
    numbers: list[int | None] = [None] * len(places)
    known = [(number, place.at) for number, place in enumerate(places) if place.at is not None]
    if known and points:
        cosines = _vectors([at for _, at in known]) @ _vectors(points).T
        for (number, _), found in zip(known, np.argmax(cosines, axis=1).tolist(), strict=True):
            numbers[number] = found
    return numbers


def _vectors(points: Iterable[Coordinates]) -> NDArray[np.float64]:
    """Returns points as unit vectors from the centre of the Earth."""
    latitudes, longitudes = np.radians(np.array(list(points), dtype=np.float64)).T
    flat = np.cos(latitudes)
    return np.stack([flat * np.cos(longitudes), flat * np.sin(longitudes), np.sin(latitudes)], axis=1)
