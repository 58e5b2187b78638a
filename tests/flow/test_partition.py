"""Three full nodes in three network namespaces: one is cut off, goes on as it was, and agrees with the others again.

10.71.0.1..3    the nodes, each with its own vantage; queries reach them from inside their namespaces
10.71.0.11..13  the toy regions
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from gtm.health.report.peer import PeerState
from gtm.share.poller import GRACE_S, MAX_BACKOFF_S
from tests.fakes.asking import Stream, addresses, beliefs_of, status_of, stream_over
from tests.fakes.cluster import (
    AP_SOUTHEAST,
    CLIENTS,
    DNS_PORT,
    EU_WEST,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    Cluster,
    Machine,
    Running,
    within,
)
from tests.fakes.namespaces import Network, inside, network, udp_socket

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.tool("ip"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
]

HERE = "127.0.0.1"
"""Of each namespace: the nodes listen on every address of theirs."""

ALL_UP = dict.fromkeys(REGIONS, "up")
EU_DOWN = {US_EAST: "up", EU_WEST: "down", AP_SOUTHEAST: "up"}

TWO_POLLS_S = 2 * (GRACE_S + MAX_BACKOFF_S)
"""A poll of a lost peer: the longest pause before it, and as long as it may take to connect."""

Record = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Mesh:
    """Three nodes that hear each other, and the regions they watch."""

    network: Network
    nodes: dict[str, Running]
    regions: dict[str, Running]

    def beliefs(self, node: str) -> dict[str, str]:
        """Returns what a node believes of each region."""
        return inside(self.network.namespace(node), lambda: beliefs_of(HERE))

    def all_believe(self, beliefs: dict[str, str]) -> bool:
        """Returns whether all three nodes believe just this."""
        return all(self.beliefs(node) == beliefs for node in self.nodes)

    def is_whole(self) -> bool:
        """Returns whether every node has reached both others itself: what it never reached it cannot lose."""
        return all(self.peers(node) == {PeerState.HEARD: len(self.nodes) - 1} for node in self.nodes)

    def peers(self, node: str) -> Counter[PeerState]:
        """Returns how many peers of a node do how."""
        status = inside(self.network.namespace(node), lambda: status_of(HERE))
        return Counter(peer.state for peer in status.peers) if status else Counter()

    def answer(self, node: str, client: str) -> tuple[str, ...]:
        """Returns what a node answers a client."""
        return inside(self.network.namespace(node), lambda: addresses(HERE, client))


@pytest.fixture
def mesh(cluster: Cluster) -> Iterator[Mesh]:
    nodes = {f"node-{number}": f"10.71.0.{number}" for number in (1, 2, 3)}
    with (
        network({**{name: (f"{at}/24",) for name, at in nodes.items()}, **REGION_NAMESPACES}) as made,
        ExitStack() as end,
    ):
        end.callback(cluster.end)  # before the namespaces go
        cluster.write_zone(REGION_ADDRESSES)
        machines = [
            Machine(name, at, vantage=name, listen="0.0.0.0", namespace=made.namespace(name))
            for name, at in nodes.items()
        ]
        cluster.write_nodes(machines, voters=2)
        regions = {
            name: cluster.start_region(name, at, namespace=made.namespace(name))
            for name, at in REGION_ADDRESSES.items()
        }
        running = {machine.name: cluster.start_node(machine) for machine in machines}
        joined = Mesh(made, running, regions)
        within(START_LIMIT_S, lambda: joined.all_believe(ALL_UP))
        within(START_LIMIT_S, lambda: all(joined.answer(node, CLIENTS[EU_WEST]) for node in running))
        yield joined


REGION_ADDRESSES = {US_EAST: "10.71.0.11", EU_WEST: "10.71.0.12", AP_SOUTHEAST: "10.71.0.13"}
REGION_NAMESPACES = {name: (f"{address}/24",) for name, address in REGION_ADDRESSES.items()}


def test_a_node_that_is_cut_off_serves_on_and_agrees_again_within_two_polls(mesh: Mesh, record: Record) -> None:
    european, dead, next_best = CLIENTS[EU_WEST], REGION_ADDRESSES[EU_WEST], REGION_ADDRESSES[US_EAST]
    within(START_LIMIT_S, mesh.is_whole)
    with streams(mesh) as asking:
        mesh.network.cut("node-3")
        mesh.regions[EU_WEST].kill()

        # the two converge on what they see
        within(START_LIMIT_S, lambda: mesh.beliefs("node-1") == mesh.beliefs("node-2") == EU_DOWN)
        within(
            START_LIMIT_S, lambda: mesh.answer("node-1", european) == mesh.answer("node-2", european) == (next_best,)
        )
        # the one sees nothing at all any more, knows that it is alone, and believes what it last knew
        within(START_LIMIT_S, lambda: mesh.beliefs("node-3") == dict.fromkeys(REGIONS, "up frozen"))
        within(
            START_LIMIT_S, lambda: all(f"{address}: UP -> DOWN" in mesh.nodes["node-3"].said for address in SEEN_DOWN)
        )
        # long enough for every poll to be given up
        within(START_LIMIT_S, lambda: mesh.peers("node-3") == {PeerState.LOST: 2})
        within(START_LIMIT_S, lambda: all(mesh.peers(node)[PeerState.LOST] == 1 for node in ("node-1", "node-2")))
        assert all(f"peer {peer} lost" in mesh.nodes["node-3"].said for peer in ("node-1", "node-2"))
        assert all("peer node-3 lost" in mesh.nodes[node].said for node in ("node-1", "node-2"))
        assert mesh.beliefs("node-3") == dict.fromkeys(REGIONS, "up frozen")
        assert mesh.answer("node-3", european) == (dead,)
        assert mesh.answer("node-1", european) == mesh.answer("node-2", european) == (next_best,)

        mesh.network.mend("node-3")
        agreed_s = within(TWO_POLLS_S, lambda: mesh.all_believe(EU_DOWN))
        within(START_LIMIT_S, lambda: mesh.answer("node-3", european) == (next_best,))
    record("seconds_from_mending_to_agreement", agreed_s)
    record("queries", sum(each.sent for each in asking.values()))
    assert {node: each.failures for node, each in asking.items()} == {node: [] for node in mesh.nodes}


@contextmanager
def streams(mesh: Mesh) -> Iterator[dict[str, Stream]]:
    """Asks every node inside its namespace, 50 times a second, until the end of the block."""
    with ExitStack() as end:
        yield {node: end.enter_context(_stream(mesh, node)) for node in mesh.nodes}


def _stream(mesh: Mesh, node: str) -> AbstractContextManager[Stream]:
    sock = udp_socket(mesh.network.namespace(node), (HERE, DNS_PORT))
    return stream_over(sock, (*CLIENTS.values(), None), per_second=50)


SEEN_DOWN = tuple(REGION_ADDRESSES.values())
