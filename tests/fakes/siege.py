"""A node under attack, measured from outside: its DNS clients, its liveness, its memory, a failover, and its end.

What comes in: an empty cluster, how the zone and node files differ from the usual ones, and an attack, which is a
context manager that goes on for as long as its block. What goes out: what each of them saw while the attack went on.

    one node (dns, probe, admin)    under attack
    two toy regions                 one of them is killed during the attack
    a client                        200 queries a second
    a watcher                       GET /livez and the resident memory, five times a second

An attack that takes much CPU runs in a process of its own: the client and the watcher are threads of this one.
"""

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import yaml

from tests.fakes.asking import Stream, beliefs_of, is_answering, stream
from tests.fakes.cluster import (
    ADMIN_PORT,
    CLIENTS,
    EU_WEST,
    NAME,
    START_LIMIT_S,
    US_EAST,
    Cluster,
    Machine,
    Running,
    bound_s,
    loopback_address,
    within,
)
from tests.fakes.memory import resident_mb

PER_SECOND = 200.0
LOOK_S = 0.2
"""Between two looks of the watcher."""

LIVE_LIMIT_S = 1.0
"""Within this /livez must answer."""

GROWTH_LIMIT_MB = 100.0
STOP_LIMIT_S = 5.0
BUSY_S = 2.0
"""The bound is for probes that keep up; here the attacker and its victim share one machine."""

Edit = Callable[[dict[str, object]], None]
"""Changes a file's content, before the node starts."""


def unchanged(_file: dict[str, object]) -> None:
    """Leaves a file as it is."""


@dataclass(slots=True)
class Siege:
    """One node and two regions. Its state is which processes run."""

    cluster: Cluster
    machine: Machine
    addresses: dict[str, str]
    """Of each region."""
    regions: dict[str, Running]
    node: Running
    tls: bool = False
    """Whether the admin API speaks TLS; its certificate is not verified."""


@dataclass(slots=True)
class Seen:
    """What was seen from outside while the attack went on."""

    queries: int = 0
    failures: tuple[str, ...] = ()
    """Queries without an address in time."""
    livez_s: list[float] = field(default_factory=list)
    """How long each GET /livez took; infinity where there was no answer."""
    before_mb: float = 0.0
    memory_mb: list[float] = field(default_factory=list)
    failover_s: float = 0.0
    """From the death of the region to the last answer that named it."""
    bound_s: float = 0.0
    stopped_s: float = 0.0
    """From SIGTERM to the end of the process, the attack still going on."""

    @property
    def slowest_livez_s(self) -> float:
        """Returns the longest that /livez took."""
        return max(self.livez_s)

    @property
    def grown_mb(self) -> float:
        """Returns how much memory grew at the most."""
        return max(self.memory_mb) - self.before_mb

    def report(self, record: Callable[[str, float], None]) -> None:
        """Records every figure."""
        record("queries", self.queries)
        record("failed", len(self.failures))
        record("slowest_livez_s", self.slowest_livez_s)
        record("memory_grown_mb", self.grown_mb)
        record("failover_s", self.failover_s)
        record("bound_s", self.bound_s)
        record("stopped_s", self.stopped_s)

    def hold(self) -> None:
        """Fails where an attack was of any use."""
        assert self.failures == ()
        assert self.queries > PER_SECOND
        assert self.slowest_livez_s <= LIVE_LIMIT_S
        assert self.grown_mb < GROWTH_LIMIT_MB
        assert 0 < self.failover_s < self.bound_s + BUSY_S
        assert self.stopped_s < STOP_LIMIT_S


def besiege(cluster: Cluster, *, edit_zone: Edit = unchanged, edit_node: Edit = unchanged, tls: bool = False) -> Siege:
    """Returns a node that serves two regions and believes both of them up."""
    machine = Machine("ns1", loopback_address())
    addresses = {name: loopback_address() for name in (EU_WEST, US_EAST)}
    cluster.write_zone(addresses)
    cluster.write_nodes([machine])
    for file, edit in ((cluster.zone_file, edit_zone), (cluster.node_file(machine), edit_node)):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        edit(content)
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    regions = {name: cluster.start_region(name, address) for name, address in addresses.items()}
    siege = Siege(cluster, machine, addresses, regions, cluster.start_node(machine), tls)
    within(START_LIMIT_S, lambda: is_answering(machine.address))
    with stream(machine.address, (CLIENTS[EU_WEST],), per_second=PER_SECOND) as asking:
        within(START_LIMIT_S, lambda: asking.last(CLIENTS[EU_WEST]) == (addresses[EU_WEST],))
    if not tls:
        within(START_LIMIT_S, lambda: beliefs_of(machine.address, service=NAME) == dict.fromkeys(addresses, "up"))
    return siege


def withstand(
    siege: Siege, attack: AbstractContextManager[object], *, fall: Callable[[Running], float] = Running.kill
) -> Seen:
    """Returns what was seen of a failover and of the end of the node while an attack went on.

    `fall` is what becomes of a region: it dies, or hangs, which only timeouts tell.
    """
    limit_s = bound_s(siege.cluster.node_file(siege.machine))
    seen = Seen(before_mb=resident_mb(siege.node.process.pid), bound_s=limit_s)
    with attack:
        with (
            _watching(siege, seen),
            stream(siege.machine.address, (*CLIENTS.values(), None), per_second=PER_SECOND) as asking,
        ):
            _fail_over(siege, seen, asking, fall)
        seen.queries, seen.failures = asking.sent, tuple(asking.failures)
        began = time.monotonic()
        siege.node.stop()
        seen.stopped_s = time.monotonic() - began
    return seen


def _fail_over(siege: Siege, seen: Seen, asking: Stream, fall: Callable[[Running], float]) -> None:
    dead, client = siege.addresses[EU_WEST], CLIENTS[EU_WEST]
    within(START_LIMIT_S, lambda: len(asking.answers) > asking.quiet_answers and asking.last(client) == (dead,))
    died_at = fall(siege.regions[EU_WEST])
    within(START_LIMIT_S, lambda: asking.is_quiet(dead, since=died_at))
    seen.failover_s = max(answer.answered_at for answer in asking.naming(dead)) - died_at


@contextmanager
def _watching(siege: Siege, seen: Seen) -> Iterator[None]:
    """Looks at the node until the end of the block."""
    ending = threading.Event()

    def watch() -> None:
        while not ending.wait(LOOK_S):
            seen.livez_s.append(_livez_s(siege))
            seen.memory_mb.append(resident_mb(siege.node.process.pid))

    thread = threading.Thread(target=watch, name="watcher")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _livez_s(siege: Siege) -> float:
    """Returns how long GET /livez takes on a connection of its own; infinity where it is not answered."""
    at, limit_s = (siege.machine.address, ADMIN_PORT), 5 * LIVE_LIMIT_S
    began = time.monotonic()
    if siege.tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        opened: http.client.HTTPConnection = http.client.HTTPSConnection(*at, timeout=limit_s, context=context)
    else:
        opened = http.client.HTTPConnection(*at, timeout=limit_s)
    try:
        opened.request("GET", "/livez")
        is_live = opened.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        is_live = False
    finally:
        opened.close()
    return time.monotonic() - began if is_live else float("inf")
