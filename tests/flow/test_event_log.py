"""Somebody moves the event log of a running node, as logrotate does: what happens next is in the file at the path."""

import os
import signal
from pathlib import Path

import pytest

from gtm.event import parse_line
from gtm.node.events.files import path_of
from tests.fakes.asking import is_answering
from tests.fakes.cluster import START_LIMIT_S, Cluster, Machine, gtm, loopback_address, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def kinds(path: Path) -> list[str]:
    """Returns the kinds of the events in a file."""
    return [parse_line(line).type for line in path.read_bytes().splitlines()] if path.exists() else []


def test_what_happens_after_a_rotation_by_others_is_in_the_file_at_the_path(cluster: Cluster) -> None:
    machine = Machine("ns1", loopback_address())
    cluster.write_zone({"eu-west": "127.0.0.1"})
    cluster.write_nodes([machine])
    running = cluster.start_node(machine)
    within(START_LIMIT_S, lambda: is_answering(machine.address))
    folder = cluster.folder / "ns1.state"
    path = path_of(folder, 0)

    def change(number: int) -> None:
        cluster.write_zone({"eu-west": "127.0.0.1"}, more=f"  word: {{TXT: [n{number}]}}\n")
        assert gtm("reload", "--admin", machine.admin).returncode == 0

    path.rename(folder / "events.jsonl.1")
    change(1)
    within(START_LIMIT_S, lambda: "gtm.config.applied" in kinds(path))
    path.unlink()
    running.process.send_signal(signal.SIGHUP)
    change(2)
    within(START_LIMIT_S, lambda: "gtm.config.applied" in kinds(path))
    (folder / "copy").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    change(3)
    within(START_LIMIT_S, lambda: "gtm.config.applied" in kinds(path))
    (folder / "lock").unlink()
    within(START_LIMIT_S, (folder / "lock").exists)
    assert running.stop() == 0
    assert kinds(path)[-1] == "gtm.node.stopped"
    assert "events_lost" not in running.said
