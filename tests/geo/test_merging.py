from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import maxminddb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.geo.cellmap import ONE_CELL, CellMap, Hit
from gtm.geo.countries import COUNTRIES
from gtm.geo.database import Database, parse
from gtm.geo.geography import NO_GEOGRAPHY, Geography
from gtm.geo.merging import build, combine
from gtm.geo.networks import CustomNetwork
from gtm.geo.place import NOWHERE, Coordinates, Place
from gtm.geo.special import Embedding
from gtm.ids import Address, Network
from tests.fakes.geodata import Record, asn, city, write_database

REGIONS = Path(__file__).parents[2] / "geodata/regions.mmdb"

DUBLIN = Coordinates(53.35, -6.26)


def database(records: Mapping[str, Record], *, ip_version: int = 6) -> Database:
    with TemporaryDirectory() as folder:
        path = write_database(Path(folder) / "a.mmdb", records, ip_version=ip_version)
        with maxminddb.open_database(path) as reader:
            return parse(reader, path.read_bytes())


def custom(network: str, place: Place) -> CustomNetwork:
    return CustomNetwork(ip_network(network), place)


def place_at(geography: Geography, address: str) -> Place:
    return geography.locate(ip_address(address)).place


def network_at(geography: Geography, address: str) -> str:
    return str(geography.locate(ip_address(address)).network)


def test_without_geography_every_address_is_nowhere() -> None:
    assert NO_GEOGRAPHY.places == (NOWHERE,)
    assert NO_GEOGRAPHY.locate(IPv4Address("192.0.2.1")) == (NOWHERE, IPv4Network("0.0.0.0/0"))
    assert NO_GEOGRAPHY.locate(IPv6Address("2001:db8::1")) == (NOWHERE, IPv6Network("::/0"))
    for address in (IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")):
        assert NO_GEOGRAPHY.cell_map([0]).lookup(address) == ONE_CELL.lookup(address)
    assert build([]).places == (NOWHERE,)


def test_the_first_place_is_nowhere_and_all_places_differ() -> None:
    one, two = city("IE", at=(53.0, -6.0)), city("SG", at=(1.0, 103.0))
    geography = build([database({"192.0.2.0/24": one, "198.51.100.0/24": two, "2001:db8::/32": one})])
    assert geography.places[0] == NOWHERE
    assert len(set(geography.places)) == len(geography.places) == 3


def test_an_ipv4_mapped_address_is_the_ipv4_address_in_it() -> None:
    geography = build([database({"192.0.2.0/24": city("IE")})])
    assert place_at(geography, "::ffff:192.0.2.1").country == "IE"
    assert network_at(geography, "::ffff:192.0.2.1") == "192.0.2.0/24"


DUBLINERS = (
    "192.0.2.1",
    "::ffff:192.0.2.1",
    "::ffff:0:192.0.2.1",
    "::192.0.2.1",
    "64:ff9b::192.0.2.1",
    "2002:c000:201:1::5",
    "2001:0:1:2:3:4:3fff:fdfe",
    "2001:db8:64::192.0.2.1",
    "2001:db8:12c0:2:1::",
)
NAT64 = (IPv6Network("2001:db8:64::/96"), IPv6Network("2001:db8:1200::/40"))


def translators() -> list[CustomNetwork]:
    return [CustomNetwork(prefix, NOWHERE, Embedding.nat64(prefix)) for prefix in NAT64]


@pytest.mark.parametrize("address", DUBLINERS)
def test_an_address_is_where_the_ipv4_address_in_it_is(address: str) -> None:
    california = city("US", at=(36.25, -120.48))
    wrong = {"2002::/16": california, "2001::/32": california, "64:ff9b::/96": california, "2001:db8::/32": california}
    for ip_version, records in ((6, wrong), (4, {})):
        source = database({**records, "192.0.2.0/24": city("IE", at=DUBLIN)}, ip_version=ip_version)
        geography = build([source], translators())
        assert place_at(geography, address).country == "IE"
        assert network_at(geography, address) == "192.0.2.0/24"


@pytest.mark.parametrize("address", ["2002:c633:6401::", "2001:0:1:2:3:4:39cc:9bfe", "64:ff9b::198.51.100.1"])
def test_what_a_database_says_of_translated_addresses_is_dropped(address: str) -> None:
    california = city("US", at=(36.25, -120.48))
    records = {"2002::/16": california, "2001::/32": california, "64:ff9b::/96": california}
    geography = build([database({**records, "192.0.2.0/24": city("IE", at=DUBLIN)})])
    assert place_at(geography, address) == NOWHERE


def test_a_custom_network_within_translated_addresses_wins_over_the_ipv4_address() -> None:
    source = database({"192.0.2.0/24": city("IE", at=DUBLIN), "2002::/16": city("US")})
    geography = build(
        [source],
        [
            custom("2002:c000:200::/40", Place("AS", "SG")),
            custom("2002:c000:201::/48", Place(tags=("lab",))),
            custom("2001::/32", Place(tags=("teredo",))),
            custom("::/0", Place("EU", "DE")),
        ],
    )
    assert place_at(geography, "2002:c000:202::1") == Place("AS", "SG")
    assert place_at(geography, "2002:c000:201::1") == Place("AS", "SG", tags=("lab",))
    assert place_at(geography, "2001:0:1:2:3:4:3fff:fdfe") == Place(tags=("teredo",)), "no database places it"
    assert place_at(geography, "64:ff9b::192.0.2.1").country == "IE", "this prefix is longer than that around it"
    assert place_at(geography, "2400::1").country == "DE"


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.1.1", "0.0.0.0", "255.255.255.255", "::1", "fe80::1"])
def test_no_database_places_what_is_no_clients_address(address: str) -> None:
    records = {
        "127.0.0.0/8": city("US"),
        "169.254.0.0/16": city("US"),
        "fe80::/10": city("US"),
        "0.0.0.0/8": city("US"),
    }
    assert place_at(build([database(records)]), address) == NOWHERE
    own = [custom("127.0.0.0/8", Place("EU", "IE"))]
    assert place_at(build([database(records)], own), address).country == ("IE" if address == "127.0.0.1" else "")


@pytest.mark.parametrize("address", ["10.0.0.1", "172.31.0.1", "192.168.0.1", "100.127.0.1", "fd00::1"])
def test_private_addresses_are_where_somebody_says_and_otherwise_nobody_knows(address: str) -> None:
    network = str(ip_network(f"{address}/16", strict=False))
    assert place_at(build([database({"192.0.2.0/24": city("SG")})]), address) == NOWHERE
    assert place_at(build([database({network: city("SG")})]), address).country == "SG"
    everything = [custom("0.0.0.0/0", Place("EU", "IE")), custom("::/0", Place("EU", "IE"))]
    assert place_at(build([], everything), address).country == "IE"


def test_a_cell_map_sends_who_has_no_place_to_its_resolver() -> None:
    geography = build([database({"192.0.2.0/24": city("IE")})], [custom("10.1.0.0/16", Place("EU", "IE"))])
    cells = geography.cell_map([1 if place.country == "IE" else 0 for place in geography.places])
    dublin, elsewhere, private = (ip_address(each) for each in ("192.0.2.1", "198.51.100.1", "192.168.0.1"))
    assert cells.lookup(private, dublin) == Hit(1, 16)
    assert cells.lookup(private, elsewhere) == Hit(0, 16)
    assert cells.lookup(private, ip_address("172.16.0.1")) == cells.lookup(private) == Hit(0, 16)
    assert cells.lookup(ip_address("10.1.2.3"), elsewhere) == Hit(1, 16), "the custom networks place it"
    assert cells.lookup(ip_address("10.2.2.3"), dublin) == Hit(1, 15)
    assert cells.lookup(ip_address("::1"), dublin) == Hit(1, 104), "as 0.0.0.0/8"
    assert cells.lookup(ip_address("64:ff9b::192.168.0.1"), ip_address("2002:c000:201::")) == Hit(1, 112)
    assert cells.lookup(elsewhere, dublin).cell == 0


def test_the_first_database_that_knows_a_location_wins() -> None:
    first = database({"192.0.2.0/25": city("IE")}, ip_version=4)
    second = database({"192.0.2.0/24": city("SG")}, ip_version=4)
    geography = build([first, second])
    assert place_at(geography, "192.0.2.1").country == "IE"
    assert place_at(geography, "192.0.2.200").country == "SG"


@pytest.mark.parametrize("code", ["AP", "EU", "AN", "CS", "ZZ", "-"])
def test_a_code_of_no_country_does_not_hide_the_next_database(code: str) -> None:
    first = database({"192.0.2.0/24": {**city(code, name="-"), **asn(64500)}, "198.51.100.0/24": city("EU")})
    second = database({"192.0.2.0/25": city("JP", at=(35.7, 139.7))})
    geography = build([first, second])
    assert place_at(geography, "192.0.2.1") == Place("AS", "JP", at=Coordinates(35.7, 139.7), asn=64500)
    assert place_at(geography, "192.0.2.200").country == ""
    assert place_at(geography, "198.51.100.1") == Place("EU")


def test_another_code_of_a_country_counts_before_the_next_database() -> None:
    geography = build([database({"192.0.2.0/24": city("UK")}), database({"192.0.2.0/24": city("FR")})])
    assert place_at(geography, "192.0.2.1").country == "GB"


def test_a_continent_or_a_city_alone_gives_way_to_any_database_that_knows_more() -> None:
    databases = [
        database({"192.0.2.0/24": {"city": "Springfield"}}),
        database({"192.0.2.0/24": {"continent": {"code": "EU"}}}),
        database({"192.0.2.0/25": city("IE")}),
        database({"192.0.2.0/25": city("FR")}),
    ]
    assert place_at(build(databases), "192.0.2.1").country == "IE"
    assert place_at(build(databases), "192.0.2.200") == Place("EU")
    assert place_at(build(databases[:1]), "192.0.2.1") == Place(city="Springfield")


def test_a_custom_network_of_which_only_the_continent_is_said_is_there() -> None:
    source = database({"192.0.2.0/24": city("US")})
    geography = build([source], [custom("192.0.2.128/25", Place("EU"))])
    assert place_at(geography, "192.0.2.1").country == "US"
    assert place_at(geography, "192.0.2.200") == Place("EU")


def test_a_city_and_an_asn_database_add_up_in_either_order() -> None:
    cities = database({"192.0.2.0/24": city("IE", at=DUBLIN)})
    networks = database({"192.0.2.0/25": asn(64500, "Example")})
    for geography in (build([cities, networks]), build([networks, cities])):
        assert place_at(geography, "192.0.2.1") == Place("EU", "IE", at=DUBLIN, asn=64500, organization="Example")
        assert network_at(geography, "192.0.2.1") == "192.0.2.0/25"
        assert place_at(geography, "192.0.2.200") == Place("EU", "IE", at=DUBLIN)


def test_a_custom_place_wins_over_every_database_and_keeps_their_asn() -> None:
    source = database({"192.0.2.0/24": {**city("IE", at=DUBLIN), **asn(64500)}})
    geography = build([source], [custom("192.0.2.128/25", Place("AS", "SG", tags=("office",)))])
    assert place_at(geography, "192.0.2.1").country == "IE"
    assert place_at(geography, "192.0.2.129") == Place("AS", "SG", asn=64500, tags=("office",))
    assert network_at(geography, "192.0.2.129") == "192.0.2.128/25"


def test_a_tag_alone_keeps_the_place_of_the_database() -> None:
    source = database({"192.0.2.0/24": city("IE", at=DUBLIN)})
    geography = build([source], [custom("192.0.2.0/28", Place(tags=("lab",)))])
    assert place_at(geography, "192.0.2.1") == Place("EU", "IE", at=DUBLIN, tags=("lab",))


def test_the_longest_custom_network_decides_and_the_one_around_it_fills_in() -> None:
    networks = [
        custom("10.1.2.0/24", Place(tags=("lab",))),
        custom("10.0.0.0/8", Place("EU", "DE", tags=("office",))),
        custom("10.1.0.0/16", Place("EU", "FR")),
        custom("2001:db8::/32", Place("OC", "NZ")),
    ]
    geography = build([], networks)
    assert place_at(geography, "10.9.9.9") == Place("EU", "DE", tags=("office",))
    assert place_at(geography, "10.1.9.9") == Place("EU", "FR", tags=("office",))
    assert place_at(geography, "10.1.2.9") == Place("EU", "FR", tags=("lab",))
    assert place_at(geography, "2001:db8::1") == Place("OC", "NZ")
    assert place_at(geography, "11.0.0.0") == NOWHERE


def test_a_custom_network_may_be_everything() -> None:
    geography = build([], [custom("0.0.0.0/0", Place(tags=("v4",)))])
    assert place_at(geography, "192.0.2.1").tags == ("v4",)
    assert place_at(geography, "2001:db8::1") == NOWHERE
    assert network_at(geography, "192.0.2.1") == "192.0.0.0/9", "192.168.0.0/16 is private"


def test_what_the_first_source_does_not_know_comes_from_the_second() -> None:
    assert combine(NOWHERE, NOWHERE) == NOWHERE
    known = Place("EU", "IE", "IE-D", "Dublin", DUBLIN, 64500, "Example", ("a",))
    assert combine(NOWHERE, known) == combine(known, NOWHERE) == known
    assert combine(Place("EU"), known) == Place("EU", asn=64500, organization="Example", tags=("a",))


def test_a_country_without_coordinates_is_at_its_point() -> None:
    assert place_at(build([database({"192.0.2.0/24": city("SG")})]), "192.0.2.1").at == COUNTRIES["SG"].at


def test_neighbours_of_one_cell_are_one_network() -> None:
    records = {"192.0.2.0/25": city("IE"), "192.0.2.128/25": city("GB"), "192.0.3.0/24": city("SG")}
    geography = build([database(records)])
    cells = [{"IE": 1, "GB": 1, "SG": 2}.get(place.country, 0) for place in geography.places]
    cell_map = geography.cell_map(cells)
    assert cell_map.lookup(IPv4Address("192.0.2.1")) == Hit(1, 24)
    assert cell_map.lookup(IPv4Address("192.0.3.1")) == Hit(2, 24)
    assert cell_map.lookup(IPv4Address("192.0.0.1")) == Hit(0, 23)
    assert geography.cell_map([5] * len(cells)).lookup(IPv4Address("192.0.2.1")) == Hit(5, 0)


COUNTRIES_USED = ("IE", "US", "SG")


@st.composite
def sources(draw: st.DrawFn) -> tuple[list[dict[str, Record]], list[CustomNetwork]]:
    """Up to two databases and some custom networks, all within 256 addresses of each family."""
    databases = [
        {
            str(network): city(draw(st.sampled_from(COUNTRIES_USED)))
            for network in sorted(draw(st.lists(networks(), min_size=1, max_size=6)), key=lambda net: net.prefixlen)
        }
        for _ in range(draw(st.integers(1, 2)))
    ]
    customs = {
        network: Place(country=draw(st.sampled_from(["", "DE"])), tags=draw(st.sampled_from([("lab",), ("b",)])))
        for network in draw(st.lists(networks(), max_size=4))
    }
    return databases, [CustomNetwork(network, place) for network, place in customs.items()]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    length, offset = draw(st.integers(0, 8)), draw(st.integers(0, 255))
    if draw(st.booleans()):
        return IPv4Network((int(IPv4Address("192.0.2.0")) + offset, 24 + length), strict=False)
    return IPv6Network((int(IPv6Address("2001:db8::")) + offset, 120 + length), strict=False)


@given(sources(), st.integers(1, 4))
@settings(max_examples=60)
@pytest.mark.slow
def test_every_address_is_in_its_cell_and_the_largest_block_of_it(
    given_sources: tuple[list[dict[str, Record]], list[CustomNetwork]], different: int
) -> None:
    records, customs = given_sources
    geography = build([database(record) for record in records], customs)
    cells = [index % different for index in range(len(geography.places))]
    cell_map = geography.cell_map(cells)
    for first in (IPv4Address("192.0.2.0"), IPv6Address("2001:db8::")):
        addresses = [first + offset for offset in range(256)]
        expected = [place_by_brute_force(records, customs, address) for address in addresses]
        assert [geography.locate(address).place for address in addresses] == expected
        numbers = [cells[geography.places.index(place)] for place in expected]
        # Blocks as large as all 256 addresses may be larger still: the cell around them is that of NOWHERE.
        for offset, hit in enumerate(map(cell_map.lookup, addresses)):
            assert hit.cell == numbers[offset]
            size = largest_block(numbers, offset)
            assert 2 ** (first.max_prefixlen - hit.prefix_length) == size or (size == 256 and hit.cell == cells[0])


def largest_block(numbers: list[int], offset: int) -> int:
    """Returns the size of the largest aligned block around an offset in which all numbers are the same."""
    blocks = ((size, offset // size * size) for size in (256, 128, 64, 32, 16, 8, 4, 2, 1))
    return next(size for size, start in blocks if len(set(numbers[start : start + size])) == 1)


def place_by_brute_force(records: list[dict[str, Record]], customs: list[CustomNetwork], address: Address) -> Place:
    around = sorted((each for each in customs if address in each.network), key=lambda each: -each.network.prefixlen)
    place = NOWHERE
    for each in around:
        place = combine(place, each.place)
    for content in records:
        found = [record for text, record in content.items() if address in ip_network(text)]
        if found:
            country = found[-1]["country"]
            assert isinstance(country, dict)
            code = country["iso_code"]
            place = combine(place, Place(COUNTRIES[code].continent, code, at=COUNTRIES[code].at))
    return place


@pytest.fixture(scope="module")
def regions() -> Geography:
    with maxminddb.open_database(REGIONS) as reader:
        return build([parse(reader, REGIONS.read_bytes())])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "country", "subdivision"),
    [
        ("81.2.69.160", "GB", ""),
        ("200.160.2.3", "BR", "BR-SP"),
        ("203.116.0.1", "SG", ""),
        ("8.8.8.8", "US", "US-CA"),
        ("24.48.0.1", "CA", "CA-QC"),
        ("2001:12ff::10", "BR", "BR-SP"),
        ("240e::1", "CN", ""),
        ("::ffff:8.8.8.8", "US", "US-CA"),
        ("192.0.2.1", "", ""),
    ],
)
def test_known_answers_of_the_default_database(
    regions: Geography, address: str, country: str, subdivision: str
) -> None:
    place = place_at(regions, address)
    assert (place.country, place.subdivision) == (country, subdivision)
    assert (place.at is None) == (country == "")


@pytest.mark.slow
def test_a_cell_map_of_the_default_database_covers_everything_and_agrees_with_it(regions: Geography) -> None:
    cells = [0 if place.at is None else 1 + int(place.at.longitude + 180) // 60 for place in regions.places]
    cell_map = regions.cell_map(cells)
    assert_covers_everything(cell_map)
    chance = Random(3)
    addresses: list[Address] = [IPv4Address(chance.getrandbits(32)) for _ in range(5_000)]
    addresses += [IPv6Address(0x2400 << 112 | chance.getrandbits(119)) for _ in range(5_000)]
    number_of = {place: index for index, place in enumerate(regions.places)}
    for address in addresses:
        located, hit = regions.locate(address), cell_map.lookup(address)
        assert hit.cell == cells[number_of[located.place]]
        assert hit.prefix_length <= located.network.prefixlen


def assert_covers_everything(cell_map: CellMap) -> None:
    for family, bits in ((cell_map.v4, 32), (cell_map.v6, 128)):
        end = 0
        for start, length in zip(family.starts, family.lengths, strict=True):
            assert start == end
            end = start + 2 ** (bits - length)
        assert end == 2**bits
