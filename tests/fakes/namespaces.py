"""Network namespaces joined by a bridge, so that a test can cut a cable (Linux, root, iproute2).

What comes in: who is to have one, and their addresses. What goes out: a namespace for each, all on one bridge that has
a namespace of its own: nothing of this machine's network changes. They are gone with the block that made them, and
those that a killed test left behind are gone with the next.

    cut     the cable leaves the bridge: packets vanish, and nobody is told
    mend    it is back
"""

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar

NETNS_FOLDER = Path("/run/netns")
PREFIX = "gtm-test"
COMMAND_LIMIT_S = 10.0

_Result = TypeVar("_Result")
_numbers = count()


@dataclass(frozen=True, slots=True)
class Network:
    """A bridge, and the namespaces on it."""

    prefix: str
    names: tuple[str, ...]

    def namespace(self, name: str) -> str:
        """Returns the namespace of one of the names."""
        return f"{self.prefix}-{name}"

    def cut(self, name: str) -> None:
        """Cuts the cable of a namespace."""
        _ip("-n", self.namespace(SWITCH), "link", "set", f"to-{name}", "nomaster")

    def mend(self, name: str) -> None:
        """Mends the cable of a namespace."""
        _ip("-n", self.namespace(SWITCH), "link", "set", f"to-{name}", "master", "bridge")


SWITCH = "switch"


@contextmanager
def network(addresses: Mapping[str, tuple[str, ...]]) -> Iterator[Network]:
    """Makes a namespace for each name, with these addresses (and their prefix lengths), on one bridge."""
    _sweep()
    made = Network(f"{PREFIX}-{os.getpid()}-{next(_numbers)}", tuple(addresses))
    try:
        switch = _add(made, SWITCH)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for name, owned in addresses.items():
            _connect(made, name, owned)
        yield made
    finally:
        for name in (SWITCH, *addresses):
            if (NETNS_FOLDER / made.namespace(name)).exists():
                _ip("netns", "del", made.namespace(name))


def inside(namespace: str, call: Callable[[], _Result]) -> _Result:
    """Returns what a call returns in a thread that is in a namespace: its sockets stay there for good."""
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            enter(namespace)
            results.append(call())
        except BaseException as error:  # noqa: BLE001  # raised again below, in the thread of who asked
            errors.append(error)

    thread = threading.Thread(target=run, name=f"in {namespace}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def udp_socket(namespace: str, server: tuple[str, int]) -> socket.socket:
    """Returns a socket of a namespace that talks to a server."""

    def connected() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(server)
        return sock

    return inside(namespace, connected)


def enter(namespace: str) -> None:
    """Puts this thread, and none other, into a namespace (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (NETNS_FOLDER / namespace).open("rb") as opened:
        if libc.setns(opened.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), namespace)


CLONE_NEWNET = 0x40000000
"""sched.h; os.setns comes with Python 3.12."""


def _connect(made: Network, name: str, addresses: tuple[str, ...]) -> None:
    namespace, switch = _add(made, name), made.namespace(SWITCH)
    _ip("-n", switch, "link", "add", f"to-{name}", "type", "veth", "peer", "name", "cable", "netns", namespace)
    made.mend(name)
    _ip("-n", switch, "link", "set", f"to-{name}", "up")
    for address in addresses:
        _ip("-n", namespace, "address", "add", address, "dev", "cable")
    for link in ("lo", "cable"):
        _ip("-n", namespace, "link", "set", link, "up")


def _add(made: Network, name: str) -> str:
    _ip("netns", "add", made.namespace(name))
    return made.namespace(name)


def _sweep() -> None:
    """Deletes the namespaces of tests that were killed."""
    for left in NETNS_FOLDER.glob(f"{PREFIX}-*"):
        owner = left.name.removeprefix(f"{PREFIX}-").partition("-")[0]
        if not Path(f"/proc/{owner}").exists():
            _ip("netns", "del", left.name, check=False)


def _ip(*arguments: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=COMMAND_LIMIT_S, check=False)
    assert not check or done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}"
