"""A real resolver (unbound) in front of a node: what it caches, for whom, and what it asks again.

unbound asks the node with the client's network (EDNS Client Subnet) and keeps each answer for the scope that the node
gave. The node counts what reaches it: a count that does not move is an answer from the cache. The clients are all on
loopback, so each sends its network as `dig +subnet` would, and unbound takes it for the client's own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network

import dns.edns
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.fakes import unbound
from tests.fakes.asking import ANSWER_LIMIT_S, addresses_in, is_answering, status_of
from tests.fakes.cluster import (
    AP_SOUTHEAST,
    DNS_PORT,
    EU_WEST,
    NAME,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    ZONE,
    Cluster,
    Machine,
    loopback_address,
    within,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.tool("unbound")]

ADDRESSES = {name: f"127.0.0.{number}" for number, name in enumerate(REGIONS, start=101)}

BRITISH, BRAZILIAN, SINGAPOREAN = "81.2.69.0/24", "200.160.2.0/24", "203.116.0.0/24"
"""Within 81.2.64.0/18, 200.160.0.0/20 and 203.116.0.0/16 of the cluster's geo database."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """unbound, and the node behind it."""

    address: str
    node: str

    def ask(self, network: str) -> dns.message.Message:
        """Returns what a client of a network gets from the resolver."""
        client = ip_network(network)
        query = dns.message.make_query(NAME, "A", use_edns=0)
        query.use_edns(0, options=[dns.edns.ECSOption(str(client.network_address), client.prefixlen)])
        return dns.query.udp(query, self.address, port=DNS_PORT, timeout=ANSWER_LIMIT_S)

    def region(self, network: str) -> str:
        """Returns the region that a client of a network is sent to."""
        names = {address: name for name, address in ADDRESSES.items()}
        message = self.ask(network)
        assert message.rcode() == dns.rcode.NOERROR
        return ", ".join(names[address] for address in addresses_in(message))

    def asked(self) -> int:
        """Returns how many queries the node has answered."""
        status = status_of(self.node)
        assert status is not None
        return sum(count for series, count in status.counters.items() if series.startswith("dns_responses{"))

    @contextmanager
    def from_cache(self) -> Iterator[None]:
        """Holds that the node is not asked in this block."""
        before = self.asked()
        yield
        assert self.asked() == before, "the node was asked"

    @contextmanager
    def from_node(self) -> Iterator[None]:
        """Holds that the node is asked in this block."""
        before = self.asked()
        yield
        assert self.asked() > before, "the cache answered"


@pytest.fixture
def resolver(cluster: Cluster) -> Resolver:
    machine = Machine("ns1", loopback_address())
    cluster.write_zone(ADDRESSES, ttl=300)
    cluster.write_nodes([machine])
    cluster.start_node(machine)
    within(START_LIMIT_S, lambda: is_answering(machine.address))
    resolver = Resolver(loopback_address(), machine.address)
    start_unbound(cluster, resolver)
    return resolver


def start_unbound(cluster: Cluster, resolver: Resolver) -> None:
    """Starts unbound, and waits until it answers."""
    command = unbound.command(cluster.folder, address=resolver.address, zone=ZONE, server=resolver.node)
    running = cluster.start_program("unbound", command)
    within(START_LIMIT_S, lambda: not running.running or is_answering(resolver.address, name=f"ns1.{ZONE}"))
    assert running.running


def test_clients_of_one_resolver_each_get_their_region_and_then_from_its_cache(resolver: Resolver) -> None:
    wanted = {BRITISH: EU_WEST, BRAZILIAN: US_EAST, SINGAPOREAN: AP_SOUTHEAST}
    for network, region in wanted.items():
        with resolver.from_node():
            assert resolver.region(network) == region
    with resolver.from_cache():
        for _ in range(3):
            assert {network: resolver.region(network) for network in wanted} == wanted


def test_an_answer_is_kept_for_its_scope_and_no_further(resolver: Resolver) -> None:
    with resolver.from_node():
        assert resolver.region("81.2.69.0/24") == EU_WEST
    [scope] = [
        option.scopelen for option in resolver.ask("81.2.69.0/24").options if isinstance(option, dns.edns.ECSOption)
    ]
    assert scope == 18
    with resolver.from_cache():
        assert resolver.region("81.2.64.0/24") == EU_WEST, "a neighbour, at the one end of the scope"
        assert resolver.region("81.2.127.0/24") == EU_WEST, "and at the other"
    with resolver.from_node():
        assert resolver.region("81.2.128.0/24") == US_EAST, "the next network is nowhere: the first region by default"
    with resolver.from_node():
        assert resolver.region("200.160.2.0/24") == US_EAST
    with resolver.from_cache():
        assert resolver.region("81.2.100.0/24") == EU_WEST


def test_a_client_that_hides_its_network_gets_an_answer_that_is_kept_from_the_others(resolver: Resolver) -> None:
    # RFC 7871 7.1.2: a source of 0 asks that no network be sent on
    with resolver.from_node():
        assert resolver.region("0.0.0.0/0") in ADDRESSES
    with resolver.from_node():
        assert resolver.region(BRITISH) == EU_WEST
    with resolver.from_node():
        assert resolver.region(SINGAPOREAN) == AP_SOUTHEAST
