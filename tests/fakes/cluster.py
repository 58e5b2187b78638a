"""Real processes for tests that look from outside: nodes and toy regions, each on an address of its own.

What comes in: a folder, and which nodes and regions there are. What goes out: their zone file, node files, keys and
geo database in that folder, and processes that all end with the cluster, whatever became of the test: it kills them,
and they are tied to this process besides. Ports are the same everywhere: every address is this process's alone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

import yaml

from gtm.cli.demo import tether
from gtm.share.keys import generate_key, save_key
from tests.fakes import warm
from tests.fakes.geodata import Record, city, write_database

DNS_PORT, ADMIN_PORT, REGION_PORT = 5301, 8064, 8081
"""Not those of the demo, which may run on the same machine."""

START_LIMIT_S = 30.0
"""A Python process on a busy core takes seconds."""

STOP_LIMIT_S = 15.0

PACE_S = 0.02
"""Between two looks: other processes are at work, and need the processor that a busy loop would take."""

IMPATIENT = "failback_delay: 0s, damping: false"
"""So that what a test brings back is back at once."""

ZONE = "gtm.test"
NAME = "api.gtm.test"

US_EAST, EU_WEST, AP_SOUTHEAST = "us-east", "eu-west", "ap-southeast"
REGIONS: Mapping[str, tuple[float, float]] = {
    US_EAST: (38.95, -77.45),
    EU_WEST: (53.35, -6.26),
    AP_SOUTHEAST: (1.35, 103.82),
}
CLIENTS: Mapping[str, str] = {EU_WEST: "81.2.69.0", US_EAST: "200.160.2.0", AP_SOUTHEAST: "203.116.0.0"}
"""A client /24 that is closest to each region."""

NETWORKS: Mapping[str, Record] = {
    "81.2.64.0/18": city("GB", at=(51.5, -0.1), continent="EU"),
    "200.160.0.0/20": city("BR", at=(-23.5, -46.6), continent="SA"),
    "203.116.0.0/16": city("SG", at=(1.3, 103.8), continent="AS"),
}
"""What the cluster's geo database knows."""


class Running:
    """One started process: a fork of the warm parent where that can be, unless it is to be cold."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        folder: Path,
        prefix: Sequence[str] = (),
        namespace: str = "",
        cold: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self.process = started(
                command, output, output, folder=folder, prefix=prefix, namespace=namespace, cold=cold
            )

    @property
    def said(self) -> str:
        """Returns everything it printed, and every earlier process of its name."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        """Returns whether it has not ended."""
        return self.process.poll() is None

    def kill(self) -> float:
        """Ends it without a word (SIGKILL); returns the monotonic time of that."""
        at = time.monotonic()
        self.process.kill()
        self.process.wait(STOP_LIMIT_S)
        return at

    def hang(self) -> float:
        """Has it do nothing any more, while the kernel still takes connections for it; returns the monotonic time."""
        at = time.monotonic()
        self.process.send_signal(signal.SIGSTOP)
        return at

    def wake(self) -> None:
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end; returns its exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_LIMIT_S)

    def kill_all(self) -> None:
        """Ends it, and what it has started (the workers of nginx outlive a master that is killed)."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()


@dataclass(frozen=True, slots=True)
class Machine:
    """Where one node runs, and as what."""

    name: str
    address: str
    vantage: str = "here"
    roles: tuple[str, ...] = ("dns", "probe", "admin")
    listen: str = ""
    """The address to bind, if it is not the address that peers use."""
    namespace: str = ""
    """The network namespace it runs in; empty for this process's own."""

    @property
    def bound(self) -> str:
        """Returns the address to bind."""
        return self.listen or self.address

    @property
    def admin(self) -> str:
        """Returns where its admin API is."""
        return f"{self.address}:{ADMIN_PORT}"


@dataclass(slots=True)
class Cluster:
    """The processes of one test, and their files in one folder. Leave it with `with`: then all of them have ended."""

    folder: Path
    started: list[Running] = field(default_factory=list)
    quiet: bool = False
    """Whether to print no logs at the end."""
    cold: bool = False
    """Whether every process is started as an operator starts it: then it also imports by itself."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        logs = () if self.quiet else dict.fromkeys(running.log for running in self.started)
        for log in logs:
            # pytest shows this beside a failure, and nowhere else
            sys.stdout.write(f"--- {log.stem}\n{tail(log)}\n")

    def end(self) -> None:
        """Ends every process."""
        for running in self.started:
            running.kill_all()
        for running in self.started:
            running.process.wait(STOP_LIMIT_S)

    @property
    def zones(self) -> Path:
        """Returns the zone folder that all nodes read."""
        return self.folder / "zones"

    @property
    def zone_file(self) -> Path:
        """Returns the one zone file in it."""
        return self.zones / f"{ZONE}.yaml"

    @property
    def database(self) -> Path:
        """Returns the geo database that all nodes read."""
        return self.folder / "regions.mmdb"

    def write_zone(self, regions: Mapping[str, str], *, ttl: int = 5, more: str = "") -> None:
        """Writes the zone of these regions and their addresses, and the geo database where there is none."""
        self.zones.mkdir(exist_ok=True)
        beside = self.zones / ".new"
        beside.write_text(zone_text(regions, ttl=ttl, more=more), encoding="utf-8")
        beside.replace(self.zone_file)
        if not self.database.exists():
            write_database(self.database, NETWORKS)

    def write_nodes(self, machines: Sequence[Machine], *, voters: int | None = None) -> None:
        """Writes a key and a node file for each machine; all that probe are peers of all."""
        keys = {machine.name: generate_key() for machine in machines}
        for machine in machines:
            save_key(self.folder / f"{machine.name}.key", keys[machine.name])
            peers = [
                {
                    "node": peer.name,
                    "vantage": peer.vantage,
                    "url": f"http://{peer.admin}",
                    "key": str(keys[peer.name].public),
                }
                for peer in machines
                if peer is not machine and "probe" in peer.roles
            ]
            node = {
                "node": machine.name,
                "vantage": machine.vantage,
                "roles": list(machine.roles),
                "zones": "zones",
                "state": f"{machine.name}.state",
                "listen": {"dns": [f"{machine.bound}:{DNS_PORT}"], "admin": f"{machine.bound}:{ADMIN_PORT}"},
                "geo": {"databases": [self.database.name]},
                "share": {"mode": "mesh", "key": f"{machine.name}.key", "peers": peers},
                "overrides": {"accept_from": [peer["node"] for peer in peers]},
                "probe": {"allow": ["127.0.0.0/8"]},
                "quorum": {"rule": "majority"} | ({} if voters is None else {"voters": voters}),
            }
            self.node_file(machine).write_text(yaml.safe_dump(node, sort_keys=False), encoding="utf-8")

    def node_file(self, machine: Machine) -> Path:
        """Returns the node file of a machine."""
        return self.folder / f"{machine.name}.yaml"

    def permit(self, machine: Machine, **more: object) -> None:
        """Lists more in the part `probe` of a node file."""
        node = yaml.safe_load(self.node_file(machine).read_text(encoding="utf-8"))
        node["probe"] = node.get("probe", {}) | more
        self.node_file(machine).write_text(yaml.safe_dump(node, sort_keys=False), encoding="utf-8")

    def start_node(self, machine: Machine) -> Running:
        """Starts the node of a machine."""
        verb = "serve" if "dns" in machine.roles else "probe"
        arguments = ("-m", "gtm", verb, "--config", str(self.node_file(machine)))
        return self.start(machine.name, arguments, namespace=machine.namespace)

    def start_region(self, name: str, address: str, *, namespace: str = "") -> Running:
        """Starts a toy region."""
        where = ("--listen", f"{address}:{REGION_PORT}", "--name", name)
        return self.start(f"region-{name}", ("-m", "gtm.cli.demo.region", *where), namespace=namespace)

    def start(self, name: str, arguments: Sequence[str], *, namespace: str = "", folder: Path | None = None) -> Running:
        """Starts this Python with arguments."""
        return self.start_program(name, (sys.executable, *arguments), namespace=namespace, folder=folder)

    def start_program(
        self,
        name: str,
        command: Sequence[str],
        *,
        prefix: Sequence[str] = (),
        namespace: str = "",
        folder: Path | None = None,
    ) -> Running:
        """Starts any program; a prefix is a command that becomes another."""
        running = Running(
            name,
            command,
            self.folder / f"{name}.log",
            folder=folder or self.folder,
            prefix=prefix,
            namespace=namespace,
            cold=self.cold,
        )
        self.started.append(running)
        return running


def gtm(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command of gtm to its end, as from another terminal."""
    command = [sys.executable, "-m", "gtm", *arguments]
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        process = started(command, output, errors, folder=folder or Path.cwd())
        try:
            process.wait(START_LIMIT_S)
        finally:
            process.kill()
            status = process.wait()
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess(command, status, output.read(), errors.read())


def started(
    command: Sequence[str],
    output: IO[Any],
    errors: IO[Any],
    *,
    folder: Path,
    prefix: Sequence[str] = (),
    namespace: str = "",
    cold: bool = False,
) -> subprocess.Popen[bytes] | warm.Forked:
    """Starts a program that ends with this process at the latest: warm where it can be, which warm.py decides."""
    if not (cold or prefix):
        forked = warm.start(command, folder=folder, output=output.fileno(), errors=errors.fileno(), namespace=namespace)
        if forked is not None:
            return forked
    if namespace:
        prefix = ("ip", "netns", "exec", namespace, *prefix)
    return subprocess.Popen(
        [*prefix, sys.executable, tether.__file__, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd=folder,
        start_new_session=True,  # Ctrl-C at a terminal is for pytest, which then ends the cluster
    )


def bound_s(node_file: Path, *, name: str = NAME) -> float:
    """Returns what `gtm bound` says of the service, without the TTL, which is the resolver's part."""
    told = gtm("bound", name, "--config", str(node_file), "--json")
    assert told.returncode == 0, told.stderr
    return sum(float(term["seconds"]) for term in json.loads(told.stdout)["terms"] if term["name"] != "ttl")


def within(limit_s: float, holds: Callable[[], bool]) -> float:
    """Returns the seconds until something holds; fails after the limit."""
    began = time.monotonic()
    while not holds():
        waited_s = time.monotonic() - began
        assert waited_s < limit_s, f"not within {limit_s:g} s"
        time.sleep(PACE_S)
    return time.monotonic() - began


def tail(log: Path, *, lines: int = 60) -> str:
    """Returns the end of a log."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


_addresses = count()


def loopback_address() -> str:
    """Returns an address of loopback that no other process takes from here: it holds this one's id."""
    number = next(_addresses) % 100 + 100
    high, low = divmod(os.getpid() % 64_000, 250)
    return f"127.{number}.{high}.{low + 1}"


def zone_text(regions: Mapping[str, str], *, ttl: int, more: str = "") -> str:
    """Returns the zone of these regions and their addresses; `more` is added to its records."""
    places = "\n".join(f"  {name}: {{at: {list(REGIONS[name])}}}" for name in regions)
    endpoints = "\n".join(f"      - {{region: {name}, address: {address}}}" for name, address in regions.items())
    return f"""\
zone: {ZONE}
ttl: 60
nameservers: [ns1.{ZONE}]
hostmaster: hostmaster@{ZONE}
regions:
{places}
monitors:
  api:
    {{type: http, port: {REGION_PORT}, path: /healthz, interval: 500ms, fall: 2, rise: 2, {IMPATIENT}}}
services:
  api:
    ttl: {ttl}
    monitor: api
    steer: nearest
    endpoints:
{endpoints}
records:
  ns1: {{A: 192.0.2.53}}
{more}"""
