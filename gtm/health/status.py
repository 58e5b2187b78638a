"""The status: what this node believes of every endpoint, after merging the reports by quorum.

What comes in: the last status, the book of reports, what is watched, and the time as two arguments. What goes out:
the next status; and between two of them, who changed. One vote is one probe's; one voice is one vantage's:

    1. A vote is fresh while its reading is at most 3 intervals + the timeout old. A vote of UNKNOWN abstains.
    2. The voice of a vantage is what most of its fresh votes say; a tie inside a vantage abstains.
    3. With fewer fresh voices than the quorum asks for, the last belief stands, and the check is `frozen`.
    4. Otherwise the quorum's rule decides; where it decides nothing, the last belief stands.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from gtm.health.belief import Belief
from gtm.health.book import Book
from gtm.health.earliest import soonest_s
from gtm.health.quorum import Quorum, decide
from gtm.health.reading import Reason
from gtm.health.report import Vote
from gtm.health.verdict import VerdictState, state_among
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
    """UNKNOWN abstains: no probe knows, or they are divided."""
    reason: Reason
    detail: str
    fresh: bool
    age_s: float
    """Of the youngest reading behind it."""
    state: VerdictState = VerdictState.UNKNOWN
    flip_in_s: float = 0.0
    """From the last reading to the earliest one that could change it; 0: at any time."""

    @property
    def counts(self) -> bool:
        """Returns whether the quorum counts it."""
        return self.fresh and self.belief is not Belief.UNKNOWN


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """What this node believes of one check, and on whose word."""

    belief: Belief
    since: float
    """Wall seconds of the change to this belief, as this node saw it."""
    reason: Reason = Reason.UNREAD
    """Of most of the voices that agree with the belief."""
    detail: str = ""
    votes: tuple[Voice, ...] = ()
    """Every vantage's voice, sorted by vantage."""
    frozen: bool = False
    """Too few fresh voices: the last belief stands."""
    flip_in_s: float = 0.0
    """How soon the first of the voices could change, see Voice; 0 while nobody is heard."""

    @property
    def state(self) -> VerdictState:
        """Returns what is believed in one word, for people."""
        return state_among(self.belief, [voice.state for voice in self.votes if voice.counts])


@dataclass(frozen=True, slots=True)
class Status:
    """What this node believes of every check that it watches."""

    checks: Mapping[CheckId, CheckStatus] = field(default_factory=dict)

    def belief(self, check: CheckId) -> Belief:
        """Returns what is believed of a check; UNKNOWN of one never heard of."""
        known = self.checks.get(check)
        return Belief.UNKNOWN if known is None else known.belief

    @property
    def frozen(self) -> tuple[CheckId, ...]:
        """Returns the checks whose last belief stands for want of fresh voices, sorted."""
        return tuple(sorted(check for check, status in self.checks.items() if status.frozen))


NO_STATUS = Status()


@dataclass(frozen=True, slots=True)
class Change:
    """One check that this node changed its mind about."""

    check: CheckId
    before: Belief
    after: CheckStatus

    def __str__(self) -> str:
        counted = [voice for voice in self.after.votes if voice.counts]
        agreeing = sum(voice.belief is self.after.belief for voice in counted)
        why = f"{self.after.reason.value} {self.after.detail}".strip()
        arrow = f"{self.before.name} -> {self.after.belief.name}"
        return f"check {self.check}: {arrow} ({agreeing} of {len(counted)} voices: {why})"


def merge(
    previous: Status,
    book: Book,
    watched: Mapping[CheckId, Freshness],
    quorum: Quorum,
    *,
    now: float,
    wall: float,
) -> Status:
    """Returns the status after hearing this book; checks that are no longer watched leave it."""
    ballots = _ballots_by_check(book, watched, now=now)
    return Status(
        {
            check: _decided(previous.checks.get(check), _voices(cast), quorum, wall=wall)
            for check, cast in ballots.items()
        }
    )


def flipped(before: Status, after: Status) -> frozenset[CheckId]:
    """Returns the checks that are believed otherwise than before; empty when a plan need not change."""
    was = before.checks
    # this runs at every merge over every check: the same object is the same belief, and costs no more to see
    touched = [check for check, one in after.checks.items() if was.get(check) is not one] + list(
        was.keys() - after.checks.keys()
    )
    return frozenset(check for check in touched if before.belief(check) is not after.belief(check))


def retimed(before: Status, after: Status) -> frozenset[CheckId]:
    """Returns the checks that could change sooner or later than they could before."""
    was = before.checks
    return frozenset(
        check
        for check, one in after.checks.items()
        if (old := was.get(check)) is not one and (old is None or old.flip_in_s != one.flip_in_s)
    )


def changes(before: Status, after: Status) -> tuple[Change, ...]:
    """Returns the changes of mind about what is still watched, sorted; each is one line of the log."""
    return tuple(
        Change(check, before.belief(check), after.checks[check])
        for check in sorted(flipped(before, after))
        if check in after.checks
    )


class _Ballot(NamedTuple):
    """One probe's vote on one check, with its age now."""

    node: NodeName
    vantage: VantageName
    vote: Vote
    age_s: float
    fresh: bool


def _ballots_by_check(
    book: Book, watched: Mapping[CheckId, Freshness], *, now: float
) -> Mapping[CheckId, list[_Ballot]]:
    """Returns the ballots on every watched check, sorted by vantage and node."""
    found: dict[CheckId, list[_Ballot]] = {check: [] for check in watched}
    limits_s = {check: freshness.limit_s for check, freshness in watched.items()}
    for heard in sorted(book.by_node.values(), key=lambda heard: (heard.report.vantage, heard.report.node)):
        node, vantage = heard.report.node, heard.report.vantage
        waited_s = max(0.0, now - heard.heard_at)
        for check, vote in heard.report.votes.items():
            if check in found:
                age_s = vote.age_s + waited_s
                found[check].append(_Ballot(node, vantage, vote, age_s, age_s <= limits_s[check]))
    return found


def _voices(ballots: list[_Ballot]) -> tuple[Voice, ...]:
    return tuple(_voice(vantage, list(group)) for vantage, group in groupby(ballots, key=attrgetter("vantage")))


def _voice(vantage: VantageName, ballots: list[_Ballot]) -> Voice:
    if len(ballots) == 1:  # most vantages have one probe, and a node with thousands of checks merges every second
        [(node, _, vote, age_s, is_fresh)] = ballots
        said = (vote.belief, vote.reason, vote.detail)
        return Voice(vantage, (node,), *said, is_fresh, age_s, vote.state, vote.flip_in_s)
    fresh = [ballot for ballot in ballots if ballot.fresh]
    heard = fresh or ballots
    ups = sum(ballot.vote.belief is Belief.UP for ballot in heard)
    downs = sum(ballot.vote.belief is Belief.DOWN for ballot in heard)
    belief = Belief.UNKNOWN if ups == downs else (Belief.UP if ups > downs else Belief.DOWN)
    reason, detail = _most_common([ballot.vote for ballot in heard if ballot.vote.belief is belief])
    nodes = tuple([ballot.node for ballot in heard])
    age_s = min([ballot.age_s for ballot in heard])
    state = state_among(belief, [ballot.vote.state for ballot in heard])
    flip_in_s = soonest_s([ballot.vote.flip_in_s for ballot in heard])
    return Voice(vantage, nodes, belief, reason, detail, bool(fresh), age_s, state, flip_in_s)


def _decided(last: CheckStatus | None, voices: tuple[Voice, ...], quorum: Quorum, *, wall: float) -> CheckStatus:
    before = CheckStatus(Belief.UNKNOWN, wall) if last is None else last
    counted = [voice for voice in voices if voice.counts]
    if len(counted) < quorum.voters:
        return CheckStatus(before.belief, before.since, before.reason, before.detail, voices, frozen=True)
    ups = sum(voice.belief is Belief.UP for voice in counted)
    decision = decide(ups, len(counted) - ups, quorum.rule)
    belief = before.belief if decision is Belief.UNKNOWN else decision
    since = before.since if belief is before.belief else wall
    agreeing = [voice for voice in counted if voice.belief is belief]
    reason, detail = _most_common(agreeing) if agreeing else (before.reason, before.detail)
    flip_in_s = soonest_s([voice.flip_in_s for voice in voices if voice.fresh])
    return CheckStatus(belief, since, reason, detail, voices, flip_in_s=flip_in_s)


def _most_common(sayings: Sequence[Vote] | Sequence[Voice]) -> tuple[Reason, str]:
    """Returns the most common reason and its most common detail; the first wins a tie."""
    if not sayings:
        return Reason.UNREAD, ""
    first = sayings[0]
    if all(each.reason is first.reason and each.detail == first.detail for each in sayings):
        return first.reason, first.detail
    [(reason, _)] = Counter([each.reason for each in sayings]).most_common(1)
    [(detail, _)] = Counter([each.detail for each in sayings if each.reason is reason]).most_common(1)
    return reason, detail
