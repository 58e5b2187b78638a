"""Own listeners: where this node itself listens, which is no peer of it.

What comes in: the addresses that it listens on, and an address that somebody named. What goes out: words against it, or
none. Where it listens on all addresses, all those of this machine are its own.
"""

import socket
from collections.abc import Collection

from gtm.ids import Address
from gtm.share.guarded import Refusal

Bound = tuple[Address, int]


def not_itself(own: Collection[Bound]) -> Refusal:
    """Returns what refuses the listeners of this node."""

    def refusal(address: Address, port: int) -> str:
        bound = [at for at, bound_port in own if bound_port == port]
        is_own = address in bound or (any(at.is_unspecified for at in bound) and _is_of_this_machine(address))
        return f"{address} with port {port} is this node itself" if is_own else ""

    return refusal


def _is_of_this_machine(address: Address) -> bool:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.bind((str(address), 0))  # the kernel lets a socket have no other's
    except OSError:
        return False
    return True
