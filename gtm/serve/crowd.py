"""The TCP connections to one address, and which to close for a new one (RFC 7766 6.2, RFC 9210 4.2).

    the client's network is at its limit     the connection of that network that was idle for longest is closed
    all connections are at the limit         the connection that was idle for longest is closed

A connection is idle since its last complete message. So one that sends single octets, or does not read its answers, is
idle. A new connection is always accepted: otherwise early clients with a query now and then could keep all others out.

What comes in: connections, when they begin, send a message and end. What goes out: the connection to close. The same
rules are in dataplane/serve/src/crowd.rs. The admin API has other rules (gtm/admin/connection_limit.py): a request may
take seconds there, and new connections may be refused.
"""

from collections import OrderedDict
from collections.abc import Hashable
from enum import Enum
from typing import Generic, TypeVar

from gtm.engine.protocol import TcpLimits
from gtm.ids import Address

DEFAULT_CONNECTIONS = 1000
"""The most connections to one address, however many descriptors there are: they must not slow down UDP answers."""
NETWORK_SHARE = 4
"""One network may have 1/NETWORK_SHARE of them: enough for a large resolver or a proxy, but not all."""
DEFAULT_IDLE_S = 10.0
"""RFC 7766 6.2.3 asks for a few seconds, more than one round trip of a slow client."""
DEFAULT_LIMITS = TcpLimits(DEFAULT_CONNECTIONS, DEFAULT_CONNECTIONS // NETWORK_SHARE, DEFAULT_IDLE_S)

IPV4_PREFIX, IPV6_PREFIX = 24, 56
"""Prefix lengths of a client's network: the addresses of one customer, as rate limits count them too."""

Network = tuple[int, int]
"""The IP version (4 or 6), and the leading bits of the network as an integer."""

Guest = TypeVar("Guest", bound=Hashable)
"""A connection."""


class Room(Enum):
    """Which limit was reached: that of the client's network, or that of all connections."""

    NETWORK = "network"
    ALL = "full"


class Crowd(Generic[Guest]):
    """The connections to one address. It has state: all connections, and those of each network, longest idle first.

    Each change takes constant time. That is why it uses OrderedDict: in a plain dict, finding the first entry is slow
    after many removals.
    """

    def __init__(self, limits: TcpLimits) -> None:
        self._limits = limits
        self._all: OrderedDict[Guest, Network] = OrderedDict()
        self._networks: dict[Network, OrderedDict[Guest, None]] = {}

    def __len__(self) -> int:
        """Returns the number of open connections."""
        return len(self._all)

    def enter(self, guest: Guest, client: Address) -> tuple[Guest, Room] | None:
        """Adds a connection; returns the one that the caller must close for it, with the limit reached, or None.

        The connection that is returned is removed here.
        """
        network = network_of(client)
        evicted = self._to_evict(network)
        if evicted is not None:
            self.leave(evicted[0])
        self._all[guest] = network
        self._networks.setdefault(network, OrderedDict())[guest] = None
        return evicted

    def touch(self, guest: Guest) -> None:
        """Records that a connection received a complete message, so that it is no longer idle."""
        network = self._all.get(guest)
        if network is not None:
            self._all.move_to_end(guest)
            self._networks[network].move_to_end(guest)

    def leave(self, guest: Guest) -> None:
        """Removes a connection that has ended."""
        network = self._all.pop(guest, None)
        if network is not None:
            of_network = self._networks[network]
            del of_network[guest]
            if not of_network:
                del self._networks[network]

    def _to_evict(self, network: Network) -> tuple[Guest, Room] | None:
        of_network = self._networks.get(network)
        if of_network and len(of_network) >= self._limits.of_network:
            return next(iter(of_network)), Room.NETWORK
        if len(self._all) >= self._limits.connections:
            return next(iter(self._all)), Room.ALL
        return None


def network_of(client: Address) -> Network:
    """Returns the network of a client: /24 for IPv4, /56 for IPv6."""
    prefix = IPV4_PREFIX if client.version == 4 else IPV6_PREFIX
    return client.version, int(client) >> (client.max_prefixlen - prefix)
