"""RFC 7871: client subnet."""

import struct
from ipaddress import ip_network

import dns.edns
import dns.message
import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from gtm.geo.place import Coordinates, Place
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
        ("10.1.2.0/24", ("us", 15)),  # the order at us-east is the default one, so 10.0/16 joins
        ("10.1.0.0/16", ("us", 15)),
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
    assert scope(world.answer(engine, query("api", subnet="10.0.0.0/24"))) == 1
    assert scope(world.answer(engine, query("api", subnet="192.0.0.0/24"))) == 1
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
    for subnet, length in (("10.1.2.0/24", 15), ("10.2.3.0/24", 16), ("10.3.3.0/24", 16)):
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


def test_ipv4_mapped_ipv6_is_ipv4(serving: Engine) -> None:
    assert region(serving, "::ffff:10.2.3.0/120") == ("eu", 112)


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
