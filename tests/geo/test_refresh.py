"""The script that makes the default database, on a database of a few networks."""

import shutil
from ipaddress import ip_network
from pathlib import Path

import geoip2.database
import maxminddb
import pytest

from geodata.refresh import Centers, Region, blocks, main, merged, regions
from gtm.geo.database_row import place_of
from gtm.geo.place import Coordinates, Place
from gtm.watch.geodata import load, parse_database
from tests.fakes.geodata import Record, city, write_database

IE, GB = Region("EU", "IE", ""), Region("EU", "GB", "")


def subdivided(country: str, name: str, at: tuple[float, float]) -> Record:
    """Returns a record as DB-IP writes it: the subdivision by name only."""
    return {**city(country, at=at), "subdivisions": [{"names": {"en": name}}]}


def test_a_city_database_is_condensed(tmp_path: Path) -> None:
    source = write_database(
        tmp_path / "city.mmdb",
        {
            "192.0.2.0/25": city("IE", at=(50.0, -8.0), name="Cork"),
            "192.0.2.128/26": city("IE", at=(53.0, -8.0), name="Athlone"),
            "192.0.2.192/26": city("GB", at=(51.5, 0.0), name="London"),
            "192.0.3.0/24": city("IE", at=(50.0, -8.0), name="Cork"),
            "198.51.100.0/24": subdivided("US", "California", (37.0, -122.0)),
            "203.0.113.0/24": subdivided("DE", "Hesse", (50.0, 8.0)),
            "2001:db8::/48": city("SG", at=(1.3, 103.8)),
        },
    )
    target = write_database(
        tmp_path / "regions.mmdb",
        {"10.0.0.0/8": {**subdivided("US", "California", (0.0, 0.0)), "subdivisions": [CALIFORNIA]}},
    )
    main(source, target)
    with maxminddb.open_database(target) as reader:
        found = {str(network): place_of(record) for network, record in reader}
        assert reader.metadata().database_type == "DBIP-City-Lite"
        assert "DB-IP" in reader.metadata().description["en"]
    assert found == {
        # Athlone has 64 of 448 addresses of Ireland; London's went to Ireland with the rest of its /24.
        "192.0.2.0/23": Place("EU", "IE", at=Coordinates(50.43, -8.0)),
        "198.51.100.0/24": Place("NA", "US", "US-CA", at=Coordinates(37.0, -122.0)),
        "203.0.113.0/24": Place("EU", "DE", at=Coordinates(50.0, 8.0)),
        "2001:db8::/36": Place("AS", "SG", at=Coordinates(1.3, 103.8)),
    }
    assert load([target]).problems == ()
    assert not target.with_suffix(".new").exists()


def test_other_programs_find_what_they_look_for(tmp_path: Path) -> None:
    records = {
        "192.0.2.0/24": city("IE", at=(50.0, 50.0)),
        "198.51.100.0/24": city("DE", at=(48.0, 8.0)),
        "198.51.101.0/24": city("DE", at=(52.0, 8.0)),
        "2001::/20": city("SG", at=(1.0, 104.0)),
        "2002::/16": city("US", at=(37.0, -120.0)),
    }
    target = tmp_path / "regions.mmdb"
    main(write_database(tmp_path / "city.mmdb", records), target)
    with maxminddb.open_database(target) as reader:
        # Equal numbers of different types, which the writer would take for the same.
        assert reader.get("192.0.2.1") == {
            "continent": {"code": "EU"},
            "country": {"iso_code": "IE"},
            "registered_country": {"iso_code": "IE"},
            "location": {"latitude": 50.0, "longitude": 50.0, "accuracy_radius": 1000},
        }
        germany = reader.get("198.51.100.1")
        assert isinstance(germany, dict)
        assert germany["location"] == {"latitude": 50.0, "longitude": 8.0, "accuracy_radius": 222}  # 2 degrees
        for alias in ("::198.51.100.1", "::ffff:198.51.100.1", "2002:c633:6401::1", "2001:0:c633:6401::1"):
            assert reader.get(alias) == germany
        assert [reader.get(address) for address in ("2001:1::1", "2001:800::1", "2002::1")] == [
            {
                **city("SG"),
                "continent": {"code": "AS"},
                "registered_country": {"iso_code": "SG"},
                "location": SINGAPORE,
            },
            {
                **city("SG"),
                "continent": {"code": "AS"},
                "registered_country": {"iso_code": "SG"},
                "location": SINGAPORE,
            },
            None,
        ]
    with geoip2.database.Reader(target) as model:
        assert model.city("198.51.100.1").location.accuracy_radius == 222
    found = parse_database(target.read_bytes(), odd=True)
    assert (found.networks, found.oddities) == (2 + 12, ())  # of Singapore all but 2001::/32


SINGAPORE = {"latitude": 1.0, "longitude": 104.0, "accuracy_radius": 1000}


def test_a_database_of_regions_is_brought_into_a_new_form_without_losing_anything(tmp_path: Path) -> None:
    location = {"latitude": 53.35, "longitude": -6.26, "accuracy_radius": 150}
    records: dict[str, Record] = {
        "192.0.2.0/24": {**city("IE", continent="EU"), "location": location},
        "198.51.100.0/24": {**subdivided("US", "California", (37.25, -122.0)), "subdivisions": [CALIFORNIA]},
        "2001:db8::/36": city("RU", at=(60.0, 90.0), continent="EU"),
    }
    source, target = write_database(tmp_path / "old.mmdb", records), tmp_path / "new.mmdb"
    made = source.read_bytes()
    at = made.rindex(b"build_epoch") + len(b"build_epoch")
    source.write_bytes(made[:at] + b"\x04\x02" + OCTOBER.to_bytes(4) + made[at + 6 :])  # an uint64 in four octets
    shutil.copy(source, target)
    main(source, target)
    with maxminddb.open_database(target) as reader:
        assert reader.metadata().build_epoch == OCTOBER
    before = places(source)
    main(target, target)
    assert places(target) == before
    with maxminddb.open_database(target) as reader:
        ireland = reader.get("192.0.2.1")
        assert isinstance(ireland, dict)
        assert ireland["location"] == location
        assert reader.metadata().description["en"].count("Derived from") == 1


OCTOBER = 1_790_000_000


def places(path: Path) -> dict[str, Place]:
    with maxminddb.open_database(path) as reader:
        return {str(network): place_of(record) for network, record in reader}


CALIFORNIA = {"iso_code": "CA", "names": {"en": "California"}}


def test_flat_records_are_read_too() -> None:
    flat = {"country_code": "CA", "state1": "Quebec", "city": "Montreal", "latitude": 45.5, "longitude": -73.6}
    centers = Centers()
    region = Region("NA", "CA", "Quebec")
    assert list(regions([(ip_network("192.0.2.0/24"), flat)], centers)) == [(ip_network("192.0.2.0/24"), region)]
    assert centers.at(region) == Coordinates(45.5, -73.6)


def test_networks_without_a_country_are_left_out() -> None:
    assert list(regions([(ip_network("192.0.2.0/24"), {"continent": {"code": "EU"}})], Centers())) == []


def test_the_middle_of_two_places_astride_the_date_line_is_on_it() -> None:
    centers = Centers()
    for longitude in (179.0, -179.0):
        centers.add(IE, Coordinates(0.0, longitude), 1.0)
    middle = centers.at(IE)
    assert middle is not None
    assert abs(middle.longitude) == pytest.approx(180.0)


def test_a_block_goes_to_the_region_of_most_of_its_addresses() -> None:
    networks = [
        (ip_network("192.0.2.0/26"), GB),
        (ip_network("192.0.2.64/26"), GB),
        (ip_network("192.0.2.128/25"), IE),
        (ip_network("192.0.3.0/25"), IE),
        (ip_network("192.0.4.0/22"), IE),
    ]
    assert [run.region for run in blocks(networks)] == [GB, IE, IE]
    assert [(run.region, run.last - run.first + 1) for run in merged(blocks(networks))] == [(GB, 256), (IE, 1280)]


def test_families_are_never_merged() -> None:
    networks = [(ip_network("255.255.255.0/24"), IE), (ip_network("::1:0:0/96"), IE)]
    assert len(list(merged(blocks(networks)))) == 2
