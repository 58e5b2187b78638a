from ipaddress import ip_address, ip_network

import dns.edns
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.dns.options import client_subnet
from gtm.errors import WireError

FORMERR = dns.rcode.FORMERR

networks = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
).map(lambda pair: ip_network(pair, strict=False))


@given(networks, st.integers(0, 128))
def test_what_dnspython_writes_is_read_and_written_back_with_our_scope(network: str, scope: int) -> None:
    found = ip_network(network)
    scope = min(scope, found.max_prefixlen)
    theirs = dns.edns.ECSOption(str(found.network_address), found.prefixlen)
    subnet = client_subnet.parse(theirs.to_wire() or b"")
    assert subnet.source == found.prefixlen
    assert subnet.client == (found.network_address if found.prefixlen else None)
    expected = dns.edns.ECSOption(str(found.network_address), found.prefixlen, scope)
    assert subnet.compose(scope) == expected.to_wire()


@given(st.binary(max_size=24))
def test_any_bytes_are_a_client_subnet_or_formerr(data: bytes) -> None:
    try:
        subnet = client_subnet.parse(data)
    except WireError as error:
        rcode, again = error.rcode, data
    else:
        rcode, again = FORMERR, subnet.compose(0)
    assert rcode == FORMERR
    assert again == data


MALFORMED = {
    "empty": "",
    "under four octets": "000118",
    "an unknown family": "0003 18 00 0a0203",
    "family 0 with a source": "0000 08 00 0a",
    "family 0 with an address": "0000 00 00 0a",
    "family 0 with a scope": "0000 00 08",
    "a source over 32 for IPv4": "0001 21 00 0a02030405",
    "a source over 128 for IPv6": "0002 81 00" + "20" * 17,
    "a scope in a query": "0001 18 08 0a0203",
    "an octet too few": "0001 18 00 0a02",
    "an octet too many": "0001 18 00 0a020304",
    "source 0 with an address": "0001 00 00 00",
    "a bit beyond the prefix": "0001 17 00 0a0203",
    "all bits beyond the prefix": "0001 11 00 0a027f",
    "a bit beyond an IPv6 prefix": "0002 1f 00 20010db9",
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_client_subnet_is_formerr(octets: str) -> None:
    with pytest.raises(WireError) as caught:
        client_subnet.parse(bytes.fromhex(octets))
    assert caught.value.rcode == FORMERR


@pytest.mark.parametrize(
    ("octets", "client"),
    [
        ("0001 18 00 0a0203", "10.2.3.0"),
        ("0001 20 00 0a020304", "10.2.3.4"),
        ("0001 09 00 0a80", "10.128.0.0"),
        ("0002 38 00 20010db8000200", "2001:db8:2::"),
        ("0002 80 00" + "00" * 15 + "01", "::1"),
    ],
)
def test_the_client_is_the_first_address_of_the_network(octets: str, client: str) -> None:
    assert client_subnet.parse(bytes.fromhex(octets)).client == ip_address(client)


@pytest.mark.parametrize("octets", ["00010000", "00020000", "00000000"], ids=["IPv4", "IPv6", "no family"])
def test_source_0_asks_not_to_be_located(octets: str) -> None:
    subnet = client_subnet.parse(bytes.fromhex(octets))
    assert subnet.client is None
    assert subnet.compose(0) == bytes.fromhex(octets)
