"""Regions with their coordinates and continent found: `at: auto` is the place of the region's endpoints."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from dns.name import Name

from gtm.geo.codes import meaning
from gtm.geo.countries import CONTINENT_POINTS, COUNTRIES
from gtm.geo.geography import Geography
from gtm.geo.place import NOWHERE, Coordinates, Place, distance_km
from gtm.ids import Address, RegionName
from gtm.steer.filter import Regions
from gtm.zone.model import Region, Service, Zone


def located(zone: Zone, geography: Geography) -> Regions:
    """Returns the zone's regions in its own order, with coordinates and continent as far as they can be found.

    Coordinates, in this order: those in the file; those of the first of the region's endpoints that the geo data knows;
    the point of the region's country; that of its continent. The continent: that in the file; that of the country in
    the file; that of the endpoints, where they gave the coordinates; that of the country whose point is nearest.
    """
    return tuple(_located(region, zone, geography) for region in zone.regions)


def of_service(service: Service, regions: Regions) -> Regions:
    """Returns the regions of `regions` in which the service has endpoints, in the zone's order."""
    used = {endpoint.region for endpoint in service.endpoints}
    return tuple(region for region in regions if region.name in used)


def _located(region: Region, zone: Zone, geography: Geography) -> Region:
    means = meaning(region.country)
    place = NOWHERE if region.at is not None else _of_endpoints(region.name, zone, geography)
    country = COUNTRIES.get(means.country)
    continent = region.continent or means.continent or place.continent
    at = region.at or place.at or (country.at if country else CONTINENT_POINTS.get(continent))
    return replace(region, at=at, continent=continent or (_continent_around(at) if at else ""))


def _of_endpoints(name: RegionName, zone: Zone, geography: Geography) -> Place:
    places = (geography.locate(address).place for address in _addresses(zone, name))
    return next((place for place in places if place.at is not None), NOWHERE)


@lru_cache(maxsize=10_000)  # half a millisecond each, at each reload and for every region that has only coordinates
def _continent_around(at: Coordinates) -> str:
    """Returns the continent of the country whose point is nearest; near a border of continents it may be wrong."""
    return min(COUNTRIES.values(), key=lambda country: distance_km(at, country.at)).continent


def _addresses(zone: Zone, region: RegionName) -> Iterator[Address]:
    for service in zone.services:
        for endpoint in service.endpoints:
            if endpoint.region == region and not isinstance(endpoint.answer, Name):
                yield endpoint.answer
