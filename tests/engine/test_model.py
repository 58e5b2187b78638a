"""10,000 random valid queries, over the shipped geo database, get what the independent model says.

Each engine answers its half of them; that both give the same bytes is for test_parity.py.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import dns.edns
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from gtm.engine.protocol import Engine, Transport
from gtm.geo import networks
from gtm.geo.geography import Geography
from gtm.geo.merging import build
from gtm.health.belief import Belief
from gtm.health.consensus.status import NO_STATUS
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.watch.geodata import read_database
from gtm.zone.model import Zone
from tests.engine.clients import OF_NO_PLACE, Clients
from tests.engine.model import Address, Model, Possible, Row, World
from tests.fakes import world
from tests.fakes.deltas import delta_of

DATABASE = Path(__file__).parents[2] / "geodata" / "regions.mmdb"
QUERIES = 5_000
"""Of each engine."""
STATES = 25
"""So many times health changes on the way."""
SERIAL = 2026

NETWORKS = """
networks:
  10.0.0.0/8: {at: [50.1, 8.7]}
  10.77.1.0/24: {at: [1.3, 103.8]}
  10.77.1.128/25: {at: [-33.9, 151.2]}
  81.2.69.192/28: {at: [35.7, 139.7]}
  "2001:db8::/32": {at: [-23.5, -46.6]}
  "2001:db8:77::/48": {at: [53.3, -6.3]}
  "2001:db8:64::/96": {nat64: true}
  "2001:db8:a800::/40": {nat64: true}
  "2002:c633::/32": {at: [35.7, 139.7]}
  "64:ff9b::4000:0/100": {at: [1.3, 103.8]}
"""

ZONE = """
zone: gtm.example.com
ttl: 60
nameservers: [ns1.gtm.example.com, ns2.example.net]
hostmaster: hostmaster@example.com
soa: {refresh: 7200, retry: 900, expire: 1209600, minimum: 45, ttl: 50}
regions:
  us-east: {at: [38.95, -77.45]}
  eu-west: {at: [53.35, -6.26]}
  ap-southeast: {at: [1.35, 103.82]}
  sa-east: {at: [-23.55, -46.63], bias: 30}
  ap-northeast: {at: [35.68, 139.69], bias: -40}
  au: {at: [-33.87, 151.21]}
monitors:
  web: {type: http}
services:
  "@":
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2}]
  api:
    ttl: 30
    monitor: web
    steer: nearest
    endpoints:
      - {region: us-east, address: 192.0.2.10}
      - {region: us-east, address: "2001:db8:f::10"}
      - {region: eu-west, address: 192.0.2.20, weight: 2}
      - {region: eu-west, address: 192.0.2.21}
      - {region: eu-west, address: 192.0.2.22, weight: 0}
      - {region: ap-southeast, address: 192.0.2.30}
      - {region: ap-southeast, address: "2001:db8:f::30"}
      - {region: sa-east, address: 192.0.2.40}
      - {region: ap-northeast, address: 192.0.2.50}
      - {region: au, address: 192.0.2.60}
  failover:
    monitor: web
    steer: failover
    endpoints:
      - {region: us-east, address: 192.0.2.11}
      - {region: us-east, address: 192.0.2.12, priority: 9}
      - {region: au, address: 192.0.2.13}
      - {region: au, address: 192.0.2.14}
  weighted:
    monitor: web
    steer: weighted
    endpoints:
      - {region: us-east, address: 192.0.2.15, weight: 200}
      - {region: us-east, address: 192.0.2.16, weight: 0}
      - {region: au, address: 192.0.2.17}
  zeros:
    monitor: web
    steer: weighted
    endpoints: [{region: us-east, address: 192.0.2.18, weight: 0}, {region: au, address: 192.0.2.19, weight: 0}]
  robin:
    monitor: web
    steer: round-robin
    endpoints: [{region: us-east, address: 192.0.2.70}, {region: au, address: 192.0.2.71}]
  many:
    steer: multivalue
    endpoints:
      - {region: us-east, address: 198.51.100.1}
      - {region: us-east, address: 198.51.100.2}
      - {region: us-east, address: 198.51.100.3}
      - {region: us-east, address: 198.51.100.4}
      - {region: us-east, address: 198.51.100.5}
      - {region: us-east, address: 198.51.100.6}
      - {region: us-east, address: 198.51.100.7}
      - {region: us-east, address: 198.51.100.8}
      - {region: us-east, address: 198.51.100.9}
      - {region: us-east, address: 198.51.100.10}
  alias:
    monitor: web
    steer: nearest
    endpoints:
      - {region: us-east, target: api}
      - {region: eu-west, target: eu.example.net.}
      - {region: sa-east, target: gone.ent}
      - {region: au, target: robin}
      - {region: ap-southeast, target: x.sub}
  closed:
    monitor: web
    ttl: 20
    steer: nearest
    on_all_down: nodata
    endpoints: [{region: us-east, address: 192.0.2.90}, {region: sa-east, address: 192.0.2.91}]
  broken:
    monitor: web
    steer: nearest
    on_all_down: servfail
    endpoints: [{region: us-east, address: 192.0.2.92}]
  spare:
    monitor: web
    steer: nearest
    on_all_down: last_resort
    endpoints:
      - {region: us-east, address: 192.0.2.93}
      - {region: eu-west, address: 192.0.2.94}
      - {region: au, address: 192.0.2.95, last_resort: true}
      - {region: ap-northeast, address: 192.0.2.96, last_resort: true}
  "*.tenant":
    monitor: web
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.100}, {region: ap-southeast, address: 192.0.2.101}]
records:
  "@": {TXT: ["v=spf1 -all"], MX: 10 mail}
  ns1: {A: 192.0.2.53, AAAA: "2001:db8:53::1"}
  mail: {A: 192.0.2.25, TXT: [one, two]}
  www: {CNAME: api}
  www2: {CNAME: www}
  far: {CNAME: www.example.org.}
  dangling: {CNAME: nothing.ent}
  a.b.ent: {TXT: deep}
  api: {TXT: beside the service}
  "*.wild": {TXT: wild, MX: 5 mail}
  host.wild: {A: 192.0.2.110}
  x.ent.wild: {A: 192.0.2.111}
  "*.cwild": {CNAME: alias}
  sub: {NS: [ns.sub, ns.other, ns9.example.net.], DS: "12345 13 1 00112233445566778899aabbccddeeff00112233"}
  ns.sub: {A: 192.0.2.120, AAAA: "2001:db8:53::2"}
  other: {NS: ns.other}
  ns.other: {A: 192.0.2.121}
  tosub: {CNAME: www.sub}
"""

NAMES = [
    "@",
    "api",
    "API",
    "www",
    "www2",
    "failover",
    "weighted",
    "zeros",
    "robin",
    "many",
    "alias",
    "closed",
    "broken",
    "spare",
    "tenant",
    "x.tenant",
    "a.b.tenant",
    "*.tenant",
    "mail",
    "far",
    "dangling",
    "ent",
    "b.ent",
    "a.b.ent",
    "c.b.ent",
    "wild",
    "x.wild",
    "a.b.wild",
    "host.wild",
    "x.host.wild",
    "ent.wild",
    "y.ent.wild",
    "x.ent.wild",
    "*.wild",
    "x.*.wild",
    "x.cwild",
    "cwild",
    "sub",
    "x.sub",
    "ns.sub",
    "a.b.sub",
    "other",
    "ns.other",
    "tosub",
    "ns1",
    "nothing",
    "a.nothing",
    "x.api",
    "_x._tcp.api",
    "example.com.",
    "other.test.",
    ".",
    "com.",
    "xgtm.example.com.",
]

STEERED = ["api", "www", "www2", "alias", "x.cwild", "@", "closed", "spare", "x.tenant"]
TYPES = ["A", "A", "A", "A", "AAAA", "AAAA", "CNAME", "TXT", "MX", "NS", "SOA", "DS", "ANY", "HTTPS", "SRV"]


@dataclass(frozen=True)
class Case:
    """One query, and who asks."""

    name: dns.name.Name
    rtype: str
    resolver: Address
    subnet: str | None
    edns: bool
    transport: Transport
    coin: int

    @property
    def client(self) -> Address:
        """Who is located: the subnet's first address, if it does not ask not to be."""
        network = ip_network(self.subnet) if self.subnet else None
        return network.network_address if network is not None and network.prefixlen else self.resolver

    def query(self) -> dns.message.QueryMessage:
        options: list[dns.edns.Option] = []
        if self.subnet:
            network = ip_network(self.subnet)
            options = [dns.edns.ECSOption(str(network.network_address), network.prefixlen)]
        if not self.edns:
            return dns.message.make_query(self.name, self.rtype)
        return dns.message.make_query(self.name, self.rtype, use_edns=0, payload=1232, options=options)


@dataclass(frozen=True)
class Dice:
    """Draws cases, from a seed."""

    random: random.Random
    clients: Clients

    def case(self) -> Case:
        draw = self.random
        name = dns.name.from_text(draw.choice(NAMES if draw.random() < 0.5 else STEERED), world_origin())
        subnet = self.clients.subnet() if draw.random() < 0.6 else None
        return Case(
            dns.name.Name([self.mixed(label) for label in name.labels]),
            draw.choice(TYPES),
            self.clients.address(),
            subnet,
            edns=subnet is not None or draw.random() < 0.7,
            transport=draw.choice(list(Transport)),
            coin=draw.getrandbits(64),
        )

    def mixed(self, label: bytes) -> bytes:
        return bytes(self.random.choice((octet, ord(chr(octet).swapcase()))) for octet in label)


def world_origin() -> dns.name.Name:
    return dns.name.from_text("gtm.example.com.")


@pytest.fixture(scope="module")
def geography() -> Geography:
    return build([read_database(DATABASE)[0]], networks.parse(NETWORKS, "networks.yaml"))


@pytest.fixture(scope="module")
def places() -> Iterator[World]:
    places = World(str(DATABASE), NETWORKS)
    yield places
    places.close()


def rows(section: list[dns.rrset.RRset]) -> frozenset[Row]:
    return frozenset((rrset.name, rrset.ttl, rdata) for rrset in section for rdata in rrset)


def told(message: dns.message.Message) -> Possible:
    """What a message says, in the model's words."""
    return Possible(
        message.rcode(),
        world.flag(message, "AA"),
        rows(message.answer),
        rows(message.authority),
        rows(message.additional),
    )


def check(engine: Engine, model: Model, places: World, case: Case, dice: Dice) -> None:
    asked = case.query()
    message = world.answer(engine, asked, client=str(case.resolver), transport=case.transport, coin=case.coin)
    if world.flag(message, "TC"):
        assert case.transport is Transport.UDP
        assert not any(message.sections[1:])
        check(engine, model, places, replace(case, transport=Transport.TCP), dice)
        return
    rtype = dns.rdatatype.from_text(case.rtype)
    possible = model.possible(case.name, rtype, places.point(case.client, case.resolver))
    assert told(message) in possible, case
    assert message.question[0].name.labels == case.name.labels
    assert all(rrset.name.labels == case.name.labels for rrset in message.answer if rrset.name == case.name)
    assert not any(world.flag(message, name) for name in ("AD", "RA"))
    for spot in scope_spots(message, case, dice):
        assert model.possible(case.name, rtype, places.point(spot, case.resolver)) == possible, (
            case,
            spot,
        )


def scope_spots(message: dns.message.Message, case: Case, dice: Dice) -> list[Address]:
    """Addresses in the network of the scope: whoever is there must get the same."""
    scope = world.scope(message)
    if case.subnet is None or message.rcode() == dns.rcode.REFUSED:
        assert scope is None
        return []
    network = ip_network(case.subnet)
    assert scope is not None
    if not network.prefixlen:
        assert scope == 0
        return []
    covered = ip_network((network.network_address, scope), strict=False)
    clients = dice.clients
    spots = [covered[0], covered[-1], *(clients.within(str(covered)) for _ in range(4))]
    embedded = [clients.embedded(IPv4Address(dice.random.getrandbits(32))) for _ in range(4)]
    others = [*map(clients.within, (*clients.custom, *OF_NO_PLACE)), *embedded]
    return spots + [spot for spot in others if spot in covered]


def states(plan: Plan, zone: Zone, draw: random.Random) -> Iterator[tuple[Plan, dict[str, str]]]:
    """Plans after random flips, each applied to the one before; and what is believed then."""
    targets = sorted({check.rpartition("/")[2] for check in plan.watchers})
    before = NO_STATUS
    for _ in range(STATES):
        chances = draw.choice([(1, 0, 0), (6, 3, 1), (1, 8, 1), (0, 1, 0), (0, 0, 1)])
        beliefs = {target: draw.choices(list(Belief), chances)[0] for target in targets}
        after = world.status(beliefs, zone)
        plan = apply(plan, after, delta_of(before, after).flipped) or plan
        before = after
        yield plan, {target: belief.name for target, belief in beliefs.items()}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_random_queries_get_what_the_model_says(engine: Engine, geography: Geography, places: World) -> None:
    draw = random.Random(type(engine).__module__)  # other queries for each engine
    dice, zone = Dice(draw, Clients(draw, places.custom)), world.zone(ZONE)
    plan = world.plan(zone, geography=geography, serial=SERIAL)
    for current, beliefs in states(plan, zone, draw):
        engine.swap(current)
        model = Model(ZONE, SERIAL, beliefs)
        for _ in range(QUERIES // STATES):
            check(engine, model, places, dice.case(), dice)
