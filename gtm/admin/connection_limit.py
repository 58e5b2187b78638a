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
"""In all: people, monitoring, and peers, whose number comes on top."""
MAX_OF_CLIENT = 32
"""Of one client; the peers come on top here too, for all of them may be behind one address."""
BUSY_S = 5.0
"""Longer than any answer takes that is not held back on purpose."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be at once."""

    whole: int = MAX_CONNECTIONS
    each: int = MAX_OF_CLIENT
    local: int = MAX_CONNECTIONS // 2
    """Of one client on this machine: an agent or a proxy, which asks for many."""

    def of(self, client: str) -> int:
        """Returns the number of connections that one client may have."""
        return self.whole if client == NOBODY else self.local if is_loopback(client) else self.each


def limits_for(whole: int, *, peers: int) -> Limits:
    """Returns the limits of a listener that so many peers poll, which may have `whole` connections at the most."""
    return Limits(whole, min(whole, MAX_OF_CLIENT + peers), min(whole, whole // 2 + peers))


class Guest(Protocol):
    """A connection."""

    @property
    def client(self) -> str:
        """Returns whose it is."""

    def drop(self, reason: str) -> None:
        """Ends it at once."""


class ConnectionLimit:
    """The connections of one listener. Its state is those, and what each is at, the longest at it first."""

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
        """Returns whether one more of a client may come in, and hangs up on another where that makes the room."""
        if self._count[client] >= self._limits.of(client) and not self._make_room((client,)):
            return False
        if len(self) < self._limits.whole:
            return True
        own = self._count[client]
        return self._make_room((name for name, count in self._count.items() if count >= own), fair=own + 1)

    def make_room(self) -> None:
        """Hangs up on one that waits, of the client with most connections: its descriptor is needed."""
        self._make_room(self._count)

    def wait(self, guest: Guest) -> None:
        """Hears that a connection, maybe a new one, asks nothing."""
        self._move(guest, self._waiting)

    def work(self, guest: Guest) -> None:
        """Hears that a connection asked something."""
        self._move(guest, self._busy)

    def leave(self, guest: Guest) -> None:
        """Hears that a connection is gone."""
        if self._take(guest):
            self._count[guest.client] -= 1
            if not self._count[guest.client]:
                del self._count[guest.client]

    def _move(self, guest: Guest, to: dict[str, dict[Guest, float]]) -> None:
        if not self._take(guest):
            self._count[guest.client] += 1
        to.setdefault(guest.client, {})[guest] = self._now()

    def _take(self, guest: Guest) -> bool:
        """Returns whether a connection was here; it is nowhere then."""
        for places in (self._waiting, self._busy):
            of_client = places.get(guest.client, {})
            if of_client.pop(guest, None) is not None:
                if not of_client:
                    del places[guest.client]
                return True
        return False

    def _make_room(self, clients: Iterable[str], *, fair: float = inf) -> bool:
        """Hangs up on one connection; returns whether any of these clients had one to spare.

        The client with most connections loses it. Of several with as many it is who waits longest: a peer between two
        polls waits for milliseconds. To be busy protects no client with more than `fair`: who asks for something that
        takes four seconds, again and again, would keep everybody out.
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
