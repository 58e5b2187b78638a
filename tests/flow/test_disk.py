"""A node whose state folder is full or read-only: it serves, follows its zone folder, says what is wrong, and stops."""

import sys

import pytest

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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.tool("unshare")]

DISKS = {
    "full": 'mount -t tmpfs -o size=16k tmpfs "$STATE" && (dd if=/dev/zero of="$STATE/filler" 2>/dev/null || true)',
    "read-only": 'mount -t tmpfs -o ro tmpfs "$STATE"',
}
WORDS = {"full": "No space left on device", "read-only": "Read-only file system"}


@pytest.mark.parametrize("disk", DISKS)
def test_a_disk_that_cannot_be_written_stops_nothing(cluster: Cluster, disk: str) -> None:
    node = Machine("ns1", loopback_address(), roles=("dns", "admin"))
    cluster.write_zone(dict(zip(REGIONS, ("192.0.2.1", "192.0.2.2", "192.0.2.3"), strict=True)))
    cluster.write_nodes([node])
    state = cluster.folder / "ns1.state"
    state.mkdir()
    script = f'STATE="$1"; shift; {DISKS[disk]} && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh", str(state))
    serve = (sys.executable, "-m", "gtm", "serve", "--config", str(cluster.node_file(node)))
    running = cluster.start_program("ns1", serve, prefix=prefix)
    within(START_LIMIT_S, lambda: is_answering(node.address))

    status = status_of(node.address)
    assert status is not None
    assert [problem for problem in status.problems if "state.json" in problem and WORDS[disk] in problem]
    assert status.counters['state_errors{file="state.json"}'] >= 1
    within(START_LIMIT_S, lambda: "events: the log cannot be written" in running.said)

    assert addresses(node.address, CLIENTS[US_EAST]) == ("192.0.2.1",)
    cluster.write_zone({US_EAST: "192.0.2.9", EU_WEST: "192.0.2.2"})
    within(START_LIMIT_S, lambda: addresses(node.address, CLIENTS[US_EAST]) == ("192.0.2.9",))
    assert running.stop() == 0
    assert "Traceback" not in running.said
    assert not list(state.iterdir()), "it was another folder in there"
