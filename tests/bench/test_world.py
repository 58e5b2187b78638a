"""The world that servers are compared in: what is asked, and a database whose answers are those of the shipped one."""

import struct
from ipaddress import ip_address
from pathlib import Path

import dns.edns
import dns.message
import maxminddb
import pytest

from bench.world import (
    ADDRESSES,
    ORIGIN,
    STEERED,
    World,
    clients,
    make_database,
    queries,
    query,
    static_name,
    write_queries,
)
from gtm.geo.database_row import place_of


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "country.mmdb"
    make_database(path)
    return path


@pytest.mark.slow
def test_the_database_has_the_countries_of_the_shipped_one_and_nothing_else(database: Path) -> None:
    shipped = Path(__file__).parents[2] / "geodata" / "regions.mmdb"
    with maxminddb.open_database(database) as made, maxminddb.open_database(shipped) as original:
        assert made.metadata().database_type == "GeoIP2-Country"
        for client in clients(4, 2000) + clients(6, 2000):
            found, expected = made.get(client), original.get(client)
            assert place_of(found).country == place_of(expected).country
            assert not isinstance(found, dict) or set(found) <= {"country", "registered_country", "continent"}


@pytest.mark.slow
def test_every_region_is_the_nearest_of_somebody(database: Path) -> None:
    world = World(0, database)
    assert set(world.addresses_of(clients(4, 1000))) == set(ADDRESSES.values())
    assert set(world.addresses_of(clients(6, 1000))) == set(ADDRESSES.values())


@pytest.mark.slow
def test_an_address_without_a_country_gets_the_first_region(database: Path) -> None:
    assert World(0, database).address_of("192.168.1.1") == ADDRESSES["us-east"]


@pytest.mark.parametrize("version", [4, 6])
def test_client_networks_all_differ_and_are_of_one_family(version: int) -> None:
    drawn = clients(version, 5000)
    assert len(set(drawn)) == 5000
    assert {ip_address(each).version for each in drawn} == {version}


@pytest.mark.parametrize(("client", "length"), [("203.0.113.0", 24), ("2001:db8:7::", 48)])
def test_a_query_carries_its_client_network(client: str, length: int) -> None:
    message = dns.message.from_wire(query(STEERED, client))
    assert message.question[0].to_text() == f"{STEERED}. IN A"
    [option] = message.options
    assert isinstance(option, dns.edns.ECSOption)
    assert (option.address, option.srclen, option.scopelen) == (str(ip_address(client)), length, 0)


def test_queries_without_a_client_network_are_with_and_without_edns() -> None:
    assert dns.message.from_wire(query(STEERED)).edns == 0
    assert dns.message.from_wire(query(STEERED, edns=False)).edns == -1


def test_static_queries_ask_for_every_name_of_a_small_zone() -> None:
    names = {dns.message.from_wire(each).question[0].name.to_text() for each in queries("static", World(20, Path()))}
    assert names == {f"{static_name(number)[0]}.{ORIGIN}." for number in range(20)}


def test_the_messages_of_a_load_have_one_length() -> None:
    assert {len(message) for message in queries("static", World(5000, Path()))} == {len(query(f"h0000000.{ORIGIN}"))}


def test_queries_are_written_after_their_lengths(tmp_path: Path) -> None:
    messages = [query(STEERED), query(STEERED, "203.0.113.0")]
    write_queries(tmp_path / "queries", messages)
    content = (tmp_path / "queries").read_bytes()
    read = []
    while content:
        (length,) = struct.unpack_from("!H", content)
        read.append(content[2 : 2 + length])
        content = content[2 + length :]
    assert read == messages
