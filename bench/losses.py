"""How many queries are lost while plans are swapped under full load. The target is none.

    python -m bench.losses [--swaps 100] [--names 1000] [--every 0.05]

The engine serves on core 0 from this process, which swaps whole plans (names, cell maps and decisions) and plans that
differ in health only, by turns, from the same core; the generator, on core 1, keeps 128 queries on the way, and counts
those without an answer, with a wrong ID, or with another RCODE than NOERROR. 128 fit into a socket's default buffer,
so that none is lost merely because the thread has to wait for its core.
"""

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.measure import compiled
from bench.served import plan_of, serve, zone_of
from bench.server import GENERATOR_CORE, SERVER_CORE, alone
from bench.world import World, make_database, queries, write_queries
from gtm.engine.native import NativeEngine
from gtm.ids import Generation
from gtm.plan.model import Plan

PORT = 5389
IN_FLIGHT = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--every", type=float, default=0.05, help="seconds between two swaps")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {SERVER_CORE})
    with alone(), tempfile.TemporaryDirectory(prefix="gtm-bench-") as name:
        print(lost(arguments, Path(name)))


def lost(arguments: argparse.Namespace, folder: Path) -> str:
    """Returns the generator's report, after the swaps it was under."""
    world = World(arguments.names, folder / "country.mmdb")
    make_database(world.database)
    write_queries(folder / "queries", queries("steered", world))
    generator = compiled(folder)["generator"]
    zone = zone_of(world)
    plans = [plan_of(zone, world.database) for _ in range(2)]
    engine = NativeEngine()
    engine.swap(plans[0])
    serve(engine, PORT, 1)
    seconds = arguments.swaps * (arguments.every + 0.15) + 2
    options = ("-p", str(PORT), "-f", str(folder / "queries"), "-t", str(seconds), "-w", str(IN_FLIGHT))
    command = ("taskset", "-c", str(GENERATOR_CORE), str(generator), *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        time.sleep(0.5)
        took_ms = sorted(swap_ms(engine, plans, number, arguments.every) for number in range(arguments.swaps))
        if running.poll() is not None:
            return "the generator ended before the swaps did: nothing was measured"
        report, _ = running.communicate(timeout=seconds + 30)
    engine.stop()
    median = took_ms[len(took_ms) // 2]
    return f"{arguments.swaps} swaps, {median:.1f} ms each (median), {took_ms[-1]:.1f} at most\n{report}"


def swap_ms(engine: NativeEngine, plans: list[Plan], number: int, pause_s: float) -> float:
    """Swaps the next plan; returns how many milliseconds that took, beside the load."""
    plan = plans[number // 2 % 2]
    if number % 2:  # as a flip of health: the same names, every decision anew
        plan = replace(
            plan,
            generation=Generation(plan.generation + number),
            decisions={name: replace(each) for name, each in plan.decisions.items()},
        )
    started = time.perf_counter()
    engine.swap(plan)
    took_s = time.perf_counter() - started
    time.sleep(pause_s)
    return took_s * 1000


if __name__ == "__main__":
    main()
