"""Faults of whole machines and of the network between them, under a stream of queries, held against the bound.

    10.72.0.1        ns1, the DNS node; the client asks it from inside its namespace
    10.72.0.2..4     three probes, each with its own vantage
    10.72.0.9        etcd, where it is used
    10.72.0.11..13   the toy regions

What comes in: a cluster, and which fault. What goes out: what the client saw while a region died during that fault.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.fakes.asking import beliefs_of, status_of, stream_over
from tests.fakes.cluster import (
    ADMIN_PORT,
    CLIENTS,
    DNS_PORT,
    EU_WEST,
    REGIONS,
    START_LIMIT_S,
    Cluster,
    Machine,
    Running,
    bound_s,
    within,
)
from tests.fakes.etcd import etcd_command
from tests.fakes.namespaces import Network, inside, network, udp_socket

SERVER, ETCD = "ns1", "etcd"
HERE = "127.0.0.1"
"""Of each namespace: the nodes listen on every address of theirs."""

SERVER_AT, ETCD_AT = "10.72.0.1", "10.72.0.9"
PROBES_AT = {f"probe-{number}": f"10.72.0.{number + 1}" for number in (1, 2, 3)}
REGIONS_AT = {name: f"10.72.0.{number}" for number, name in enumerate(REGIONS, start=11)}
ETCD_PORT, PROXY_PORT = 2379, 9064
EVERYBODY = (*CLIENTS.values(), None)
PER_SECOND = 500.0
BUSY_S = 2.0
"""The bound is for probes that keep up; a machine that runs fourteen processes on two cores may be late."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the client saw."""

    queries: int
    unanswered: int
    wrong: tuple[str, ...]
    """Answers that were SERVFAIL, NXDOMAIN or empty, and dead addresses after the bound."""
    converged_s: float
    """From the death of the region to the last answer that named it."""
    bound_s: float
    """To the swap: the TTL is the resolver's part."""


@dataclass
class Field:
    """Everything running. Its state is which processes run now."""

    cluster: Cluster
    network: Network
    server: Machine
    probes: tuple[Machine, ...]
    running: dict[str, Running] = field(default_factory=dict)
    knows_from: float = float("inf")
    """Since then the DNS node must not name the dead region, whatever the bound: it has learnt of its death."""

    def start(self, machine: Machine) -> None:
        """Starts a node, or starts it again."""
        self.running[machine.name] = self.cluster.start_node(machine)

    def start_region(self, name: str) -> None:
        """Starts a region, or starts it again."""
        at, namespace = REGIONS_AT[name], self.network.namespace(name)
        self.running[name] = self.cluster.start_region(name, at, namespace=namespace)

    def start_etcd(self) -> None:
        """Starts etcd, or starts it again on the same data."""
        url, peer = f"http://{ETCD_AT}:{ETCD_PORT}", f"http://{ETCD_AT}:2380"
        command = etcd_command(self.cluster.folder / "etcd.data", url, peer)
        prefix = ("ip", "netns", "exec", self.network.namespace(ETCD))
        self.running[ETCD] = self.cluster.start_program(ETCD, command, prefix=prefix)

    def lose(self, name: str, *, percent: int) -> None:
        """Has a machine lose packets at random, in both directions."""
        rules = "\n".join(
            f"chain {hook} {{ type filter hook {hook} priority 0; "
            f'meta {way} "cable" numgen random mod 100 < {percent} drop; }}'
            for hook, way in (("input", "iifname"), ("output", "oifname"))
        )
        command = ["ip", "netns", "exec", self.network.namespace(name), "nft", "-f", "-"]
        text = f"table inet faults {{\n{rules}\n}}\n"
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=10, check=False)
        assert done.returncode == 0, done.stderr

    def delay_reports(self, *, delay_s: float) -> None:
        """Has the server hear every probe through a proxy that holds bytes back; before it is started."""
        for probe in self.probes:
            words = (f"{probe.address}:{PROXY_PORT}", f"{probe.address}:{ADMIN_PORT}", str(delay_s))
            name = f"proxy-{probe.name}"
            self.running[name] = self.cluster.start(
                name, ("-m", "tests.fakes.delay", *words), namespace=probe.namespace, folder=ROOT
            )
        file = self.cluster.node_file(self.server)
        file.write_text(re.sub(rf"(url: http://\S+):{ADMIN_PORT}", rf"\1:{PROXY_PORT}", file.read_text()))

    def share_by_etcd(self) -> None:
        """Has every node share through etcd; before they are started."""
        for machine in (self.server, *self.probes):
            file = self.cluster.node_file(machine)
            node = yaml.safe_load(file.read_text())
            share = node["share"]
            peers = [{key: peer[key] for key in ("node", "vantage", "key")} for peer in share["peers"]]
            url = f"http://{ETCD_AT}:{ETCD_PORT}"
            node["share"] = {"mode": "etcd", "key": share["key"], "peers": peers, "etcd": {"endpoints": [url]}}
            file.write_text(yaml.safe_dump(node, sort_keys=False))
        self.start_etcd()

    def beliefs(self) -> dict[str, str]:
        """Returns what the DNS node believes of each region."""
        return inside(self.network.namespace(SERVER), lambda: beliefs_of(HERE))

    def voices(self) -> int:
        """Returns how many fresh vantages the DNS node hears of the region that is to die."""
        status = inside(self.network.namespace(SERVER), lambda: status_of(HERE))
        views = () if status is None else status.services[0].endpoints
        return sum(voice.fresh for view in views if view.region == EU_WEST for voice in view.voices)


ROOT = Path(__file__).parents[2]


@contextmanager
def open_field(cluster: Cluster, *, delay_s: float = 0.0, by_etcd: bool = False) -> Iterator[Field]:
    """Gives a field where everything runs and every region is believed up by three vantages."""
    owned = {SERVER: SERVER_AT, ETCD: ETCD_AT, **PROBES_AT, **REGIONS_AT}
    with network({name: (f"{at}/24",) for name, at in owned.items()}) as made, ExitStack() as end:
        end.callback(cluster.end)  # before the namespaces go
        cluster.write_zone(REGIONS_AT)
        server = Machine(SERVER, SERVER_AT, roles=("dns", "admin"), listen="0.0.0.0", namespace=made.namespace(SERVER))
        probes = tuple(
            Machine(
                name,
                at,
                vantage=f"at-{name}",
                roles=("probe", "admin"),
                listen="0.0.0.0",
                namespace=made.namespace(name),
            )
            for name, at in PROBES_AT.items()
        )
        cluster.write_nodes((server, *probes), voters=2)
        here = Field(cluster, made, server, probes)
        if delay_s:
            here.delay_reports(delay_s=delay_s)
        if by_etcd:
            here.share_by_etcd()
        for name in REGIONS:
            here.start_region(name)
        for machine in (*probes, server):
            here.start(machine)
        within(START_LIMIT_S, lambda: here.beliefs() == dict.fromkeys(REGIONS, "up") and here.voices() == 3)
        yield here


def measure(here: Field, act: Callable[[Field], None], *, more_s: float = 0.0) -> Seen:
    """Returns what the client saw while a region died during a fault; `more_s` is what the fault adds to the bound."""
    dead, client = REGIONS_AT[EU_WEST], CLIENTS[EU_WEST]
    sock = udp_socket(here.network.namespace(SERVER), (HERE, DNS_PORT))
    with stream_over(sock, EVERYBODY, per_second=PER_SECOND) as asking:
        within(START_LIMIT_S, lambda: asking.last(client) == (dead,))
        died_at = here.running[EU_WEST].kill()
        act(here)
        within(2 * START_LIMIT_S, lambda: asking.is_quiet(dead, since=died_at))
    limit_s = bound_s(here.cluster.node_file(here.server)) + more_s
    last_at = max((answer.answered_at for answer in asking.naming(dead)), default=died_at)
    until = died_at + limit_s + BUSY_S
    late = [one for one in asking.naming(dead) if one.answered_at > until or one.sent_at > here.knows_from]
    wrong = tuple(str(answer) for answer in (*(each for each in asking.answers if not each.is_good), *late))
    return Seen(asking.sent, len(asking.unanswered), wrong, last_at - died_at, limit_s)


def nothing_else(_here: Field) -> None:
    """Has only the region die."""


def lossy_probe(here: Field) -> None:
    """Has one probe lose 30 % of all packets, of its checks and of its reports."""
    here.lose("probe-1", percent=30)


def lossy_server(here: Field) -> None:
    """Has 30 % of all packets of every report be lost at the DNS node."""
    here.lose(SERVER, percent=30)


def cut_probe(here: Field) -> None:
    """Cuts one probe off from everybody."""
    here.network.cut("probe-1")


def kill_probe(here: Field) -> None:
    """Kills one probe."""
    here.running["probe-1"].kill()


def restart_server(here: Field) -> None:
    """Kills the DNS node once it has learnt of the death and its disk knows, and starts it again."""
    within(START_LIMIT_S, lambda: here.beliefs().get(EU_WEST) == "down")
    within(SAVED_LIMIT_S, lambda: _is_saved_down(here, REGIONS_AT[EU_WEST]))
    here.knows_from = here.running[SERVER].kill()
    here.start(here.server)


SAVED_LIMIT_S = 2.0
"""A change of mind is on disk at once, unless there were many."""


def _is_saved_down(here: Field, address: str) -> bool:
    folder = here.cluster.folder / f"{SERVER}.state"
    status = folder / "status.json"
    saved = status.read_text(errors="replace") if status.exists() else ""
    return '"down"' in saved.partition(address)[2][:100]


def restart_etcd(here: Field) -> None:
    """Kills etcd, and starts it again three seconds later."""
    here.running[ETCD].kill()
    time.sleep(ETCD_GONE_S)
    here.start_etcd()


ETCD_GONE_S = 3.0


LOST_S = 15.0
"""TCP sends a lost report again after 0.2, 0.4, 0.8 ... s, and a poll that came to nothing is begun again after 8."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong while a region dies."""

    name: str
    act: Callable[[Field], None]
    """What happens just after the region's death."""
    delay_s: float = 0.0
    """Of every report, from the start."""
    by_etcd: bool = False
    """Whether nodes share through etcd, and not by polls."""
    more_s: float = 0.0
    """What it adds to the bound."""
    may_silence: bool = False
    """Whether queries may go without an answer: the DNS node itself is gone for a while, or its network is bad."""


FAULTS = (
    Fault("nothing else", nothing_else),
    Fault("a probe loses 30 % of its packets", lossy_probe),
    Fault("a probe is cut off", cut_probe),
    Fault("a probe is killed (-9)", kill_probe),
    Fault("the DNS node loses 30 % of the reports' packets", lossy_server, more_s=LOST_S, may_silence=True),
    Fault("reports are 500 ms late", nothing_else, delay_s=0.5, more_s=1.5),
    Fault("the DNS node is killed (-9) and restarted", restart_server, may_silence=True),
    Fault("etcd is killed (-9) for 3 s", restart_etcd, by_etcd=True, more_s=ETCD_GONE_S + 5.0),
)


def measured(cluster: Cluster, fault: Fault) -> Seen:
    """Returns what the client saw of a fault, on a field of its own."""
    with open_field(cluster, delay_s=fault.delay_s, by_etcd=fault.by_etcd) as here:
        return measure(here, fault.act, more_s=fault.more_s)
