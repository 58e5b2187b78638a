from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.geo.cellmap import EMBEDDED, UNPLACED, embedded
from gtm.geo.special import NAT64_LENGTHS, SPECIAL, Embedding, tells_no_place

TEREDO = Embedding(96, is_inverted=True)
EMBEDDINGS = (*(Embedding(length) for length in sorted(NAT64_LENGTHS)), Embedding(16), TEREDO)


def of(network: str) -> Embedding:
    found = SPECIAL[ip_network(network)]
    assert isinstance(found, Embedding)
    return found


@pytest.mark.parametrize(
    ("prefix", "address"),
    [  # RFC 6052 2.4
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
    ],
)
def test_the_examples_of_rfc_6052(prefix: str, address: str) -> None:
    assert Embedding.nat64(IPv6Network(prefix)).address(int(IPv6Address(address))) == IPv4Address("192.0.2.33")


@pytest.mark.parametrize(
    ("network", "address", "embedded_address"),
    [
        ("::/96", "::192.0.2.33", "192.0.2.33"),
        ("::/96", "::1", "0.0.0.1"),
        ("::ffff:0:0/96", "::ffff:192.0.2.33", "192.0.2.33"),
        ("::ffff:0:0:0/96", "::ffff:0:192.0.2.33", "192.0.2.33"),
        ("64:ff9b::/96", "64:ff9b::c000:221", "192.0.2.33"),
        ("2002::/16", "2002:c000:221:ffff:ffff:ffff:ffff:ffff", "192.0.2.33"),
        ("2001::/32", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),  # RFC 4380 4
    ],
)
def test_each_kind_of_address_holds_its_ipv4_address(network: str, address: str, embedded_address: str) -> None:
    assert IPv6Address(address) in ip_network(network)
    assert of(network).address(int(IPv6Address(address))) == IPv4Address(embedded_address)


@pytest.mark.parametrize(
    ("embedding", "length", "expected"),
    [
        (of("2002::/16"), 18, 34),
        (of("2001::/32"), 18, 114),
        (of("64:ff9b::/96"), 32, 128),
        (Embedding(32), 32, 64),
        (Embedding(40), 24, 64),
        (Embedding(40), 25, 73),
        (Embedding(64), 0, 64),
        (Embedding(64), 32, 104),
    ],
)
def test_the_length_in_ipv6_of_a_network_of_ipv4(embedding: Embedding, length: int, expected: int) -> None:
    assert embedding.length(length) == expected


@given(st.sampled_from(EMBEDDINGS), st.integers(0, 2**128 - 1), st.integers(1, 32), st.integers(0, 127))
def test_within_a_prefix_of_that_length_all_embed_the_same_network(
    embedding: Embedding, number: int, length: int, bit: int
) -> None:
    prefix = embedding.length(length)

    def network(of_number: int) -> IPv4Network:
        return IPv4Network((embedding.address(of_number), length), strict=False)

    if bit >= prefix:
        assert network(number ^ 1 << (127 - bit)) == network(number)
    assert network(number ^ 1 << (128 - prefix)) != network(number), "and a shorter one has another network in it"


@pytest.mark.parametrize("prefix", ["2001:db8::/33", "2001:db8::/97", "::/0", "2001:db8::/128"])
def test_no_other_length_is_a_nat64_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"32, 40, 48, 56, 64 or 96 bits \(RFC 6052 2\.2\)"):
        Embedding.nat64(IPv6Network(prefix))


def test_bits_64_to_71_of_a_nat64_prefix_are_0() -> None:
    with pytest.raises(ValueError, match="must be 0"):
        Embedding.nat64(IPv6Network("2001:db8:0:0:100::/96"))


def test_each_embedding_has_a_number_of_its_own_beside_the_cells() -> None:
    numbers = [embedded(embedding) for embedding in EMBEDDINGS]
    assert len(set(numbers)) == len(numbers)
    assert all(EMBEDDED <= number < UNPLACED for number in numbers)


def test_what_tells_no_place() -> None:
    assert all(
        tells_no_place(ip_address(each)) for each in ("10.0.0.1", "127.0.0.1", "100.64.0.1", "fe80::1", "fd00::1")
    )
    assert not any(tells_no_place(ip_address(each)) for each in ("11.0.0.1", "192.0.2.1", "2001:db8::1", "2002::1"))
