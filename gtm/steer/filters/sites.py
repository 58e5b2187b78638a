"""Sites: regions at one point, which have the same distance from every client; and which of them comes first where.

What comes in: regions, and a client's point. What goes out: the regions of a site with the point's own one first. A
point has the same one always, whatever the query, the node and the health of the others (rendezvous hashing: Thaler and
Ravishankar, 1998); each region of a site has as many points as the others, and one that is added takes its share of
each and moves nobody else.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from gtm.geo.place import Coordinates
from gtm.steer.filter import Regions
from gtm.zone.model import Region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Site = tuple[Region, ...]
"""Regions with the same coordinates and bias, sorted by name; a region without coordinates is alone."""


def sites_of(regions: Regions) -> list[Site]:
    """Returns the sites of these regions, sorted by the name of their first region."""
    sites: dict[Hashable, list[Region]] = defaultdict(list)
    for region in sorted(regions, key=lambda region: region.name):
        sites[_key(region)].append(region)
    return [tuple(site) for site in sites.values()]


def site_of(region: Region, regions: Regions) -> Site:
    """Returns the site that a region is in; `regions` has all regions of the service."""
    return next(site for site in sites_of(regions) if region in site)


def own_first(site: Site, at: Coordinates) -> Site:
    """Returns the regions of a site in the order for clients at a point, their own region first."""
    if len(site) == 1:
        return site
    spot = _mixed(_spot(at))
    return turned(site, max(range(len(site)), key=lambda number: _mixed(_seed(site[number]) ^ spot)))


def owners(site: Site, points: Sequence[Coordinates]) -> list[int]:
    """Returns the number of the region that own_first() puts first, for each of many points."""
    if len(site) == 1:
        return [0] * len(points)
    import numpy as np  # noqa: PLC0415  # which a start does without

    # the arithmetic of _spot(), _mixed() and max() above
    degrees = np.array(points, np.float64).reshape(-1, 2) + np.array([90.0, 180.0])
    units = np.rint(degrees * PER_DEGREE).astype(np.uint64)
    spots = _mixed_array(units[:, 0] << np.uint64(32) | units[:, 1])
    draws = np.stack([_mixed_array(np.uint64(_seed(region)) ^ spots) for region in site])
    owner_numbers: list[int] = np.argmax(draws, axis=0).tolist()
    return owner_numbers


def turned(site: Site, own: int) -> Site:
    """Returns a site rotated, so that the region with the number `own` comes first."""
    return site[own:] + site[:own]


def _key(region: Region) -> Hashable:
    return region.name if region.at is None else (region.at, region.bias)


def _seed(region: Region) -> int:
    """Returns a hash of a region's name, of 64 bits; it is the same on every machine."""
    return int.from_bytes(blake2b(region.name.encode(), digest_size=8).digest())


PER_DEGREE = 10_000.0
"""Units of ten metres: databases have no more decimals, and one with 32 bits has the same points as one with 64."""


def _spot(at: Coordinates) -> int:
    north, east = round((at.latitude + 90.0) * PER_DEGREE), round((at.longitude + 180.0) * PER_DEGREE)
    return north << 32 | east


def _mixed(number: int) -> int:
    """Returns the bits of a number mixed (splitmix64: Steele, Lea and Flood, 2014)."""
    number = number + INCREMENT & BITS
    number = (number ^ number >> 30) * FIRST & BITS
    number = (number ^ number >> 27) * SECOND & BITS
    return number ^ number >> 31


def _mixed_array(numbers: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    import numpy as np  # noqa: PLC0415

    numbers = numbers + np.uint64(INCREMENT)  # arrays of 64 bits wrap around
    numbers = (numbers ^ numbers >> np.uint64(30)) * np.uint64(FIRST)
    numbers = (numbers ^ numbers >> np.uint64(27)) * np.uint64(SECOND)
    return numbers ^ numbers >> np.uint64(31)


BITS = 2**64 - 1
INCREMENT, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
