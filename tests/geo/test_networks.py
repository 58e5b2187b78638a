from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import NetworksInvalid
from gtm.geo.countries import COUNTRIES
from gtm.geo.networks import CustomNetwork, parse
from gtm.geo.place import NOWHERE, Coordinates, Place
from gtm.geo.special import Embedding


def problems(text: str) -> list[str]:
    with pytest.raises(NetworksInvalid) as caught:
        parse(text, "n.yaml")
    return str(caught.value).splitlines()


def test_places_and_tags_are_read() -> None:
    text = """
networks:
  10.0.0.0/8: {country: DE, at: [50.1, 8.7], tag: office}
  "2001:db8::/32": {tags: [lab, alpha], tag: lab}
  2001:db8:1::/48: {subdivision: US-CA, city: Fremont, asn: 64500, organization: Example}
  192.0.2.7: {continent: EU}
"""
    assert parse(text, "n.yaml") == (
        CustomNetwork(ip_network("10.0.0.0/8"), Place("EU", "DE", at=Coordinates(50.1, 8.7), tags=("office",))),
        CustomNetwork(ip_network("2001:db8::/32"), Place(tags=("alpha", "lab"))),
        CustomNetwork(
            ip_network("2001:db8:1::/48"),
            Place("NA", "US", "US-CA", "Fremont", COUNTRIES["US"].at, 64500, "Example"),
        ),
        CustomNetwork(ip_network("192.0.2.7/32"), Place("EU")),
    )


def test_a_nat64_prefix_places_its_clients_by_their_ipv4_addresses() -> None:
    text = """
networks:
  "2001:db8:64::/96": {nat64: true}
  "2001:db8:65::/48": {nat64: false, country: IE}
"""
    prefix, other = parse(text, "n.yaml")
    assert prefix == CustomNetwork(ip_network("2001:db8:64::/96"), NOWHERE, Embedding(96))
    assert (other.place.country, other.embedding) == ("IE", None)


def test_norway_is_a_country() -> None:
    assert parse("networks: {192.0.2.0/24: {country: NO}}", "n.yaml")[0].place.country == "NO"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "networks:\n", "networks: {}\n", "---\n"])
def test_an_empty_file_has_no_networks(text: str) -> None:
    assert parse(text, "n.yaml") == ()


def test_every_mistake_is_reported_at_once_in_the_order_of_the_file() -> None:
    text = """networks:
  10.0.0.1/8: {country: DE}
  192.0.2.0/24: {tgs: [lab], country: Germany}
  198.51.100.0/33: {tag: a}
"""
    assert problems(text) == [
        "n.yaml:2:3: 10.0.0.1/8 has host bits set; write 10.0.0.0/8",
        'n.yaml:3:18: unknown key "tgs"; did you mean "tags"?',
        'n.yaml:3:39: "Germany" is not a country; write its ISO 3166-1 alpha-2 code, such as DE',
        'n.yaml:4:3: "198.51.100.0/33" is not a network; write it as 192.0.2.0/24 or "2001:db8::/32"',
    ]


NOT_A_POINT = "must be [latitude, longitude] in degrees, such as [50.11, 8.68]"
NOT_A_TAG = 'is not a tag; use letters, digits, "-", "_" and "."'
SAYS_NOTHING = "says nothing; give it some of country, continent, subdivision, city, at, asn, organization, tag, tags"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nets: {}", '1:1: unknown key "nets"; did you mean "networks"?'),
        ("- 1", "1:1: expected keys with values at the top of the file"),
        ("networks: 5", "1:11: must be a mapping"),
        ("networks: {192.0.2.0/24: Berlin}", "1:26: must be a mapping"),
        ("networks: {192.0.2.0/24: {}}", f"1:26: {SAYS_NOTHING}"),
        ("networks: {192.0.2.0/24: }", f"1:12: {SAYS_NOTHING}"),
        ("networks: {192.0.2.0/24: {at: [91, 0]}}", f"1:31: {NOT_A_POINT}"),
        ("networks: {192.0.2.0/24: {at: [1]}}", f"1:31: {NOT_A_POINT}"),
        ("networks: {192.0.2.0/24: {at: [.nan, x]}}", f"1:31: {NOT_A_POINT}"),
        ("networks: {192.0.2.0/24: {at: 50.1}}", f"1:31: {NOT_A_POINT}"),
        ("networks: {192.0.2.0/24: {asn: AS1}}", '1:32: "AS1" is not the number of an autonomous system'),
        (
            "networks: {192.0.2.0/24: {continent: Asia}}",
            '1:38: "Asia" is not a continent; they are AF AN AS EU NA OC SA',
        ),
        (
            "networks: {192.0.2.0/24: {subdivision: California}}",
            '1:40: "California" is not a subdivision; write its ISO 3166-2 code, such as US-CA',
        ),
        ("networks: {192.0.2.0/24: {country: IE, subdivision: US-CA}}", "1:26: US-CA is not a subdivision of IE"),
        ("networks: {192.0.2.0/24: {tag: a b}}", f'1:32: "a b" {NOT_A_TAG}'),
        ("networks: {192.0.2.0/24: {tags: []}}", f'1:33: "" {NOT_A_TAG}'),
        ("networks: {192.0.2.0/24: {city: [a]}}", "1:33: must be a text"),
        ("networks: {192.0.2.0/24: {tag: a, tag: b}}", '1:35: duplicate key "tag"; the first one is on line 1'),
        (
            "networks: {192.0.2.0/24: {tag: a}, 192.0.2.0/24: {tag: b}}",
            '1:36: duplicate key "192.0.2.0/24"; the first one is on line 1',
        ),
        (
            "networks: {'2001:db8::/32': {tag: a}, '2001:DB8:0::/32': {tag: b}}",
            "1:39: 2001:db8::/32 is already on line 1",
        ),
        (
            "networks: {'::ffff:192.0.2.0/120': {tag: a}}",
            "1:12: ::ffff:192.0.2.0/120 is an IPv4 network in IPv6 notation; write 192.0.2.0/24",
        ),
        (
            "networks: {'fe80::%eth0/64': {tag: a}}",
            '1:12: "fe80::%eth0/64" has a zone index; write the network without it',
        ),
        (
            "networks: {'2001:db8:64::/80': {nat64: true}}",
            "1:12: 2001:db8:64::/80 is no NAT64 prefix; those have 32, 40, 48, 56, 64 or 96 bits (RFC 6052 2.2)",
        ),
        ("networks: {192.0.2.0/24: {nat64: true}}", "1:12: 192.0.2.0/24 is no NAT64 prefix; those are IPv6"),
        ("networks: {'2001:db8::/96': {nat64: yes}}", "1:37: must be true or false"),
        ("networks: {'2001:db8::/96': {nat64: false}}", f"1:29: {SAYS_NOTHING}"),
        (
            "networks: {'2001:db8::/96': {nat64: true, country: IE}}",
            "1:29: its clients are where their IPv4 addresses are: give it a place or nat64, not both",
        ),
        ("networks: {a: &a {tag: b}", '1:26: not YAML: a "{" that is not closed; expected "," or "}"'),
        (
            "networks: {}\n---\nnetworks: {}",
            '2:1: a second document starts here; one file is one document, without "---" inside',
        ),
        ("networks: {\x00: 1}", "1:12: not YAML: a control character, which YAML does not allow"),
    ],
)
def test_a_mistake_is_reported_where_it_stands(text: str, message: str) -> None:
    assert problems(text) == [f"n.yaml:{message}"]


def test_duplicate_keys_do_not_hide_other_mistakes() -> None:
    assert problems("networks: {192.0.2.0/24: {tag: a, tag: b, tga: c}, 192.0.2.1/24: {tag: a}}") == [
        'n.yaml:1:35: duplicate key "tag"; the first one is on line 1',
        'n.yaml:1:43: unknown key "tga"; did you mean "tag"?',
        "n.yaml:1:52: 192.0.2.1/24 has host bits set; write 192.0.2.0/24",
    ]


def test_a_file_may_have_more_values_than_a_zone_file() -> None:
    text = (
        "networks: {192.0.2.0/24: &x {tags: ["
        + "a, " * 1_000
        + "b]}"
        + "".join(f", 10.0.{index}.0/24: *x" for index in range(200))
    )
    assert len(parse(text + "}", "n.yaml")) == 201


@pytest.mark.slow
def test_nesting_without_end_is_a_mistake() -> None:
    assert problems("[" * 500) == ["n.yaml:1:17: nested deeper than 16 levels"]


@given(st.text(alphabet="networks:{}[],&*'\"\n -0123456789./ac#!|>%@`\t\\", max_size=80))
def test_any_text_is_read_or_has_problems(text: str) -> None:
    with suppress(NetworksInvalid):
        assert all(isinstance(each, CustomNetwork) for each in parse("networks: " + text, "n.yaml"))
