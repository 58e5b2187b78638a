"""A real resolver that caches by client subnet (unbound) gives every client what the server itself would give it.

The clients are 5,000 random networks of both families, mapped, NAT64, 6to4, Teredo and private ones among them, and
many of them neighbours: so many answers come from the cache, by the scopes of others. Health changes on the way. Each
state of health is asked for by a name of its own, which no cache has yet; after a change what is cached of the name
before may be of the state before, and of no other.
"""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from random import Random

import dns.name
import dns.rcode
import pytest

from gtm.engine.protocol import Engine, Transport
from gtm.geo import networks
from gtm.geo.geography import Geography
from gtm.geo.merging import build
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.watch.geodata import read_database
from gtm.zone.model import Zone
from tests.engine.clients import Clients
from tests.fakes import unbound, world
from tests.fakes.cluster import DNS_PORT, START_LIMIT_S, Running, loopback_address, tail, within
from tests.serve import running as servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90), pytest.mark.tool("unbound")]

NETWORKS = 5_000
STATES = 5
AT_ONCE = 50
"""So many questions are on their way at once; their answers fit a socket's buffer."""
ANSWER_LIMIT_S = 5.0
A, OPT, SUBNET, IN, RD = 1, 41, 8, 1, 0x100

DATABASE = Path(__file__).parents[2] / "geodata" / "regions.mmdb"
PLACED = """
networks:
  10.0.0.0/8: {at: [50.1, 8.7]}
  10.77.1.0/24: {at: [1.3, 103.8]}
  81.2.69.192/28: {at: [35.7, 139.7]}
  "2001:db8::/32": {at: [-23.5, -46.6]}
  "2001:db8:64::/96": {nat64: true}
  "2002:c633::/32": {at: [35.7, 139.7]}
"""
THE_RESOLVER = "  %s/32: {at: [35.7, 139.7]}\n"
"""Whoever has no place is where it is: at an address of loopback, which is nowhere by itself."""

CUSTOM = ["10.0.0.0/8", "10.77.1.0/24", "81.2.69.192/28", "2001:db8:64::/96", "2002:c633::/32", "64:ff9b::/96"]

REGIONS = {
    "192.0.2.1": ("us-east", [38.95, -77.45]),
    "192.0.2.2": ("eu-west", [53.35, -6.26]),
    "192.0.2.3": ("ap-southeast", [1.35, 103.82]),
    "192.0.2.4": ("sa-east", [-23.55, -46.63]),
    "192.0.2.5": ("ap-northeast", [35.68, 139.69]),
    "192.0.2.6": ("au", [-33.87, 151.21]),
}
ZONE = f"""
zone: gtm.example.com
ttl: 300
nameservers: [ns1.gtm.example.com]
hostmaster: hostmaster@example.com
regions:
{"".join(f"  {name}: {{at: {at}}}" + chr(10) for name, at in REGIONS.values())}
monitors:
  web: {{type: http}}
services:
  "*":
    ttl: 300
    monitor: web
    steer: nearest
    endpoints:
{"".join(f"      - {{region: {name}, address: {address}}}" + chr(10) for address, (name, _) in REGIONS.items())}
records:
  ns1: {{A: 192.0.2.53}}
"""


@dataclass(frozen=True)
class Resolver:
    """unbound, and the engine that it asks."""

    engine: Engine
    address: str

    def cached(self, name: str, subnets: Sequence[str]) -> list[str]:
        """What clients in these networks get from the resolver, all asked at about the same time."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(ANSWER_LIMIT_S)
            sock.connect((self.address, DNS_PORT))
            for number, subnet in enumerate(subnets):
                sock.send(question(name, subnet, number))
            answers = (sock.recv(4096) for _ in subnets)
            of_number = {struct.unpack_from("!H", wire)[0]: address_in(name, wire) for wire in answers}
        return [of_number[number] for number in range(len(subnets))]

    def direct(self, name: str, subnet: str) -> str:
        """What the engine gives this resolver for a client in a network."""
        answered = self.engine.respond(question(name, subnet, 0), ip_address(self.address), Transport.UDP, coin=0)
        assert answered is not None
        return address_in(name, answered.wire)


def question(name: str, subnet: str, number: int) -> bytes:
    """A query with a client subnet, packed by hand: libraries take longer for that than resolvers to answer."""
    network = ip_network(subnet)
    length = network.prefixlen
    option = struct.pack("!HBB", 1 if network.version == 4 else 2, length, 0)
    option += network.network_address.packed[: (length + 7) // 8]
    opt = struct.pack("!BHHIHHH", 0, OPT, 1232, 0, len(option) + 4, SUBNET, len(option)) + option
    return struct.pack("!6H", number, RD, 1, 0, 0, 1) + wire_name(name) + struct.pack("!2H", A, IN) + opt


def wire_name(name: str) -> bytes:
    return dns.name.from_text(f"{name}.gtm.example.com").to_wire() or b""


def address_in(name: str, wire: bytes) -> str:
    """The one address of an answer."""
    _, flags, _, answers, _, _ = struct.unpack_from("!6H", wire)
    assert (flags & 0xF, answers) == (dns.rcode.NOERROR, 1)
    record = wire[12 + len(wire_name(name)) + 4 :]
    _, rtype, _, _, length = struct.unpack_from("!3HIH", record)  # the owner is a pointer to the question
    assert (rtype, length) == (A, 4)
    return str(IPv4Address(record[12:16]))


@contextmanager
def resolving(engine: Engine, address: str, folder: Path) -> Iterator[tuple[Resolver, servers.Running]]:
    """Runs the engine's server, and unbound in front of it."""
    with servers.running(engine) as server:
        command = unbound.command(
            folder, address=address, zone="gtm.example.com", server=server.host, server_port=server.port
        )
        process = Running("unbound", command, folder / "unbound.log", folder=folder, prefix=())
        try:
            resolver = Resolver(engine, address)
            within(START_LIMIT_S, lambda: not process.running or answers(resolver))
            assert process.running, tail(process.log)
            yield resolver, server
        finally:
            process.kill()


def answers(resolver: Resolver) -> bool:
    """Whether the resolver is there, which is so sometime after its start."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.25)
        sock.connect((resolver.address, DNS_PORT))
        try:
            sock.send(question("start", "192.0.2.0/24", 1))
            return bool(sock.recv(4096))
        except OSError:
            return False


def clients(dice: Random) -> list[str]:
    """Random networks; two of three are near another one, and so in the scope of its answer, or just outside."""
    drawn = Clients(dice, CUSTOM)
    found: list[str] = []
    while len(found) < NETWORKS:
        subnet = drawn.subnet()
        network = ip_network(subnet)
        found.append(subnet)
        for _ in range(2):
            bit = dice.randrange(network.prefixlen) if network.prefixlen else 0
            around = int(network.network_address) ^ 1 << (network.max_prefixlen - 1 - bit)
            if network.prefixlen:
                found.append(f"{type(network.network_address)(around)}/{network.prefixlen}")
    return found[:NETWORKS]


def states(plan: Plan, zone: Zone, dice: Random) -> Iterator[Plan]:
    """The plan, and those after flips of health: some regions down, never all."""
    yield plan
    for _ in range(STATES - 1):
        down = dice.sample(sorted(REGIONS), dice.randint(1, len(REGIONS) - 1))
        plan = apply(plan, world.status(world.down(*down), zone), plan.watchers) or plan
        yield plan


def test_what_a_resolver_caches_is_what_each_client_would_get(serving: Engine, tmp_path: Path) -> None:
    dice, address = Random(7871), loopback_address()
    zone = world.zone(ZONE)
    plan = world.plan(zone, beliefs={}, geography=geography(address))
    asked = clients(dice)
    share = NETWORKS // STATES
    serving.swap(plan)
    with resolving(serving, address, tmp_path) as (resolver, server):
        before: dict[str, str] = {}
        for number, current in enumerate(states(plan, zone, dice)):
            serving.swap(current)
            stale = list(before)[: share // 4]
            for subnet, cached in each(resolver, f"s{number - 1}", stale):
                assert cached in {before[subnet], resolver.direct(f"s{number - 1}", subnet)}, subnet
            before = {}
            for subnet, cached in each(resolver, f"s{number}", asked[number * share : (number + 1) * share]):
                assert cached == resolver.direct(f"s{number}", subnet), (number, subnet)
                before[subnet] = cached
            assert len(set(before.values())) > 1 or number, "the regions differ"
        reached = sum(count for name, count in server.counters.snapshot().items() if name.startswith("dns_responses{"))
    assert reached < NETWORKS * 0.9, "the cache answered some"


def geography(resolver: str) -> Geography:
    placed = networks.parse(PLACED + THE_RESOLVER % resolver, "networks.yaml")
    return build([read_database(DATABASE)[0]], placed)


def each(resolver: Resolver, name: str, subnets: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each network with what clients in it get from the resolver."""
    for start in range(0, len(subnets), AT_ONCE):
        some = subnets[start : start + AT_ONCE]
        yield from zip(some, resolver.cached(name, some), strict=True)
