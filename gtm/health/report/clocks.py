"""Clocks: whose wall clock is off, as far as reports tell.

What comes in: when each peer made its reports, by its own clock, also those that are refused as skewed. What goes out:
how far each peer's clock is ahead of this node's, and whether this node's own is the odd one out:

    more than half of all clocks, this node's among them, are ahead of it, or behind    this node's own is off
    else each that differs by more than OFF_S                                            that peer's is off
    of two clocks                                                                        nobody can tell which

A report is as old as its way here was long, so that a clock looks as much farther behind: of the last SAMPLES reports
of a peer the one that was fastest counts. One that is replayed is older than those before it, and is left out, unless
the peer itself gives it. Peers tell one after the other that a clock was set, so what they say of it counts once each
has said it again, or after SETTLE_S. It reads no clock: the times are arguments.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from gtm.health.report.envelope import MAX_SKEW_S
from gtm.ids import NodeName

OFF_S = 10.0
"""A third of what has reports refused: people are told before. The way of a report seldom takes so long."""

RIGHT_S = 8.0
"""A clock that was off is right again below this."""

SAMPLES = 3
LEAST_SAMPLES = 2
"""The first report that is heard after a start is as old as it has stood on the peer's store: up to ten seconds."""

AGAIN = 2
"""Further reports of every peer, until what their clocks tell counts."""

SETTLE_S = 12.0
"""Or so long: no peer that lives is silent for more than ten seconds."""

KEPT_S = 60.0
"""A peer that was not heard for so long tells nothing of its clock."""

MAX_NAMED = 5


class _Sample(NamedTuple):
    at: float
    """Monotonic seconds of this node."""
    ahead_s: float


@dataclass(slots=True)
class _Peer:
    made_at: float
    count: int = 0
    """Of its reports."""
    samples: deque[_Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES))


@dataclass(frozen=True, slots=True)
class Skew:
    """How the clocks of peers differ from this node's."""

    ahead: Mapping[NodeName, float] = field(default_factory=dict)
    """By how many seconds each peer's clock is ahead of this node's; less than 0 where it is behind."""
    off: frozenset[NodeName] = frozenset()
    """The peers whose clock differs by too much."""
    against: frozenset[NodeName] = frozenset()
    """Those of them that outvote this node's own clock; empty where it is right, as far as can be told."""

    @property
    def own_s(self) -> float:
        """Returns the seconds by which this node's clock is ahead of most others, less than 0 if behind.

        0 where it is right.
        """
        return -median([self.ahead[node] for node in self.against]) if self.against else 0.0

    @property
    def blamed(self) -> tuple[NodeName, ...]:
        """Returns the peers whose own clock is off, sorted."""
        return tuple(sorted(self.off - self.against))

    @property
    def own_words(self) -> str:
        """Returns a message about this node's clock being off; empty if it is right."""
        if not self.against:
            return ""
        return (
            f"this node's clock is {_far(self.own_s)} {len(self.against)} of {len(self.ahead)} peers "
            f"({_named(self)}): set it (NTP); what is more than {MAX_SKEW_S:.0f} s off is not believed, here and there"
        )

    def words(self, node: NodeName) -> str:
        """Returns a message about a peer's clock being off, with the seconds by which it differs."""
        far = _far(self.ahead[node])
        then = f"what is more than {MAX_SKEW_S:.0f} s off is not believed"
        if len(self.ahead) == 1:
            return (
                f"the clock of peer {node} is {far} this node's, and no third tells which is off: set it (NTP); {then}"
            )
        return f"the clock of peer {node} is {far} this node's: set it there (NTP); {then}"

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns every clock that is off, one line for each."""
        own = (self.own_words,) if self.against else ()
        return (*own, *(self.words(node) for node in self.blamed))


NO_SKEW = Skew()


class Clocks:
    """Compares the clocks of peers with this node's. It has state: recent reports, and which clocks were off."""

    def __init__(self) -> None:
        self._peers: dict[NodeName, _Peer] = {}
        self._found = NO_SKEW
        """What the clocks told at the last look, which counts once it has settled."""
        self._found_at = float("-inf")
        self._counts: Mapping[NodeName, int] = {}
        """Of the reports of each peer, when they told that first."""
        self.skew = NO_SKEW
        """As of the last look."""

    def see(self, node: NodeName, made_at: float, *, now: float, wall: float, is_direct: bool) -> None:
        """Records the time of a signed report of a peer; `is_direct` if the peer itself gave it, and no relay.

        `made_at` is in Unix seconds by the peer's clock, `wall` by this node's; `now` is in monotonic seconds.
        """
        known = self._peers.setdefault(node, _Peer(made_at))
        if made_at < known.made_at and not is_direct:
            return
        known.made_at = made_at
        known.count += 1
        known.samples.append(_Sample(now, made_at - wall))

    def look(self, *, now: float) -> Skew:
        """Returns the present differences between clocks."""
        ahead = {}
        for node, peer in self._peers.items():
            recent = [sample.ahead_s for sample in peer.samples if now - sample.at < KEPT_S]
            if len(recent) >= LEAST_SAMPLES:
                ahead[node] = max(recent)
        skew, before = judged(ahead, self.skew.off), self._found
        if (skew.off, skew.against) != (before.off, before.against):
            self._found_at, self._counts = now, {node: peer.count for node, peer in self._peers.items()}
        self._found = skew
        if not self._has_settled(now):
            skew = Skew(ahead, self.skew.off & ahead.keys(), self.skew.against & ahead.keys())
        self.skew = skew
        return skew

    def _has_settled(self, now: float) -> bool:
        if now - self._found_at >= SETTLE_S:
            return True
        recent = [node for node, peer in self._peers.items() if peer.samples and now - peer.samples[-1].at < KEPT_S]
        return all(self._peers[node].count >= self._counts.get(node, 0) + AGAIN for node in recent)


def judged(ahead: Mapping[NodeName, float], off_before: frozenset[NodeName] = frozenset()) -> Skew:
    """Returns whose clocks are off; `ahead` has the seconds by which each peer's clock is ahead of this node's.

    A clock that was off before (`off_before`) is right again only below RIGHT_S.
    """
    off = {node for node, far in ahead.items() if abs(far) > (RIGHT_S if node in off_before else OFF_S)}
    before = frozenset(node for node in off if ahead[node] > 0)
    after = frozenset(off) - before
    most = next((side for side in (before, after) if 2 * len(side) > len(ahead) + 1), frozenset[NodeName]())
    return Skew(ahead, frozenset(off), most)


def _far(ahead_s: float) -> str:
    return f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'}"


def _named(skew: Skew) -> str:
    names = sorted(skew.against)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(f"{name} {skew.ahead[name]:+.0f} s" for name in names[:MAX_NAMED]) + more
