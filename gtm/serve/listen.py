"""Addresses to listen on -> bound sockets, UDP and TCP on each, IPv4 and IPv6.

Sockets are opened before anything else runs, so that a port in use is reported at once, and rights can be dropped then.
"""

import errno
import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from gtm.errors import ListenFailed
from gtm.ids import Address

TCP_BACKLOG = 1024
"""The most connections that wait to be accepted; the kernel limits it to net.core.somaxconn."""

UDP_BUFFER_BYTES = 4 * 1024 * 1024
"""The requested size of the kernel's buffer in each direction: a burst waits there while the process is busy."""

_PORT_PAIR_TRIES = 16
"""Attempts for port 0: the UDP port that the kernel chooses may be in use for TCP."""

_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
"""The number of this option on Linux, for a Python that does not have its name."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address and a port to listen on."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if self.address.version == 4 else f"[{self.address}]:{self.port}"

    def takes_from(self, other: "ListenAddress") -> bool:
        """Returns whether two sockets cannot listen on both addresses at the same time.

        An unspecified address (0.0.0.0, ::) includes every address of its family. Port 0 means any free port, and
        never conflicts.
        """
        if self.port != other.port or not self.port or self.address.version != other.address.version:
            return False
        return self.address == other.address or self.address.is_unspecified or other.address.is_unspecified


@dataclass(frozen=True, slots=True)
class Listener:
    """The bound UDP and TCP sockets of one address."""

    at: ListenAddress
    udp: socket.socket
    tcp: socket.socket

    def close(self) -> None:
        """Closes both sockets."""
        self.udp.close()
        self.tcp.close()


def parse_listen(text: str) -> ListenAddress:
    """Returns the address of a text like `127.0.0.1:5300` or `[::1]:5300`.

    Raises ValueError with a message for the operator.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f'"{text}" is not ADDRESS:PORT, such as 127.0.0.1:5300 or [::1]:5300')
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f'"{text}": write an IPv6 address in brackets: [{host}]:{port}')
    try:
        return ListenAddress(ipaddress.ip_address(host), int(port))
    except ValueError as error:
        raise ValueError(f'"{text}": "{host}" is not an IP address') from error


def open_listeners(addresses: Iterable[ListenAddress]) -> tuple[Listener, ...]:
    """Returns bound sockets for every address. If one fails, closes the others and raises ListenFailed."""
    opened: list[Listener] = []
    try:
        opened.extend(_open(at) for at in addresses)
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return tuple(opened)


def _open(at: ListenAddress) -> Listener:
    for last in range(_PORT_PAIR_TRIES - 1, -1, -1):
        udp = _bound(at, socket.SOCK_DGRAM)
        there = ListenAddress(at.address, udp.getsockname()[1])
        try:
            return Listener(there, udp, _bound(there, socket.SOCK_STREAM))
        except ListenFailed:
            udp.close()
            if at.port or not last:
                raise
    raise AssertionError("the loop returns or raises")


def _bound(at: ListenAddress, kind: socket.SocketKind) -> socket.socket:
    name = _socket_name(at)
    family = socket.AF_INET if at.address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, kind)
    try:
        _configure(sock, at, kind)
        sock.bind(name)
        if kind == socket.SOCK_STREAM:
            sock.listen(TCP_BACKLOG)
    except OSError as error:
        sock.close()
        transport = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        raise ListenFailed(words_for(f"{transport} {at}", at.port, error)) from error
    return sock


def interface_of(at: ListenAddress) -> int:
    """Returns the number of the interface in an address like `fe80::1%eth0` (RFC 4007 11); 0 if it names none.

    Raises ListenFailed if there is no such interface.
    """
    zone = at.address.scope_id if isinstance(at.address, ipaddress.IPv6Address) else None
    if zone is None or zone.isdecimal():
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except OSError as error:
        raise ListenFailed(f'cannot listen on {at}: there is no interface "{zone}"') from error


def _socket_name(at: ListenAddress) -> tuple[str, int] | tuple[str, int, int, int]:
    interface = interface_of(at)
    address = str(at.address).partition("%")[0]
    return (address, at.port, 0, interface) if interface else (address, at.port)


def _configure(sock: socket.socket, at: ListenAddress, kind: socket.SocketKind) -> None:
    sock.settimeout(0)
    if at.address.version == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UDP_BUFFER_BYTES)
    if at.address.is_unspecified:
        # an answer must be sent from the address that its query came to, and a wildcard socket has many addresses
        level, option = (
            (socket.IPPROTO_IP, _IP_PKTINFO)
            if at.address.version == 4
            else (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)
        )
        sock.setsockopt(level, option, 1)


def words_for(place: str, port: int, error: OSError) -> str:
    """Returns the reason why a socket such as `UDP 127.0.0.1:53` (`place`) cannot listen, and what helps."""
    transport, _, at = place.partition(" ")
    reason = f"cannot listen on {at} ({transport}): {os.strerror(error.errno) if error.errno else error}"
    if error.errno == errno.EACCES:
        return f"{reason}; ports below 1024 need root or CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRINUSE:
        return f"{reason}; another server has it: `ss -lnp 'sport = :{port}'` says which"
    return reason
