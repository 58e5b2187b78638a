"""Voices: the belief of each vantage on one check, made of the votes of its probes.

1. A vote is fresh while its reading is at most 3 intervals + the timeout old. A vote of UNKNOWN abstains.
2. The voice of a vantage is what most of its fresh votes say; a tie inside a vantage abstains.
3. The vote of a probe in quarantine (outliers.py) never counts; it is shown only if its vantage has no other vote.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from gtm.health.belief import Belief
from gtm.health.report.book import Heard
from gtm.health.report.report import Vote
from gtm.health.verdict.next_change import soonest_s
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import VerdictState, state_among
from gtm.ids import CheckId, NodeName, VantageName

FRESH_INTERVALS = 3
"""A probe may lose two readings in a row (a restart, a slow poll) before its vote stops counting."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How often a check is due: it decides how long a vote counts."""

    interval_s: float
    timeout_s: float

    @property
    def limit_s(self) -> float:
        """Returns the age up to which a vote is fresh."""
        return FRESH_INTERVALS * self.interval_s + self.timeout_s


@dataclass(frozen=True, slots=True)
class Voice:
    """What one vantage says of one check."""

    vantage: VantageName
    nodes: tuple[NodeName, ...]
    """The probes behind it, sorted: the fresh ones, or all when none is fresh."""
    belief: Belief
    """UNKNOWN abstains: no probe has a belief, or they are divided."""
    reason: Reason
    detail: str
    fresh: bool
    age_s: float
    """The age of the youngest reading behind it when the voice was computed; not updated while votes stay the same."""
    state: VerdictState = VerdictState.UNKNOWN
    flip_in_s: float = 0.0
    """Seconds from the last reading to the earliest one that could change the voice; 0: at any time."""
    quarantined: bool = False
    """Whether all the probes behind it are in quarantine."""
    agreeing: int = 1
    """The number of probes behind it whose vote has the belief of this voice."""

    @property
    def counts(self) -> bool:
        """Returns whether the quorum counts it: it is fresh, not UNKNOWN, and not in quarantine."""
        return self.fresh and self.belief is not Belief.UNKNOWN and not self.quarantined

    @property
    def says_something(self) -> bool:
        """Returns whether a probe behind it, not in quarantine, has a fresh vote for up or down."""
        is_silent = self.belief is Belief.UNKNOWN and self.agreeing == len(self.nodes)
        return self.fresh and not self.quarantined and not is_silent


def voices_on(
    check: CheckId, heard: Iterable[Heard], freshness: Freshness, *, quarantined: AbstractSet[NodeName], now: float
) -> tuple[Voice, ...]:
    """Returns the voice of every vantage on a check; `heard` has the reports, sorted by vantage and node."""
    limit_s = freshness.limit_s
    ballots = []
    for heard_report in heard:
        vote = heard_report.report.votes.get(check)
        if vote is not None:
            age_s = vote.age_s + max(0.0, now - heard_report.heard_at)
            node = heard_report.report.node
            ballots.append(
                _Ballot(node, heard_report.report.vantage, vote, age_s, age_s <= limit_s, node in quarantined)
            )
    return tuple(_voice(vantage, list(group)) for vantage, group in groupby(ballots, key=attrgetter("vantage")))


def in_order(heard: Iterable[Heard]) -> list[Heard]:
    """Returns reports sorted by vantage and node."""
    return sorted(heard, key=lambda heard_report: (heard_report.report.vantage, heard_report.report.node))


class _Ballot(NamedTuple):
    """One probe's vote on one check, with its age now."""

    node: NodeName
    vantage: VantageName
    vote: Vote
    age_s: float
    fresh: bool
    quarantined: bool


def _voice(vantage: VantageName, ballots: list[_Ballot]) -> Voice:
    if len(ballots) == 1:  # most vantages have one probe, and a node with thousands of checks merges every second
        [(node, _, vote, age_s, is_fresh, is_out)] = ballots
        opinion = (vote.belief, vote.reason, vote.detail)
        return Voice(vantage, (node,), *opinion, is_fresh, age_s, vote.state, vote.flip_in_s, is_out)
    trusted = [ballot for ballot in ballots if not ballot.quarantined]
    ballots = trusted or ballots
    fresh = [ballot for ballot in ballots if ballot.fresh]
    heard = fresh or ballots
    ups = sum(ballot.vote.belief is Belief.UP for ballot in heard)
    downs = sum(ballot.vote.belief is Belief.DOWN for ballot in heard)
    belief = Belief.UNKNOWN if ups == downs else (Belief.UP if ups > downs else Belief.DOWN)
    agreeing = [ballot.vote for ballot in heard if ballot.vote.belief is belief]
    reason, detail = most_common(agreeing)
    nodes = tuple([ballot.node for ballot in heard])
    age_s = min([ballot.age_s for ballot in heard])
    state = state_among(belief, [ballot.vote.state for ballot in heard])
    flip_in_s = soonest_s([ballot.vote.flip_in_s for ballot in heard])
    opinion = (belief, reason, detail)
    return Voice(vantage, nodes, *opinion, bool(fresh), age_s, state, flip_in_s, not trusted, len(agreeing))


def most_common(sayings: Sequence[Vote] | Sequence[Voice]) -> tuple[Reason, str]:
    """Returns the most common reason and its most common detail; the first wins a tie."""
    if not sayings:
        return Reason.UNREAD, ""
    first = sayings[0]
    if all(saying.reason is first.reason and saying.detail == first.detail for saying in sayings):
        return first.reason, first.detail
    [(reason, _)] = Counter([saying.reason for saying in sayings]).most_common(1)
    [(detail, _)] = Counter([saying.detail for saying in sayings if saying.reason is reason]).most_common(1)
    return reason, detail
