"""A node whose state folder is full, read-only or another's: it serves, or says what is wrong, and stops."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest

from gtm.node.notices import blindness
from tests.fakes.asking import addresses, is_answering, status_of
from tests.fakes.cluster import (
    CLIENTS,
    EU_WEST,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    Cluster,
    Machine,
    Running,
    gtm,
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


def test_what_a_full_disk_did_not_take_is_there_once_it_has_room_and_no_number_goes_back(cluster: Cluster) -> None:
    """The disk is one that this process sees too; a zone is changed and changed back while it is full."""
    node = Machine("ns1", loopback_address(), roles=("dns", "admin"))
    homes = dict(zip(REGIONS, ("192.0.2.1", "192.0.2.2", "192.0.2.3"), strict=True))
    cluster.write_zone(homes)
    cluster.write_nodes([node])
    state = cluster.folder / "ns1.state"
    state.mkdir()
    script = 'STATE="$1"; shift; mount -t tmpfs -o size=256k tmpfs "$STATE" && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh", str(state))
    waiting = cluster.start_program("disk", (sys.executable, "-c", "import signal; signal.pause()"), prefix=prefix)
    within(START_LIMIT_S, lambda: is_mounted(waiting, state))
    inside = ("nsenter", "--target", str(waiting.process.pid), "--mount")
    serve = (sys.executable, "-m", "gtm", "serve", "--config", str(cluster.node_file(node)))
    there = Path(f"/proc/{waiting.process.pid}/root{state}")

    def start() -> Running:
        return cluster.start_program("ns1", serve, prefix=inside)

    def seen() -> tuple[int, int]:
        within(START_LIMIT_S, lambda: status_of(node.address) is not None)  # the plan of before answers sooner
        status = status_of(node.address)
        assert status is not None
        return status.generation, status.zones[0].serial

    def change(address: str) -> None:
        cluster.write_zone({**homes, US_EAST: address})
        within(START_LIMIT_S, lambda: addresses(node.address, CLIENTS[US_EAST]) == (address,))

    running = start()
    within(START_LIMIT_S, lambda: is_answering(node.address))
    filler = there / "filler"
    fill(filler)
    numbers = [seen()]
    for address in ("192.0.2.8", "192.0.2.1"):
        change(address)
        numbers.append(seen())
    status = status_of(node.address)
    assert status is not None
    assert any("state.json cannot be written" in problem for problem in status.problems)
    running.kill()

    running = start()  # the disk is still full
    within(START_LIMIT_S, lambda: is_answering(node.address))
    numbers.append(seen())
    change("192.0.2.9")
    numbers.append(seen())
    filler.unlink()
    within(START_LIMIT_S, lambda: "state.json is on disk again" in running.said)
    within(START_LIMIT_S, lambda: not has_problems(node))
    assert running.stop() == 0

    running = start()
    within(START_LIMIT_S, lambda: is_answering(node.address))
    numbers.append(seen())
    generations, serials = zip(*numbers, strict=True)
    assert list(generations) == sorted(set(generations))
    assert list(serials) == sorted(serials)
    assert serials[-1] == serials[-2], "an unchanged zone whose serial is on disk keeps it"
    assert running.stop() == 0
    assert "Traceback" not in running.said


def fill(filler: Path) -> None:
    """Fills a disk to the last byte."""
    with suppress(OSError), filler.open("wb", buffering=0) as opened:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    opened.write(b"\0" * size)


def is_mounted(running: Running, folder: Path) -> bool:
    return str(folder) in Path(f"/proc/{running.process.pid}/mountinfo").read_text(encoding="utf-8")


def has_problems(node: Machine) -> bool:
    """Returns whether it says more than that no probe checks anything, which is so here."""
    status = status_of(node.address)
    return status is None or any(problem != blindness.WORDS for problem in status.problems)


def test_a_second_node_on_the_same_state_folder_does_not_start(cluster: Cluster) -> None:
    first, second = (Machine(name, loopback_address(), roles=("dns", "admin")) for name in ("ns1", "ns2"))
    cluster.write_zone(dict(zip(REGIONS, ("192.0.2.1", "192.0.2.2", "192.0.2.3"), strict=True)))
    cluster.write_nodes([first, second])
    file = cluster.node_file(second)
    file.write_text(file.read_text(encoding="utf-8").replace("ns2.state", "ns1.state"), encoding="utf-8")
    holder = cluster.start_node(first)
    within(START_LIMIT_S, lambda: is_answering(first.address))
    for verb in ("serve", "probe"):
        refused = gtm(verb, "--config", str(file))
        assert refused.returncode == 1
        assert f"ns1.state is in use by the process {holder.process.pid}: stop that node, or give" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert is_answering(first.address)
    holder.kill()
    again = cluster.start_node(second)
    within(START_LIMIT_S, lambda: is_answering(second.address))
    assert again.stop() == 0
