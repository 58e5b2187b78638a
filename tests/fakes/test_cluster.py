import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.demo.programs import LIVES, alive
from tests.fakes.cluster import EU_WEST, Cluster, gtm, loopback_address, within
from tests.fakes.warm import Forked

LIMIT_S = 20.0


@pytest.mark.slow
def test_no_process_outlives_its_cluster_and_its_log_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cluster(tmp_path) as cluster:
        running = cluster.start("child", ("-c", LIVES))
        within(LIMIT_S, lambda: "here" in running.said)
        assert alive(running.process.pid)
    assert not alive(running.process.pid)
    assert capsys.readouterr().out == "--- child\nhere\n"


@pytest.mark.slow
def test_what_a_program_started_ends_with_its_cluster(tmp_path: Path) -> None:
    child = tmp_path / "child"
    with Cluster(tmp_path, quiet=True) as cluster:
        cluster.start_program(
            "parent", ("/bin/sh", "-c", f"sleep 600 & echo $! >{child}.new; mv {child}.new {child}; wait")
        )
        within(LIMIT_S, child.exists)
        descriptor = os.pidfd_open(int(child.read_text()))
    try:
        assert select.select([descriptor], [], [], LIMIT_S)[0], "it outlived its cluster"
    finally:
        os.close(descriptor)


@pytest.mark.slow
def test_a_process_can_be_killed_hung_and_woken(tmp_path: Path) -> None:
    with Cluster(tmp_path, quiet=True) as cluster:
        running = cluster.start_program("cat", (sys.executable, "-c", LIVES))
        within(LIMIT_S, lambda: "here" in running.said)
        running.hang()
        within(LIMIT_S, lambda: state(running.process.pid) == "T")
        running.wake()
        within(LIMIT_S, lambda: state(running.process.pid) != "T")
        assert running.running
        running.kill()
        assert not running.running


@pytest.mark.slow
def test_a_command_says_the_same_from_a_warm_start_and_a_cold_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[tuple[int, str, str]]:
        ran = [gtm(*command, folder=tmp_path) for command in (("--version",), ("check", "nowhere"))]
        return [(each.returncode, each.stdout, each.stderr) for each in ran]

    by_forks = told()
    monkeypatch.setenv("GTM_COLD", "1")
    assert told() == by_forks
    assert [status for status, _, _ in by_forks] == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("cold", [True, False])
def test_a_cluster_forks_its_processes_unless_it_is_cold(tmp_path: Path, *, cold: bool) -> None:
    with Cluster(tmp_path, quiet=True, cold=cold) as cluster:
        region = cluster.start_region(EU_WEST, loopback_address())
        assert isinstance(region.process, subprocess.Popen if cold or "GTM_COLD" in os.environ else Forked)


def test_what_never_holds_fails() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 s"):
        within(0.01, lambda: False)


def test_no_address_is_given_twice() -> None:
    assert len({loopback_address() for _ in range(100)}) == 100


def state(pid: int) -> str:
    """Returns the state of a process, a letter."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
