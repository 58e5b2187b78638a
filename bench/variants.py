"""One server in several sizes, side by side: what many names, or a second thread, cost.

    python -m bench.variants [--peers gtm,knot,nsd] [--variants 10:1,1000000:1] [--load static] [--rounds 8]

A variant is NAMES:THREADS. All variants of all servers run at once and take turns under the load, each asked for its
own names. The table has the start (to the first answer: reading the zone included), the memory, and the rate and the
CPU time per query with their ratio to the server's first variant, round by round.

With several threads the server has as many cores, of which the generator shares the second; its queries come from
eight ports, so that the kernel shares them out. Then CPU time per query says more than the rate.
"""

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.compare import REST_S, available, prepared, verify
from bench.measure import Load, Slice, compiled, may_be_real_time, measure
from bench.peers import PEERS, Peer, Site
from bench.server import Server, alone, start
from bench.world import World, make_database

FIRST_PORT = 5420
PORTS_OF_MANY_THREADS = 8


@dataclass(frozen=True)
class Variant:
    """One server of one size, under its load."""

    peer: Peer
    names: int
    threads: int
    server: Server
    load: Load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="gtm,knot,nsd")
    parser.add_argument("--variants", default="10:1,1000000:1")
    parser.add_argument("--load", default="static")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    sizes = [
        (int(names), int(threads)) for names, threads in (each.split(":") for each in arguments.variants.split(","))
    ]
    peers = available(arguments.peers.split(","), max(names for names, _ in sizes), install=False)
    with alone(), tempfile.TemporaryDirectory(prefix="gtm-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        make_database(folder / "country.mmdb")
        programs = compiled(folder)
        variants: list[Variant] = []
        for names, threads in sizes:
            own = folder / f"{names}-{threads}"
            own.mkdir()
            world = World(names, folder / "country.mmdb")
            load = prepared(arguments.load, world, own)
            for peer in peers:
                site = Site(own / f"of-{peer.name}", world, FIRST_PORT + len(variants), threads, programs["echo"])
                variants.append(_started(peer, site, load, stack))
        print_table(variants, _turns(variants, programs, arguments.rounds, arguments.seconds))


def _started(peer: Peer, site: Site, load: Load, stack: ExitStack) -> Variant:
    site.folder.mkdir()
    cores = ",".join(str(core) for core in range(site.threads))
    server = start(peer.name, peer.configure(site), site.port, site.folder, cores=cores)
    stack.callback(server.stop)
    verify(server, PEERS[peer.name], site.world)
    return Variant(peer, site.world.names, site.threads, server, load)


def _turns(variants: list[Variant], programs: dict[str, Path], rounds: int, seconds: float) -> list[list[Slice]]:
    # threads that share a core with the generator take turns with it, which real-time classes would not let them
    many = any(variant.threads > 1 for variant in variants)
    real_time = may_be_real_time() and not many
    more = ("-s", str(PORTS_OF_MANY_THREADS)) if many else ()
    found: list[list[Slice]] = [[] for _ in variants]
    for turn in range(rounds):
        for place in range(len(variants)):
            number = (turn + place) % len(variants)
            one = variants[number]
            found[number].append(
                measure(one.server, one.load, programs, seconds=seconds, real_time=real_time, more=more)
            )
            time.sleep(REST_S)
    return found


def print_table(variants: list[Variant], found: list[list[Slice]]) -> None:
    print(
        f"{'server':<8} {'names':>8} {'threads':>7} {'start s':>8} {'memory MB':>10} {'qps min':>9} {'median':>9} "
        f"{'max':>9} {'/ first':>8} {'us a query':>17} {'/ first':>8} {'lost':>5}"
    )
    for one, slices in zip(variants, found, strict=True):
        first = next(each for other, each in zip(variants, found, strict=True) if other.peer is one.peer)
        rate = statistics.median(a.qps / b.qps for a, b in zip(slices, first, strict=True))
        cost = statistics.median(a.cpu_us / b.cpu_us for a, b in zip(slices, first, strict=True))
        qps, cpu_us = [each.qps for each in slices], [each.cpu_us for each in slices]
        print(
            f"{one.peer.name:<8} {one.names:>8} {one.threads:>7} {one.server.start_s:>8.2f} "
            f"{one.server.memory_mb():>10.1f} "
            f"{min(qps):>9.0f} {statistics.median(qps):>9.0f} {max(qps):>9.0f} {rate:>8.3f} "
            f"{min(cpu_us):>5.2f} {statistics.median(cpu_us):>5.2f} {max(cpu_us):>5.2f} {cost:>8.3f} "
            f"{sum(each.lost for each in slices):>5}"
        )


if __name__ == "__main__":
    main()
