"""Vantages: where probes look from, and what each of them sees otherwise than the rest of the world.

What comes in: the voices on one check, and the reports heard. What goes out: local beliefs, and where the vantages are.
A cut in the middle of an ocean is no outage of an endpoint: it is down for one side, and up for the other. So

    1. A vantage has a belief of its own where so many of its probes agree (`local_voters`) and the quorum believes
       something else. One probe alone may be wrong about its own network; two of one vantage seldom are.
       Where most vantages within NEIGHBOURS_KM of it say what it says, and itself is one of them, so do their probes.
    2. It takes a second fresh voice: what is seen from one vantage alone is no difference.
    3. It is the truth of the clients that are nearer to this vantage than to any other that votes. Where fewer than
       MIN_VANTAGES do, none has clients of its own: of two that differ nobody can tell which is local.
    4. A vantage is only where somebody votes: a node that checks nothing, or whose votes do not count, is none. One
       that ceased to vote stays known for FORGET_S; meanwhile, and on checks that it does not make, the nearest of
       those that say something stands in for it, if these are MIN_VANTAGES (`stand_in`).

What it must not do is to bring back what is down elsewhere, or to leave clients without an answer: that is decided
where beliefs are applied (gtm/plan/local_view.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gtm.geo.place import Coordinates, distance_km
from gtm.health.belief import Belief
from gtm.health.consensus.voices import Voice, in_order
from gtm.health.report.book import Book, Heard
from gtm.ids import NodeName, VantageName

MIN_VOICES = 2
MIN_VANTAGES = 3

NEIGHBOURS_KM = 3000.0
"""Most of a continent, and no ocean: London is 2,500 km from Istanbul, and 5,600 from New York."""

FORGET_S = 3600.0
"""Since a vantage last voted: longer than most outages of all its probes, so that cells stay as they are."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """A place that probes look from."""

    name: VantageName
    at: Coordinates


Vantages = tuple[Vantage, ...]
"""Sorted by name."""


@dataclass(frozen=True, slots=True)
class LocalBelief:
    """What one vantage sees otherwise than the quorum."""

    vantage: VantageName
    belief: Belief


Neighbours = Mapping[VantageName, frozenset[VantageName]]
"""Of each vantage the others near it; of one that does not say where it is, none."""

NO_NEIGHBOURS: Neighbours = {}


def positions(ordered: Iterable[Heard]) -> Mapping[VantageName, Coordinates]:
    """Returns the position of each vantage, as the first of its probes gives it.

    Reports are sorted by vantage and node.
    """
    places: dict[VantageName, Coordinates] = {}
    for heard in ordered:
        if heard.report.at is not None and heard.report.votes_on_something:
            places.setdefault(heard.report.vantage, heard.report.at)
    return places


def neighbours(at: Mapping[VantageName, Coordinates]) -> Neighbours:
    """Returns which vantages are near each other."""
    return {
        name: frozenset(
            [other for other, there in at.items() if other != name and distance_km(here, there) <= NEIGHBOURS_KM]
        )
        for name, here in at.items()
    }


def seconding(vantage: VantageName, belief: Belief, counted: Iterable[Voice], near: Neighbours) -> int:
    """Returns the number of probes of neighbouring vantages that agree with a vantage.

    0 unless most of them all say so.
    """
    around = near.get(vantage)
    if not around:
        return 0
    voices = [voice for voice in counted if voice.vantage in around]
    agreeing = [voice.agreeing for voice in voices if voice.belief is belief]
    return sum(agreeing) if 2 * (len(agreeing) + 1) > len(voices) + 1 else 0


def local_beliefs(
    belief: Belief, counted: Sequence[Voice], *, voters: int, near: Neighbours = NO_NEIGHBOURS
) -> tuple[LocalBelief, ...]:
    """Returns the local beliefs that differ from the quorum, in the order of the voices that count."""
    if len(counted) < MIN_VOICES:
        return ()
    return tuple(
        [
            LocalBelief(voice.vantage, voice.belief)
            for voice in counted
            if voice.belief is not belief
            and (
                voice.agreeing >= voters
                or voice.agreeing + seconding(voice.vantage, voice.belief, counted, near) >= voters
            )
        ]
    )


Known = Mapping[Vantage, float]
"""The vantages that voted, and when last, in monotonic seconds."""


def learned(known: Known, book: Book, voting: AbstractSet[NodeName], *, now: float) -> Known:
    """Returns the vantages that voted within the last hour; of one that moved only where it is now.

    `voting` are the probes of which some vote counts now.
    """
    ordered = in_order([heard for node, heard in book.by_node.items() if node in voting])
    after = {vantage.name: (vantage, voted_at) for vantage, voted_at in known.items()}
    after |= {name: (Vantage(name, at), now) for name, at in positions(ordered).items()}
    return {vantage: voted_at for vantage, voted_at in after.values() if now - voted_at < FORGET_S}


Order = Mapping[VantageName, tuple[VantageName, ...]]
"""Of each vantage the others, the nearest first."""

NO_ORDER: Order = {}


def by_distance(vantages: Vantages) -> Order:
    """Returns the others of each vantage, the nearest first; equals are in the order of their names."""
    return {
        vantage.name: tuple(
            [
                other.name
                for other in sorted(vantages, key=lambda other: (distance_km(vantage.at, other.at), other.name))
                if other.name != vantage.name
            ]
        )
        for vantage in vantages
    }


def saying(voices: Iterable[Voice], local: Iterable[LocalBelief] = ()) -> frozenset[VantageName]:
    """Returns the vantages that say something of a check; one whose probes are divided does, and has no truth."""
    vantages = {voice.vantage for voice in voices if voice.says_something}
    return frozenset(vantages | {local_belief.vantage for local_belief in local})


def stand_in(vantage: VantageName, said_by: AbstractSet[VantageName], order: Order) -> VantageName:
    """Returns the vantage that counts for the clients near this one: itself, unless it says nothing of a check."""
    if vantage in said_by or len(said_by) < MIN_VANTAGES:
        return vantage
    return next((other for other in order.get(vantage, ()) if other in said_by), vantage)


def seen_down(local: Iterable[LocalBelief]) -> tuple[VantageName, ...]:
    """Returns the vantages from which it is down."""
    return tuple([belief.vantage for belief in local if belief.belief is Belief.DOWN])
