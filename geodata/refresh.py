"""Condenses a full city database to regions.mmdb.

    python geodata/refresh.py dbip-city-lite-2026-07.mmdb geodata/regions.mmdb

What comes in: a database of the City schema (DB-IP City Lite: https://db-ip.com/db/download/ip-to-city-lite, or another
whose licence lets you). What goes out: the same addresses, each with its region only. A region is a country, or a
first-level subdivision of the countries in SUBDIVIDED. Everything in a region has one point: the mean of its networks'
coordinates, weighted by addresses. Networks longer than an IPv4 /24 or an IPv6 /36 get the region that most addresses
of that block are in, and neighbours of one region are merged.

Databases of DB-IP name subdivisions without their ISO codes; codes come from the regions.mmdb that is replaced.
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

from gtm.geo.place import Coordinates
from gtm.geo.record import place_of
from gtm.ids import Network

SUBDIVIDED = frozenset("AR AU BR CA CD CL CN CO DZ ID IN IR JP KZ LY MN MX PE RU SA TR UA US ZA".split())  # noqa: SIM905
"""The 24 countries so large that their subdivisions have different nearest regions."""

BLOCK_LENGTH = {4: 24, 6: 36}
"""Nothing longer is told apart: resolvers send no more of an address than about this (RFC 7871 11.1)."""

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
        description = reader.metadata().description.get("en", source.name)
        centers = Centers()
        runs = list(merged(blocks(regions(reader, centers))))
    writer = mmdb_writer.MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="DBIP-City-Lite-Regions",
        languages=["en"],
        description=f"IP to region. {ATTRIBUTION}. From: {description}",
    )
    records = {run.region: record(run.region, centers, codes) for run in runs}
    for run in runs:
        for network in networks(run):
            writer.insert_network(netaddr.IPSet([str(network)]), records[run.region])
    # Beside the target and then renamed, so that who has the old one open keeps it.
    temporary = target.with_suffix(".new")
    writer.to_db_file(str(temporary))
    temporary.replace(target)
    print(f"{target}: {len(runs):,} runs of addresses in {len(records):,} regions")


@dataclass
class Centers:
    """The middle of each region, in the making: sums of unit vectors, so that the date line does not matter."""

    sums: dict[Region, tuple[float, float, float]] = field(default_factory=dict)

    def add(self, region: Region, at: Coordinates, weight: float) -> None:
        """Counts a network of a region."""
        latitude, longitude = math.radians(at.latitude), math.radians(at.longitude)
        x, y, z = self.sums.get(region, (0.0, 0.0, 0.0))
        self.sums[region] = (
            x + weight * math.cos(latitude) * math.cos(longitude),
            y + weight * math.cos(latitude) * math.sin(longitude),
            z + weight * math.sin(latitude),
        )

    def at(self, region: Region) -> Coordinates | None:
        """Returns the middle, or None when no network of the region has coordinates."""
        x, y, z = self.sums.get(region, (0.0, 0.0, 0.0))
        if not any((x, y, z)):
            return None
        return Coordinates(
            round(math.degrees(math.atan2(z, math.hypot(x, y))), 2), round(math.degrees(math.atan2(y, x)), 2)
        )


def regions(reader: Iterable[tuple[Network, object]], centers: Centers) -> Iterator[tuple[Network, Region]]:
    """Returns the networks whose country is known, in the order of their addresses, and adds them to the centers."""
    for network, found in reader:
        place = place_of(found)
        if not place.country:
            continue
        region = Region(place.continent, place.country, subdivision_name(found) if place.country in SUBDIVIDED else "")
        if place.at is not None:
            centers.add(region, place.at, weight(network))
        yield network, region


def weight(network: Network) -> float:
    """Returns the addresses of an IPv4 network; for IPv6 next to nothing, which counts where there is no IPv4."""
    return float(network.num_addresses) if isinstance(network, IPv4Network) else 2.0**-network.prefixlen


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
        found["location"] = {"latitude": at.latitude, "longitude": at.longitude}
    if region.subdivision:
        code = codes.get((region.country, region.subdivision))
        found["subdivisions"] = [{"names": {"en": region.subdivision}} | ({"iso_code": code} if code else {})]
    return found


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
