"""The search tree as gtm reads it, against the search tree as maxminddb reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import cast

import maxminddb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from maxminddb.reader import Metadata

from gtm.errors import DatabaseInvalid
from gtm.geo.database import MALFORMED, MOST_NODES, Database, parse
from gtm.geo.database_row import place_of
from gtm.geo.place import NOWHERE, Place
from gtm.ids import Address
from tests.fakes.geodamage import WHOLE
from tests.fakes.geodata import Record, asn, city, write_database

FILES = Path(__file__).parents[1] / "data/geo"
REGIONS = Path(__file__).parents[2] / "geodata/regions.mmdb"

IPV4_ELSEWHERE = tuple(ip_network(text) for text in ("::/96", "::ffff:0:0/96", "2001::/32", "2002::/16"))
"""Where IPv4 addresses, or aliases of them, lie among IPv6 addresses: unknown here, found by maxminddb."""


def read(path: Path) -> Database:
    with maxminddb.open_database(path, maxminddb.MODE_MEMORY) as reader:
        return parse(reader, path.read_bytes())


def located(database: Database, address: Address) -> tuple[Place, int]:
    trie = database.v4 if isinstance(address, IPv4Address) else database.v6
    value, length = trie.locate(int(address))
    return database.places[value], length


def assert_same(database: Database, reader: maxminddb.Reader, address: Address) -> None:
    record, length = reader.get_with_prefix_len(address)
    found = located(database, address)
    if any(address in network for network in IPV4_ELSEWHERE):
        assert found[0] in {NOWHERE, place_of(record)}
    else:
        assert found == (place_of(record), length), address


@pytest.mark.parametrize("path", sorted(FILES.glob("good/*.mmdb")), ids=lambda path: path.stem)
def test_every_network_of_a_good_database_is_read_as_maxminddb_reads_it(path: Path) -> None:
    database = read(path)
    assert any(place != NOWHERE for place in database.places)
    with maxminddb.open_database(path) as reader:
        for network, _ in reader:
            for address in (network.network_address, network.broadcast_address):
                assert_same(database, reader, address)


@pytest.mark.parametrize("path", sorted(FILES.glob("trees/*-test-*.mmdb")), ids=lambda path: path.stem)
def test_every_record_size_and_ip_version_is_read(path: Path) -> None:
    database = read(path)
    with maxminddb.open_database(path) as reader:
        networks = [network for network, _ in reader]
    assert database.networks == len([n for n in networks if n not in IPV4_ELSEWHERE[1:]])
    for network in networks:
        if isinstance(network, IPv4Network):
            value, length = database.v4.locate(int(network.network_address))
            assert value > 0
            assert length == network.prefixlen


@dataclass(frozen=True)
class Pretending:
    """A reader of the whole file of tests/fakes/geodamage.py that says, or raises, something else."""

    told: Mapping[str, object] = field(default_factory=dict)
    error: Exception | None = None

    def metadata(self) -> Metadata:
        return cast("Metadata", SimpleNamespace(**{**WHOLE.metadata, **self.told}))

    def get(self, address: Address) -> object:
        if self.error is not None:
            raise self.error
        return {}


def parsed_by(pretending: Pretending) -> Database:
    return parse(cast("maxminddb.Reader", pretending), WHOLE.content)


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"node_count": MOST_NODES + 1}, "a search tree of 268435457 nodes"),
        ({"node_count": -1}, "a search tree of -1 nodes"),
        ({"node_count": 2**28}, "the file is shorter than its search tree"),
        ({"node_count": len(WHOLE.content) // 6}, "the file is shorter than its search tree"),
        ({"record_size": 20}, "records of 20 bits"),
        ({"ip_version": 5}, "addresses of IP version 5"),
    ],
)
def test_sizes_that_cannot_be_are_refused_before_anything_is_read(told: dict[str, object], problem: str) -> None:
    with pytest.raises(DatabaseInvalid) as caught:
        parsed_by(Pretending(told))
    assert str(caught.value) == problem


@pytest.mark.parametrize("error", MALFORMED, ids=lambda error: error.__name__)
def test_whatever_a_reader_raises_on_a_record_is_an_invalid_database(error: type[Exception]) -> None:
    with pytest.raises(DatabaseInvalid, match=r"^malformed: .*too deep"):
        parsed_by(Pretending(error=error("too deep")))


def test_too_little_memory_is_told_as_what_it_is() -> None:
    with pytest.raises(DatabaseInvalid) as caught:
        parsed_by(Pretending(error=MemoryError()))
    assert str(caught.value) == "this machine has too little memory to decode it"


def test_an_ipv6_tree_that_ends_before_ipv4_begins_is_read() -> None:
    database = read(FILES / "trees/MaxMind-DB-no-ipv4-search-tree.mmdb")
    assert database.networks == 1
    assert database.v4.locate(1) == (1, 0)
    assert database.v6.locate(1) == (1, 64)


def network_of(draw: st.DrawFn) -> IPv4Network | IPv6Network:
    if draw(st.booleans()):
        length = draw(st.integers(1, 32))
        return IPv4Network((draw(st.integers(0, 2**32 - 1)), length), strict=False)
    length = draw(st.integers(3, 128))
    # 2001:db8:: to 3fff::, clear of where IPv4 lies.
    return IPv6Network((draw(st.integers(0x2003 << 112, (0x4000 << 112) - 1)), length), strict=False)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for index in range(draw(st.integers(1, 12))):
        country = draw(st.sampled_from(["IE", "US", "SG"]))
        found[str(network_of(draw))] = city(country, at=(float(index % 3), 0.0))
    # Shortest first, for mmdb_writer replaces what a later network covers.
    return dict(sorted(found.items(), key=lambda item: ip_network(item[0]).prefixlen))


@pytest.mark.slow
@given(records(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_any_database_is_read_as_maxminddb_reads_it(content: dict[str, Record], chance: Random) -> None:
    with TemporaryDirectory() as folder:
        path = write_database(Path(folder) / "any.mmdb", content)
        database = read(path)
        with maxminddb.open_database(path) as reader:
            for address in addresses_around(content, chance):
                assert_same(database, reader, address)


def addresses_around(content: dict[str, Record], chance: Random) -> list[Address]:
    found: list[Address] = []
    for text in content:
        network = ip_network(text)
        first, last = int(network.network_address), int(network.broadcast_address)
        inside = (first, last, chance.randint(first, last))
        outside = (max(0, first - 1), min(2**network.max_prefixlen - 1, last + 1))
        found += [type(network.network_address)(number) for number in (*inside, *outside)]
    return found


def test_the_metadata_are_kept(tmp_path: Path) -> None:
    database = read(write_database(tmp_path / "a.mmdb", {"192.0.2.0/24": city("IE")}, type_="Mine-City"))
    assert database.type == "Mine-City"
    assert database.description == "for tests"
    assert database.networks == 1
    assert database.built_at > 1_600_000_000
    assert database.nodes == 120


def test_an_ipv4_database_knows_no_ipv6_address(tmp_path: Path) -> None:
    database = read(write_database(tmp_path / "a.mmdb", {"192.0.2.0/24": asn(64500)}, ip_version=4))
    assert located(database, IPv4Address("192.0.2.1")) == (Place(asn=64500), 24)
    assert located(database, IPv6Address("2001:db8::1")) == (NOWHERE, 0)


def test_a_record_around_all_ipv4_addresses_holds_for_them(tmp_path: Path) -> None:
    database = read(write_database(tmp_path / "a.mmdb", {"::/8": city("IE")}))
    assert located(database, IPv4Address("192.0.2.1")) == (place_of(city("IE")), 0)
    assert located(database, IPv6Address("80::")) == (place_of(city("IE")), 8)


def test_the_alias_of_6to4_is_cut() -> None:
    path = FILES / "good/GeoLite2-City-Test.mmdb"
    with maxminddb.open_database(path) as reader:
        assert reader.get("2002:5102:45a0::1") == reader.get("81.2.69.160")
    assert located(read(path), ip_address("81.2.69.160"))[0].country == "GB"
    assert located(read(path), ip_address("2002:5102:45a0::1"))[0] == NOWHERE


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_file_is_invalid(share: float) -> None:
    path = FILES / "good/GeoLite2-City-Test.mmdb"
    content = path.read_bytes()
    with maxminddb.open_database(path) as reader, pytest.raises(DatabaseInvalid):
        parse(reader, content[: int(len(content) * share) // 10])


@pytest.mark.slow
def test_random_addresses_of_the_default_database_are_read_as_maxminddb_reads_them() -> None:
    database = read(REGIONS)
    chance = Random(7)
    addresses: list[Address] = [IPv4Address(chance.getrandbits(32)) for _ in range(20_000)]
    addresses += [IPv6Address(0x2000 << 112 | chance.getrandbits(125)) for _ in range(5_000)]
    addresses += [IPv6Address(0x2400 << 112 | chance.getrandbits(119)) for _ in range(5_000)]
    with maxminddb.open_database(REGIONS) as reader:
        for address in addresses:
            assert_same(database, reader, address)
