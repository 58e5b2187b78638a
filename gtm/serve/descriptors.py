"""File descriptors: how many this process may open, and how many of them the connections of strangers may hold.

What goes out is a number of connections for each listener, of DNS and of the admin API. Every connection, check, peer
and file takes a descriptor: if clients could take the last one, checks could not be made and zone files not read, for
as long as clients like.
"""

import logging
import resource
from dataclasses import replace

from gtm.engine.protocol import TcpLimits

WANTED = 16_384
"""The common default of 1,024 is for programs that call select(2); what the hard limit allows is ours to take."""

RESERVED = 700
"""For 500 checks at once, for files, peers and the socket in the state folder, and for the admin API."""

ADMIN_SHARE = 8
"""The admin API may have one descriptor of so many, with the health port: of 1,024 that is 128."""
HEALTH_SHARE = 32
"""The health port may have one of so many."""


def raise_limit(wanted: int = WANTED) -> int:
    """Raises the soft limit of descriptors as far as is wanted and allowed; returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    raised = raised_limit(_finite(soft), _finite(hard), wanted)
    if raised != _finite(soft):
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return raised


def raised_limit(soft: int, hard: int, wanted: int = WANTED) -> int:
    """Returns the soft limit to set; never less than it was."""
    return max(soft, min(hard, wanted))


def tcp_limits(wanted: TcpLimits, *, listeners: int) -> TcpLimits:
    """Returns the TCP limits of each listener, and has the system allow as many descriptors as it can."""
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
    """Returns the number of connections that each listener may have open.

    At least a few, as DNS needs TCP (RFC 7766 5).
    """
    return min(wanted, max(_FEW, (limit - RESERVED) // listeners))


def admin_connections(limit: int, wanted: int, *, beside: int = 0) -> int:
    """Returns the number of connections that the admin listener may have, `beside` the health port's."""
    return max(_FEW, min(wanted, limit // ADMIN_SHARE - beside))


def health_connections(limit: int, wanted: int) -> int:
    """Returns the number of connections that the health port may have open, out of those it wants."""
    return max(_FEW, min(wanted, limit // HEALTH_SHARE))


_FEW = 8
log = logging.getLogger(__name__)
_UNLIMITED = 1 << 30


def _finite(limit: int) -> int:
    return _UNLIMITED if limit == resource.RLIM_INFINITY else limit
