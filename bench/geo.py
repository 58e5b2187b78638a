"""How long a geo database takes from the file to both engines, without sockets.

    python -m bench.geo [--networks 4500000] [--places 100000] [--rounds 5]

Two databases: the one that is shipped, and a random one of the size of a large City database, whose networks are
IPv4 but for a quarter. One service with ten regions is steered by it. Each row says where the time went:

    read    the file into tries of places
    merge   the tries into a geography
    plan    every place's nearest regions, and the networks of each cell
    blob    the cell map as bytes, for the Rust engine
    rust    their way into the Rust engine, its tables, and the swap
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from mmdb_writer import Encoder, MmdbF64, MmdbU16, MmdbU32, MmdbU64
from numpy.typing import NDArray

from bench.swap import zone_text
from bench.world import DATABASE
from gtm._native import Dataplane
from gtm.geo.merging import build
from gtm.health.consensus.status import NO_STATUS
from gtm.plan.blob import compose_decisions, compose_names, numbering
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN
from gtm.steer.vocabulary import STEERING
from gtm.watch.geodata import read_database
from gtm.zone.parse import NO_SHARED, parse

PARTS = ("read", "merge", "plan", "blob", "rust")
REGIONS = 10
IPV6_SHARE = 0.25
SHORTEST, LONGEST = 8, {32: 26, 128: 53}
"""Of the networks of the random database: all addresses of a family are split so often, and no more."""
COUNTRIES = ("US", "DE", "BR", "IN", "JP", "ZA", "AU", "GB", "FR", "CA")
MARKER = b"\xab\xcd\xefMaxMind.com"


def random_tree(networks: int, *, bits: int, dice: np.random.Generator) -> NDArray[np.int64]:
    """Returns a search tree of so many networks, (nodes, 2) in level order: a row, or ~leaf.

    Every level splits a random part of its slots, so that the lengths are spread and no two neighbours are alike.
    """
    rows: list[NDArray[np.int64]] = []
    slots = 2
    nodes = 1
    for depth in range(1, LONGEST[bits] + 1):
        left = networks - nodes - 1
        levels = LONGEST[bits] - depth
        wanted = slots if depth < SHORTEST else min(slots, max(0, left // max(1, levels // 2)))
        inner = np.zeros(slots, bool)
        inner[dice.permutation(slots)[: wanted if levels else 0]] = True
        level = np.full(slots, -1, np.int64)
        level[inner] = np.arange(nodes, nodes + int(inner.sum()))
        rows.append(level)
        slots = 2 * int(inner.sum())
        nodes += int(inner.sum())
    return np.concatenate(rows).reshape(-1, 2)


def write_random_database(path: Path, networks: int, places: int) -> None:
    """Writes a database of the City schema by the MaxMind DB File Format Specification 2.0, with 32-bit records."""
    dice = np.random.default_rng(7)
    v6_networks = int(networks * IPV6_SHARE)
    v4 = random_tree(networks - v6_networks, bits=32, dice=dice)
    v6 = random_tree(v6_networks, bits=128, dice=dice)
    data, offsets = _records(places, dice)
    # ::/96 holds IPv4: 96 nodes lead there by 0 bits. The networks of IPv6 are in 2000::/3.
    path_nodes = 96
    tree = np.full((path_nodes + len(v4) + len(v6), 2), -1, np.int64)
    tree[:path_nodes, 0] = np.arange(1, path_nodes + 1)
    tree[path_nodes : path_nodes + len(v4)] = np.where(v4 >= 0, v4 + path_nodes, v4)
    tree[path_nodes + len(v4) :] = np.where(v6 >= 0, v6 + path_nodes + len(v4), v6)
    tree[2, 1] = path_nodes + len(v4)
    leaf = tree < 0
    tree[leaf] = len(tree) + 16 + offsets[dice.integers(0, places, int(leaf.sum()))]
    path.write_bytes(tree.astype(">u4").tobytes() + bytes(16) + data + MARKER + _metadata(len(tree)))


def _records(places: int, dice: np.random.Generator) -> tuple[bytes, NDArray[np.int64]]:
    """Returns the records of so many towns one after the other, and where each begins."""
    encoder = Encoder(cache=False)
    packed = [
        encoder.encode(
            {
                "city": {"names": {"en": f"Town {number}"}},
                "country": {"iso_code": COUNTRIES[number % len(COUNTRIES)]},
                "location": {"latitude": MmdbF64(north), "longitude": MmdbF64(east)},
            }
        )
        for number, (north, east) in enumerate(dice.uniform((-60, -180), (70, 180), (places, 2)).round(4).tolist())
    ]
    lengths = np.array([len(each) for each in packed])
    return b"".join(packed), np.cumsum(lengths) - lengths


def _metadata(nodes: int) -> bytes:
    return Encoder(cache=False).encode(
        {
            "node_count": MmdbU32(nodes),
            "record_size": MmdbU16(32),
            "ip_version": MmdbU16(6),
            "database_type": "Random-City",
            "languages": ["en"],
            "binary_format_major_version": MmdbU16(2),
            "binary_format_minor_version": MmdbU16(0),
            "build_epoch": MmdbU64(1_780_000_000),
            "description": {"en": "Random towns, for measurements"},
        }
    )


def timed_load(path: Path) -> tuple[str, list[float]]:
    """Returns what was loaded, and the seconds of each part."""
    zone = parse(zone_text(1, REGIONS), "bench.yaml", NO_SHARED, STEERING)
    rust = Dataplane()
    marks = [time.perf_counter()]
    database, _ = read_database(path)
    marks.append(time.perf_counter())
    geography = build([database])
    marks.append(time.perf_counter())
    plan = compile_plan(
        (zone,),
        serials={"bench.test.": 1},
        geography=geography,
        vocabulary=STEERING,
        status=NO_STATUS,
        before=EMPTY_PLAN,
    )
    marks.append(time.perf_counter())
    numbers = numbering(plan)
    blob, decisions = compose_names(plan, numbers), compose_decisions(plan, plan.services, numbers)
    marks.append(time.perf_counter())
    rust.swap_names(blob, decisions)
    marks.append(time.perf_counter())
    return f"{database.nodes} nodes, {database.networks} networks, {len(database.places)} places", [
        b - a for a, b in pairwise(marks)
    ]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", type=int, default=4_500_000)
    parser.add_argument("--places", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as folder:
        city = Path(folder) / "city.mmdb"
        write_random_database(city, options.networks, options.places)
        for name, path in (("shipped", DATABASE), ("random City", city)):
            loads = [timed_load(path) for _ in range(options.rounds)]
            _print(name, loads[0][0], [parts for _, parts in loads])


def _print(name: str, what: str, rounds: Sequence[Sequence[float]]) -> None:
    totals = [sum(parts) for parts in rounds]
    print(f"{name}: {what}; seconds from the file to the engine")
    print(f"    min {min(totals):.2f}  median {statistics.median(totals):.2f}  max {max(totals):.2f}", end="   ")
    medians = (statistics.median(column) for column in zip(*rounds, strict=True))
    print("  ".join(f"{part} {median:.2f}" for part, median in zip(PARTS, medians, strict=True)))
    print(f"    memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
