"""Servers side by side, in short slices that take turns, so that a slow moment of the machine hits all alike.

    python -m bench.compare [--peers gtm,gdnsd,knot] [--loads steered,static,tcp] [--rounds 8] [--seconds 1.0]
                            [--names 10] [--threads 1] [--ordinary] [--install] [--json FILE]

Every server gets the same zone and geo database, one thread, and core 0; the generator gets core 1. Before anything is
measured, each server that steers must give the right address to a sample of client networks. One table per load:

    qps           answers a second: min, median, max of the rounds
    / floor       ratio to the echo of the same round: median
    / gdnsd       ratio to gdnsd in the same round: median
    us a query    CPU time of the server per answer
    busy, idle    share of the time the server worked, and the generator found nothing to do (medians)
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import world as worlds
from bench.measure import Load, Slice, compiled, may_be_real_time, measure
from bench.peers import PEERS, Peer, Site
from bench.server import SERVER_CORE, Server, alone, answered_address, ask, start
from bench.world import ORIGIN, STEERED, World, make_database, query, static_name, write_queries

FIRST_PORT = 5390
SAMPLE = 300
"""Client networks of which every server's answer is checked, of each family."""
FLOOR, RIVAL = "echo", "gdnsd"
REST_S = 0.3
"""After a slice in a real-time class, for all others on the machine."""


@dataclass(frozen=True)
class LoadKind:
    """A load by name."""

    queries: str
    address: str = "127.0.0.1"
    tcp: bool = False


LOADS = {
    "steered": LoadKind("steered"),
    "steered-v6": LoadKind("steered-ecs6", "::1"),
    "no-ecs": LoadKind("no-ecs"),
    "no-edns": LoadKind("no-edns"),
    "static": LoadKind("static"),
    "tcp": LoadKind("steered", tcp=True),
}


@dataclass(frozen=True)
class Result:
    """One server under one load."""

    peer: str
    slices: tuple[Slice, ...]


def main() -> None:
    arguments = _arguments()
    peers = available(arguments.peers.split(","), arguments.names, install=arguments.install)
    with alone(), tempfile.TemporaryDirectory(prefix="gtm-bench-") as name:
        folder = Path(name)
        world = World(arguments.names, folder / "country.mmdb")
        make_database(world.database)
        programs = compiled(folder)
        loads = [prepared(each, world, folder) for each in arguments.loads.split(",")]
        with running(peers, world, folder, programs["echo"], threads=arguments.threads) as servers:
            for server in servers:
                verify(server, PEERS[server.name], world)
            print_servers(servers)
            found: dict[str, list[Result]] = {}
            for load in loads:
                found[load.name] = interleaved(servers, load, programs, arguments)
                print_load(load.name, found[load.name])
    if arguments.json:
        arguments.json.write_text(json.dumps({k: [asdict(each) for each in v] for k, v in found.items()}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--loads", default=",".join(LOADS))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one slice")
    parser.add_argument("--names", type=int, default=10, help="static names of the zone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--window", type=int, default=192, help="queries on their way at a time, by UDP")
    parser.add_argument(
        "--one-by-one", action="store_true", help="queries without UDP_SEGMENT; costs the generator more"
    )
    parser.add_argument("--ordinary", action="store_true", help="no real-time class, even as root")
    parser.add_argument("--install", action="store_true", help="install missing servers with apt-get, as root")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def available(names: list[str], static_names: int, *, install: bool) -> list[Peer]:
    """Returns the servers that can be measured here, and says which cannot and why."""
    wanted = [PEERS[name] for name in names]
    missing = [peer for peer in wanted if peer.program and not shutil.which(peer.program, path=_PATH)]
    if missing and install and os.geteuid() == 0:
        packages = [package for peer in missing for package in peer.packages]
        print("installing", *packages, "(Debian starts them as services on their own ports)", flush=True)
        subprocess.run(
            ("apt-get", "install", "-y", "-q", "--no-install-recommends", *packages),
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            check=False,
        )
        missing = [peer for peer in missing if not shutil.which(peer.program, path=_PATH)]
    for peer in missing:
        print(f"{peer.name}: NOT MEASURED, {peer.program} is missing: apt-get install {' '.join(peer.packages)}")
    large = [peer for peer in wanted if static_names > peer.most_names]
    for peer in large:
        print(f"{peer.name}: NOT MEASURED, {static_names} names are too many for its format")
    return [peer for peer in wanted if peer not in missing and peer not in large]


_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def prepared(name: str, world: World, folder: Path) -> Load:
    """Returns a load whose queries are in a file."""
    kind = LOADS[name]
    path = folder / f"{name}.queries"
    write_queries(path, worlds.queries(kind.queries, world))
    return Load(name, path, kind.address, kind.tcp)


@contextmanager
def running(peers: list[Peer], world: World, folder: Path, echo: Path, *, threads: int) -> Iterator[list[Server]]:
    """Starts the servers one after the other, and ends them all."""
    cores = ",".join(str(core) for core in range(threads)) if threads > 1 else str(SERVER_CORE)
    with ExitStack() as stack:
        servers = []
        for number, peer in enumerate(peers):
            own = folder / f"of-{peer.name}"
            own.mkdir()
            site = Site(own, world, FIRST_PORT + number, threads, echo)
            server = start(peer.name, peer.configure(site), site.port, own, cores=cores)
            stack.callback(server.stop)
            servers.append(server)
        yield servers


def verify(server: Server, peer: Peer, world: World) -> None:
    """Raises RuntimeError when a server gives another answer than the world has."""
    if peer.name == FLOOR:
        return
    label, address = static_name(world.names - 1)
    checks = [(query(f"{label}.{ORIGIN}"), address)]
    if peer.steers:
        for version in (4, 6):
            sample = random.Random(0).sample(worlds.clients(version), SAMPLE)
            checks += zip((query(STEERED, each) for each in sample), world.addresses_of(sample), strict=True)
    for message, expected in checks:
        for host in ("127.0.0.1", "::1"):
            got = answered_address(ask(server.port, message, address=host))
            if got != expected:
                raise RuntimeError(f"{server.name} answers {got} instead of {expected} to {message.hex()}")


def interleaved(
    servers: list[Server], load: Load, programs: dict[str, Path], arguments: argparse.Namespace
) -> list[Result]:
    """Returns the slices of all servers, in turns; every round begins with another server."""
    real_time = may_be_real_time() and not arguments.ordinary
    takers = [server for server in servers if not (load.tcp and server.name == FLOOR)]
    slices: dict[str, list[Slice]] = {server.name: [] for server in takers}
    more: tuple[str, ...] = () if load.tcp else ("-w", str(arguments.window))
    if arguments.one_by_one and not load.tcp:
        more = (*more, "-o")
    for turn in range(arguments.rounds):
        for place in range(len(takers)):
            server = takers[(turn + place) % len(takers)]
            slices[server.name].append(
                measure(server, load, programs, seconds=arguments.seconds, real_time=real_time, more=more)
            )
            time.sleep(REST_S if real_time else 0)
    return [Result(name, tuple(each)) for name, each in slices.items()]


def print_servers(servers: list[Server]) -> None:
    print(f"\n{'server':<8} {'memory MB':>10} {'start s':>8}")
    for server in servers:
        print(f"{server.name:<8} {server.memory_mb():>10.1f} {server.start_s:>8.2f}")


def print_load(name: str, results: list[Result]) -> None:
    print(f"\n{name}")
    print(
        f"{'server':<8} {'qps min':>9} {'median':>9} {'max':>9} {'/ floor':>8} {'/ gdnsd':>8} {'us a query':>17} "
        f"{'busy':>5} {'idle':>5} {'lost':>6} {'wrong':>6} {'failed':>7}"
    )
    by_name = {result.peer: result for result in results}
    for result in results:
        qps = [each.qps for each in result.slices]
        cost = [each.cpu_us for each in result.slices]
        print(
            f"{result.peer:<8} {min(qps):>9.0f} {statistics.median(qps):>9.0f} {max(qps):>9.0f} "
            f"{ratio(result, by_name.get(FLOOR)):>8} {ratio(result, by_name.get(RIVAL)):>8} "
            f"{min(cost):>5.2f} {statistics.median(cost):>5.2f} {max(cost):>5.2f} "
            f"{statistics.median(each.server_busy for each in result.slices):>5.2f} "
            f"{statistics.median(each.generator_idle for each in result.slices):>5.2f} "
            f"{sum(each.lost for each in result.slices):>6} {sum(each.wrong for each in result.slices):>6} "
            f"{sum(each.failed for each in result.slices):>7}",
            flush=True,
        )


def ratio(result: Result, other: Result | None) -> str:
    """Returns the median of the ratios of two servers' rates, round by round."""
    if other is None:
        return "-"
    return f"{statistics.median(a.qps / b.qps for a, b in zip(result.slices, other.slices, strict=True)):.3f}"


if __name__ == "__main__":
    main()
