"""Where regions are: coordinates and continents."""

import pytest

from gtm.geo.countries import CONTINENT_POINTS, CONTINENTS, COUNTRIES
from gtm.geo.geography import NO_GEOGRAPHY, Geography
from gtm.geo.merging import build
from gtm.geo.networks import parse as parse_networks
from gtm.geo.place import Coordinates
from gtm.plan.regions import located
from gtm.steer.vocabulary import STEERING
from gtm.zone.model import Region
from gtm.zone.parse import NO_SHARED, parse

ZONE = """
zone: z.test
nameservers: [ns.example.net]
hostmaster: h@example.com
regions:
  r: {REGION}
services:
  api: {steer: nearest, endpoints: [{region: r, address: 192.0.2.1}]}
"""

GEO = build([], parse_networks("networks: {192.0.2.0/24: {country: JP, at: [34.7, 135.5]}}", "networks.yaml"))


def of(region: str, geography: Geography = NO_GEOGRAPHY) -> Region:
    zone = parse(ZONE.replace("REGION", region), "z.yaml", NO_SHARED, STEERING)
    return located(zone, geography)[0]


@pytest.mark.parametrize(
    ("region", "continent"),
    [
        ("at: [38.95, -77.45]", "NA"),
        ("at: [45.8, -119.7]", "NA"),
        ("at: [-23.5, -46.6]", "SA"),
        ("at: [53.35, -6.26]", "EU"),
        ("at: [55.75, 37.6]", "EU"),
        ("at: [1.3, 103.8]", "AS"),
        ("at: [-33.9, 18.4]", "AF"),
        ("at: [-33.87, 151.2]", "OC"),
        ("at: [41.0, 28.97], continent: EU", "EU"),
        ("at: [41.0, 28.97], country: TR", "AS"),
        ("country: RU", "EU"),
        ("country: UK", "EU"),
        ("country: RU, continent: AS", "AS"),
        ("continent: SA", "SA"),
        ("at: auto", ""),
    ],
)
def test_the_continent_is_that_of_the_file_or_the_country_or_the_country_around(region: str, continent: str) -> None:
    assert of(region).continent == continent


@pytest.mark.parametrize(
    ("region", "at"),
    [
        ("at: [1.5, 2.5], country: DE", Coordinates(1.5, 2.5)),
        ("country: UK", COUNTRIES["GB"].at),
        ("country: DE, continent: AS", COUNTRIES["DE"].at),
        ("continent: EU", CONTINENT_POINTS["EU"]),
        ("country: EU", CONTINENT_POINTS["EU"]),
        ("country: QQ", None),
        ("at: auto", None),
    ],
)
def test_without_coordinates_a_region_is_at_the_point_of_its_country_or_continent(
    region: str, at: Coordinates | None
) -> None:
    assert of(region).at == at


def test_where_the_endpoints_are_comes_before_the_country_and_tells_the_continent() -> None:
    found = of("at: auto", GEO)
    assert (found.at, found.continent) == (Coordinates(34.7, 135.5), "AS")
    assert of("country: US", GEO).at == Coordinates(34.7, 135.5)
    assert of("at: [0, 0]", GEO).at == Coordinates(0.0, 0.0)


def test_every_continent_has_a_point() -> None:
    assert {*CONTINENT_POINTS} == CONTINENTS
