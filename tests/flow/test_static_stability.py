"""A node is killed, and started again where nothing is left but its state folder: it answers at once, and as before."""

import shutil
import time
from collections.abc import Callable

import pytest

from gtm.admin.views import NodeStatus
from tests.fakes.asking import addresses, is_answering, status_of
from tests.fakes.cluster import (
    CLIENTS,
    EU_WEST,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    Cluster,
    Machine,
    loopback_address,
    within,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ANSWER_LIMIT_S = 1.0
TRIES = 4
"""Of which the best counts: other tests want the processors too."""

LAST = 2
"""The generation that served before: geo data, then zones."""
ADDRESSES = dict(zip(REGIONS, ("192.0.2.1", "192.0.2.2", "192.0.2.3"), strict=True))


@pytest.fixture
def node(cluster: Cluster) -> Machine:
    """A DNS node that hears nobody, has served, and was killed."""
    machine = Machine("ns1", loopback_address(), roles=("dns", "admin"))
    cluster.write_zone(ADDRESSES)
    cluster.write_nodes([machine])
    running = cluster.start_node(machine)
    within(START_LIMIT_S, lambda: is_answering(machine.address))
    within(START_LIMIT_S, lambda: kept(cluster, "plan-decisions.bin") and kept(cluster, "zones.json"))
    running.kill()
    return machine


def kept(cluster: Cluster, name: str) -> bool:
    return (cluster.folder / "ns1.state" / name).exists()


def present(node: Machine) -> NodeStatus:
    """Returns what the node says of itself; its admin API comes after its first answers."""
    within(START_LIMIT_S, lambda: status_of(node.address) is not None)
    status = status_of(node.address)
    assert status is not None
    return status


def start(cluster: Cluster, node: Machine) -> float:
    """Starts the node, its imports included; returns the seconds to its first answer."""
    cluster.cold = True
    began = time.monotonic()
    cluster.start_node(node)
    within(START_LIMIT_S, lambda: is_answering(node.address))
    return time.monotonic() - began


@pytest.mark.alone
def test_without_zones_geo_data_or_peers_it_answers_within_a_second(
    cluster: Cluster, node: Machine, record: Callable[[str, float], None]
) -> None:
    pytest.importorskip("gtm._native")
    shutil.rmtree(cluster.zones)
    cluster.database.unlink()
    taken = []
    for _ in range(TRIES):
        taken.append(start(cluster, node))
        assert addresses(node.address, CLIENTS[EU_WEST]) == (ADDRESSES[EU_WEST],), "the cells are those of before"
        cluster.started[-1].kill()
        if taken[-1] < ANSWER_LIMIT_S:
            break
    record("seconds_from_start_to_first_answer", min(taken))
    assert min(taken) < ANSWER_LIMIT_S


def test_a_missing_zone_folder_is_told_and_taken_when_it_is_back(cluster: Cluster, node: Machine) -> None:
    shutil.rmtree(cluster.zones)
    start(cluster, node)
    running = cluster.started[-1]
    within(START_LIMIT_S, lambda: "serves as it was before this node stopped" in running.said)
    [problem] = [each for each in present(node).problems if str(cluster.zones.name) in each]
    assert "the folder cannot be read" in problem
    assert present(node).counters["starts_from_kept_zones"] == 1
    assert addresses(node.address, CLIENTS[US_EAST]) == (ADDRESSES[US_EAST],)
    cluster.write_zone({**ADDRESSES, US_EAST: "192.0.2.9"})
    within(START_LIMIT_S, lambda: addresses(node.address, CLIENTS[US_EAST]) == ("192.0.2.9",))
    within(START_LIMIT_S, lambda: present(node).problems == ())
    assert running.stop() == 0


def test_it_stops_when_told_to_in_the_first_moments_too(cluster: Cluster, node: Machine) -> None:
    pytest.importorskip("gtm._native")
    start(cluster, node)
    running = cluster.started[-1]
    assert running.stop() == 0
    assert running.said.splitlines()[-1].endswith("stopped")


@pytest.mark.parametrize("name", ["state.json", "status.json", "zones.json", "plan-names.bin", "plan-decisions.bin"])
def test_a_torn_state_file_is_told_and_costs_no_answer(cluster: Cluster, node: Machine, name: str) -> None:
    path = cluster.folder / "ns1.state" / name
    if not path.exists():  # nobody's health was ever known here
        path.write_bytes(b'{"sha256": "')
    path.write_bytes(path.read_bytes()[:-20])
    start(cluster, node)
    running = cluster.started[-1]
    assert addresses(node.address, CLIENTS[EU_WEST]) == (ADDRESSES[EU_WEST],)
    within(START_LIMIT_S, lambda: f"ERROR state: {path} " in running.said)
    within(START_LIMIT_S, lambda: present(node).generation > LAST)
    assert running.stop() == 0
