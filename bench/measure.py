"""One slice of a measurement: a generator against a server for a second or so, and what it cost.

The generator is pinned to one core, the server to the other. The server's CPU time is read before and after, so that
the cost of a query does not depend on what else runs on the machine.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.server import GENERATOR_CORE, REAL_TIME_PRIORITY, Server

ROOT = Path(__file__).parent
PROGRAMS = ("echo", "generator", "generator_tcp")
LONGEST_SLICE_S = 60.0


@dataclass(frozen=True)
class Load:
    """What is asked, and how."""

    name: str
    queries: Path
    address: str = "127.0.0.1"
    tcp: bool = False


@dataclass(frozen=True)
class Slice:
    """What came of it."""

    qps: float
    answered: int
    lost: int
    wrong: int
    failed: int
    """Answers with another RCODE than NOERROR."""
    empty: int
    """Answers without a record."""
    cpu_us: float
    """Of the server, per answer: all its threads and processes, kernel included."""
    server_busy: float
    """Share of a core."""
    generator_idle: float
    """Share of the time in which the generator found nothing to do: near 0 it is the generator that was measured."""


def compiled(folder: Path) -> dict[str, Path]:
    """Returns the programs in C, compiled into a folder."""
    if shutil.which("gcc") is None:
        raise SystemExit("the generators are in C, and gcc is missing: apt-get install gcc libc6-dev")
    for name in PROGRAMS:
        subprocess.run(("gcc", "-O2", "-o", folder / name, ROOT / f"{name}.c"), check=True)
    return {name: folder / name for name in PROGRAMS}


def measure(
    server: Server,
    load: Load,
    programs: dict[str, Path],
    *,
    seconds: float,
    real_time: bool,
    more: tuple[str, ...] = (),
) -> Slice:
    """Returns what one slice of a load on a server came to."""
    generator = programs["generator_tcp" if load.tcp else "generator"]
    first = ("chrt", "-r", str(REAL_TIME_PRIORITY)) if real_time else ()
    where = ("-a", load.address, "-p", str(server.port), "-f", str(load.queries), "-t", str(seconds), *more)
    command = ("taskset", "-c", str(GENERATOR_CORE), *first, str(generator), *where)
    with server.first_in_line(real_time=real_time):
        before_ns = server.cpu_ns()
        done = subprocess.run(command, check=True, capture_output=True, timeout=LONGEST_SLICE_S + seconds)
        used_ns = server.cpu_ns() - before_ns
    return slice_of(json.loads(done.stdout), used_ns)


def slice_of(report: dict[str, object], used_ns: int) -> Slice:
    """Returns a generator's report with the server's CPU time."""
    number = {key: float(str(value)) for key, value in report.items() if key != "rcodes"}
    rcodes = report["rcodes"]
    assert isinstance(rcodes, list)
    answered = int(number["answered"])
    return Slice(
        qps=number["qps"],
        answered=answered,
        lost=int(number["lost"]),
        wrong=int(number["wrong"]),
        failed=sum(rcodes[1:]),
        empty=int(number["empty"]),
        cpu_us=used_ns / 1000 / max(1, answered),
        server_busy=used_ns / 1e9 / number["seconds"],
        generator_idle=number["idle"],
    )


def may_be_real_time() -> bool:
    """Returns whether this process may run others in a real-time class."""
    return os.geteuid() == 0
