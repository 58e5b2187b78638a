"""The afternoon's stage: everything running, and the levers that its incidents pull.

What comes in: an empty cluster. What goes out: nodes, probes, regions, resolver, parent zone and monitoring, each in a
network namespace of its own, all well; and clients that ask.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import run

from gtm.admin.views import NodeStatus
from tests.afternoon import monitoring, resolving
from tests.afternoon.clients import Asking, asking
from tests.afternoon.monitoring import Receiver
from tests.afternoon.origins import Origin
from tests.afternoon.places import (
    CLIENTS,
    DNS_PORT,
    ENDPOINTS,
    HOST,
    MONITORING,
    NAMESERVERS,
    NETWORKS,
    NS1,
    NS2,
    OTHERS,
    PARENT,
    PROBES,
    RESOLVER,
    SAFE,
    SERVICE,
    ZONES,
    machines,
    write_nodes,
    write_zones,
)
from tests.afternoon.shifted import set_offset
from tests.afternoon.telling import Listening, Way
from tests.fakes.asking import status_of
from tests.fakes.certificates import DAY, Authority
from tests.fakes.cluster import START_LIMIT_S, Cluster, Machine, Running, bound_s, gtm, within
from tests.fakes.geodata import write_database
from tests.fakes.namespaces import Network, inside, network, udp_socket

HERE = "127.0.0.1"
ROOT = Path(__file__).parents[2]
STATE_SIZE = "4m"
"""Of the disk that is ns1's own."""


@dataclass
class Stage:
    """Everything running. Its state is which processes run, and what is wrong with them."""

    cluster: Cluster
    network: Network
    authority: Authority
    nodes: Mapping[str, Machine]
    origins: dict[str, Origin]
    receiver: Receiver
    listening: Listening
    running: dict[str, Running] = field(default_factory=dict)
    certificates: dict[str, Path] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Returns where all files are."""
        return self.cluster.folder

    @property
    def offset_file(self) -> Path:
        """Returns the file that moves the clock of ns1."""
        return self.folder / "ns1.offset"

    @property
    def disk(self) -> Path:
        """Returns the state folder of ns1, which has a disk of its own that only its namespace sees."""
        return Path(f"/proc/{self.running[NS1].process.pid}/root{self.folder / 'ns1.state'}")

    def start_node(self, name: str) -> None:
        """Starts a node, or starts it again."""
        machine = self.nodes[name]
        if name != NS1:
            self.running[name] = self.cluster.start_node(machine)
            return
        state = self.folder / "ns1.state"
        state.mkdir(exist_ok=True)
        mount = f'mount -t tmpfs -o size={STATE_SIZE} tmpfs "$1" && shift && exec "$@"'
        command = [str(ROOT / "tests/afternoon/shifted.py"), str(self.offset_file), "serve"]
        self.running[name] = self.cluster.start_program(
            name,
            (sys.executable, *command, "--config", str(self.cluster.node_file(machine))),
            prefix=("unshare", "--mount", "sh", "-c", mount, "sh", str(state)),
            namespace=machine.namespace,
        )

    def start_program(self, name: str, where: str, command: tuple[str, ...]) -> Running:
        """Starts a program in the namespace of a machine."""
        self.running[name] = self.cluster.start_program(name, command, namespace=self.network.namespace(where))
        return self.running[name]

    def unreachable(self, where: str, address: str, *, is_so: bool = True) -> None:
        """Has a machine not reach an address any more, or reach it again."""
        verb = "add" if is_so else "del"
        command = ["ip", "-n", self.network.namespace(where), "route", verb, "blackhole", f"{address}/32"]
        run(command, check=True, timeout=10)

    def owns(self, where: str, address: str, *, is_so: bool) -> None:
        """Takes an address from a machine, or gives it back."""
        verb = "add" if is_so else "del"
        command = ["ip", "-n", self.network.namespace(where), "address", verb, f"{address}/24", "dev", "cable"]
        run(command, check=True, timeout=10)

    def set_clock(self, seconds: float) -> None:
        """Has the clock of ns1 be ahead."""
        set_offset(self.offset_file, seconds)

    def command(self, *words: str) -> None:
        """Runs a command of gtm at ns2, as a person there would."""
        done = gtm(*words, "--config", str(self.cluster.node_file(self.nodes[NS2])))
        assert done.returncode == 0, done.stderr

    def bound_s(self) -> float:
        """Returns what `gtm bound` says until no node names what is dead."""
        return bound_s(self.cluster.node_file(self.nodes[NS1]), name=f"{SERVICE}.{SAFE}")

    def passes(self, until: float) -> None:
        """Lets time pass, to a monotonic second."""
        within(START_LIMIT_S, lambda: time.monotonic() >= until)

    def wait_for_zones(self, *, since: float) -> None:
        """Waits until every node serves zone files that were written after a moment, and believes all endpoints up."""

        def serve_them() -> bool:
            told = self.listening.since(since)
            return {each.node for each in told if each.level == "gtm.config.applied"} >= self.nodes.keys()

        within(START_LIMIT_S, serve_them)
        within(START_LIMIT_S, lambda: all(self._looks_well(name) for name in NAMESERVERS))

    def wait_for_belief(self, belief: str, region: str) -> None:
        """Waits until both DNS nodes believe this of every endpoint of a region."""

        def is_so(name: str) -> bool:
            time.sleep(LOOK_S)
            status = self.status(name)
            services = () if status is None else status.services
            views = [view for service in services for view in service.endpoints if view.region == region]
            return bool(views) and all(view.belief.value == belief for view in views)

        within(START_LIMIT_S, lambda: all(is_so(name) for name in NAMESERVERS))

    def wait_for_silence(self, alerts: str | None) -> None:
        """Waits until no alert is left of earlier incidents, but not for what stays.

        What a coming incident is to bring about could not be told again; for others the wait is short.
        """
        wanted = None if alerts is None else re.compile(alerts)

        def is_silent() -> bool:
            return wanted is None or not any(
                wanted.search(f"{alert.severity} {alert.name}: {alert.summary}") for alert in self.receiver.firing()
            )

        at = self.network.namespace(MONITORING)
        within(START_LIMIT_S, is_silent)
        with suppress(AssertionError):
            within(CALM_S, lambda: inside(at, monitoring.is_calm))

    def status(self, name: str) -> NodeStatus | None:
        """Returns what a node says of itself."""
        return inside(self.network.namespace(name), lambda: status_of(HERE))

    def sees_all_well(self, name: str) -> bool:
        """Returns whether a node believes every endpoint up, by three fresh vantages that agree."""
        status = self.status(name)
        if status is None or len(status.services) != len(ZONES):
            return False
        return all(
            view.belief.value == "up"
            and not view.frozen
            and sum(voice.fresh for voice in view.voices) == 3
            and not view.override
            for service in status.services
            for view in service.endpoints
        )

    def answers_well(self, clients: Asking, *, since: float) -> bool:
        """Returns whether every client was answered its own region of late, by the resolver and by both nodes."""
        for server in (RESOLVER, *NAMESERVERS):
            got = clients.since(since, server=server)
            asked = {(one.zone, one.client) for one in got}
            if len(asked) < len(ZONES) * len(CLIENTS):
                return False
            if not all(one.is_answer and one.addresses[0] in ENDPOINTS[one.client] for one in got):
                return False
        return True

    def wait_until_well(self, clients: Asking) -> float:
        """Waits until nothing is wrong any more; returns the seconds."""
        took_s = within(START_LIMIT_S, lambda: all(self._looks_well(name) for name in NAMESERVERS))
        return took_s + within(START_LIMIT_S, lambda: self.answers_well(clients, since=time.monotonic() - WELL_S))

    def _looks_well(self, name: str) -> bool:
        time.sleep(LOOK_S)
        return self.sees_all_well(name)


LOOK_S = 0.05
"""Between two looks at a node: each costs it some milliseconds."""

CALM_S = 2.0
"""So long an alert of an earlier incident may take to end, or to begin."""

WELL_S = 0.6
"""All questions are asked within a sixth of it."""


@contextmanager
def set_stage(cluster: Cluster) -> Iterator[tuple[Stage, Asking]]:
    """Gives a stage where all is well, and clients that ask."""
    owned: dict[str, tuple[str, ...]] = {name: (f"{at}/24",) for name, at in (NAMESERVERS | OTHERS).items()}
    owned |= {name: (f"{probe.address}/24",) for name, probe in PROBES.items()}
    owned |= {name: tuple(f"{address}/24" for address in pair) for name, pair in ENDPOINTS.items()}
    with network(owned) as made, ExitStack() as end:
        end.callback(cluster.end)  # before the namespaces go
        stage = _built(cluster, made)
        end.callback(stage.receiver.end)
        end.callback(stage.listening.end)
        _start(stage)
        sockets = {name: udp_socket(made.namespace(name), (HERE, DNS_PORT)) for name in (RESOLVER, *NAMESERVERS)}
        clients = end.enter_context(asking(sockets))
        stage.wait_until_well(clients)
        # a count that it does not see from its beginning is too small for it
        within(START_LIMIT_S, lambda: inside(made.namespace(MONITORING), monitoring.scraped) == len(stage.nodes))
        yield stage, clients


def _built(cluster: Cluster, made: Network) -> Stage:
    folder = cluster.folder
    authority = Authority(folder)
    nodes = machines({name: made.namespace(name) for name in (*NAMESERVERS, *PROBES)})
    write_nodes(folder, nodes, authority=authority.root)
    write_zones(folder)
    write_database(folder / "places.mmdb", NETWORKS)
    certificates = {
        "good": authority.issue(HOST, ends=90 * DAY),
        "expired": authority.issue(HOST, starts=-90 * DAY, ends=-DAY / 24),
    }
    origins = {name: Origin(folder / name, certificate=certificates["good"]) for name in ENDPOINTS}
    receiver = inside(made.namespace(MONITORING), Receiver)
    stage = Stage(cluster, made, authority, nodes, origins, receiver, Listening(), certificates=certificates)
    for name in nodes:
        stage.listening.follow(Way.LOG, name, _log_of(stage, name))
        stage.listening.follow(Way.EVENT, name, _events_of(stage, name))
    return stage


def _log_of(stage: Stage, name: str) -> Callable[[], Path]:
    return lambda: stage.folder / f"{name}.log"


def _events_of(stage: Stage, name: str) -> Callable[[], Path]:
    return lambda: (stage.disk if name == NS1 else stage.folder / f"{name}.state") / "events.jsonl"


def _start(stage: Stage) -> None:
    set_offset(stage.offset_file, 0.0)
    for name, origin in stage.origins.items():
        origin.running = stage.start_program(f"nginx-{name}", name, origin.command)
    for name in (NS1, *PROBES, *(other for other in NAMESERVERS if other != NS1)):
        stage.start_node(name)
    stage.start_program(PARENT, PARENT, resolving.parent_command(stage.folder))
    stage.start_program(RESOLVER, RESOLVER, resolving.resolver_command(stage.folder))
    everybody = NAMESERVERS | {name: probe.address for name, probe in PROBES.items()}
    stage.start_program("alertmanager", MONITORING, monitoring.alertmanager_command(stage.folder))
    stage.start_program("prometheus", MONITORING, monitoring.prometheus_command(stage.folder, everybody))
    stage.receiver.start()
    stage.listening.start()
