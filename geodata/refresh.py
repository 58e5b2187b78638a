"""Condenses a full city database to regions.mmdb.

    python geodata/refresh.py dbip-city-lite-2026-07.mmdb geodata/regions.mmdb

What comes in: a database of the City schema (DB-IP City Lite: https://db-ip.com/db/download/ip-to-city-lite, or another
whose licence lets you). What goes out: the same addresses, each with its region only. A region is a country, or a
first-level subdivision of the countries in SUBDIVIDED. Everything in a region has one point: the mean of its networks'
coordinates, weighted by addresses; its accuracy radius is how far they are from it, as the root of the mean square.
Networks longer than an IPv4 /24 or an IPv6 /36 get the region that most addresses of that block are in, and neighbours
of one region are merged.

Other programs read the file as they read GeoLite2-City. So it has a type that Go's geoip2 knows, all the fields that
PowerDNS asks for, and the IPv4 addresses also where MaxMind's databases have them: at ::ffff:0:0/96, where CoreDNS
looks, 2002::/16 and 2001::/32.

Databases of DB-IP name subdivisions without their ISO codes; codes come from the regions.mmdb that is replaced. A
regions.mmdb may be the source itself, which brings it into a new form: nothing is known then of how far its networks
are from the points, and the accuracy radius is that of its records, or UNMEASURED_RADIUS_KM.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_network, summarize_address_range
from pathlib import Path
from typing import NamedTuple

import maxminddb
import mmdb_writer
import netaddr
from maxminddb.reader import Metadata

from gtm.geo.database_row import place_of
from gtm.geo.place import EARTH_RADIUS_KM, Coordinates
from gtm.ids import Network

SUBDIVIDED = frozenset("AR AU BR CA CD CL CN CO DZ ID IN IR JP KZ LY MN MX PE RU SA TR UA US ZA".split())  # noqa: SIM905
"""The 24 countries so large that their subdivisions have different nearest regions."""

BLOCK_LENGTH = {4: 24, 6: 36}
"""Nothing longer is told apart: resolvers send no more of an address than about this (RFC 7871 11.1)."""

TYPE = "DBIP-City-Lite"
"""Go's geoip2, and with it CoreDNS, opens only types that it knows by their whole name; this is that of the source."""

IPV4_ROOT = ip_network("::/96")
IPV4_ALIASES = tuple(map(ip_network, ("::ffff:0:0/96", "2002::/16", "2001::/32")))
"""Where MaxMind's databases have the IPv4 addresses once more: mapped, 6to4, and Teredo by its server's address."""

UNMEASURED_RADIUS_KM = 1000
"""The largest radius of MaxMind's: the point stands for all of a region."""

ATTRIBUTION = "Derived from IP to City Lite by DB-IP (db-ip.com), CC BY 4.0"


class Region(NamedTuple):
    """A country, or a subdivision of one."""

    continent: str
    country: str
    subdivision: str
    """Its English name; empty outside SUBDIVIDED."""


class Run(NamedTuple):
    """Addresses of one family that lie in one region, both ends included."""

    version: int
    first: int
    last: int
    region: Region


def main(source: Path, target: Path) -> None:
    """Reads a city database and writes the condensed one."""
    codes = subdivision_codes(target) if target.exists() else {}
    with maxminddb.open_database(source) as reader:
        metadata = reader.metadata()
        centers = Centers()
        runs = list(merged(blocks(regions(reader, centers))))
    writer = mmdb_writer.MMDBWriter(ip_version=6, ipv4_compatible=True)
    records = {run.region: record(run.region, centers, codes) for run in runs}
    for run in runs:
        for network in networks(run):
            writer.insert_network(netaddr.IPSet([str(network)]), records[run.region])
    add_aliases(writer)
    # Beside the target and then renamed, so that who has the old one open keeps it.
    temporary = target.with_suffix(".new")
    mmdb_writer.TreeWriter(writer.tree, describe(metadata)).write(str(temporary))
    temporary.replace(target)
    print(f"{target}: {len(runs):,} runs of addresses in {len(records):,} regions")


def describe(source: Metadata) -> dict[str, object]:
    """Returns the metadata of what is made from a source; its date stays, for that is how old the data are."""
    words = source.description.get("en", source.database_type)
    return {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": source.build_epoch,
        "database_type": TYPE,
        "description": {"en": words if ATTRIBUTION in words else f"IP to region. {ATTRIBUTION}. From: {words}"},
        "ip_version": 6,
        "languages": ["en"],
    }


@dataclass
class Sums:
    """Unit vectors of networks, added up, so that the date line does not matter; and what was said of their radius."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    weight: float = 0.0
    radius_km: int = 0
    """The largest of the source's own records."""


@dataclass
class Centers:
    """The middle of each region, in the making."""

    sums: dict[Region, Sums] = field(default_factory=dict)

    def add(self, region: Region, at: Coordinates, weight: float, *, radius_km: int = 0) -> None:
        """Counts a network of a region."""
        latitude, longitude = math.radians(at.latitude), math.radians(at.longitude)
        sums = self.sums.setdefault(region, Sums())
        sums.x += weight * math.cos(latitude) * math.cos(longitude)
        sums.y += weight * math.cos(latitude) * math.sin(longitude)
        sums.z += weight * math.sin(latitude)
        sums.weight += weight
        sums.radius_km = max(sums.radius_km, radius_km)

    def at(self, region: Region) -> Coordinates | None:
        """Returns the middle, or None when no network of the region has coordinates."""
        sums = self.sums.get(region, Sums())
        if not any((sums.x, sums.y, sums.z)):
            return None
        return Coordinates(
            round(math.degrees(math.atan2(sums.z, math.hypot(sums.x, sums.y))), 2),
            round(math.degrees(math.atan2(sums.y, sums.x)), 2),
        )

    def radius_km(self, region: Region) -> int:
        """Returns how far the networks of a region with a middle are from it: the root of their mean square."""
        sums = self.sums[region]
        # The mean of unit vectors has the length 1 - d^2 / 2, where d^2 is their mean square distance on a unit sphere.
        length = math.hypot(sums.x, sums.y, sums.z) / sums.weight
        spread = round(EARTH_RADIUS_KM * math.sqrt(max(0.0, 2 * (1 - length))))
        return max(spread, sums.radius_km) or UNMEASURED_RADIUS_KM


def regions(reader: Iterable[tuple[Network, object]], centers: Centers) -> Iterator[tuple[Network, Region]]:
    """Returns the networks whose country is known, in the order of their addresses, and adds them to the centers."""
    for network, found in reader:
        place = place_of(found)
        if not place.country:
            continue
        region = Region(place.continent, place.country, subdivision_name(found) if place.country in SUBDIVIDED else "")
        if place.at is not None:
            centers.add(region, place.at, weight(network), radius_km=radius_km(found))
        yield network, region


def weight(network: Network) -> float:
    """Returns the addresses of an IPv4 network; for IPv6 next to nothing, which counts where there is no IPv4."""
    return float(network.num_addresses) if isinstance(network, IPv4Network) else 2.0**-network.prefixlen


def radius_km(found: object) -> int:
    """Returns the accuracy radius of a record of MaxMind's schema, or 0."""
    location = found.get("location") if isinstance(found, Mapping) else None
    radius = location.get("accuracy_radius") if isinstance(location, Mapping) else None
    return radius if isinstance(radius, int) else 0


def subdivision_name(found: object) -> str:
    """Returns the English name of the first subdivision of a record, of MaxMind's schema or the flat one of DB-IP."""
    if not isinstance(found, Mapping):
        return ""
    listed = found.get("subdivisions") or [{"names": {"en": found.get("state1", "")}}]
    return str(listed[0].get("names", {}).get("en", "") or "")


def blocks(networks_in_order: Iterable[tuple[Network, Region]]) -> Iterator[Run]:
    """Returns the networks with those longer than a block put together, under the region of most of its addresses."""
    block: Network | None = None
    votes: Counter[Region] = Counter()
    for network, region in networks_in_order:
        length = BLOCK_LENGTH[network.version]
        around = network.supernet(new_prefix=length) if network.prefixlen > length else network
        if block is not None and around != block:
            yield _run(block, votes.most_common(1)[0][0])
            votes.clear()
        block = around
        votes[region] += network.num_addresses
    if block is not None:
        yield _run(block, votes.most_common(1)[0][0])


def _run(network: Network, region: Region) -> Run:
    return Run(network.version, int(network.network_address), int(network.broadcast_address), region)


def merged(runs: Iterable[Run]) -> Iterator[Run]:
    """Returns the runs with neighbours of one region made one."""
    last: Run | None = None
    for run in runs:
        if last and (last.version, last.region, last.last + 1) == (run.version, run.region, run.first):
            last = last._replace(last=run.last)
            continue
        if last:
            yield last
        last = run
    if last:
        yield last


def networks(run: Run) -> Iterator[Network]:
    """Returns the fewest networks that make up a run."""
    whole = ip_network("0.0.0.0/0") if run.version == 4 else ip_network("::/0")
    address = type(whole.network_address)
    yield from summarize_address_range(address(run.first), address(run.last))


def record(region: Region, centers: Centers, codes: Mapping[tuple[str, str], str]) -> dict[str, object]:
    """Returns the record of a region, in the City schema."""
    found: dict[str, object] = {
        "continent": {"code": region.continent},
        "country": {"iso_code": region.country},
        "registered_country": {"iso_code": region.country},
    }
    at = centers.at(region)
    if at is not None:
        # With their types: the writer takes any two numbers that are equal for the same, 50 km and 50.0 degrees too.
        found["location"] = {
            "latitude": mmdb_writer.MmdbF64(at.latitude),
            "longitude": mmdb_writer.MmdbF64(at.longitude),
            "accuracy_radius": mmdb_writer.MmdbU16(centers.radius_km(region)),
        }
    if region.subdivision:
        code = codes.get((region.country, region.subdivision))
        found["subdivisions"] = [{"names": {"en": region.subdivision}} | ({"iso_code": code} if code else {})]
    return found


def add_aliases(writer: mmdb_writer.MMDBWriter) -> None:
    """Makes the IPv4 addresses of a database known at their aliases too, in place of what is there."""
    root = _above(writer, IPV4_ROOT)
    ipv4 = root[0]
    for alias in IPV4_ALIASES:
        _above(writer, alias)[int(alias.network_address) >> (alias.max_prefixlen - alias.prefixlen) & 1] = ipv4


def _above(writer: mmdb_writer.MMDBWriter, network: Network) -> mmdb_writer.SearchTreeNode:
    """Returns the node of the search tree from which a network hangs; makes those that there are not."""
    node = writer.tree
    for depth in range(network.prefixlen - 1):
        bit = int(network.network_address) >> (network.max_prefixlen - 1 - depth) & 1
        below = node.get_or_create(bit)
        if not isinstance(below, mmdb_writer.SearchTreeNode):  # a leaf of a network around: both halves have its value
            below = mmdb_writer.SearchTreeNode(below, below)
            node[bit] = below
        node = below
    return node


def subdivision_codes(path: Path) -> dict[tuple[str, str], str]:
    """Returns (country, English name) -> ISO code of every subdivision that a database has a code for."""
    codes = {}
    with maxminddb.open_database(path) as reader:
        for _, found in reader:
            place = place_of(found)
            if place.subdivision:
                codes[place.country, subdivision_name(found)] = place.subdivision.removeprefix(f"{place.country}-")
    return codes


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: refresh.py CITY.mmdb REGIONS.mmdb")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
