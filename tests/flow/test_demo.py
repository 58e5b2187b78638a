"""The whole demo as an operator runs it: `python -m gtm demo` on its fixed addresses, asked with dnspython.

One demo runs on a machine at a time, so these tests share a group (pytest-xdist: --dist loadgroup), and the file lock
keeps other runs of the suite on this machine out.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.cli.demo.programs import alive

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo"), pytest.mark.timeout(180)]

COMMAND = (sys.executable, "-m", "gtm", "demo")

START_LIMIT_S = 90.0
FAILOVER_LIMIT_S = 5.0
"""What the demo promises."""
STOP_LIMIT_S = 20.0
PACE_S = 0.05
"""Between two looks: other processes are at work, and need the processor that a busy loop would take."""

US_EAST, EU_WEST, AP_SOUTHEAST = "127.0.0.11", "127.0.0.12", "127.0.0.13"
EUROPEAN, BRAZILIAN, SINGAPOREAN = "81.2.69.160", "200.160.2.0", "203.116.0.0"


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        """Returns everything it printed."""
        return self.output.read_text(encoding="utf-8")

    @property
    def folder(self) -> Path:
        """Returns where its logs and node files are."""
        found = re.search(r"logs in (\S+)", self.said)
        assert found is not None, self.said
        return Path(found[1])

    def pids(self) -> dict[str, int]:
        """Returns its child processes by a word of their command line."""
        return {
            re.sub(r".*(?:--name |/)([a-z0-9-]+)(?:\.yaml| --mode.*)$", r"\1", command): pid
            for pid, command in children(self.process.pid)
        }


@pytest.fixture
def alone() -> Iterator[None]:
    """Keeps every other demo of a test off this machine."""
    with (Path(tempfile.gettempdir()) / f"gtm-test-demo-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def demo(alone: None, tmp_path: Path) -> Iterator[Demo]:
    """Yields a demo that says it is ready; ends it by force if the test did not end it."""
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(COMMAND, stdout=file, stderr=file)
    running = Demo(process, output)
    try:
        within(START_LIMIT_S, lambda: "Ctrl-C ends the demo." in running.said or process.poll() is not None)
        assert process.poll() is None, running.said
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_LIMIT_S)


def within(limit_s: float, holds: Callable[[], bool]) -> float:
    """Returns the seconds until something holds; fails after the limit."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < limit_s, f"not within {limit_s:g} s"
        time.sleep(PACE_S)
    return time.monotonic() - began


def children(parent: int) -> list[tuple[int, str]]:
    """Returns the child processes of a process, with their command lines."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            ppid = int((entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if ppid == parent:
            found.append((int(entry.name), command))
    return found


def gtm_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the demo, as from another terminal."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)


def ask(subnet: str | None) -> dns.message.Message:
    """Returns the answer for a client network (a /24), or for a query without EDNS; fails when there is none."""
    query = dns.message.make_query("api.gtm.example.com", "A", use_edns=False)
    if subnet is not None:
        query.use_edns(0, options=[dns.edns.ECSOption(subnet, 24)])
    answer = dns.query.udp(query, "127.0.0.1", port=5300, timeout=2.0)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA
    return answer


def address_for(subnet: str | None) -> str:
    """Returns the one address that a client network is sent to."""
    [rrset] = ask(subnet).answer
    [rdata] = rrset
    return str(rdata)


@pytest.mark.alone  # a region that is made slow starts again: on a busy machine for so long that it is refused first
def test_a_region_dies_and_comes_back_and_nothing_is_left_in_the_end(demo: Demo) -> None:
    assert address_for(EUROPEAN) == EU_WEST
    assert address_for(BRAZILIAN) == US_EAST
    assert address_for(SINGAPOREAN) == AP_SOUTHEAST
    assert address_for(None) in {US_EAST, EU_WEST, AP_SOUTHEAST}
    assert any(isinstance(option, dns.edns.ECSOption) and option.scopelen for option in ask(EUROPEAN).options)
    pids = demo.pids()
    assert sorted(pids) == ["ap-southeast", "eu-west", "ns1", "probe-ap", "probe-eu", "probe-us", "us-east"]

    for verb, mode, reason in (("stop", "stopped", "refused"), ("fail", "fail", "status"), ("slow", "slow", "timeout")):
        broken = gtm_demo(verb, "eu-west")
        assert (broken.returncode, broken.stdout) == (0, f"region eu-west is {mode}\n")
        within(FAILOVER_LIMIT_S, lambda: address_for(EUROPEAN) == US_EAST)
        assert f"eu-west\t{mode}\n" in gtm_demo("status").stdout
        within(FAILOVER_LIMIT_S, lambda: f"vantages: {reason}" in demo.said)  # noqa: B023  # called at once

        assert gtm_demo("start", "eu-west").returncode == 0
        within(FAILOVER_LIMIT_S, lambda: address_for(EUROPEAN) == EU_WEST)
    assert not alive(pids["eu-west"])
    assert demo.said.count("region eu-west: UP -> DOWN") == 3

    unknown = gtm_demo("stop", "eu-wst")
    assert unknown.returncode == 1
    assert 'no region "eu-wst"; the demo has ap-southeast, eu-west, us-east' in unknown.stderr

    second = gtm_demo()
    assert second.returncode == 1
    assert "127.0.0.1:8054" in second.stderr
    assert "another demo" in second.stderr

    pids, folder = demo.pids(), demo.folder
    assert folder.is_dir()
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(STOP_LIMIT_S) == 0, demo.said
    assert not any(alive(pid) for pid in pids.values())
    assert not folder.exists()
    assert "Traceback" not in demo.said

    gone = gtm_demo("stop", "eu-west")
    assert gone.returncode == 1
    assert "no demo is running" in gone.stderr


def test_a_node_that_dies_ends_the_demo_with_its_log(demo: Demo) -> None:
    pids, folder = demo.pids(), demo.folder
    os.kill(pids["probe-eu"], signal.SIGKILL)
    assert demo.process.wait(STOP_LIMIT_S) == 1
    assert "probe-eu was ended by signal 9; the end of its log:" in demo.said
    assert "Traceback" not in demo.said
    assert not any(alive(pid) for pid in pids.values())
    assert not folder.exists()


def test_no_process_outlives_a_demo_that_is_killed(demo: Demo) -> None:
    pids, folder = demo.pids(), demo.folder
    demo.process.kill()
    demo.process.wait(STOP_LIMIT_S)
    within(STOP_LIMIT_S, lambda: not any(alive(pid) for pid in pids.values()))
    shutil.rmtree(folder)  # what a killed process cannot do itself


def test_a_demo_that_nobody_reads_any_more_ends_cleanly(alone: None) -> None:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        folder = Path(process.stdout.readline().rpartition("logs in ")[2].strip())
        process.stdout.close()
        assert process.wait(START_LIMIT_S) == 0
        assert process.stderr.read() == ""
    assert not folder.exists()
