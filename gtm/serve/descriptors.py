"""File descriptors: how many this process may open, and how many of them the connections of clients may use.

What comes in: the connections that each listener wants, and the limits of the system. What goes out: the number of
connections for each listener, of DNS and of the admin API. Every connection, check, peer and file uses a descriptor:
if clients could use the last one, checks could not be made and zone files not be read.
"""

import logging
import resource
from dataclasses import replace

from gtm.engine.protocol import TcpLimits

WANTED = 16_384
"""The soft limit to set. The common default of 1,024 is for programs that call select(2)."""

RESERVED = 700
"""Descriptors for 500 checks at once, for files, peers and the socket in the state folder, and for the admin API."""

ADMIN_SHARE = 8
"""The admin API and the health port together may use 1/ADMIN_SHARE of the descriptors: 128 of 1,024."""
HEALTH_SHARE = 32
"""The health port may use 1/HEALTH_SHARE of the descriptors."""


def raise_limit(wanted: int = WANTED) -> int:
    """Raises the soft limit of descriptors to `wanted`, or as far as the hard limit allows; returns the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raised = raised_limit(_finite(soft), _finite(hard), wanted)
    if raised != _finite(soft):
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised


def raised_limit(soft: int, hard: int, wanted: int = WANTED) -> int:
    """Returns the soft limit to set: `wanted`, at most `hard`, and never less than the present limit `soft`."""
    return max(soft, min(hard, wanted))


def tcp_limits(wanted: TcpLimits, *, listeners: int) -> TcpLimits:
    """Raises the limit of descriptors, and returns the TCP limits of each listener that fit into it.

    They are the wanted ones, or lower ones with a warning in the log.
    """
    most = raise_limit(max(WANTED, RESERVED + listeners * wanted.connections))
    connections = connections_each(most, wanted.connections, listeners=listeners)
    if connections < wanted.connections:
        log.warning(
            "listen.tcp: %d connections for each address, not %d: this process may open %d files (LimitNOFILE, ulimit)",
            connections,
            wanted.connections,
            most,
        )
    of_network = max(1, wanted.of_network * connections // wanted.connections)  # the same share of fewer
    return replace(wanted, connections=connections, of_network=of_network)


def connections_each(limit: int, wanted: int, *, listeners: int) -> int:
    """Returns the number of connections that each listener may have open: `wanted`, or less for a low `limit`.

    `limit` is the number of descriptors of this process. It is at least _FEW, because DNS needs TCP (RFC 7766 5).
    """
    return min(wanted, max(_FEW, (limit - RESERVED) // listeners))


def admin_connections(limit: int, wanted: int, *, beside: int = 0) -> int:
    """Returns the number of connections that the admin listener may have open.

    `limit` is the number of descriptors of this process, and `beside` the number of connections of the health port.
    """
    return max(_FEW, min(wanted, limit // ADMIN_SHARE - beside))


def health_connections(limit: int, wanted: int) -> int:
    """Returns the number of connections that the health port may have open: `wanted`, or its share of `limit`."""
    return max(_FEW, min(wanted, limit // HEALTH_SHARE))


_FEW = 8
log = logging.getLogger(__name__)
_UNLIMITED = 1 << 30


def _finite(limit: int) -> int:
    return _UNLIMITED if limit == resource.RLIM_INFINITY else limit
