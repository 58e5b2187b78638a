"""What a warm start has is held against what a cold one has."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.demo.programs import LIVES, alive
from tests.fakes import warm
from tests.fakes.cluster import started, within
from tests.fakes.namespaces import NETNS_FOLDER, network

pytestmark = pytest.mark.slow

LIMIT_S = 20.0

FACTS = """\
import json, os, signal, sys, threading
from pathlib import Path

streams = (sys.stdin, sys.stdout, sys.stderr)
print(json.dumps({
    "arguments": sys.argv,
    "environment": {name: text for name, text in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
    "folder": os.getcwd(),
    "handlers": [str(signal.getsignal(number)) for number in signal.Signals],
    "is main": vars(sys.modules["__main__"]) is globals(),
    "leads a session": os.getsid(0) == os.getpid(),
    "masked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "open": [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.exists()],
    "path": sys.path[0],
    "streams": [(each.encoding, each.errors, each.line_buffering, each.isatty()) for each in streams],
    "threads": [threading.active_count(), len(os.listdir("/proc/self/task"))],
}))
"""

ENDS = {
    "silence": "",
    "a status": "import sys; print('out'); sys.exit(3)",
    "words": "import sys; sys.exit('words')",
    "an exception": "raise ValueError('of the program')",
    "no end": "import os, sys; print('lost'); os._exit(7)",
    "SIGINT": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "SIGTERM": "import os, signal; print('lost'); os.kill(os.getpid(), signal.SIGTERM)",
    "order": "import atexit, sys; atexit.register(print, 'last'); print('first'); sys.stderr.write('aside')",
    "a thread": "import threading, time; threading.Timer(0.05, print, ['late']).start()",
    "no reader": "import os, signal; os.write(os.pipe()[1], b'') or print(signal.getsignal(signal.SIGPIPE))",
}

TESTER = """\
import os, sys, time
from pathlib import Path
from tests.fakes import warm
parent = warm.warm_parent()
child = parent.start(["lives"], folder=Path.cwd(), output=1, errors=2)
print(parent.process.pid, child.pid, flush=True)
time.sleep(3600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "facts.py").write_text(FACTS)
    (tmp_path / "lives.py").write_text(LIVES)
    (tmp_path / "chance.py").write_text("import os, random; print(random.random(), os.urandom(8).hex())")
    (tmp_path / "net.py").write_text("import os; print(os.stat('/proc/self/ns/net').st_ino)")
    (tmp_path / "tester.py").write_text(TESTER)
    for number, source in enumerate(ENDS.values()):
        (tmp_path / f"end_{number}.py").write_text(source)
    return tmp_path


@pytest.fixture
def living(folder: Path) -> Iterator[warm.Forked]:
    """Yields a fork that runs on and on."""
    with (folder / "living").open("wb") as output:
        file = output.fileno()
        forked = warm.warm_parent().start(["lives"], folder=folder, output=file, errors=file)
    yield forked
    forked.kill()
    forked.wait(LIMIT_S)


def ran(folder: Path, *arguments: str, is_warm: bool, namespace: str = "") -> tuple[int, str, str]:
    """Returns the exit status of a module, and its two outputs."""
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        process: subprocess.Popen[bytes] | warm.Forked
        if is_warm:
            files = {"output": out.fileno(), "errors": err.fileno()}
            process = warm.warm_parent().start(arguments, folder=folder, namespace=namespace, **files)
        else:
            command = (sys.executable, "-m", *arguments)
            process = started(command, out, err, folder=folder, namespace=namespace, cold=True)
        status = process.wait(LIMIT_S)
    return status, (folder / "out").read_text(), (folder / "err").read_text()


def test_a_warm_start_has_what_a_cold_one_has(folder: Path, living: warm.Forked) -> None:
    arguments = ("facts", "", "two words", "umläut", "\udce9", "*")
    forked, cold = (ran(folder, *arguments, is_warm=is_warm) for is_warm in (True, False))
    assert json.loads(forked[1]) == json.loads(cold[1])
    assert forked[::2] == cold[::2] == (0, "")


@pytest.mark.parametrize("number", range(len(ENDS)), ids=list(ENDS))
def test_a_warm_start_ends_as_a_cold_one_does(folder: Path, number: int) -> None:
    forked, cold = (ran(folder, f"end_{number}", is_warm=is_warm) for is_warm in (True, False))
    assert forked[:2] == cold[:2]
    # a traceback begins with the frames of who ran it
    assert forked[2].splitlines()[-1:] == cold[2].splitlines()[-1:]


def test_forks_draw_different_numbers(folder: Path) -> None:
    first, second = (ran(folder, "chance", is_warm=True)[1].split() for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.tool("ip")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")
@pytest.mark.parametrize("is_warm", [True, False])
def test_a_start_is_in_the_network_that_it_is_for(folder: Path, *, is_warm: bool) -> None:
    with network({"one": ()}) as made:
        namespace = made.namespace("one")
        status, out, err = ran(folder, "net", is_warm=is_warm, namespace=namespace)
        assert (status, err) == (0, "")
        assert int(out) == (NETNS_FOLDER / namespace).stat().st_ino != Path("/proc/self/ns/net").stat().st_ino


def test_a_fork_is_waited_for_and_takes_signals_as_a_child_does(living: warm.Forked) -> None:
    assert living.poll() is living.returncode is None
    with pytest.raises(subprocess.TimeoutExpired):
        living.wait(0.01)
    living.send_signal(signal.SIGTERM)
    assert living.wait(LIMIT_S) == living.poll() == living.returncode == -signal.SIGTERM
    assert not Path(f"/proc/{living.pid}").exists(), "its parent has taken its status"
    living.kill()  # whoever may have its pid now


def test_a_warm_parent_runs_no_thread_and_opens_nothing_but_its_socket(folder: Path) -> None:
    parent = warm.WarmParent()
    process = Path(f"/proc/{parent.process.pid}")

    def opened() -> set[str]:
        return {kind_of(each) for each in (process / "fd").iterdir() if int(each.name) > 2}

    try:
        with (folder / "out").open("wb") as out:
            assert parent.start(["end_0"], folder=folder, output=out.fileno(), errors=out.fileno()).wait(LIMIT_S) == 0
        assert len(list((process / "task").iterdir())) == 1
        within(LIMIT_S, lambda: opened() == {"socket"})  # it closes what was of the start after it has told of its end
    finally:
        parent.end()
    assert parent.process.returncode == 0


def kind_of(descriptor: Path) -> str:
    """What a descriptor of another process is; nothing where it has been closed."""
    try:
        return str(descriptor.readlink()).partition(":")[0]
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("dies", ["tester", "parent"])
def test_no_fork_outlives_its_tester_or_its_warm_parent(folder: Path, dies: str) -> None:
    with (folder / "said").open("wb") as said:
        path = os.pathsep.join(("PYTHONPATH=" + str(warm.ROOT), os.environ.get("PYTHONPATH", "")))
        tester = started((sys.executable, "-m", "tester"), said, said, folder=folder, prefix=("env", path))
    try:
        within(LIMIT_S, lambda: len((folder / "said").read_text().splitlines()) == 2)
        [[parent, child]] = [
            map(int, line.split()) for line in (folder / "said").read_text().splitlines() if line != "here"
        ]
        assert alive(parent)
        assert alive(child)
        os.kill(tester.pid if dies == "tester" else parent, signal.SIGKILL)
        within(LIMIT_S, lambda: not alive(child) and not alive(parent))
    finally:
        tester.kill()
        tester.wait(LIMIT_S)


def test_who_waits_for_a_fork_hears_that_the_warm_parent_died(folder: Path) -> None:
    parent = warm.WarmParent()
    with (folder / "out").open("wb") as out:
        file = out.fileno()
        forked = parent.start(["lives"], folder=folder, output=file, errors=file)
        parent.process.kill()
        assert forked.wait(LIMIT_S) == -signal.SIGKILL
        parent.process.wait(LIMIT_S)
        with pytest.raises((AssertionError, BrokenPipeError)):
            parent.start(["lives"], folder=folder, output=file, errors=file)
    parent.end()


@pytest.mark.parametrize("name", ["GTM_COLD", "MALLOC_TRIM_THRESHOLD_", "PYTHONPATH"])
def test_a_start_with_another_environment_is_cold(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    assert warm.start((sys.executable, "-m", "gtm", "--version"), folder=folder, output=1, errors=2) is None


@pytest.mark.parametrize("command", [("-c", "gtm"), ("-m", "bench.compare"), ("-m",), ()])
def test_what_is_no_part_of_a_cluster_is_cold(folder: Path, command: tuple[str, ...]) -> None:
    assert warm.start((sys.executable, *command), folder=folder, output=1, errors=2) is None
