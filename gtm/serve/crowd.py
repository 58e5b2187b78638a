"""Who is connected to one address, and on whom to hang up so that one more gets in (RFC 7766 6.2, RFC 9210 4.2).

    its network has as many as it may     the one of these that was idle for longest makes room
    all have as many as may be            the one that was idle for longest does

Idle is a connection since its last whole message: one that dribbles, or does not read its answers, is idle. A newcomer
is never turned away: else who comes first, and asks now and then, keeps everybody else out for as long as he likes.

What comes in: connections, when they come, ask and go. What goes out: whom to hang up on. The twin of
dataplane/serve/src/crowd.rs. Connections to the admin API have rules of their own (gtm/admin/connection_limit.py): what
is busy there may be so for seconds, and newcomers may be turned away.
"""

from collections import OrderedDict
from collections.abc import Hashable
from enum import Enum
from typing import Generic, TypeVar

from gtm.engine.protocol import TcpLimits
from gtm.ids import Address

DEFAULT_CONNECTIONS = 1000
"""Of one address, however many descriptors there are: answers over UDP must not suffer."""
NETWORK_SHARE = 4
"""Of these, one network may have a quarter: a large resolver, or a proxy in front, and not all there are."""
DEFAULT_IDLE_S = 10.0
"""RFC 7766 6.2.3 asks for a few seconds, more than one round trip of a slow client."""
DEFAULT_LIMITS = TcpLimits(DEFAULT_CONNECTIONS, DEFAULT_CONNECTIONS // NETWORK_SHARE, DEFAULT_IDLE_S)

IPV4_PREFIX, IPV6_PREFIX = 24, 56
"""A client's network: what one customer has, as limits of rates count them too."""

Network = tuple[int, int]
"""The family's version, and the network's bits."""

Guest = TypeVar("Guest", bound=Hashable)
"""A connection."""


class Room(Enum):
    """What was full."""

    NETWORK = "network"
    ALL = "full"


class Crowd(Generic[Guest]):
    """The connections of one address: its state is those, by network and all together, the longest idle first.

    Each change costs the same however many there are; the first of a plain dict is behind all that left before it.
    """

    def __init__(self, limits: TcpLimits) -> None:
        self._limits = limits
        self._all: OrderedDict[Guest, Network] = OrderedDict()
        self._networks: dict[Network, OrderedDict[Guest, None]] = {}

    def __len__(self) -> int:
        """Returns the number of connections."""
        return len(self._all)

    def enter(self, guest: Guest, client: Address) -> tuple[Guest, Room] | None:
        """Lets a connection in; returns whom to hang up on for that, if anybody, who is not in any more."""
        network = network_of(client)
        evicted = self._to_evict(network)
        if evicted is not None:
            self.leave(evicted[0])
        self._all[guest] = network
        self._networks.setdefault(network, OrderedDict())[guest] = None
        return evicted

    def touch(self, guest: Guest) -> None:
        """Hears that a connection is in use."""
        network = self._all.get(guest)
        if network is not None:
            self._all.move_to_end(guest)
            self._networks[network].move_to_end(guest)

    def leave(self, guest: Guest) -> None:
        """Hears that a connection has ended."""
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
    """Returns the network of a client."""
    prefix = IPV4_PREFIX if client.version == 4 else IPV6_PREFIX
    return client.version, int(client) >> (client.max_prefixlen - prefix)
