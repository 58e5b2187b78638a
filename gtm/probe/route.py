"""The route: whether an endpoint is out of reach because this probe itself has no way to it.

What comes in: the address of an endpoint, and what a check of it raises. What goes out: the same, or NoRoute where the
operating system of this machine has a way neither to the endpoint nor to an address that stands for all of its family.
Connecting a UDP socket asks the routing table and sends nothing (udp(7)):

    way to the endpoint    to the rest of its family    whose fault
    yes                    -                            the endpoint's or the network's: a router refused
    no                     yes                          the endpoint's or the network's
    no                     no                           this probe's: it has no IPv6, say
"""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from gtm.errors import NoRoute
from gtm.ids import Address

_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH})

_ELSEWHERE = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}
"""Documentation addresses (RFC 5737, RFC 3849), which go to the default route if there is one."""


_NO_WAY = _UNREACHABLE | {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
"""Errors for: no route; a route but no address of this machine to send from; no such address family in this kernel."""


def has_way_to(address: Address) -> bool:
    """Returns whether this machine has a route to an address."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((str(address), 9))  # any port; 9 discards (RFC 863)
    except OSError as error:
        return error.errno not in _NO_WAY
    return True


@contextmanager
def reaching(address: Address, *, has_way: Callable[[Address], bool] = has_way_to) -> Iterator[None]:
    """Lets errors of the block pass, but raises NoRoute where this machine has no route to the address."""
    try:
        yield
    except OSError as error:
        is_ours = error.errno in _UNREACHABLE and not has_way(address) and not has_way(_ELSEWHERE[address.version])
        if is_ours:
            raise NoRoute(f"this probe has no route for IPv{address.version}") from error
        raise
