import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gtm.errors import StateInUse
from gtm.node.state import folder as module
from gtm.node.state.lock import LOCK_NAME, lock_state
from tests.fakes.cluster import START_LIMIT_S

HOLD = """
import sys, time
from pathlib import Path
from gtm.node.state.lock import lock_state
lock = lock_state(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its input ends."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


@pytest.mark.slow
def test_a_folder_that_another_process_holds_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with another_process(tmp_path) as holder:
        with pytest.raises(StateInUse) as refused:
            lock_state(tmp_path)
        assert str(refused.value) == (
            f"the state folder {tmp_path} is in use by the process {holder.pid}: stop that node, or give this one a "
            "folder of its own (`state:` in its node file)"
        )


@pytest.mark.slow
def test_what_a_killed_process_held_is_free(tmp_path: Path) -> None:
    with another_process(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait(START_LIMIT_S)
        assert (tmp_path / LOCK_NAME).exists()
        lock_state(tmp_path).release()


@pytest.mark.slow
def test_a_child_does_not_keep_what_its_parent_held(tmp_path: Path) -> None:
    lock = lock_state(tmp_path)
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        lock.release()
        try:
            lock_state(tmp_path).release()
        finally:
            child.kill()


def test_two_folders_are_two_locks(tmp_path: Path) -> None:
    first, second = lock_state(tmp_path / "a" / "state"), lock_state(tmp_path / "b")
    with pytest.raises(StateInUse):
        lock_state(tmp_path / "b")
    first.release()
    second.release()


def test_a_run_that_could_not_write_leaves_word_for_the_next(tmp_path: Path) -> None:
    lock = lock_state(tmp_path)
    assert not lock.was_unsaved
    size = (tmp_path / LOCK_NAME).stat().st_size
    lock.mark(is_saved=False)
    lock.release()
    for _ in range(2):
        lock = lock_state(tmp_path)
        assert lock.was_unsaved
        lock.release()
    lock = lock_state(tmp_path)
    lock.mark(is_saved=True)
    lock.release()
    lock = lock_state(tmp_path)
    assert not lock.was_unsaved
    lock.release()
    assert (tmp_path / LOCK_NAME).stat().st_size == size, "it takes no room on a full disk"


def test_damage_in_the_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_bytes(b"\xff" * 5000)
    lock = lock_state(tmp_path)
    assert not lock.was_unsaved
    with pytest.raises(StateInUse, match=f"the process {os.getpid()}"):
        lock_state(tmp_path)
    lock.release()


def test_where_no_file_can_be_made_the_folder_is_locked(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).symlink_to(tmp_path / "elsewhere")  # which is not followed
    lock = lock_state(tmp_path)
    with pytest.raises(StateInUse, match="another process"):
        lock_state(tmp_path)
    lock.mark(is_saved=False)
    lock.release()
    assert not (tmp_path / "elsewhere").exists()


def test_a_filesystem_without_locks_is_said_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def without(_descriptor: int, _operation: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", without)
    lock = lock_state(tmp_path)
    lock.mark(is_saved=False)
    lock.release()
    assert [line.partition(str(tmp_path))[2] for line in caplog.messages] == [
        " has no locks (Operation not supported); see that no other node uses it"
    ]


def test_a_folder_that_cannot_be_made_is_said_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    lock_state(tmp_path / "file" / "state").mark(is_saved=False)
    assert "cannot be locked: Not a directory" in caplog.text


def test_what_an_earlier_version_left_open_is_closed_to_other_users(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o755)
    written = set(re.findall(r'"([a-z-]+\.json)"', Path(module.__file__).read_text()))
    assert {"claims.json", "override-names.json"} <= written
    for name in (*written, "zones.json.before", "events.1.jsonl", "plan-names.bin"):
        (state / name).write_text("")
        (state / name).chmod(0o644)
    lock_state(state).release()
    assert mode(state) == "0o700"
    assert {mode(path) for path in state.iterdir()} == {"0o600"}


def test_a_folder_that_is_for_other_things_too_stays_open_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    for name in ("zones.json", "gtm.yaml"):
        (state / name).write_text("")
        (state / name).chmod(0o644)
    lock_state(state).release()
    assert (mode(state), mode(state / "zones.json"), mode(state / "gtm.yaml")) == ("0o755", "0o600", "0o644")
    assert "holds other things too ('gtm.yaml')" in caplog.text


@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_a_lock_file_that_is_gone_frees_nothing_and_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    lock, path = lock_state(tmp_path), tmp_path / LOCK_NAME
    lock.mark(is_saved=False)
    if how == "moved":
        path.rename(tmp_path / "lock.1")
    else:
        path.unlink()
    if how == "replaced":
        path.write_text("")
    with pytest.raises(StateInUse):
        lock_state(tmp_path)
    path.unlink(missing_ok=True)
    lock.check()
    lock.check()
    assert path.read_text() == f"pid {os.getpid()} unsaved".ljust(23) + "\n"
    assert caplog.text.count("it is made again") == 1
    with pytest.raises(StateInUse, match=f"the process {os.getpid()}"):
        lock_state(tmp_path)
    lock.release()
    again = lock_state(tmp_path)
    assert again.was_unsaved, "the next run knows"
    again.release()


def test_a_lock_file_that_another_process_of_an_older_version_made_is_left_to_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock, path = lock_state(tmp_path), tmp_path / LOCK_NAME
    path.unlink()
    with path.open("w") as other:
        other.write("pid 4242 saved         \n")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        lock.check()
        lock.check()
    assert caplog.text.count("is in use by the process 4242") == 1
    assert path.read_text().startswith("pid 4242")
    lock.release()
