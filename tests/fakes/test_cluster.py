import sys
from pathlib import Path

import pytest

from tests.cli.demo.programs import LIVES, alive
from tests.fakes.cluster import Cluster, loopback_address, within

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


def test_what_never_holds_fails() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 s"):
        within(0.01, lambda: False)


def test_no_address_is_given_twice() -> None:
    assert len({loopback_address() for _ in range(100)}) == 100


def state(pid: int) -> str:
    """Returns the state of a process, a letter."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
