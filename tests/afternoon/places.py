"""Where everything of the afternoon is, and the files that its nodes read.

    10.73.0.1, .2          ns1, ns2: the DNS nodes that the parent zone delegates to
    10.73.0.3 .. .6        probes: two of one vantage near Europe, one near the Americas, one near Asia
    10.73.0.7, .8, .9      the resolver, the server of the parent zone, the monitoring
    10.73.0.21, .22 ..     the regions, two endpoints each: one nginx that speaks HTTPS

There are two zones of the same endpoints, whose checks are the same ones: SAFE has the default rules of `safety`, BOLD
has none. Clients ask both at the same moment, so whatever differs between them is what the rules did.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from gtm.share.keys import generate_key, save_key
from tests.fakes.cluster import ADMIN_PORT, Machine
from tests.fakes.geodata import Record, city

SAFE, BOLD = "gtm.test", "bold.test"
ZONES = (SAFE, BOLD)
SERVICE = "api"
PARENT_ZONE = "test"
DNS_PORT = 53
"""The port that a delegation leads to; each machine has a namespace of its own."""

NS1, NS2 = "ns1", "ns2"
NAMESERVERS = {NS1: "10.73.0.1", NS2: "10.73.0.2"}
RESOLVER, PARENT, MONITORING = "resolver", "parent", "monitoring"
OTHERS = {RESOLVER: "10.73.0.7", PARENT: "10.73.0.8", MONITORING: "10.73.0.9"}

US_EAST, EU_WEST, AP_SOUTHEAST, SA_EAST = "us-east", "eu-west", "ap-southeast", "sa-east"
ENDPOINTS: Mapping[str, tuple[str, str]] = {
    US_EAST: ("10.73.0.21", "10.73.0.22"),
    EU_WEST: ("10.73.0.31", "10.73.0.32"),
    AP_SOUTHEAST: ("10.73.0.41", "10.73.0.42"),
    SA_EAST: ("10.73.0.51", "10.73.0.52"),
}
EVERY_ENDPOINT = tuple(address for pair in ENDPOINTS.values() for address in pair)
NOWHERE = ("10.73.0.98", "10.73.0.99")
"""Nobody has these addresses."""

COORDINATES: Mapping[str, tuple[float, float]] = {
    US_EAST: (38.95, -77.45),
    EU_WEST: (53.35, -6.26),
    AP_SOUTHEAST: (1.35, 103.82),
    SA_EAST: (-23.5, -46.6),
}
CLIENTS: Mapping[str, str] = {
    US_EAST: "12.107.0.0",
    EU_WEST: "81.2.69.0",
    AP_SOUTHEAST: "203.116.0.0",
    SA_EAST: "200.160.2.0",
}
"""A client /24 that is closest to each region."""

NETWORKS: Mapping[str, Record] = {
    "12.107.0.0/16": city("US", at=(40.7, -74.0), continent="NA"),
    "81.2.64.0/18": city("GB", at=(51.5, -0.1), continent="EU"),
    "203.116.0.0/16": city("SG", at=(1.3, 103.8), continent="AS"),
    "200.160.0.0/20": city("BR", at=(-23.5, -46.6), continent="SA"),
}

HOST = "api.example.test"
"""Of the certificates."""

PATH = "/healthz"


@dataclass(frozen=True, slots=True)
class Probing:
    """A probe: where it is, and for which vantage it speaks."""

    address: str
    vantage: str
    at: tuple[float, float]


PROBES: Mapping[str, Probing] = {
    "fra-1": Probing("10.73.0.3", "fra", (50.11, 8.68)),
    "fra-2": Probing("10.73.0.4", "fra", (50.11, 8.68)),
    "iad-1": Probing("10.73.0.5", "iad", (38.95, -77.45)),
    "sin-1": Probing("10.73.0.6", "sin", (1.35, 103.82)),
}

TTL_S = 1
INTERVAL_S = 0.5


def machines(namespaces: Mapping[str, str]) -> dict[str, Machine]:
    """Returns the nodes by name, each in its namespace."""
    servers = {
        name: Machine(name, at, vantage=name, roles=("dns", "admin"), listen="0.0.0.0", namespace=namespaces[name])
        for name, at in NAMESERVERS.items()
    }
    probes = {
        name: Machine(
            name,
            probe.address,
            vantage=probe.vantage,
            roles=("probe", "admin"),
            listen="0.0.0.0",
            namespace=namespaces[name],
        )
        for name, probe in PROBES.items()
    }
    return servers | probes


def write_nodes(folder: Path, nodes: Mapping[str, Machine], *, authority: Path) -> None:
    """Writes a key and a node file for each node: all are peers, and only the probes have a vote."""
    keys = {name: generate_key() for name in nodes}
    for name, machine in nodes.items():
        save_key(folder / f"{name}.key", keys[name])
        at = PROBES[name].at if name in PROBES else (50.11, 8.68)
        peers = [_peer(peer, str(keys[peer.name].public)) for peer in nodes.values() if peer is not machine]
        node = {
            "node": name,
            "at": list(at),
            "vantage": machine.vantage,
            "roles": list(machine.roles),
            "zones": "zones",
            "state": f"{name}.state",
            "listen": {"dns": [f"0.0.0.0:{DNS_PORT}"], "admin": f"0.0.0.0:{ADMIN_PORT}", "plain": "ok"},
            "geo": {"databases": ["places.mmdb"]},
            "share": {"mode": "mesh", "key": f"{name}.key", "peers": peers},
            "overrides": {"accept_from": "all"},
            "probe": {"authorities": {"ours": str(authority)}},
            "quorum": {"rule": "majority", "voters": 2, "vantages": 2},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(node, sort_keys=False), encoding="utf-8")


def _peer(machine: Machine, key: str) -> dict[str, object]:
    peer: dict[str, object] = {"node": machine.name, "url": f"http://{machine.admin}", "key": key}
    if machine.name not in PROBES:
        return peer | {"probe": False}
    return peer | {"vantage": machine.vantage, "at": list(PROBES[machine.name].at)}


_PLACES = "\n".join(f"  {name}: {{at: {list(at)}}}" for name, at in COORDINATES.items())

SHARED_TEXT = f"""\
regions:
{_PLACES}
monitors:
  api:
    type: https
    host: {HOST}
    path: {PATH}
    tls: {{ca: ours}}
    expect: {{body_json: {{status: ok}}}}
    interval: 500ms
    fall: 2
    rise: 2
    failback_delay: 0s
    damping: false
"""
"""What both zones have in common: with it they share the checks too."""

FLAPPING_TEXT = SHARED_TEXT.replace("damping: false", "damping: true")
"""The same, and what comes and goes takes longer and longer to come back."""


def zone_text(zone: str, *, moved: Mapping[str, str] | None = None) -> str:
    """Returns the zone file of a zone; `moved` has other addresses for some."""
    endpoints = "\n".join(
        f"      - {{region: {region}, address: {(moved or {}).get(address, address)}}}"
        for region, pair in ENDPOINTS.items()
        for address in pair
    )
    safety = "" if zone == SAFE else "safety: {max_share_removed_per_minute: 100, correlated_failure: false}\n"
    return f"""\
zone: {zone}
ttl: 60
nameservers: [{NS1}.{PARENT_ZONE}, {NS2}.{PARENT_ZONE}]
hostmaster: hostmaster@{PARENT_ZONE}
{safety}services:
  {SERVICE}:
    ttl: {TTL_S}
    monitor: api
    steer: nearest
    endpoints:
{endpoints}
"""


def write_zones(folder: Path, texts: Mapping[str, str] | None = None) -> None:
    """Writes the zone files, each whole and renamed into place; some may have another text."""
    zones = folder / "zones"
    zones.mkdir(exist_ok=True)
    for name, text in (
        {"_shared": SHARED_TEXT} | {zone: zone_text(zone) for zone in ZONES} | dict(texts or {})
    ).items():
        file = zones / f"{name}.yaml"
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        beside = zones / f".{name}"
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
