"""A server under measurement: started, pinned, watched, ended.

What a slice of time cost is read from the kernel (/proc), for the process and all its children. For the time of a slice
the server may be put into a real-time class, so that what else runs on the machine does not decide the figure; between
slices it is an ordinary process.
"""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.world import STEERED, query

ROOT = Path(__file__).parents[1]
SERVER_CORE, GENERATOR_CORE = 0, 1
LOCK = Path(tempfile.gettempdir()) / "gtm-bench.lock"
LONGEST_START_S = 300.0
LONGEST_STOP_S = 10.0
REAL_TIME_PRIORITY = 5
CPU_CLOCK = 2
"""CPUCLOCK_SCHED: the clock of another process is ~pid << 3 | 2, as clock_getcpuclockid(3) makes it."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    process: "subprocess.Popen[bytes]"
    port: int
    start_s: float
    """From the start of the process to its first answer."""

    @property
    def pids(self) -> list[int]:
        """Returns the process and its descendants."""
        children = _children()
        found = [self.process.pid]
        for pid in found:
            found.extend(children.get(pid, ()))
        return found

    def cpu_ns(self) -> int:
        """Returns the CPU time of every process so far, threads that have ended included."""
        total = 0
        for pid in self.pids:
            with contextlib.suppress(OSError):
                total += time.clock_gettime_ns(~pid << 3 | CPU_CLOCK)
        return total

    def memory_mb(self) -> float:
        """Returns the proportional set size of all its processes: shared pages count once."""
        total = 0
        for pid in self.pids:
            for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024

    @contextlib.contextmanager
    def first_in_line(self, *, real_time: bool) -> Iterator[None]:
        """Runs the server before everything else on its core, for a while."""
        if not real_time:
            yield
            return
        self._schedule(os.SCHED_RR, REAL_TIME_PRIORITY)
        try:
            yield
        finally:
            self._schedule(os.SCHED_OTHER, 0)

    def stop(self) -> None:
        """Ends the server and waits for it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(LONGEST_STOP_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # its own session: only what it started itself
            self.process.wait()

    def _schedule(self, policy: int, priority: int) -> None:
        for task in self._tasks():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(int(task.name), policy, os.sched_param(priority))

    def _tasks(self) -> list[Path]:
        tasks: list[Path] = []
        for pid in self.pids:
            with contextlib.suppress(FileNotFoundError):
                tasks.extend(Path(f"/proc/{pid}/task").iterdir())
        return tasks


def start(name: str, command: tuple[str, ...], port: int, folder: Path, *, cores: str = str(SERVER_CORE)) -> Server:
    """Starts a server on these cores and waits for its first answer; without one, raises RuntimeError with its log."""
    if ask(port, query(STEERED), timeout_s=0.05) is not None:
        raise RuntimeError(f"{name}: port {port} is taken by a server that answers already")
    log = folder / "log"
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            ("taskset", "-c", cores, *command),
            cwd=ROOT,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    server = Server(name, process, port, 0.0)
    try:
        while ask(port, query(STEERED)) is None:
            if process.poll() is not None or time.monotonic() - started > LONGEST_START_S:
                raise RuntimeError(f"{name} does not serve: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.005)
    except BaseException:
        server.stop()
        raise
    return Server(name, process, port, time.monotonic() - started)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Waits until no other measurement runs on this machine; ends servers even when this process is told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another measurement runs on this machine; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ask(port: int, message: bytes, *, address: str = "127.0.0.1", timeout_s: float = 0.5) -> bytes | None:
    """Returns the answer to one message, or None."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        client.connect((address, port))
        try:
            client.send(message)
            return client.recv(4096)
        except (TimeoutError, ConnectionRefusedError):
            return None


def answered_address(answer: bytes | None) -> str:
    """Returns the address of an answer's first record, or what it has instead."""
    if answer is None or len(answer) < 12:
        return "no answer"
    rcode, records = answer[3] & 15, int.from_bytes(answer[6:8], "big")
    if rcode or not records:
        return f"rcode {rcode}, {records} records"
    at = 12
    while answer[at]:
        at += answer[at] + 1
    at += 5  # the root label, QTYPE and QCLASS
    while answer[at] and answer[at] < 0xC0:
        at += answer[at] + 1
    at += 2 if answer[at] else 1
    return socket.inet_ntoa(answer[at + 10 : at + 14])


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        fields = _read(stat).rpartition(")")[2].split()
        if len(fields) > 1:
            found.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    return found


def _read(path: Path) -> str:
    """Returns what a file in /proc says; nothing when its process has ended."""
    try:
        return path.read_text() or "0"
    except (FileNotFoundError, ProcessLookupError):
        return "0"
