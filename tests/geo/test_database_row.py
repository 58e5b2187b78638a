import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.geo.countries import COUNTRIES
from gtm.geo.database_row import MOST_NAME_CHARACTERS, coordinates, place_of
from gtm.geo.place import NOWHERE, Coordinates, Place


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


def test_the_registered_country_does_not_count_on_another_continent_than_the_record_says() -> None:
    record = {"continent": {"code": "EU"}, "registered_country": {"iso_code": "US"}}
    assert place_of(record) == Place("EU")
    assert place_of({"country": {"iso_code": "AP"}, "registered_country": {"iso_code": "US"}}) == Place("AS")
    assert place_of({**record, "registered_country": {"iso_code": "DE"}}).country == "DE"


@pytest.mark.parametrize(("country", "said"), [("RU", "AS"), ("CY", "AS"), ("TR", "EU"), ("GB", "XX")])
def test_a_country_is_on_the_same_continent_whatever_the_record_says(country: str, said: str) -> None:
    records = ({"country_code": country}, {"country": {"iso_code": country}, "continent": {"code": said}})
    assert {place_of(record).continent for record in records} == {COUNTRIES[country].continent}


@pytest.mark.parametrize("code", ["ZZ", "XX", "-", "", "USA", "U1", "A1", "QQ", 7, None, ["US"]])
def test_what_is_no_country_is_unknown(code: object) -> None:
    assert place_of({"country": {"iso_code": code}, "country_code": code}) == NOWHERE


@pytest.mark.parametrize(
    ("code", "continent"), [("EU", "EU"), ("AP", "AS"), ("AN", "NA"), ("CS", "EU"), ("YU", "EU"), ("SU", "EU")]
)
def test_a_code_of_several_countries_is_their_continent(code: str, continent: str) -> None:
    assert place_of({"country_code": code}) == place_of({"country": {"iso_code": code}}) == Place(continent)


@pytest.mark.parametrize(("code", "country"), [("UK", "GB"), ("EL", "GR"), ("ZR", "CD"), ("TP", "TL"), ("IC", "ES")])
def test_another_code_of_a_country_is_the_country(code: str, country: str) -> None:
    assert place_of({"country_code": code.lower()}) == place_of({"country_code": country})
    assert place_of({"country_code": country}).at == COUNTRIES[country].at


def test_the_second_schema_is_asked_where_the_first_has_a_code_of_no_country() -> None:
    assert place_of({"country": {"iso_code": "EU"}, "country_code": "FR"}).country == "FR"


def test_the_continent_of_a_record_is_preferred_to_that_of_a_code_of_no_country() -> None:
    assert place_of({"country_code": "AP", "continent": {"code": "OC"}}) == Place("OC")


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, False])
def test_the_point_0_0_is_none(zero: object) -> None:
    assert place_of({"country_code": "IE", "latitude": zero, "longitude": zero}).at == COUNTRIES["IE"].at
    assert place_of({"location": {"latitude": zero, "longitude": zero}}) == NOWHERE
    assert coordinates(0, 0) == Coordinates(0.0, 0.0)  # where somebody writes it by hand it is meant


@pytest.mark.parametrize(
    ("latitude", "longitude", "at"),
    [(True, False, (1.0, 0.0)), (True, 103.8, (1.0, 103.8)), (51.5, False, (51.5, 0.0)), (0, 6.5, (0.0, 6.5))],
)
def test_a_boolean_for_a_coordinate_is_1_or_0(latitude: object, longitude: object, at: tuple[float, float]) -> None:
    location = {"latitude": latitude, "longitude": longitude}
    assert place_of({"country_code": "GB", "location": location}).at == Coordinates(*at)
    assert all(type(number) is float for number in place_of(location).at or ())


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0), ("1", "2"), (None, 3.0), (10**400, 0)],
)
def test_what_is_no_point_is_unknown(latitude: object, longitude: object) -> None:
    assert coordinates(latitude, longitude) is None


@pytest.mark.parametrize("number", [0, -1, 2**32, False, "7", 1.0, None])
def test_what_is_no_asn_is_unknown(number: object) -> None:
    assert place_of({"autonomous_system_number": number}) == NOWHERE


def test_a_boolean_for_an_asn_is_1() -> None:
    assert repr(place_of({"autonomous_system_number": True}).asn) == "1"


def test_a_name_that_is_a_dash_is_none() -> None:
    assert place_of({"country_code": "-", "city": "-", "autonomous_system_organization": "-"}) == NOWHERE


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
