"""`gtm serve` and `gtm probe` as processes: what they say when they cannot start, and how they end."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.query
import pytest

from gtm.admin.client import fetch_regions, fetch_status
from gtm.cli.run import SystemClock
from tests.cli.command import LIMIT_S, WIDE, gtm, gtm_process
from tests.node.present import BROKEN, SMALL

pytestmark = pytest.mark.slow

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ .+")


def last_words(err: str) -> list[str]:
    """What was printed that is no line of the log."""
    return [line for line in err.splitlines() if not LOG_LINE.fullmatch(line)]


@contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        yield holder.getsockname()[1]


@pytest.mark.parametrize(("kind", "name"), [(socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")])
def test_a_taken_port_ends_the_start_at_once(folder: Path, kind: socket.SocketKind, name: str) -> None:
    with taken(kind) as port:
        ran = gtm_process("serve", "--config", "gtm.yaml", "--listen", f"127.0.0.1:{port}", cwd=folder)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"cannot listen on 127.0.0.1:{port} ({name}): Address already in use; another server has it: "
        f"`ss -lnp 'sport = :{port}'` says which\n"
    )


def test_a_taken_admin_port_ends_the_start(folder: Path) -> None:
    with taken(socket.SOCK_STREAM) as port:
        ran = gtm_process("serve", "--config", "gtm.yaml", "--admin", f"127.0.0.1:{port}", cwd=folder)
    assert (ran.code, ran.out) == (1, "")
    [words] = last_words(ran.err)
    assert words.startswith(f"cannot serve the admin API on 127.0.0.1:{port}: address already in use; ")
    assert words.endswith("`--admin ADDR:PORT` names another address")


def test_an_engine_that_is_not_there_ends_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.node.engines.has_rust", False)
    monkeypatch.chdir(folder)
    ran = gtm("serve", "--config", "gtm.yaml", "--engine", "rust")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("the Rust engine is not in this installation: it was built without cargo")


def test_broken_zones_end_the_start_with_every_problem_once(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(BROKEN.replace("ttl: 60", "ttl: x"))
    (folder / "zones" / "b.yaml").write_text("zone: [")
    ran = gtm_process("serve", "--config", "gtm.yaml", cwd=folder)
    checked = gtm_process("check", "zones", cwd=folder)
    assert (ran.code, ran.out) == (1, "")
    assert last_words(ran.err) == checked.lines
    assert len(checked.lines) == 3
    assert ran.err.count("us-esat") == 1


@pytest.mark.parametrize("zones", ["nowhere", "empty"])
def test_a_folder_without_zones_ends_the_start_in_one_line(folder: Path, zones: str) -> None:
    (folder / "empty").mkdir()
    ran = gtm_process("serve", "--config", "gtm.yaml", "--zones", zones, cwd=folder)
    assert ran.code == 1
    [line] = last_words(ran.err)
    assert line.startswith(f"{zones}: ")


def test_a_key_that_is_not_there_ends_the_start(folder: Path) -> None:
    with (folder / "gtm.yaml").open("a") as opened:
        opened.write("share: {key: keys/ns1.key}\n")
    ran = gtm_process("serve", "--config", "gtm.yaml", cwd=folder)
    assert (ran.code, ran.out) == (1, "")
    [words] = last_words(ran.err)
    assert words.startswith("keys/ns1.key: No such file or directory")


class Node:
    """A running node, and its log."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.log: list[str] = []

    def wait_for(self, words: str) -> str:
        """Reads the log up to a line with these words."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            if words in line:
                return line
        raise AssertionError(f"it never said {words!r}:\n" + "\n".join(self.log))

    def admin(self) -> str:
        """Waits for its admin API, and returns the address."""
        return self.wait_for("admin API on http://").strip().rpartition("//")[2]

    def end(self, number: signal.Signals) -> int:
        """Sends a signal, reads the rest of the log, and returns the exit code."""
        self.process.send_signal(number)
        assert self.process.stderr is not None
        self.log += [line.rstrip("\n") for line in self.process.stderr]
        return self.process.wait(LIMIT_S)


@contextmanager
def running(folder: Path, command: str, *arguments: str) -> Iterator[Node]:
    """Runs a node."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gtm", command, "--config", "gtm.yaml", *arguments],
        cwd=folder,
        env={**WIDE, "PATH": ""},
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Node(process)
    finally:
        process.kill()
        process.wait(LIMIT_S)
        assert process.stderr is not None
        process.stderr.close()


UNWATCHED = SMALL.replace("    monitor: web\n", "")


def test_a_node_serves_follows_its_files_and_ends_cleanly(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(UNWATCHED)
    with running(folder, "serve") as node:
        admin = node.admin()
        line = node.wait_for("serves on")
        found = re.search(r"serves on 127\.0\.0\.1:(\d+) with the (?:reference|rust) engine", line)
        assert found is not None
        query = dns.message.make_query("api.gtm.example.com", "A")
        answer = dns.query.udp(query, "127.0.0.1", timeout=LIMIT_S, port=int(found[1]))
        assert answer.answer[0].to_text() == "api.gtm.example.com. 60 IN A 192.0.2.1"
        status = fetch_status(admin)
        assert (status.node, status.ready, status.problems) == ("ns1", True, ())
        assert {region.region for region in fetch_regions(admin).regions} == {"us-east", "eu-west"}
        (folder / "zones" / "a.yaml").write_text(UNWATCHED.replace("192.0.2.1", "192.0.2.9"))
        node.process.send_signal(signal.SIGHUP)
        node.wait_for("plan: generation")
        answer = dns.query.udp(query, "127.0.0.1", timeout=LIMIT_S, port=int(found[1]))
        assert answer.answer[0].to_text() == "api.gtm.example.com. 60 IN A 192.0.2.9"
        assert node.end(signal.SIGTERM) == 0
        assert node.log[-1].endswith("node ns1 stopped")
    assert not last_words("\n".join(node.log))


def test_the_shipped_example_is_not_served_silently(folder: Path) -> None:
    (folder / "zones" / "a.yaml").unlink()
    (folder / "zones").rmdir()
    with running(folder, "serve") as node:
        line = node.wait_for("no zones/ here: serving the shipped example")
        assert " WARNING " in line
        node.wait_for("geo data: ")
        assert node.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_that_is_still_starting_stops_when_told_to(folder: Path, number: signal.Signals) -> None:
    with running(folder, "serve") as node:
        node.wait_for("geo data: ")
        node.process.send_signal(signal.SIGHUP)
        assert node.end(number) == 0
        assert node.log[-1].endswith("node ns1 stopped")
    assert not last_words("\n".join(node.log))


def test_a_probe_answers_no_dns(folder: Path) -> None:
    (folder / "zones" / "a.yaml").write_text(UNWATCHED)
    with running(folder, "probe", "--admin", "127.0.0.1:0") as node:
        admin = node.admin()
        node.process.send_signal(signal.SIGHUP)
        status = None
        node.wait_for("node ns1 is ready; its vantage is ns1")
        while status is None or not status.ready:
            status = fetch_status(admin)
        assert status.roles == ("admin", "probe")
        assert node.end(signal.SIGTERM) == 0
    assert not [line for line in node.log if "serves on" in line]


def test_the_clock_of_this_machine_runs() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.wall() > 1_700_000_000
