from gtm.geo.countries import CONTINENTS, COUNTRIES
from gtm.geo.database_row import coordinates
from gtm.geo.place import distance_km


def test_every_country_has_a_continent_and_a_point_on_the_earth() -> None:
    assert len(COUNTRIES) == 250
    for country in COUNTRIES.values():
        assert country.continent in CONTINENTS
        assert coordinates(*country.at) == country.at


def test_points_are_where_the_countries_are() -> None:
    assert distance_km(COUNTRIES["IE"].at, COUNTRIES["GB"].at) < 500
    assert distance_km(COUNTRIES["SG"].at, COUNTRIES["MY"].at) < 400
    assert distance_km(COUNTRIES["NZ"].at, COUNTRIES["ES"].at) > 19_000


def test_codes_are_sorted_and_in_upper_case() -> None:
    assert list(COUNTRIES) == sorted(COUNTRIES)
    assert all(code.isupper() and len(code) == 2 for code in COUNTRIES)
