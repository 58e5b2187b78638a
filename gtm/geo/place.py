"""A place: where an address is, as far as the databases and the custom networks know.

The value that steering looks at. Every field may be unknown: codes and names are then empty, numbers None.
"""

import math
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0088
"""The mean radius of the Earth (IUGG R1, Moritz 2000)."""


class Coordinates(NamedTuple):
    """A point on the sphere, in degrees: north and east are positive."""

    latitude: float
    longitude: float


class Place(NamedTuple):
    """Where an address is. A tuple, for a database has a hundred thousand that cross from a process to another."""

    continent: str = ""
    """Two letters: AF AN AS EU NA OC SA."""
    country: str = ""
    """ISO 3166-1 alpha-2: `IE`."""
    subdivision: str = ""
    """ISO 3166-2, with the country: `US-CA`."""
    city: str = ""
    """The English name."""
    at: Coordinates | None = None
    """The coordinates of the network; the country's point when a database knows only the country."""
    asn: int | None = None
    """The number of the autonomous system."""
    organization: str = ""
    """The name of the autonomous system's holder."""
    tags: tuple[str, ...] = ()
    """What the custom networks file calls this network, sorted."""


NOWHERE = Place()
"""The place of an address that is found nowhere: it gets the default order of the regions, never an error."""


def distance_km(a: Coordinates, b: Coordinates) -> float:
    """Returns the great-circle distance by the haversine formula, on a sphere of EARTH_RADIUS_KM."""
    latitude_a, latitude_b = math.radians(a.latitude), math.radians(b.latitude)
    across = math.sin((latitude_b - latitude_a) / 2) ** 2
    along = math.sin(math.radians(b.longitude - a.longitude) / 2) ** 2
    haversine = across + math.cos(latitude_a) * math.cos(latitude_b) * along
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, haversine)))
