"""What `gtm geodata verify` tells of records that are not read as they stand."""

from pathlib import Path

import mmdb_writer
import netaddr
import pytest

from gtm.geo.database import DatabaseOddity
from gtm.geo.place import Coordinates
from gtm.watch.geodata import parse_database
from tests.fakes.geodata import Record, city, write_database


def odd(records: dict[str, Record], folder: Path) -> dict[str, int]:
    content = write_database(folder / "a.mmdb", records).read_bytes()
    assert parse_database(content).oddities == ()
    return {oddity.text: oddity.networks for oddity in parse_database(content, odd=True).oddities}


def test_codes_of_no_country_are_told_with_how_many_networks_have_them(tmp_path: Path) -> None:
    records: dict[str, Record] = {
        "192.0.2.0/25": city("AP"),
        "198.51.100.0/24": city("AP"),
        "203.0.113.0/24": {"country_code": "UK"},
        "2001:db8::/32": {"country_code": "ZZ", "registered_country": {"iso_code": "IE"}},
        "2001:db9::/32": {"country_code": "not a code"},
        "2001:dba::/32": city("IE"),
        "2001:dbb::/32": {"country_code": "-", "city": "-"},
    }
    assert odd(records, tmp_path) == {
        'country code "AP", no country: read as the continent AS': 2,
        'country code "UK": read as GB': 1,
        'country code "ZZ", no country: read as none': 1,
        'country code "NOT A CO", no country: read as none': 1,
    }


def test_a_continent_that_is_not_the_countrys_is_told(tmp_path: Path) -> None:
    records = {"192.0.2.0/24": city("RU", continent="AS"), "198.51.100.0/24": city("RU", continent="EU")}
    assert odd(records, tmp_path) == {"RU in AS: read as in EU": 1}


def test_booleans_and_the_point_0_0_are_told(tmp_path: Path) -> None:
    records: dict[str, Record] = {
        # Two zeros that are equal: the writer writes the first of them for both, and so with 1.0 and True.
        "192.0.2.0/24": {"is_anycast": True, "is_satellite": False, "latitude": 1.0, "longitude": 0.0},
        "198.51.100.0/24": {"autonomous_system_number": 1},
        "203.0.113.0/24": {"country_code": "IE", "latitude": 0.0, "longitude": 0.0},
    }
    assert odd(records, tmp_path) == {
        "a boolean for a coordinate: true is read as 1, false as 0": 2,
        "a boolean for the number of an autonomous system: true is read as 1": 1,
        "coordinates 0, 0: read as none": 1,
    }


@pytest.mark.parametrize("flat", [False, True])
def test_coordinates_of_32_bits_are_read_and_told(tmp_path: Path, *, flat: bool) -> None:
    writer = mmdb_writer.MMDBWriter(6, "Test-City", ["en"], "for tests", ipv4_compatible=True)
    point = {"accuracy": [1, {"a": 2}], "latitude": mmdb_writer.MmdbF32(52.5), "longitude": mmdb_writer.MmdbF32(13.3)}
    record = {"names": {"en": "x" * 400}, **(point if flat else {"location": point})}
    writer.insert_network(netaddr.IPSet(["192.0.2.0/24"]), record)
    writer.insert_network(netaddr.IPSet(["198.51.100.0/24"]), {"latitude": 52.5, "longitude": 13.25})
    writer.to_db_file(str(tmp_path / "a.mmdb"))
    database = parse_database((tmp_path / "a.mmdb").read_bytes(), odd=True)
    words = "coordinates of 32 bits: read here, but gdnsd does not load such a file, and PowerDNS reads 0, 0"
    assert database.oddities == (DatabaseOddity(words, 1),)
    of_32_bits = 13.300000190734863
    assert {place.at for place in database.places} == {None, Coordinates(52.5, of_32_bits), Coordinates(52.5, 13.25)}


@pytest.mark.slow
def test_a_large_database_is_told_of_by_the_process_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.watch.geodata.MOST_BYTES_HERE", 0)
    assert odd({"192.0.2.0/24": city("AP")}, tmp_path) == {'country code "AP", no country: read as the continent AS': 1}


def test_an_ordinary_database_has_nothing_odd(tmp_path: Path) -> None:
    assert odd({"192.0.2.0/24": city("IE", at=(53.5, -6.25), continent="EU", name="Dublin")}, tmp_path) == {}
