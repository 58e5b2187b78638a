"""Random worlds and random queries: what the two engines are compared on.

Everything is drawn from one Random, so a seed names a run.
"""

import string
import struct
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from random import Random

import dns.edns
import dns.flags
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from gtm.dns.name import Labels
from gtm.errors import ZoneInvalid
from gtm.geo.geography import Geography
from gtm.geo.merging import build
from gtm.geo.networks import CustomNetwork
from gtm.geo.place import NOWHERE, Coordinates, Place
from gtm.geo.special import Embedding
from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.ids import Address
from gtm.plan.model import Plan
from gtm.zone.model import Zone
from tests.fakes import world

REGIONS = ("us-east", "eu-west", "ap-southeast")
POLICIES = ("nearest", "failover", "weighted", "round-robin", "multivalue", "[up, nearest, {first: 2}]", "[up, rotate]")
TYPES = tuple(
    RdataType.make(each)
    for each in (
        "A",
        "AAAA",
        "TXT",
        "MX",
        "NS",
        "PTR",
        "SOA",
        "CNAME",
        "DS",
        "ANY",
        "CAA",
        "AXFR",
        "TYPE0",
        "TYPE65535",
    )
)
COMMON_TYPES = (RdataType.A, RdataType.A, RdataType.A, RdataType.AAAA)
LABELS = (b"a", b"b", b"api", b"www", b"*", b"x", b"ns1", b"deep", b"mail")
LETTERS = frozenset(string.ascii_letters.encode())
CHILD = """
zone: child.gtm.example.com
nameservers: [ns.child.gtm.example.com]
hostmaster: a.b@example.com
records:
  ns: {A: 192.0.2.200}
  "*": {TXT: from the child}
  up: {CNAME: "api.gtm.example.com."}
  here: {CNAME: ns}
"""
PARENT_SIDE = """
  child: {NS: ns.child, DS: "1 13 2 %s"}
  ns.child: {A: 192.0.2.200}
""" % ("ab" * 32)
MASTER_LINES = (
    "m1 A 192.0.2.61",
    "m1 AAAA 2001:db8::61",
    'M2.Deep 5 TXT "of a master file"',
    "*.m3 A 192.0.2.63",
    "alias CNAME A",
    "alias2 CNAME alias",
    "out CNAME Far.Example.NET.",
    "a TXT beside",
    "www.m4.m5 MX 10 m1",
    "cut NS ns.cut",
    "ns.cut A 192.0.2.64",
    "ns.cut AAAA 2001:db8::64",
    "cut2 NS ns.cut",
    "ns.child AAAA 2001:db8::c8",
    'x.m1 CAA 0 issue "ca.example.net"',
    *(f"n{number} A 192.0.2.{number}" for number in range(20)),
)


def zones(dice: Random) -> tuple[Zone, ...]:
    """The world's zone as it is, or one of random services beside records; often with a hosted child.

    A random zone may be one that the parser refuses (aliases in a loop); then another is drawn.
    """
    while True:
        parent = world.WORLD if dice.random() < 0.3 else _random_zone(dice)
        with_child = dice.random() < 0.5
        try:
            records = "\n".join(dice.sample(MASTER_LINES, dice.randint(0, len(MASTER_LINES))))
            own = world.zone(parent + PARENT_SIDE if with_child else parent, records=records)
            return (own, world.zone(CHILD)) if with_child else (own,)
        except ZoneInvalid:
            continue


def _random_zone(dice: Random) -> str:
    names = dice.sample(["a", "b", "c", "d", "*.w", "x.y.z", "e.w", '"@"'], dice.randint(1, 6))
    services = "".join(_services(name, dice) for name in names)
    records = """
  ns1: {A: 192.0.2.53}
  www: {CNAME: a}
  loopless: {CNAME: www}
  far: {CNAME: Far.Example.NET.}
  "*.wild": {A: [192.0.2.1, 192.0.2.2], TXT: w}
  Mixed.Case: {A: 192.0.2.3, MX: 10 Mixed.Case}
  toMixed: {CNAME: MIXED.case}
  sub: {NS: [ns.sub, ns2.sub]}
  sib: {NS: [%s, Ns.Sib], DS: "1 13 2 %s"}
  ns.sib: {A: [192.0.2.8, 192.0.2.9]}
  toSib: {CNAME: x.y.SIB}
  back: {PTR: [Mixed.Case, ns.sub, t.example.net.], MX: [1 sib, 2 back, 3 .]}
  ns.sub: {A: 192.0.2.4, AAAA: "2001:db8::4"}
  ns2.sub: {A: 192.0.2.5}
"""
    servers = [f"s{number}.sub" for number in range(dice.randint(0, 14))]
    records = records % (", ".join(["ns2.sub", *servers]), "ab" * 32)
    records += "".join(f'  {server}: {{A: 192.0.2.6, AAAA: "2001:db8::6"}}\n' for server in servers)
    return f"{world.HEAD}\nservices:\n{services}\nrecords:{records}"


def _services(name: str, dice: Random) -> str:
    """A service; often with a twin: of the same form at other addresses, so that both share what is decided."""
    service = _service(name, dice)
    alone = f"  {_quoted(name)}:{service}"
    if name == '"@"' or dice.random() < 0.5:
        return alone
    return f"{alone}  twin.{name.replace('*', 'any')}:{service.replace('192.0.2.', '198.51.100.')}"


def _quoted(name: str) -> str:
    return name if name.startswith('"') else f'"{name}"'


def _service(name: str, dice: Random) -> str:
    kinds = ["address"] * 5 if name == '"@"' else ["address", "address", "address", "mixed", "target"]
    kind, policy = dice.choice(kinds), dice.choice(POLICIES)
    if kind != "address":
        policy = dice.choice(POLICIES[:3])
    all_down = dice.choice(["serve_all", "serve_last_good", "nodata", "servfail"])
    head = f"""
    ttl: {dice.choice(["0", "5", "30", "3600", "{max: 300, min: 2}"])}
    monitor: web
    steer: {policy}
    on_all_down: {all_down}
    endpoints:
"""
    numbers = [number if dice.random() < 0.9 else number // 2 for number in range(dice.randint(1, 10))]
    return head + "".join(_endpoint(number, kind, dice) for number in numbers)  # an address may be in several regions


def _endpoint(number: int, kind: str, dice: Random) -> str:
    region, weight = dice.choice(REGIONS), dice.choice([0, 1, 1, 2, 255])
    return f"      - {{region: {region}, {_answer(number, kind, dice)}, weight: {weight}}}\n"


def _answer(number: int, kind: str, dice: Random) -> str:
    if kind == "target" or (kind == "mixed" and dice.random() < 0.4):
        target = dice.choice(["www", "far", "toMixed", "x.wild", "x.sub", "toSib", "t.example.net."])
        return f"target: {target}" if dice.random() < 0.3 else f"target: t{number}.example.net."
    return f"address: 192.0.2.{10 + number}" if dice.random() < 0.7 else f'address: "2001:db8::{10 + number:x}"'


def geography(dice: Random) -> Geography:
    """Random networks at random places, nested in each other."""
    networks = {}
    for _ in range(dice.randint(0, 40)):
        base: Address
        if dice.random() < 0.6:
            base, bits = IPv4Address(dice.choice([0x0A000000, 0xC0000200, 0x51000000]) | dice.getrandbits(20)), 32
        else:
            base, bits = IPv6Address((0x20010DB8 << 96) | dice.getrandbits(80)), 128
        network = ip_network((base, dice.randint(4, bits)), strict=False)
        at = Coordinates(dice.uniform(-90, 90), dice.uniform(-180, 180))
        networks[network] = CustomNetwork(network, Place("EU", "DE", at=at))
    if dice.random() < 0.5:
        nat64 = IPv6Network("2001:db8:1::/48")
        networks[nat64] = CustomNetwork(nat64, NOWHERE, Embedding.nat64(nat64))
    return build((), list(networks.values()))


def beliefs(dice: Random, drawn: Sequence[Zone]) -> dict[str, Belief]:
    """What is believed of each target: anything, with a bias that differs from draw to draw."""
    downs = dice.choice([0.0, 0.2, 0.5, 1.0])
    targets = {endpoint.target for zone in drawn for service in zone.services for endpoint in service.endpoints}
    return {
        target: Belief.DOWN if dice.random() < downs else dice.choice([Belief.UP, Belief.UP, Belief.UNKNOWN])
        for target in sorted(targets)
    }


def promising(dice: Random, status: Status) -> Status:
    """The status with other promises of how soon each check could change."""
    return Status({check: replace(one, flip_in_s=dice.uniform(0, 400)) for check, one in status.checks.items()})


def client(dice: Random) -> Address:
    """An address that a query may come from."""
    kind = dice.random()
    if kind < 0.6:
        return IPv4Address(dice.choice([0x0A000000, 0x51000000, 0]) | dice.getrandbits(24))
    if kind < 0.75:
        return IPv6Address((0x20010DB8 << 96) | dice.getrandbits(80))
    number = dice.choice([0x0A000000, 0x51000000]) | dice.getrandbits(24)
    return dice.choice(
        [
            IPv6Address(dice.choice([0xFFFF << 32, 0x64FF9B << 96]) | number),
            IPv6Address(0x2002 << 112 | number << 80 | dice.getrandbits(80)),
            IPv6Address(0x20010000 << 96 | dice.getrandbits(64) << 32 | number ^ 0xFFFFFFFF),
            IPv6Address(0x20010DB80001 << 80 | number >> 16 << 64 | (number & 0xFFFF) << 40 | dice.getrandbits(40)),
        ]
    )


def names(plan: Plan) -> list[Labels]:
    """Every name of a plan, those of each zone together."""
    return [name for zone in plan.zones.values() for name in zone.nodes]


def query(dice: Random, existing: Sequence[Labels]) -> bytes:
    """A valid query, of a name that exists, that nearly does, or that does not.

    It is packed by hand: a library takes longer to make a query than both engines to answer it.
    """
    labels = dice.choice(existing)
    if dice.random() < 0.3:
        labels = (dice.choice(LABELS), *labels)
    if dice.random() < 0.2 and labels:
        labels = labels[1:]
    rtype = dice.choice(COMMON_TYPES if dice.random() < 0.6 else TYPES)
    rclass = RdataClass.CH if dice.random() < 0.02 else RdataClass.IN
    question = _in_any_case(_to_wire(labels), dice) + struct.pack("!HH", rtype, rclass)
    opt = b"" if dice.random() < 0.2 else _opt(dice)
    flags = dns.flags.RD if dice.random() < 0.9 else 0
    return struct.pack("!6H", dice.getrandbits(16), flags, 1, 0, 0, bool(opt)) + question + opt


def _to_wire(labels: Labels) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in (*labels, b""))


def _in_any_case(name: bytes, dice: Random) -> bytes:
    """A name in wire form with about a third of its letters in the other case."""
    if dice.random() < 0.3:
        return name
    flips = dice.randbytes(len(name))
    return bytes(
        octet ^ 0x20 if flip < 80 and octet in LETTERS else octet for octet, flip in zip(name, flips, strict=True)
    )


def _opt(dice: Random) -> bytes:
    """An OPT record (RFC 6891 6.1.2)."""
    version = 0 if dice.random() < 0.97 else 1
    ttl = version << 16 | (dns.flags.DO if dice.random() < 0.2 else 0)
    options = _subnet(dice) if dice.random() < 0.8 else b""
    if dice.random() < 0.1:
        options += struct.pack("!HH", dns.edns.OptionType.COOKIE, 8) + b"12345678"
    payload = dice.choice([0, 512, 600, 1232, 4096, 65535])
    return struct.pack("!BHHIH", 0, RdataType.OPT, payload, ttl, len(options)) + options


def _subnet(dice: Random) -> bytes:
    """A client subnet without the bits beyond its length (RFC 7871 6)."""
    address = client(dice)
    bits = address.max_prefixlen
    length = dice.choice([0, 8, 20, 24, bits, dice.randint(0, bits)])
    octets = (int(address) >> (bits - length) << (bits - length)).to_bytes(bits // 8)[: (length + 7) // 8]
    family = 1 if address.version == 4 else 2
    return struct.pack("!HHHBB", dns.edns.OptionType.ECS, 4 + len(octets), family, length, 0) + octets
