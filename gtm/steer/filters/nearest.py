"""`nearest`: sorts by the distance from the client to the region.

distance       haversine on a sphere of 6371.0088 km (gtm/geo/place.py)
bias b         b > 0: d x (1 - b/100)    b < 0: d / (1 + b/100)    (Route 53 geoproximity)
one point      regions with the same coordinates and bias are a site: each place has one of them as its own, for good,
               and after it the others in the order of their names, from its own on (gtm/steer/filters/sites.py)
ties           of sites by the name of their first region; for a client at the very point of both, 0 km away whatever
               the bias, the greater bias comes first
continent      a client of whom only the continent is known gets the regions there, and then the others, in the zone's
               own order
no place       an address found nowhere gets the zone's own order of its regions
no region      a region without coordinates comes after all others
"""

import math
from collections.abc import Iterator, Sequence

from gtm.geo.place import Coordinates, Place, distance_km
from gtm.ids import RegionName
from gtm.steer.filter import Candidate, Candidates, Filter, Regions, View, by_rank
from gtm.steer.filters.sites import Site, own_first, owners, site_of, sites_of, turned
from gtm.zone.model import Region
from gtm.zone.steering import Argument

Names = tuple[RegionName, ...]


def parse(argument: Argument) -> Filter:
    """Returns the filter `nearest`; raises ValueError if there is an argument."""
    if argument is not None:
        raise ValueError("takes no argument")
    return Filter("nearest", _keep, view=order, views=orders, why=_why)


def order(place: Place, regions: Regions) -> Names:
    """Returns the names of the regions, the nearest to a place first."""
    if place.at is None:
        return _unplaced(place.continent, regions)
    return _of_point(place.at, sites_of(regions))


def orders(places: Sequence[Place], regions: Regions) -> list[Names]:
    """Returns the result of `order` for each of many places at once."""
    points = list(dict.fromkeys(place.at for place in places if place.at is not None))
    at_point = dict(zip(points, _orders(points, regions), strict=True)) if points else {}
    unplaced = {place.continent: _unplaced(place.continent, regions) for place in places if place.at is None}
    return [unplaced[place.continent] if place.at is None else at_point[place.at] for place in places]


def _unplaced(continent: str, regions: Regions) -> Names:
    ordered = sorted(regions, key=lambda region: not _is_in(continent, region))  # which keeps the order of equals
    return tuple(region.name for region in ordered)


def _is_in(continent: str, region: Region) -> bool:
    return bool(continent) and region.continent == continent


def _of_point(at: Coordinates, sites: Sequence[Site]) -> Names:
    ordered = sorted(sites, key=lambda site: _rank(at, site[0]))
    return tuple(region.name for site in ordered for region in own_first(site, at))


def _rank(at: Coordinates, region: Region) -> tuple[float, int, RegionName]:
    distance = biased_km(at, region)
    return distance, 0 if distance else -region.bias, region.name


def _orders(points: Sequence[Coordinates], regions: Regions) -> list[Names]:
    from gtm.geo.nearest import ranks  # noqa: PLC0415  # numpy, which a start does without

    sites = sites_of(regions)
    known = [site for site in sites if site[0].at is not None]
    unknown = tuple(site[0].name for site in sites if site[0].at is None)
    at = [site[0].at for site in known if site[0].at is not None]
    ranking = ranks(points, at, [_biased(1.0, site[0]) for site in known])
    rows = list(zip(ranking.row_of, *(owners(site, points) for site in known if len(site) > 1), strict=True))
    named = {row: _named(ranking.rows[row[0]], known, iter(row[1:])) + unknown for row in set(rows)}
    ordered = [named[row] for row in rows]
    for number in ranking.doubtful:  # two ways to work out a distance differ in the last digits, which decide only here
        ordered[number] = _of_point(points[number], sites)
    return ordered


def _named(row: Sequence[int], sites: Sequence[Site], owns: Iterator[int]) -> Names:
    """Returns the names of the regions of sites, in the order of the site numbers in `row`.

    `owns` has, for each site of several regions, the number of the region that comes first.
    """
    from_own = [turned(site, next(owns)) if len(site) > 1 else site for site in sites]
    return tuple(region.name for number in row for region in from_own[number])


def biased_km(at: Coordinates, region: Region) -> float:
    """Returns the distance to a region with its bias applied, in km; infinite for a region without coordinates."""
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
        return f"in {place.continent}, {position}" if _is_in(place.continent, region) else f"default order, {position}"
    if region.at is None:
        return f"no coordinates, {position}"
    distance = f"{distance_km(place.at, region.at):.0f} km"
    if region.bias:
        distance += f", {biased_km(place.at, region):.0f} km with bias {region.bias:+d}"
    others = [each.name for each in site_of(region, regions) if each is not region]
    if others:
        distance += f", at one point with {' and '.join(others)}"
    return f"{distance}, {position}"
