"""`nearest`: sorts by the distance from the client to the region.

distance   haversine on a sphere of 6371.0088 km (gtm/geo/place.py)
bias b     b > 0: d x (1 - b/100)    b < 0: d / (1 + b/100)    (Route 53 geoproximity)
ties       by the name of the region
no place   an address found nowhere gets the zone's own order of its regions
no region  a region without coordinates comes after all others
"""

import math
from collections.abc import Sequence

from gtm.geo.place import NOWHERE, Coordinates, Place, distance_km
from gtm.ids import RegionName
from gtm.steer.filter import Candidate, Candidates, Filter, Regions, View, by_rank
from gtm.zone.chain import Argument
from gtm.zone.model import Region


def parse(argument: Argument) -> Filter:
    """Returns the filter `nearest`; it takes no argument."""
    if argument is not None:
        raise ValueError("takes no argument")
    return Filter("nearest", _keep, view=order, views=orders, why=_why)


def order(place: Place, regions: Regions) -> tuple[RegionName, ...]:
    """Returns the names of the regions, nearest first."""
    if place.at is None:
        return tuple(region.name for region in regions)
    at = place.at
    return tuple(region.name for region in sorted(regions, key=lambda region: (biased_km(at, region), region.name)))


def orders(places: Sequence[Place], regions: Regions) -> list[tuple[RegionName, ...]]:
    """Returns the order of the regions for each of many places: a city database has a hundred thousand."""
    points = list(dict.fromkeys(place.at for place in places if place.at is not None))
    found: dict[Coordinates | None, tuple[RegionName, ...]] = {None: order(NOWHERE, regions)}
    if points:
        found |= zip(points, _orders(points, regions), strict=True)
    return [found[place.at] for place in places]


def _orders(points: Sequence[Coordinates], regions: Regions) -> list[tuple[RegionName, ...]]:
    from gtm.geo.nearest import ranks  # noqa: PLC0415  # numpy, which a start does without

    known = sorted((region for region in regions if region.at is not None), key=lambda region: region.name)
    unknown = tuple(sorted(region.name for region in regions if region.at is None))
    at = [region.at for region in known if region.at is not None]
    found = ranks(points, at, [_biased(1.0, region) for region in known])
    named = [tuple(known[number].name for number in row) + unknown for row in found.rows]
    ordered = [named[number] for number in found.row_of]
    for number in found.doubtful:  # two ways to work out a distance differ in the last digits, which decide only here
        ordered[number] = order(Place(at=points[number]), regions)
    return ordered


def biased_km(at: Coordinates, region: Region) -> float:
    """Returns the distance that counts, in km; infinite for a region without coordinates."""
    if region.at is None:
        return math.inf
    return _biased(distance_km(at, region.at), region)


def _biased(distance: float, region: Region) -> float:
    if region.bias >= 0:
        return distance * (1 - region.bias / 100)
    return distance / (1 + region.bias / 100)


def _keep(candidates: Candidates, view: View) -> Candidates:
    assert isinstance(view, tuple)  # it is what order() returned
    rank = {name: position for position, name in enumerate(view)}
    return by_rank(tuple(candidate.ranked(rank[candidate.region]) for candidate in candidates))


def _why(candidate: Candidate, place: Place, regions: Regions) -> str:
    names = order(place, regions)
    position = f"{names.index(candidate.region) + 1} of {len(names)}"
    region = next(region for region in regions if region.name == candidate.region)
    if place.at is None:
        return f"default order, {position}"
    if region.at is None:
        return f"no coordinates, {position}"
    distance = f"{distance_km(place.at, region.at):.0f} km"
    if region.bias:
        distance += f", {biased_km(place.at, region):.0f} km with bias {region.bias:+d}"
    return f"{distance}, {position}"
