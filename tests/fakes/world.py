"""A small world: zones from text, a geography of a few networks, plans of both, and queries in wire format.

Networks: 10.1/16 is at us-east, 10.2/16 at eu-west, 10.3/16 at ap-southeast, and the same in IPv6 (2001:db8:1::/48 and
on); all else is nowhere.
"""

from collections.abc import Hashable, Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset

from gtm.checks.model import checks
from gtm.dns.rdata import compose_rdata
from gtm.engine.protocol import Engine, Transport
from gtm.geo.geography import NO_GEOGRAPHY, Geography
from gtm.geo.merging import build
from gtm.geo.networks import CustomNetwork
from gtm.geo.place import Coordinates, Place
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import Vantage, Vantages
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status
from gtm.ids import CheckId, VantageName
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.steer.vocabulary import STEERING
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, parse
from gtm.zone.records_file.parse import MasterFile

DUBLIN, ASHBURN, SINGAPORE = Coordinates(53.35, -6.26), Coordinates(38.95, -77.45), Coordinates(1.35, 103.82)

PLACES = {
    "10.1.0.0/16": Place("NA", "US", at=ASHBURN),
    "10.2.0.0/16": Place("EU", "IE", at=DUBLIN),
    "10.3.0.0/16": Place("AS", "SG", at=SINGAPORE),
    "2001:db8:1::/48": Place("NA", "US", at=ASHBURN),
    "2001:db8:2::/48": Place("EU", "IE", at=DUBLIN),
    "2001:db8:3::/48": Place("AS", "SG", at=SINGAPORE),
}

VANTAGES: Vantages = (
    Vantage(VantageName("ap"), SINGAPORE),
    Vantage(VantageName("eu"), Coordinates(50.11, 8.68)),
    Vantage(VantageName("us"), ASHBURN),
)
"""Where probes look from, sorted: one near each region."""

US, EU, AP, ELSEWHERE = "10.1.0.1", "10.2.0.1", "10.3.0.1", "172.16.0.1"
"""Clients of the three regions, and one that nobody knows."""

HEAD = """
zone: gtm.example.com
ttl: 60
nameservers: [ns1.gtm.example.com, ns2.example.net]
hostmaster: hostmaster@example.com
regions:
  us-east: {at: [38.95, -77.45], country: US}
  eu-west: {at: [53.35, -6.26], country: IE}
  ap-southeast: {at: [1.35, 103.82], country: SG}
monitors:
  web: {type: http, port: 80}
"""

NS1 = """
  ns1: {A: 192.0.2.53, AAAA: "2001:db8:53::1"}
"""

WORLD = f"""{HEAD}
services:
  "@":
    ttl: 30
    steer: nearest
    endpoints:
      - {{region: us-east, address: 192.0.2.1}}
      - {{region: eu-west, address: 192.0.2.2}}
  api:
    ttl: 30
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: 192.0.2.10}}
      - {{region: us-east, address: "2001:db8:f::10"}}
      - {{region: eu-west, address: 192.0.2.20, weight: 2}}
      - {{region: eu-west, address: 192.0.2.21}}
      - {{region: eu-west, address: "2001:db8:f::20"}}
      - {{region: ap-southeast, address: 192.0.2.30}}
  v4:
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: 192.0.2.40}}
      - {{region: eu-west, address: 192.0.2.41}}
  failover:
    monitor: web
    steer: failover
    endpoints:
      - {{region: us-east, address: 192.0.2.50}}
      - {{region: eu-west, address: 192.0.2.51}}
  weighted:
    monitor: web
    steer: weighted
    endpoints:
      - {{region: us-east, address: 192.0.2.60, weight: 3}}
      - {{region: eu-west, address: 192.0.2.61, weight: 1}}
      - {{region: ap-southeast, address: 192.0.2.62, weight: 0}}
  robin:
    monitor: web
    steer: round-robin
    endpoints:
      - {{region: us-east, address: 192.0.2.70}}
      - {{region: eu-west, address: 192.0.2.71}}
      - {{region: ap-southeast, address: 192.0.2.72}}
  many:
    monitor: web
    steer: multivalue
    endpoints:
{"".join(f"      - {{region: us-east, address: 198.51.100.{n}}}" + chr(10) for n in range(1, 12))}
  alias:
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, target: us.alias}}
      - {{region: eu-west, target: eu.example.net.}}
      - {{region: ap-southeast, target: gone.ent}}
  chained:
    monitor: web
    steer: weighted
    endpoints:
      - {{region: us-east, target: robin}}
      - {{region: eu-west, target: pair}}
  pair:
    steer: weighted
    endpoints:
      - {{region: us-east, address: 192.0.2.80}}
      - {{region: eu-west, address: 192.0.2.81}}
  closed:
    monitor: web
    ttl: 20
    steer: nearest
    on_all_down: nodata
    endpoints: [{{region: us-east, address: 192.0.2.90}}]
  broken:
    monitor: web
    steer: nearest
    on_all_down: servfail
    endpoints: [{{region: us-east, address: 192.0.2.91}}]
  spare:
    monitor: web
    steer: nearest
    on_all_down: last_resort
    endpoints:
      - {{region: us-east, address: 192.0.2.92}}
      - {{region: eu-west, address: 192.0.2.93, last_resort: true}}
  good:
    monitor: web
    steer: failover
    on_all_down: serve_last_good
    endpoints:
      - {{region: us-east, address: 192.0.2.94}}
      - {{region: eu-west, address: 192.0.2.95}}
  "*.tenant":
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: 192.0.2.100}}
      - {{region: eu-west, address: 192.0.2.101}}
records:
  "@": {{TXT: ["v=spf1 -all"], MX: 10 mail}}
  ns1: {{A: 192.0.2.53, AAAA: "2001:db8:53::1"}}
  mail: {{A: 192.0.2.25, TXT: [one, two]}}
  www: {{CNAME: api}}
  far: {{CNAME: www.example.org.}}
  dangling: {{CNAME: nothing.ent}}
  us.alias: {{A: 203.0.113.1}}
  a.b.ent: {{TXT: deep}}
  api: {{TXT: beside the service}}
  "*.wild": {{TXT: wild, MX: 5 mail}}
  host.wild: {{A: 192.0.2.110}}
  x.ent.wild: {{A: 192.0.2.111}}
  "*.cwild": {{CNAME: mail}}
  sub: {{NS: [ns.sub, ns.other, ns9.example.net.], DS: "12345 13 2 {"ab" * 32}"}}
  ns.sub: {{A: 192.0.2.120, AAAA: "2001:db8:53::2"}}
  other: {{NS: ns.other}}
  ns.other: {{A: 192.0.2.121}}
  tosub: {{CNAME: www.sub}}
  big: {{TXT: [{", ".join(f'"{n:03} {"x" * 90}"' for n in range(20))}]}}
"""


def geography(places: Mapping[str, Place] = PLACES) -> Geography:
    """A geography that knows these networks alone."""
    return build((), [CustomNetwork(ip_network(network), place) for network, place in places.items()])


@lru_cache(maxsize=256)  # it never changes, and many tests have the same
def zone(text: str = WORLD, *, records: str = "") -> Zone:
    """The zone of a file, with a records file if that is not empty."""
    if not records:
        return parse(text, "test.yaml", NO_SHARED, STEERING)
    master = MasterFile("test.zone", records.encode())
    return parse(f"records_file: test.zone\n{text}", "test.yaml", NO_SHARED, STEERING, lambda _: master)


def services(text: str, records: str = NS1) -> Zone:
    """A zone with the regions and the monitor of this world, and these services."""
    return zone(f"{HEAD}\nservices:\n{text}\nrecords:{records}")


def status(beliefs: Mapping[str, Belief], *zones: Zone, otherwise: Belief = Belief.UP) -> Status:
    """The status of all checks of the zones: `otherwise`, but for the targets named (`192.0.2.10`)."""
    return Status({check.id: CheckStatus(beliefs.get(check.target, otherwise), 0.0) for check in checks(zones)})


def down(*targets: str) -> dict[str, Belief]:
    """Beliefs for `status`: all these are down."""
    return dict.fromkeys(targets, Belief.DOWN)


def checks_of(plan: Plan, *targets: str) -> frozenset[CheckId]:
    """The checks that look at these targets."""
    return frozenset(check for check in plan.watchers if check.rpartition("/")[2] in targets)


def plan(
    *zones: Zone,
    beliefs: Mapping[str, Belief] | None = None,
    otherwise: Belief = Belief.UP,
    geography: Geography = NO_GEOGRAPHY,
    before: Plan = EMPTY_PLAN,
    serial: int = 7,
    believed: Status | None = None,
    vantages: Vantages = (),
) -> Plan:
    """The plan of these zones; without beliefs, or a whole status, nothing is known of any endpoint."""
    if believed is None and before is EMPTY_PLAN and isinstance(geography, Hashable):
        known = None if beliefs is None else frozenset(beliefs.items())
        return _first_plan(zones, known, otherwise, geography, serial, tuple(vantages))
    if believed is None:
        believed = NO_STATUS if beliefs is None else status(beliefs, *zones, otherwise=otherwise)
    return _compiled(zones, believed, geography, serial, vantages, before=before)


@lru_cache(maxsize=256)  # it never changes, and many tests have the same
def _first_plan(  # noqa: PLR0917 (what it is cached by)
    zones: tuple[Zone, ...],
    beliefs: frozenset[tuple[str, Belief]] | None,
    otherwise: Belief,
    geography: Geography,
    serial: int,
    vantages: Vantages,
) -> Plan:
    believed = NO_STATUS if beliefs is None else status(dict(beliefs), *zones, otherwise=otherwise)
    return _compiled(zones, believed, geography, serial, vantages, before=EMPTY_PLAN)


def _compiled(
    zones: tuple[Zone, ...], believed: Status, geography: Geography, serial: int, vantages: Vantages, *, before: Plan
) -> Plan:
    return compile_plan(
        zones,
        serials={each.origin.to_text(): serial for each in zones},
        geography=geography,
        vocabulary=STEERING,
        status=believed,
        before=before,
        vantages=vantages,
    )


def query(  # one argument for each thing that a test may want in a query
    name: str,
    rtype: str = "A",
    *,
    subnet: str | None = None,
    edns: bool = True,
    size: int = 1232,
    dnssec: bool = False,
    options: tuple[dns.edns.Option, ...] = (),
    message_id: int = 4660,
) -> dns.message.QueryMessage:
    """A query; a name without its final dot is relative to the zone; `subnet` is a network such as 10.1.2.0/24."""
    qname = dns.name.from_text(name, dns.name.from_text("gtm.example.com."))
    if subnet is not None:
        network = ip_network(subnet)
        options = (*options, dns.edns.ECSOption(str(network.network_address), network.prefixlen))
    if not edns:
        return dns.message.make_query(qname, rtype, id=message_id)
    return dns.message.make_query(
        qname, rtype, id=message_id, use_edns=0, payload=size, want_dnssec=dnssec, options=list(options)
    )


def respond(
    engine: Engine, wire: bytes, *, client: str = ELSEWHERE, transport: Transport = Transport.UDP, coin: int = 0
) -> bytes | None:
    """The engine's bytes for these bytes."""
    answered = engine.respond(wire, ip_address(client), transport, coin)
    return None if answered is None else answered.wire


def answer(
    engine: Engine,
    asked: dns.message.QueryMessage,
    *,
    client: str = ELSEWHERE,
    transport: Transport = Transport.UDP,
    coin: int = 0,
) -> dns.message.Message:
    """The engine's answer, parsed, and it is one to this query."""
    wire = respond(engine, asked.to_wire(), client=client, transport=transport, coin=coin)
    assert wire is not None
    message = dns.message.from_wire(wire)
    assert asked.is_response(message)
    return message


def values(section: list[dns.rrset.RRset], rtype: str = "A") -> list[str]:
    """The values of one type in a section, in order."""
    wanted = dns.rdatatype.from_text(rtype)
    return [rdata.to_text() for rrset in section if rrset.rdtype == wanted for rdata in rrset]


def owners(section: list[dns.rrset.RRset], rtype: str) -> list[str]:
    """The owner names of one type in a section."""
    wanted = dns.rdatatype.from_text(rtype)
    return [rrset.name.to_text() for rrset in section if rrset.rdtype == wanted]


def scope(message: dns.message.Message) -> int | None:
    """The SCOPE PREFIX-LENGTH of an answer; None without a client subnet."""
    return next((option.scopelen for option in message.options if isinstance(option, dns.edns.ECSOption)), None)


def flag(message: dns.message.Message, name: str) -> bool:
    """Whether a flag such as AA is set."""
    return bool(message.flags & dns.flags.from_text(name))


def records_of(message: bytes) -> list[tuple[int, str, str, bytes]]:
    """Every record of a message as it stands in it, duplicates too: section, owner, type, uncompressed RDATA."""
    parsed = dns.message.from_wire(message, one_rr_per_rrset=True)
    return [
        (number, rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), compose_rdata(rdata))
        for number, section in enumerate(parsed.sections)
        for rrset in section
        for rdata in rrset
    ]
