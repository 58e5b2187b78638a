"""Regions with their coordinates found: `at: auto` is the place of the region's endpoints."""

from collections.abc import Iterator
from dataclasses import replace

from dns.name import Name

from gtm.geo.countries import COUNTRIES
from gtm.geo.geography import Geography
from gtm.geo.place import Coordinates
from gtm.ids import Address, RegionName
from gtm.steer.filter import Regions
from gtm.zone.model import Region, Service, Zone


def located(zone: Zone, geography: Geography) -> Regions:
    """Returns the zone's regions in its own order, with coordinates as far as they can be found.

    In this order: the coordinates in the file; the first of the region's endpoints that the geo data knows; the
    point of the region's country.
    """
    return tuple(replace(region, at=_at(region, zone, geography)) for region in zone.regions)


def of_service(service: Service, regions: Regions) -> Regions:
    """Returns those regions that the service has endpoints in, in the zone's order."""
    used = {endpoint.region for endpoint in service.endpoints}
    return tuple(region for region in regions if region.name in used)


def _at(region: Region, zone: Zone, geography: Geography) -> Coordinates | None:
    if region.at is not None:
        return region.at
    for address in _addresses(zone, region.name):
        found = geography.locate(address).place.at
        if found is not None:
            return found
    country = COUNTRIES.get(region.country)
    return None if country is None else country.at


def _addresses(zone: Zone, region: RegionName) -> Iterator[Address]:
    for service in zone.services:
        for endpoint in service.endpoints:
            if endpoint.region == region and not isinstance(endpoint.answer, Name):
                yield endpoint.answer
