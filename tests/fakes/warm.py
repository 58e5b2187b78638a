"""Starts of gtm without its imports: a warm parent has done them once, and forks for each start.

They are nine tenths of the CPU time that a node takes until it serves. What comes in: the module and arguments of a
start, its folder, and the files of its output. What goes out: a process that goes on as `python -m MODULE ARGUMENT...`
does once gtm is imported, in a session of its own.

    tester                                    warm parent                           child
    start()   ---- arguments, files ------->  forks                        ------>  is the start
    Forked    <--- pid, later its status ---  waits for it
    ends                                      ends                                  is killed

There is one warm parent for each process of pytest, from the first start on. It runs no thread, and opens nothing but
its socket. A fork differs from a cold start in that it has more modules, one seed of hashes with its siblings, and the
command line of the warm parent. A start is cold (None here, and the caller starts Python) where the environment is not
the one that pytest began with, where the module is none of MODULES, outside Linux, and everywhere with GTM_COLD=1.
"""

import atexit
import gc
import json
import math
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from gtm.cli.demo import tether
from tests.fakes.namespaces import enter

ROOT = Path(__file__).parents[2]

MODULES = ("gtm", "gtm.cli.demo.region")
"""What can be started. They are not imported before: they run as `__main__`."""

NUMBER = struct.Struct("i")
"""How the warm parent tells a pid or an exit status."""

MAX_REQUEST_BYTES = 65_536

_SWITCH = "GTM_COLD"
_ENVIRONMENT = dict(os.environ)
"""What this process began with, and so the warm parent and its forks. Tests add to it, and pytest the test's name."""


@dataclass(slots=True)
class Forked:
    """A process that the warm parent forked, with what tests use of subprocess.Popen."""

    args: Sequence[str]
    pid: int
    told: int
    """Where the warm parent tells the exit status."""
    returncode: int | None = None

    def poll(self) -> int | None:
        """Returns the exit status, negative for a signal; None while it runs."""
        return self._status_within(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Returns the exit status once it has ended; raises subprocess.TimeoutExpired."""
        status = self._status_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Sends a signal to it, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it without a word."""
        self.send_signal(signal.SIGKILL)

    def _status_within(self, limit_s: float | None) -> int | None:
        if self.returncode is None:
            poller = select.poll()
            poller.register(self.told, select.POLLIN)
            if poller.poll(None if limit_s is None else math.ceil(limit_s * 1000)):
                told = os.read(self.told, NUMBER.size)
                os.close(self.told)
                # without a word the warm parent is dead, which kills its children
                self.returncode = NUMBER.unpack(told)[0] if told else -signal.SIGKILL
        return self.returncode


class WarmParent:
    """The warm parent, as its tester has it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.fakes.warm", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # no terminal, whose lines a fork would write one by one
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(self, arguments: Sequence[str], *, folder: Path, output: int, errors: int, namespace: str = "") -> Forked:
        """Starts a module with its arguments, in a folder; the descriptors of its output stay the caller's."""
        request = json.dumps([namespace, str(folder), *arguments]).encode()
        assert len(request) <= MAX_REQUEST_BYTES
        told, telling = os.pipe()
        try:
            socket.send_fds(self._control, [request], [output, errors, telling])
        finally:
            os.close(telling)
        pid = os.read(told, NUMBER.size)
        assert pid, "the warm parent of this process has ended; GTM_COLD=1 does without"
        return Forked(arguments, NUMBER.unpack(pid)[0], told)

    def end(self) -> None:
        """Ends it and every child that still runs."""
        self._control.close()
        self.process.wait()


def start(command: Sequence[str], *, folder: Path, output: int, errors: int, namespace: str = "") -> Forked | None:
    """Starts `PYTHON -m MODULE ARGUMENT...` warm; returns None where the caller is to start it cold.

    A namespace is that of the network, by its name for `ip netns`.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    is_of_a_cluster = list(command[:3]) in [[sys.executable, "-m", module] for module in MODULES]
    if not is_of_a_cluster or environment != _ENVIRONMENT or _SWITCH in environment or sys.platform != "linux":
        return None
    return warm_parent().start(command[2:], folder=folder, output=output, errors=errors, namespace=namespace)


@cache
def warm_parent() -> WarmParent:
    """Returns the warm parent of this process."""
    parent = WarmParent()
    atexit.register(parent.end)
    return parent


def serve(control: socket.socket) -> list[str]:
    """Forks for each request until the tester ends. Returns in each fork alone, with what was asked for."""
    own_pid = os.getpid()
    children: dict[int, tuple[int, int]] = {}  # by a pidfd, which becomes readable as the child ends
    poller = select.poll()
    poller.register(control, select.POLLIN)
    while True:
        for ready, _ in poller.poll():
            if ready in children:
                poller.unregister(ready)
                pid, telling = children.pop(ready)
                tell(telling, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                close(ready, telling)
                continue
            request, files, _, _ = socket.recv_fds(control, MAX_REQUEST_BYTES, 3)
            if not request:
                os._exit(0)  # the tester is gone
            output, errors, telling = files
            pid = os.fork()
            if not pid:
                become_a_process(own_pid, output=output, errors=errors)
                control.close()
                close(*files, *children, *(held for _, held in children.values()))
                asked: list[str] = json.loads(request)
                return asked
            close(output, errors)
            tell(telling, pid)
            watched = os.pidfd_open(pid)
            children[watched] = pid, telling
            poller.register(watched, select.POLLIN)


def tell(telling: int, number: int) -> None:
    """Tells who waits for a child a number, if anybody does any more."""
    with suppress(BrokenPipeError):
        os.write(telling, NUMBER.pack(number))


def close(*descriptors: int) -> None:
    """Closes them all."""
    for descriptor in descriptors:
        os.close(descriptor)


def become_a_process(parent: int, *, output: int, errors: int) -> None:
    """Makes of a fork what subprocess makes of a child: a session and streams of its own, tied to its parent."""
    os.setsid()
    if not tether.tie(parent):
        os._exit(1)
    os.dup2(output, 1)
    os.dup2(errors, 2)


def import_all() -> None:
    """Imports what the processes of a cluster import, at their start and as they run."""
    commands = import_module("gtm.cli.commands").COMMANDS.values()
    others = (
        "gtm.cli.app",
        "gtm.cli.geodata",
        "gtm.node.node",
        "gtm.geo.nearest",
        "rich.console",
        "rich.table",
        "aiohttp.web",
    )
    environment = dict(os.environ)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # or numpy starts threads as it is imported, and a fork has none of them
    for name in (*(command.where.partition(":")[0] for command in commands), *others):
        import_module(name)
    os.environ.clear()
    os.environ.update(environment)
    gc.freeze()  # or each fork copies what its garbage collector looks at


def main() -> None:
    """Is the warm parent, and in every fork the process that was asked for."""
    import_all()
    namespace, folder, module, *arguments = serve(socket.socket(fileno=int(sys.argv[1])))
    if namespace:
        enter(namespace)
    os.chdir(folder)
    sys.path[0] = folder  # as `python -m` has it
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
