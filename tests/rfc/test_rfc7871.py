"""RFC 7871: client subnet."""

import struct
from ipaddress import IPv6Network, ip_network

import dns.edns
import dns.message
import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from gtm.geo.merging import build
from gtm.geo.networks import CustomNetwork
from gtm.geo.place import NOWHERE, Coordinates, Place
from gtm.geo.special import Embedding
from gtm.ids import Network
from tests.fakes import world
from tests.fakes.world import query, scope, values

SERVED = {"192.0.2.10": "us", "192.0.2.20": "eu", "192.0.2.21": "eu", "192.0.2.30": "ap"}

PAIR = """
  api:
    steer: nearest
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.2}
"""
FAR_WEST, NEAR_DUBLIN = Place(at=Coordinates(40.0, -100.0)), Place(at=Coordinates(52.0, 0.0))


def region(engine: Engine, subnet: str, client: str = world.ELSEWHERE) -> tuple[str, int | None]:
    message = world.answer(engine, query("api", subnet=subnet), client=client)
    [address] = values(message.answer)
    return SERVED[address], scope(message)


def raw_query(option: bytes) -> bytes:
    plain = query("api", edns=False).to_wire()
    options = struct.pack("!HH", 8, len(option)) + option
    return plain[:10] + b"\0\1" + plain[12:] + b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(options)) + options


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ("10.1.2.0/24", ("us", 16)),
        ("10.1.0.0/16", ("us", 16)),
        ("10.2.0.0/16", ("eu", 16)),
        ("10.2.3.4/32", ("eu", 16)),
        ("10.3.0.0/24", ("ap", 16)),
        ("2001:db8:2::/56", ("eu", 48)),
        ("2001:db8:2:100::/56", ("eu", 48)),
        ("2001:db8:3:4:5:6:7:8/128", ("ap", 48)),
        ("2001:db8:2::/48", ("eu", 48)),
    ],
)
def test_7_2_1_the_subnet_decides_and_the_scope_is_the_network_that_did(
    serving: Engine, subnet: str, expected: tuple[str, int]
) -> None:
    assert region(serving, subnet, client=world.US if expected[0] != "us" else world.EU) == expected


def test_7_2_1_without_an_option_the_resolver_decides_and_none_is_sent(serving: Engine) -> None:
    message = world.answer(serving, query("api"), client=world.AP)
    assert values(message.answer) == ["192.0.2.30"]
    assert scope(message) is None


def test_7_2_1_family_source_and_address_come_back(serving: Engine) -> None:
    message = world.answer(serving, query("api", subnet="10.2.3.0/24"))
    [option] = message.options
    assert isinstance(option, dns.edns.ECSOption)
    assert (option.family, option.address, option.srclen) == (1, "10.2.3.0", 24)


def test_7_2_1_the_scope_may_be_longer_than_the_source(engine: Engine) -> None:
    places = {"10.0.0.0/8": FAR_WEST, "10.0.0.0/24": NEAR_DUBLIN}
    engine.swap(world.plan(world.services(PAIR), geography=world.geography(places)))
    message = world.answer(engine, query("api", subnet="10.0.0.0/8"))
    assert values(message.answer) == ["192.0.2.2"]
    assert scope(message) == 24


def test_7_2_1_the_scope_covers_no_carve_out_with_another_answer(engine: Engine) -> None:
    places = {"10.0.0.0/8": FAR_WEST, "10.77.1.0/24": NEAR_DUBLIN}
    engine.swap(world.plan(world.services(PAIR), geography=world.geography(places)))
    carved = ip_network("10.77.1.0/24")
    for subnet in ("10.0.0.0/24", "10.77.0.0/24", "10.77.2.0/24", "10.76.0.0/24", "10.64.0.0/16", "10.128.0.0/9"):
        message = world.answer(engine, query("api", subnet=subnet))
        assert values(message.answer) == ["192.0.2.1"]
        length = scope(message)
        assert length is not None
        assert not ip_network((ip_network(subnet).network_address, length), strict=False).overlaps(carved)
    message = world.answer(engine, query("api", subnet="10.77.1.128/25"))
    assert values(message.answer) == ["192.0.2.2"]
    assert scope(message) == 24


def test_7_2_1_a_carve_out_with_the_same_answer_is_merged(engine: Engine) -> None:
    places = {"10.0.0.0/8": FAR_WEST, "10.77.1.0/24": Place(at=Coordinates(41.0, -99.0))}
    engine.swap(world.plan(world.services(PAIR), geography=world.geography(places)))
    assert scope(world.answer(engine, query("api", subnet="10.0.0.0/24"))) == scope(
        world.answer(engine, query("api", subnet="10.77.1.0/24"))
    )


def test_the_default_answer_has_a_scope_that_is_not_zero(serving: Engine) -> None:
    for subnet in ("172.16.1.0/24", "192.168.0.0/16", "0.0.0.0/1", "128.0.0.0/1", "2001:db8:ffff::/56", "fd00::/8"):
        _, found = region(serving, subnet)
        assert found, subnet
        covered = ip_network((ip_network(subnet).network_address, found), strict=False)
        located = [ip_network(network) for network in world.PLACES if "10.1." not in network and ":1:" not in network]
        assert not any(covered.overlaps(each) for each in located if each.version == covered.version)


def test_a_family_that_is_all_one_cell_has_a_scope_that_is_not_zero(engine: Engine) -> None:
    """Resolvers keep an answer of scope 0 for everybody, of the other family too (RFC 7871 7.3.1)."""
    places = {"2001:db8:2::/48": NEAR_DUBLIN}
    engine.swap(world.plan(world.services(PAIR), geography=world.geography(places)))
    for subnet in ("192.0.2.0/24", "128.0.0.0/1", "10.0.0.0/24", "::ffff:192.0.2.0/120"):
        assert scope(world.answer(engine, query("api", subnet=subnet)))
    assert scope(world.answer(engine, query("api", subnet="2001:db8:2::/56"))) == 48


@pytest.mark.parametrize("name", ["mail", "@", "robin", "weighted", "nothing", "ent", "x.wild"])
def test_7_2_1_what_does_not_look_at_the_client_has_scope_0(serving: Engine, name: str) -> None:
    assert scope(world.answer(serving, query(name, "TXT" if name == "@" else "A", subnet="10.2.3.0/24"))) == 0


def test_other_types_of_a_steered_name_have_scope_0(serving: Engine) -> None:
    for rtype in ("TXT", "MX"):
        assert scope(world.answer(serving, query("api", rtype, subnet="10.2.3.0/24"))) == 0


def test_an_alias_to_a_steered_name_has_its_scope(serving: Engine) -> None:
    assert scope(world.answer(serving, query("www", subnet="10.2.3.0/24"))) == 16


def test_a_steered_alias_keeps_its_scope_whatever_follows(serving: Engine) -> None:
    for subnet, length in (("10.1.2.0/24", 16), ("10.2.3.0/24", 16), ("10.3.3.0/24", 16)):
        assert scope(world.answer(serving, query("alias", subnet=subnet))) == length


def test_nodata_because_all_is_down_has_the_scope_of_the_cell(engine: Engine) -> None:
    text = PAIR.replace("    steer", "    monitor: web\n    on_all_down: nodata\n    steer")
    zone = world.services(text)
    engine.swap(world.plan(zone, beliefs=world.down("192.0.2.1", "192.0.2.2"), geography=world.geography()))
    message = world.answer(engine, query("api", subnet="10.2.3.0/24"))
    assert not message.answer
    assert scope(message) == 15  # of two regions, Singapore's order is Dublin's


@pytest.mark.parametrize("subnet", ["0.0.0.0/0", "::/0"])
def test_7_1_2_source_0_asks_not_to_be_located_and_gets_scope_0(serving: Engine, subnet: str) -> None:
    assert region(serving, subnet, client=world.AP) == ("ap", 0)


def test_the_empty_option_of_family_0_is_source_0(serving: Engine) -> None:
    answer = world.respond(serving, raw_query(bytes(4)))
    assert answer is not None
    assert answer[3] & 0xF == dns.rcode.NOERROR
    assert answer.endswith(struct.pack("!HH", 8, 4) + bytes(4))


EMBEDDING_10_2_3 = {
    "mapped": ("::ffff:10.2.3.0/120", 112),
    "translated": ("::ffff:0:10.2.3.0/120", 112),
    "compatible": ("::10.2.3.4/128", 112),
    "NAT64": ("64:ff9b::a02:300/120", 112),
    "NAT64 /128": ("64:ff9b::a02:304/128", 112),
    "6to4": ("2002:a02:300::/40", 32),
    "6to4 /128": ("2002:a02:304:1::5/128", 32),
    "Teredo": ("2001:0:1:2:3:4:f5fd:fcfb/128", 112),
}


@pytest.mark.parametrize(("subnet", "length"), EMBEDDING_10_2_3.values(), ids=EMBEDDING_10_2_3)
def test_an_ipv6_address_with_an_ipv4_address_in_it_is_where_that_is(serving: Engine, subnet: str, length: int) -> None:
    assert region(serving, subnet, client=world.AP) == ("eu", length)
    resolver = world.answer(serving, query("api"), client=subnet.partition("/")[0])
    assert SERVED[values(resolver.answer)[0]] == "eu"


NAT64_PREFIX = IPv6Network("2001:db8:64::/48")


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ("2001:db8:64:a02::/64", ("eu", 64)),  # 10.2/16 ends where the octet that is skipped begins
        ("2001:db8:64:a02:3:400::/128", ("eu", 64)),
        ("2001:db8:64:a04:0::/64", ("us", 62)),
        ("2001:db8:64:a09:1:200::/128", ("us", 79)),
        ("2001:db8:64:a09:2:200::/128", ("eu", 79)),
    ],
)
def test_a_nat64_prefix_of_an_operator_places_clients_too(
    engine: Engine, subnet: str, expected: tuple[str, int]
) -> None:
    networks = [CustomNetwork(ip_network(network), place) for network, place in world.PLACES.items()]
    networks += [
        CustomNetwork(ip_network("10.9.0.0/16"), FAR_WEST),
        CustomNetwork(ip_network("10.9.2.0/23"), NEAR_DUBLIN),
        CustomNetwork(NAT64_PREFIX, NOWHERE, Embedding.nat64(NAT64_PREFIX)),
    ]
    engine.swap(world.plan(world.zone(), beliefs={}, geography=build((), networks)))
    assert region(engine, subnet, client=world.US) == expected


EMBEDDING_IPV4 = ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32", "::/96", "::ffff:0:0:0/96")


def test_no_scope_covers_embedded_addresses_that_get_another_answer(engine: Engine) -> None:
    places = {"81.2.69.0/24": NEAR_DUBLIN, "2001:db8:2::/48": NEAR_DUBLIN}
    engine.swap(world.plan(world.services(PAIR), geography=world.geography(places)))
    for subnet in ("64:ff9a::/32", "64:ff9c::/32", "2000::/16", "2003::/16", "2001:1::/32", "2400::/12", "1::/16"):
        length = scope(world.answer(engine, query("api", subnet=subnet)))
        assert length
        covered = ip_network((ip_network(subnet).network_address, length), strict=False)
        assert not any(covered.overlaps(ip_network(each)) for each in EMBEDDING_IPV4), subnet


OF_NO_PLACE = {
    "127.0.0.1/32": 8,
    "127.0.0.0/24": 8,
    "10.77.0.0/24": 10,
    "172.16.5.0/24": 12,
    "192.168.1.0/24": 16,
    "100.64.0.0/24": 10,
    "169.254.0.0/16": 16,
    "0.0.0.0/32": 8,
    "::1/128": 104,
    "::/128": 104,
    "fd00:1::/56": 7,
    "fe80::1/128": 9,
    "::ffff:127.0.0.1/128": 104,
    "64:ff9b:1::/56": 48,
    # too short to hold the IPv4 address: the first one in them is 0.0.0.0, or inverted 255.255.255.255
    "64:ff9b::/56": 104,
    "2002::/16": 24,
    "2001:0:1:2::/64": 99,
}


@pytest.mark.parametrize(("subnet", "length"), OF_NO_PLACE.items(), ids=OF_NO_PLACE)
@pytest.mark.parametrize(("resolver", "expected"), [(world.US, "us"), (world.EU, "eu"), (world.AP, "ap")])
def test_where_the_subnet_says_nothing_the_resolver_decides(
    serving: Engine, subnet: str, length: int, *, resolver: str, expected: str
) -> None:
    assert region(serving, subnet, client=resolver) == (expected, length)


@pytest.mark.parametrize("subnet", OF_NO_PLACE, ids=OF_NO_PLACE)
def test_the_scope_of_the_resolvers_answer_covers_nobody_who_is_placed(serving: Engine, subnet: str) -> None:
    answers = {region(serving, subnet, client=client)[0] for client in (world.US, world.EU, world.AP)}
    assert answers == {"us", "eu", "ap"}
    covered = covered_by(serving, subnet)
    for each in (*world.PLACES, "8.8.8.0/24", "2400::/12", "192.0.2.0/24", "172.32.0.0/24"):
        assert ip_network(each).version != covered.version or not covered.overlaps(ip_network(each))


def test_a_resolver_that_says_nothing_either_gets_the_default(serving: Engine) -> None:
    assert region(serving, "127.0.0.1/32", client="192.168.0.1") == ("us", 8)
    assert region(serving, "fe80::1/128", client="::1") == ("us", 9)


def test_a_private_network_that_the_operator_places_is_there(serving: Engine) -> None:
    assert region(serving, "10.2.3.0/24", client=world.US) == ("eu", 16)


def covered_by(engine: Engine, subnet: str) -> Network:
    """The network that an answer is kept for."""
    _, length = region(engine, subnet)
    assert length is not None
    return ip_network((ip_network(subnet).network_address, length), strict=False)


MALFORMED = {
    "empty": "",
    "too short": "000118",
    "an unknown family": "0003 18 00 0a0203",
    "family 0 with a prefix": "0000 08 00 0a",
    "IPv4 longer than 32": "0001 21 00 0a02030405",
    "IPv6 longer than 128": "0002 81 00" + "20" * 17,
    "a scope in a query": "0001 18 18 0a0203",
    "an octet too few": "0001 18 00 0a02",
    "an octet too many": "0001 18 00 0a020300",
    "bits beyond the prefix": "0001 17 00 0a0203",
    "IPv6 bits beyond the prefix": "0002 2f 00 20010db80001",
}


@pytest.mark.parametrize("option", MALFORMED.values(), ids=MALFORMED)
def test_7_1_2_a_malformed_option_is_formerr_with_question_and_opt(serving: Engine, option: str) -> None:
    answer = world.respond(serving, raw_query(bytes.fromhex(option)))
    assert answer is not None
    message = dns.message.from_wire(answer)
    assert message.rcode() == dns.rcode.FORMERR
    assert message.edns == 0
    assert message.question == query("api").question
    assert scope(message) is None
    assert not any(message.sections[1:])


def test_a_health_flip_moves_the_networks_of_the_region_and_no_scope(engine: Engine) -> None:
    zone = world.zone()
    engine.swap(world.plan(zone, beliefs=world.down("192.0.2.20", "192.0.2.21"), geography=world.geography()))
    assert region(engine, "10.2.3.0/24") == ("us", 16)
    assert region(engine, "10.3.3.0/24") == ("ap", 16)
