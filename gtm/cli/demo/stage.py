"""The stage: what runs where in the demo, as one value, and whether this machine has the room for it.

127.0.0.11:8080   us-east        toy regions, HTTP
127.0.0.12:8080   eu-west
127.0.0.13:8080   ap-southeast
127.0.0.1:8061..3                three probes, one in each region's part of the world (admin API)
127.0.0.1:5300                   the DNS node, UDP and TCP
127.0.0.1:8053                   its admin API
127.0.0.1:8054                   the control listener of `gtm demo stop|start|slow|fail|status`
"""

import errno
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from gtm.errors import ListenFailed
from gtm.geo.place import Coordinates
from gtm.ids import NodeName, RegionName, VantageName
from gtm.serve.listen import ListenAddress, parse_listen


@dataclass(frozen=True, slots=True)
class ToyRegion:
    """One toy region, and a client network that is closest to it."""

    name: RegionName
    listen: ListenAddress
    client: str


@dataclass(frozen=True, slots=True)
class StageNode:
    """One node of gtm."""

    name: NodeName
    vantage: VantageName
    at: Coordinates
    admin: ListenAddress

    @property
    def url(self) -> str:
        """Returns the URL of its admin API."""
        return f"http://{self.admin}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything of one demo."""

    regions: tuple[ToyRegion, ...]
    probes: tuple[StageNode, ...]
    server: StageNode
    dns: ListenAddress
    control: ListenAddress
    name: str
    """The steered name to ask for."""


def _region(name: str, listen: str, client: str) -> ToyRegion:
    return ToyRegion(RegionName(name), parse_listen(listen), client)


def _node(name: str, vantage: str, at: Coordinates, admin: str) -> StageNode:
    return StageNode(NodeName(name), VantageName(vantage), at, parse_listen(admin))


STAGE = Stage(
    regions=(
        _region("us-east", "127.0.0.11:8080", "200.160.2.0/24"),
        _region("eu-west", "127.0.0.12:8080", "81.2.69.160/24"),
        _region("ap-southeast", "127.0.0.13:8080", "203.116.0.0/24"),
    ),
    probes=(
        _node("probe-us", "north-america", Coordinates(40.71, -74.01), "127.0.0.1:8061"),
        _node("probe-eu", "europe", Coordinates(50.11, 8.68), "127.0.0.1:8062"),
        _node("probe-ap", "asia", Coordinates(22.30, 114.17), "127.0.0.1:8063"),
    ),
    server=_node("ns1", "europe", Coordinates(50.11, 8.68), "127.0.0.1:8053"),
    dns=parse_listen("127.0.0.1:5300"),
    control=parse_listen("127.0.0.1:8054"),
    name="api.gtm.example.com",
)


def check_room(stage: Stage) -> None:
    """Raises ListenFailed when an address of the stage cannot be bound; it names every one of them."""
    reasons = [reason for at, kind in _sockets(stage) if (reason := _refusal(at, kind))]
    if reasons:
        raise ListenFailed("\n".join(reasons))


def bind_control(stage: Stage) -> socket.socket:
    """Returns the bound socket of the control listener; raises ListenFailed. Who has it is the machine's one demo."""
    try:
        return _bound(stage.control, socket.SOCK_STREAM)
    except OSError as error:
        message = _words(stage.control, socket.SOCK_STREAM, error)
        if error.errno == errno.EADDRINUSE:
            message += "; is another demo running? `gtm demo status` says so"
        raise ListenFailed(message) from error


def _sockets(stage: Stage) -> Iterator[tuple[ListenAddress, socket.SocketKind]]:
    for region in stage.regions:
        yield region.listen, socket.SOCK_STREAM
    for node in (*stage.probes, stage.server):
        yield node.admin, socket.SOCK_STREAM
    yield stage.dns, socket.SOCK_DGRAM
    yield stage.dns, socket.SOCK_STREAM


def _refusal(at: ListenAddress, kind: socket.SocketKind) -> str:
    try:
        _bound(at, kind).close()
    except OSError as error:
        return _words(at, kind, error)
    return ""


def _bound(at: ListenAddress, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            # connections of the last demo linger in TIME_WAIT and are no reason to refuse the next
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((str(at.address), at.port))
        if kind == socket.SOCK_STREAM:
            sock.listen()
    except OSError:
        sock.close()
        raise
    sock.settimeout(0)
    return sock


def _words(at: ListenAddress, kind: socket.SocketKind, error: OSError) -> str:
    transport = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    message = f"the demo needs {at} ({transport}): {error.strerror or error}"
    if error.errno == errno.EADDRNOTAVAIL:
        message += (
            f"; this machine has no address {at.address}: on macOS `sudo ifconfig lo0 alias {at.address}` adds it"
        )
    elif error.errno == errno.EADDRINUSE and sys.platform == "linux":
        message += f"; `ss -lnp 'sport = :{at.port}'` says who has it"
    return message
