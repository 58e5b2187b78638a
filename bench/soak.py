"""Hours of queries in minutes: full speed, with a new plan twice a second. Memory must stay flat, and no query be lost.

    python -m bench.soak [SECONDS] [--names 1000] [--every 0.5] [--in-flight 128]

The engine serves on core 0 from this process, which swaps whole plans (names, cell maps and decisions) and plans that
differ in health only, by turns; the generator, on core 1, asks in slices. One row for each slice: time, queries a
second, lost, wrong, resident memory of this process. At the end: what the engine's own counters say, beside what was
answered.
"""

import argparse
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.losses import swap_ms
from bench.measure import compiled
from bench.served import plan_of, serve, zone_of
from bench.server import GENERATOR_CORE, SERVER_CORE
from bench.world import World, make_database, queries, write_queries
from gtm.engine.native import NativeEngine
from gtm.plan.model import Plan

PORT = 5388
SLICE_S = 10.0
PAGE_OCTETS = os.sysconf("SC_PAGE_SIZE")
FAILURES = ("lost", "wrong", "empty")


@dataclass(frozen=True)
class Slice:
    """What the generator saw in one slice, and the memory at its end."""

    at_s: float
    qps: float
    answered: int
    failed: dict[str, int]
    memory_mb: float

    def __str__(self) -> str:
        failed = " ".join(f"{name} {count}" for name, count in self.failed.items())
        return f"{self.at_s:7.0f} s {self.qps:10.0f} queries a second, {failed}, {self.memory_mb:7.1f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", nargs="?", type=float, default=600.0)
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two swaps")
    parser.add_argument("--in-flight", type=int, default=128)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {SERVER_CORE})
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as name:
        soak(arguments, Path(name))


def soak(arguments: argparse.Namespace, folder: Path) -> None:
    """Serves, swaps and asks until the time is over, and prints what it saw."""
    world = World(arguments.names, folder / "country.mmdb")
    make_database(world.database)
    write_queries(folder / "queries", queries("steered", world))
    generator = compiled(folder)["generator"]
    plans = [plan_of(zone_of(world), world.database) for _ in range(2)]
    engine = NativeEngine()
    engine.swap(plans[0])
    serve(engine, PORT, 1)
    over, swaps = threading.Event(), [0]
    swapping = threading.Thread(target=swap_until, args=(over, engine, plans, arguments.every, swaps))
    swapping.start()
    options = ("-p", str(PORT), "-f", str(folder / "queries"), "-w", str(arguments.in_flight))
    seen = []
    try:
        for one in slices(("taskset", "-c", str(GENERATOR_CORE), str(generator), *options), arguments.seconds):
            seen.append(one)
            print(one, flush=True)
    finally:
        over.set()
        swapping.join()
        counted = engine.counters()
        engine.stop()
    print_sum(seen, swaps[0], counted)


def swap_until(
    over: threading.Event, engine: NativeEngine, plans: list[Plan], every_s: float, swaps: list[int]
) -> None:
    """Swaps plans until it is over, and counts them."""
    while not over.is_set():
        swap_ms(engine, plans, swaps[0], every_s)
        swaps[0] += 1


def slices(command: tuple[str, ...], seconds: float) -> Iterator[Slice]:
    """Asks slice after slice until the time is over."""
    started = time.monotonic()
    while (left := seconds - (time.monotonic() - started)) > 0.5:
        run = subprocess.run((*command, "-t", f"{min(SLICE_S, left):.1f}"), capture_output=True, text=True, check=True)
        report = json.loads(run.stdout)
        failed = {name: report[name] for name in FAILURES} | {"unexpected_rcode": sum(report["rcodes"][1:])}
        yield Slice(time.monotonic() - started, report["qps"], report["answered"], failed, memory_mb())


def memory_mb() -> float:
    """Returns the resident memory of this process: the engine's, and that of the Python which swaps."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_OCTETS / 1024 / 1024


def print_sum(seen: list[Slice], swaps: int, counted: Mapping[str, int]) -> None:
    """Prints what all slices come to."""
    answered = sum(one.answered for one in seen)
    failed = {name: sum(one.failed[name] for one in seen) for name in seen[0].failed}
    responses = sum(count for name, count in counted.items() if name.startswith("dns_responses"))
    settled = [one.memory_mb for one in seen[len(seen) // 5 :]]
    print(f"{answered} answered, {responses} by the engine's counters, {swaps} swaps; {failed}")
    print(f"errors by the engine's counters: { {name: count for name, count in counted.items() if 'error' in name} }")
    print(
        f"memory after the first fifth: {settled[0]:.1f} MB, {min(settled):.1f} to {max(settled):.1f}, "
        f"at the end {settled[-1]:.1f}"
    )


if __name__ == "__main__":
    main()
