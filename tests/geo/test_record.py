import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.geo.countries import COUNTRIES
from gtm.geo.place import NOWHERE, Coordinates, Place
from gtm.geo.record import MOST_NAME_CHARACTERS, coordinates, place_of


def test_a_city_record_of_maxmind_is_read() -> None:
    record = {
        "city": {"names": {"de": "Mailand", "en": "Milan"}},
        "continent": {"code": "EU"},
        "country": {"iso_code": "IT"},
        "location": {"latitude": 45.47, "longitude": 9.19},
        "registered_country": {"iso_code": "US"},
        "subdivisions": [{"iso_code": "25"}, {"iso_code": "MI"}],
    }
    assert place_of(record) == Place("EU", "IT", "IT-25", "Milan", Coordinates(45.47, 9.19))


def test_a_flat_city_record_of_db_ip_is_read() -> None:
    record = {
        "city": "Sydney",
        "country_code": "AU",
        "latitude": -33.8,
        "longitude": 151,
        "state1": "New South Wales",
        "timezone": "Australia/Sydney",
    }
    assert place_of(record) == Place("OC", "AU", "", "Sydney", Coordinates(-33.8, 151.0))


def test_a_flat_country_record_gets_the_point_of_the_country() -> None:
    assert place_of({"country_code": "SG"}) == Place("AS", "SG", at=COUNTRIES["SG"].at)


def test_an_asn_record_is_read() -> None:
    record = {"autonomous_system_number": 1221, "autonomous_system_organization": "Telstra Pty Ltd"}
    assert place_of(record) == Place(asn=1221, organization="Telstra Pty Ltd")


def test_without_a_country_the_registered_one_counts() -> None:
    assert place_of({"registered_country": {"iso_code": "FR"}}).country == "FR"


def test_the_continent_of_the_record_is_preferred() -> None:
    assert place_of({"country": {"iso_code": "CY"}, "continent": {"code": "EU"}}).continent == "EU"
    assert place_of({"country": {"iso_code": "CY"}}).continent == COUNTRIES["CY"].continent


def test_a_country_that_is_not_in_the_table_is_kept_without_a_point() -> None:
    assert place_of({"country_code": "QQ"}) == Place(country="QQ")


@pytest.mark.parametrize("code", ["ZZ", "XX", "-", "", "USA", "U1", 7, None, ["US"]])
def test_what_is_no_country_is_unknown(code: object) -> None:
    assert place_of({"country": {"iso_code": code}, "country_code": code}) == NOWHERE


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0), ("1", "2"), (True, False), (None, 3.0), (10**400, 0)],
)
def test_what_is_no_point_is_unknown(latitude: object, longitude: object) -> None:
    assert coordinates(latitude, longitude) is None


@pytest.mark.parametrize("number", [0, -1, 2**32, True, "7", 1.0, None])
def test_what_is_no_asn_is_unknown(number: object) -> None:
    assert place_of({"autonomous_system_number": number}) == NOWHERE


def test_a_subdivision_without_a_country_is_unknown() -> None:
    assert place_of({"subdivisions": [{"iso_code": "CA"}]}) == NOWHERE


def test_long_names_are_cut() -> None:
    assert len(place_of({"city": "x" * 10_000}).city) == MOST_NAME_CHARACTERS


MAXMIND_KEYS = [
    "country",
    "registered_country",
    "iso_code",
    "continent",
    "code",
    "subdivisions",
    "names",
    "en",
    "location",
]
FLAT_KEYS = ["country_code", "city", "latitude", "longitude", "autonomous_system_number"]
KEYS = st.sampled_from([*MAXMIND_KEYS, *FLAT_KEYS])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)


@pytest.mark.slow
@given(VALUES)
def test_any_record_has_a_place(record: object) -> None:
    assert isinstance(place_of(record), Place)
