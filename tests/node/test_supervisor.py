"""What the supervisor hears, on real datagram sockets; and of a real node."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from gtm.node.supervisor import Supervisor
from tests.fakes.cluster import DNS_PORT, EU_WEST, NAME, Cluster, Machine
from tests.fakes.world import query

UNITS = sorted((Path(__file__).parents[2] / "packaging/systemd").glob("*.service"))


def listening(name: str) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    opened.settimeout(30)
    opened.bind("\0" + name[1:] if name.startswith("@") else name)
    return opened


@pytest.fixture(params=["path", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@gtm-test-{os.getpid()}"


def test_it_says_what_happens(name: str) -> None:
    with listening(name) as heard:
        supervisor = Supervisor({"NOTIFY_SOCKET": name})
        supervisor.ready("serves on 192.0.2.53:53")
        assert heard.recv(1000) == b"READY=1\nSTATUS=serves on 192.0.2.53:53"
        supervisor.stopping()
        assert heard.recv(1000) == b"STOPPING=1\nSTATUS=stopping"


def test_it_says_from_when_to_when_files_are_read_again(name: str) -> None:
    with listening(name) as heard:
        supervisor = Supervisor({"NOTIFY_SOCKET": name})
        with supervisor.reloading():
            pass  # by whoever is not ready nothing is said
        supervisor.ready("serves")
        assert heard.recv(1000) == b"READY=1\nSTATUS=serves"
        before = monotonic_us()
        with supervisor.reloading():
            assert before <= reload_told(heard) <= monotonic_us()
        assert heard.recv(1000) == b"READY=1\nSTATUS=serves"
        with suppress(KeyError), supervisor.reloading():
            raise KeyError
        assert reload_told(heard) >= before
        supervisor.stopping()
        assert heard.recv(1000).startswith(b"STOPPING=1"), "a node that stops is not ready once more"


def monotonic_us() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def reload_told(heard: socket.socket) -> int:
    """Takes what says that a reload began, and returns when that was."""
    first, second, _status = heard.recv(1000).decode().splitlines()
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")
    return int(second.removeprefix("MONOTONIC_USEC="))


def test_the_loop_says_that_it_turns_where_that_is_asked_of_this_process(name: str) -> None:
    def watched(more: Mapping[str, str]) -> bool:
        async def scene() -> bool:
            task = asyncio.create_task(Supervisor({"NOTIFY_SOCKET": name, **more}).watch())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            try:
                return heard.recv(1000) == b"WATCHDOG=1"
            except BlockingIOError:
                return False

        return asyncio.run(scene())

    with listening(name) as heard:
        heard.settimeout(0)
        assert watched({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())})
        assert watched({"WATCHDOG_USEC": "30000000"})
        for nothing in ({}, {"WATCHDOG_USEC": "no"}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}):
            assert not watched(nothing)


def test_no_supervisor_and_one_that_is_gone_hold_nothing_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Supervisor({}).ready("x")
    assert not caplog.messages
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("x")
    assert "was not told READY=1" in caplog.text


def test_a_socket_may_have_any_name_and_be_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = f"{tmp_path}/\udcff"
    with listening(name) as heard:
        Supervisor({"NOTIFY_SOCKET": name}).ready("serves")
        assert heard.recv(1000) == b"READY=1\nSTATUS=serves"
    for gone in (name, f"@gtm-test-\udcff-{os.getpid()}", "@", f"/{300 * 'a'}"):
        Supervisor({"NOTIFY_SOCKET": gone, "WATCHDOG_USEC": 400 * "9"}).ready("serves")
    assert caplog.text.count("was not told READY=1") == 4


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path, cold=True) as started:
        yield started


@pytest.mark.slow
def test_a_node_is_ready_once_it_answers(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    machine = Machine("ns1", "127.86.1.1")
    cluster.write_zone({EU_WEST: "127.86.1.11"})
    cluster.write_nodes([machine])
    with listening(name) as heard:
        running = cluster.start_node(machine)
        assert heard.recv(1000) == f"READY=1\nSTATUS=serves on {machine.address}:{DNS_PORT}".encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(5)
            asking.sendto(query(f"{NAME}.").to_wire(), (machine.address, DNS_PORT))
            assert asking.recv(1000)[3] & 15 == 0
        at = monotonic_us()
        running.process.send_signal(signal.SIGHUP)
        assert reload_told(heard) >= at, "else systemd takes it for the answer to a signal before"
        assert heard.recv(1000) == f"READY=1\nSTATUS=serves on {machine.address}:{DNS_PORT}".encode()
        assert running.stop() == 0
        assert heard.recv(1000) == b"STOPPING=1\nSTATUS=stopping"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_are_good(unit: Path, tmp_path: Path) -> None:
    beside = tmp_path / unit.name
    text = unit.read_text(encoding="utf-8").replace("/opt/gtm/bin/gtm", "/bin/true")
    beside.write_text(text, encoding="utf-8")
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(beside)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Type=notify\n" in text
    assert ("CAP_NET_BIND_SERVICE" in text) is (unit.name == "gtm.service")
