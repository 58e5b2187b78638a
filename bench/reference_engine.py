"""How many queries a second the reference engine answers, in one process, without sockets.

    python bench/reference_engine.py [--rounds 7] [--queries 20000]

One steered name of three regions over the shipped geo database; the queries are ready before the clock starts, and each
round of one kind is followed by one of the next, so that a slow moment of the machine hits all alike.
"""

import argparse
import random
import statistics
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import dns.edns
import dns.message

from gtm.engine.protocol import Transport
from gtm.engine.reference import ReferenceEngine
from gtm.geo.merging import build
from gtm.health.consensus.status import NO_STATUS
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.steer.vocabulary import STEERING
from gtm.watch.geodata import read_database
from gtm.zone.parse import NO_SHARED, parse

DATABASE = Path(__file__).parents[1] / "geodata" / "regions.mmdb"
ZONE = """
zone: gtm.example.com
nameservers: [ns1.gtm.example.com]
hostmaster: hostmaster@example.com
regions:
  us-east: {at: [38.95, -77.45]}
  eu-west: {at: [53.35, -6.26]}
  ap-southeast: {at: [1.35, 103.82]}
services:
  api:
    steer: nearest
    endpoints:
      - {region: us-east, address: 192.0.2.10}
      - {region: eu-west, address: 192.0.2.20}
      - {region: eu-west, address: 192.0.2.21}
      - {region: ap-southeast, address: 192.0.2.30}
records:
  ns1: {A: 192.0.2.53}
  www: {CNAME: api}
"""
NETWORKS = 50_000
CLIENT = IPv4Address("192.0.2.99")


@dataclass(frozen=True)
class Kind:
    """One kind of query, and many of it."""

    name: str
    wires: list[bytes]


def wire(name: str, subnet: str | None = None, *, edns: bool = True) -> bytes:
    if not edns:
        return dns.message.make_query(name, "A").to_wire()
    options: list[dns.edns.Option] = []
    if subnet is not None:
        network = ip_network(subnet)
        options = [dns.edns.ECSOption(str(network.network_address), network.prefixlen)]
    return dns.message.make_query(name, "A", use_edns=0, options=options).to_wire()


def kinds() -> list[Kind]:
    draw = random.Random(1)
    networks = [f"{IPv4Address(block << 8)}/24" for block in draw.sample(range(1 << 16, 224 << 16), NETWORKS)]
    api = "api.gtm.example.com."
    return [
        Kind(f"steered, {NETWORKS} client subnets", [wire(api, network) for network in networks]),
        Kind("steered, EDNS without client subnet", [wire(api)]),
        Kind("steered, without EDNS", [wire(api, edns=False)]),
        Kind("behind an alias, client subnets", [wire("www.gtm.example.com.", network) for network in networks[:5000]]),
        Kind("static", [wire("ns1.gtm.example.com.")]),
        Kind("NXDOMAIN", [wire("nothing.gtm.example.com.")]),
    ]


def plan() -> Plan:
    zone = parse(ZONE, "bench.yaml", NO_SHARED, STEERING)
    return compile_plan(
        (zone,),
        serials={"gtm.example.com.": 1},
        geography=build([read_database(DATABASE)[0]]),
        vocabulary=STEERING,
        status=NO_STATUS,
        before=EMPTY_PLAN,
    )


def rate(engine: ReferenceEngine, kind: Kind, queries: int, coin: int) -> float:
    """Returns queries a second of one round."""
    wires = (kind.wires * (queries // len(kind.wires) + 1))[:queries] if len(kind.wires) < queries else kind.wires
    started = time.perf_counter()
    for number in range(queries):
        engine.respond(wires[number], CLIENT, Transport.UDP, coin + number)
    return queries / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--queries", type=int, default=20_000)
    arguments = parser.parse_args()
    engine = ReferenceEngine()
    started = time.perf_counter()
    engine.swap(plan())
    print(f"plan compiled in {time.perf_counter() - started:.2f} s")
    every = kinds()
    rates: dict[str, list[float]] = {kind.name: [] for kind in every}
    for number in range(arguments.rounds):
        for kind in every:
            rates[kind.name].append(rate(engine, kind, arguments.queries, number))
    print(f"{'queries/s of one core':<40} {'min':>8} {'median':>8} {'max':>8}")
    for name, found in rates.items():
        print(f"{name:<40} {min(found):>8.0f} {statistics.median(found):>8.0f} {max(found):>8.0f}")


if __name__ == "__main__":
    main()
