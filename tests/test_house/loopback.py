"""Keeps the sockets of this process on loopback: what goes elsewhere is refused and remembered.

What comes in: every connect, connect_ex, sendto, sendmsg and getaddrinfo of the process while installed. What goes
out: OSError (ENETUNREACH) as if the machine had no network, and a line in `strays` for each, since the code under
test may well treat that error as an ordinary failure. Child processes are not guarded.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable

GUARDED_METHODS = ("connect", "connect_ex", "sendto", "sendmsg")
_INTERNET = (socket.AF_INET, socket.AF_INET6)


def is_loopback(host: str) -> bool:
    """Returns whether a packet to this host stays on this machine: 127.0.0.0/8, ::1 and localhost."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


class LoopbackOnly:
    """A guard on this process's sockets. It has state: what was refused, and what it replaced."""

    def __init__(self) -> None:
        self.strays: list[str] = []
        self._originals: list[tuple[object, str, object]] = []

    def install(self) -> None:
        """Guards the socket module from here on."""
        for name in GUARDED_METHODS:
            self._replace(socket.socket, name, self._guarded_method(name))
        self._replace(socket, "getaddrinfo", self._guarded_lookup(socket.getaddrinfo))

    def remove(self) -> None:
        """Puts everything back as it was."""
        while self._originals:
            setattr(*self._originals.pop())

    def refuse(self, what: str) -> OSError:
        """Remembers a stray, and returns the error that its caller sees."""
        self.strays.append(what)
        return OSError(errno.ENETUNREACH, f"tests stay on loopback: {what}")

    def _replace(self, owner: object, name: str, replacement: Callable[..., object]) -> None:
        self._originals.append((owner, name, getattr(owner, name)))
        setattr(owner, name, replacement)

    def _guarded_method(self, name: str) -> Callable[..., object]:
        original = getattr(socket.socket, name)

        def guarded(sock: socket.socket, *args: object) -> object:
            address = _destination(name, args)
            if sock.family in _INTERNET and address is not None and not is_loopback(str(address[0])):
                raise self.refuse(f"{name} {address[0]} port {address[1]}")
            return original(sock, *args)

        return guarded

    def _guarded_lookup(self, original: Callable[..., object]) -> Callable[..., object]:
        def guarded(host: str | bytes | None, *args: object, **kwargs: object) -> object:
            name = host.decode("ascii") if isinstance(host, bytes) else host
            if name is not None and not _is_literal(name) and not is_loopback(name):
                raise self.refuse(f"getaddrinfo {name}")
            return original(host, *args, **kwargs)

        return guarded


def _destination(name: str, args: tuple[object, ...]) -> tuple[object, ...] | None:
    """Returns the address among a method's arguments; None where the socket is already connected."""
    if name == "sendmsg":  # (buffers, ancillary, flags, address)
        found = args[3] if len(args) > 3 else None
    elif name == "sendto":  # (data, address) or (data, flags, address)
        found = args[-1] if len(args) > 1 else None
    else:  # (address)
        found = args[0] if args else None
    return found if isinstance(found, tuple) else None


def _is_literal(host: str) -> bool:
    """Returns whether getaddrinfo parses this host without asking anyone."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == ""
    return True
