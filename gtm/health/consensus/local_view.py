"""Vantages: where probes check from, and the local beliefs of those that differ from the quorum.

What comes in: the voices on one check, and the reports heard. What goes out: local beliefs, and where the vantages are.
A cut in the middle of an ocean is no outage of an endpoint: it is down for one side, and up for the other. So

    1. A vantage has a local belief where `local_voters` of its probes agree and the quorum believes something else.
       One probe alone may be wrong about its own network; two of one vantage seldom are.
       If most vantages within NEIGHBOURS_KM, itself included, believe the same, the probes of these count too.
    2. It takes a second fresh voice: with the voice of one vantage alone there is nothing to differ from.
    3. It counts for the clients that are nearer to this vantage than to any other that votes. With fewer than
       MIN_VANTAGES it counts for no client: of two that differ nobody can tell which one is local.
    4. Only nodes that vote make a vantage: one that checks nothing, or whose votes do not count, does not. A vantage
       that ceased to vote stays known for FORGET_S. Meanwhile, and on checks that it does not make, the nearest
       vantage that says something stands in for it, if at least MIN_VANTAGES say something (`stand_in`).

It must not decide answers: whether a local belief brings an endpoint back, or leaves clients without an answer, is
decided where beliefs are applied (gtm/plan/local_view.py).
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
"""Vantages within this distance are neighbours: most of a continent (London to Istanbul 2,500 km), but no ocean."""

FORGET_S = 3600.0
"""Seconds for which a vantage stays known after its last vote: longer than most outages, so that cells stay as is."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """A place that probes check from."""

    name: VantageName
    at: Coordinates


Vantages = tuple[Vantage, ...]
"""Sorted by name."""


@dataclass(frozen=True, slots=True)
class LocalBelief:
    """The belief of one vantage that differs from the quorum's."""

    vantage: VantageName
    belief: Belief


Neighbours = Mapping[VantageName, frozenset[VantageName]]
"""For each vantage the others within NEIGHBOURS_KM; none for a vantage without a known position."""

NO_NEIGHBOURS: Neighbours = {}


def positions(ordered: Iterable[Heard]) -> Mapping[VantageName, Coordinates]:
    """Returns the position of each vantage: that of its first probe that votes and gives a position.

    `ordered` has the reports heard, sorted by vantage and node.
    """
    places: dict[VantageName, Coordinates] = {}
    for heard in ordered:
        if heard.report.at is not None and heard.report.votes_on_something:
            places.setdefault(heard.report.vantage, heard.report.at)
    return places


def neighbours(at: Mapping[VantageName, Coordinates]) -> Neighbours:
    """Returns for each vantage the others within NEIGHBOURS_KM; `at` has the position of each."""
    return {
        name: frozenset(
            [other for other, there in at.items() if other != name and distance_km(here, there) <= NEIGHBOURS_KM]
        )
        for name, here in at.items()
    }


def seconding(vantage: VantageName, belief: Belief, counted: Iterable[Voice], near: Neighbours) -> int:
    """Returns the number of probes of neighbouring vantages that have the same belief as a vantage.

    0 unless most of the vantages, this one included, have that belief. `counted` are the voices that count.
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
    """Returns the local beliefs on one check, which differ from `belief` of the quorum; in the order of the voices.

    `counted` are the voices that count. `voters` is how many probes must agree (`local_voters`).
    """
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
"""The vantages that voted, and when each voted last, in monotonic seconds."""


def learned(known: Known, book: Book, voting: AbstractSet[NodeName], *, now: float) -> Known:
    """Returns the vantages that voted within the last FORGET_S seconds, each with its newest position.

    `known` are those before this call, and `voting` the probes with a vote that counts now.
    """
    ordered = in_order([heard for node, heard in book.by_node.items() if node in voting])
    after = {vantage.name: (vantage, voted_at) for vantage, voted_at in known.items()}
    after |= {name: (Vantage(name, at), now) for name, at in positions(ordered).items()}
    return {vantage: voted_at for vantage, voted_at in after.values() if now - voted_at < FORGET_S}


Order = Mapping[VantageName, tuple[VantageName, ...]]
"""For each vantage the other vantages, the nearest first."""

NO_ORDER: Order = {}


def by_distance(vantages: Vantages) -> Order:
    """Returns for each vantage the other vantages, the nearest first; equally near ones are sorted by name."""
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
    """Returns the vantages that say something of a check, even one whose probes are divided, or with a local belief."""
    vantages = {voice.vantage for voice in voices if voice.says_something}
    return frozenset(vantages | {local_belief.vantage for local_belief in local})


def stand_in(vantage: VantageName, said_by: AbstractSet[VantageName], order: Order) -> VantageName:
    """Returns the vantage whose local belief counts for the clients near `vantage`: itself, or one that stands in.

    `said_by` are the vantages that say something of the check. If `vantage` is not one of them, the nearest of them
    stands in, but only if they are at least MIN_VANTAGES.
    """
    if vantage in said_by or len(said_by) < MIN_VANTAGES:
        return vantage
    return next((other for other in order.get(vantage, ()) if other in said_by), vantage)


def seen_down(local: Iterable[LocalBelief]) -> tuple[VantageName, ...]:
    """Returns the vantages whose local belief is DOWN."""
    return tuple([belief.vantage for belief in local if belief.belief is Belief.DOWN])
