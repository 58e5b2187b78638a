"""Who is connected, how many at once, and on whom to hang up so that one more gets in.

    a client has as many as it may    its own connection that waits longest makes room
    all have as many as may be        that of the client with most connections does; of several such, who waits longest
    nobody waits                      what is busy does: of a client with two more than the newcomer's, or for long (a
                                      long poll)
    nobody is to make room            the newcomer is turned away

Waiting is a connection for which nothing is done: in its handshake, with half a head, in the line for a costly answer,
or once its answer is given, whether it was read or not. Who opens connections and leaves them so crowds out himself and
nobody else, and /livez is answered in a crowd too.

What comes in: connections, when they come, wait, are busy and go. What goes out: whether there is room. Those of
resolvers are in gtm/serve/crowd.py: there only idleness counts, as an answer of the DNS takes no time to speak of.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Protocol

from gtm.admin.clients import NOBODY, is_loopback

MAX_CONNECTIONS = 256
"""The most connections of all clients: people, monitoring and peers."""
MAX_OF_CLIENT = 32
"""The most connections of one client. The number of peers is added: all of them may be behind one address."""
BUSY_S = 5.0
"""A connection that is busy for longer may be closed to make room. Only a long poll takes so long."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits on connections at one time: of all clients, of one client, and of one client on this machine."""

    whole: int = MAX_CONNECTIONS
    each: int = MAX_OF_CLIENT
    local: int = MAX_CONNECTIONS // 2
    """The limit for one client on this machine: an agent or a proxy, which opens many connections."""

    def of(self, client: str) -> int:
        """Returns the largest number of connections that this client may have."""
        return self.whole if client == NOBODY else self.local if is_loopback(client) else self.each


def limits_for(whole: int, *, peers: int) -> Limits:
    """Returns the limits of a listener with at most `whole` connections, which this number of peers polls."""
    return Limits(whole, min(whole, MAX_OF_CLIENT + peers), min(whole, whole // 2 + peers))


class Guest(Protocol):
    """A connection as ConnectionLimit sees it."""

    @property
    def client(self) -> str:
        """Returns the client of the connection (clients.py)."""

    def drop(self, reason: str) -> None:
        """Ends the connection at once, for this reason."""


class ConnectionLimit:
    """The connections of one listener, and their limits.

    Its state: the waiting and the busy connections of each client, in the order in which they began to wait or work.
    """

    def __init__(self, limits: Limits, *, now: Callable[[], float]) -> None:
        self._limits = limits
        self._now = now
        self._count: Counter[str] = Counter()
        self._waiting: dict[str, dict[Guest, float]] = {}
        self._busy: dict[str, dict[Guest, float]] = {}

    def __len__(self) -> int:
        """Returns the number of connections."""
        return self._count.total()

    def has_room_for(self, client: str) -> bool:
        """Returns whether a client may open one more connection; closes another one if that makes the room for it."""
        if self._count[client] >= self._limits.of(client) and not self._make_room((client,)):
            return False
        if len(self) < self._limits.whole:
            return True
        own = self._count[client]
        return self._make_room((name for name, count in self._count.items() if count >= own), fair=own + 1)

    def make_room(self) -> None:
        """Closes a connection of the client with most connections, because its file descriptor is needed."""
        self._make_room(self._count)

    def wait(self, guest: Guest) -> None:
        """Records that a connection, which may be new, waits: nothing is done for it."""
        self._move(guest, self._waiting)

    def work(self, guest: Guest) -> None:
        """Records that a connection is busy: a handler works on its request."""
        self._move(guest, self._busy)

    def leave(self, guest: Guest) -> None:
        """Forgets a connection that has ended."""
        if self._take(guest):
            self._count[guest.client] -= 1
            if not self._count[guest.client]:
                del self._count[guest.client]

    def _move(self, guest: Guest, to: dict[str, dict[Guest, float]]) -> None:
        if not self._take(guest):
            self._count[guest.client] += 1
        to.setdefault(guest.client, {})[guest] = self._now()

    def _take(self, guest: Guest) -> bool:
        """Removes a connection from the waiting or busy ones; returns whether it was among them."""
        for places in (self._waiting, self._busy):
            of_client = places.get(guest.client, {})
            if of_client.pop(guest, None) is not None:
                if not of_client:
                    del places[guest.client]
                return True
        return False

    def _make_room(self, clients: Iterable[str], *, fair: float = inf) -> bool:
        """Closes one connection of these clients; returns whether there was one that could be closed.

        The client with most connections loses one. Of several such clients it is the one that waits longest: a peer
        between two polls waits for milliseconds. A busy connection is not closed before BUSY_S, unless its client has
        more than `fair`: slow requests, again and again, would keep everybody out.
        """
        clients = tuple(clients)
        for places, longer_than_s in ((self._waiting, 0.0), (self._busy, BUSY_S)):
            longest = [next(iter(places[client].items())) for client in clients if client in places]
            spare = [
                (guest, since)
                for guest, since in longest
                if self._now() - since >= longer_than_s or self._count[guest.client] > fair
            ]
            if spare:
                guest, _since = min(spare, key=lambda each: (-self._count[each[0].client], each[1]))
                self.leave(guest)
                guest.drop("room")
                return True
        return False
