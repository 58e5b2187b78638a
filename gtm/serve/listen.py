"""Addresses to listen on -> bound sockets, UDP and TCP on each, IPv4 and IPv6.

Sockets are opened before anything else runs, so that a port in use is said at once and rights can be dropped after.
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
"""Connections that wait to be accepted; the kernel caps it at net.core.somaxconn."""

UDP_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked of the kernel for each direction: a burst waits here while the process is busy elsewhere."""

_PORT_PAIR_TRIES = 16
"""For port 0: the UDP port that the kernel gives may be taken for TCP."""

_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
"""Linux's number where this Python does not name it."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if self.address.version == 4 else f"[{self.address}]:{self.port}"

    def takes_from(self, other: "ListenAddress") -> bool:
        """Returns whether only one of two sockets can be at these places: an unspecified address is all of its family.

        Port 0 is any that is free.
        """
        if self.port != other.port or not self.port or self.address.version != other.address.version:
            return False
        return self.address == other.address or self.address.is_unspecified or other.address.is_unspecified


@dataclass(frozen=True, slots=True)
class Listener:
    """One address, bound."""

    at: ListenAddress
    udp: socket.socket
    tcp: socket.socket

    def close(self) -> None:
        """Closes both sockets."""
        self.udp.close()
        self.tcp.close()


def parse_listen(text: str) -> ListenAddress:
    """Returns the value of `127.0.0.1:5300` or `[::1]:5300`; raises ValueError with words for the operator."""
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
    """Returns bound sockets for every address; closes those it opened when one fails with ListenFailed."""
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
    """Returns the number of the interface that an address names (RFC 4007 11), 0 if none; raises ListenFailed."""
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
        # an answer must leave from the address that was asked, and a wildcard socket has many
        level, option = (
            (socket.IPPROTO_IP, _IP_PKTINFO)
            if at.address.version == 4
            else (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO)
        )
        sock.setsockopt(level, option, 1)


def words_for(place: str, port: int, error: OSError) -> str:
    """Returns the reason why a place such as `UDP 127.0.0.1:53` cannot be listened on, and what helps."""
    transport, _, at = place.partition(" ")
    reason = f"cannot listen on {at} ({transport}): {os.strerror(error.errno) if error.errno else error}"
    if error.errno == errno.EACCES:
        return f"{reason}; ports below 1024 need root or CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRINUSE:
        return f"{reason}; another server has it: `ss -lnp 'sport = :{port}'` says which"
    return reason
