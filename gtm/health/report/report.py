"""A report: what one probe believes of everything it checks, with an edition that only grows.

What comes in: verdicts. What goes out: the value that nodes share. gtm/health/report/envelope.py signs it, composes it
into bytes, and parses bytes of strangers back into it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict, VerdictState
from gtm.ids import CheckId, NodeName, VantageName


class Edition(NamedTuple):
    """Orders the reports of one node: the epoch grows with every restart, the serial with every report."""

    epoch: int
    serial: int


MAX_REPORTS_PER_S = 100
"""Five times what a probe can publish (gtm/share/publisher.py)."""


NEVER_READ_AGE_S = 10 * 86_400.0
"""Of what was never read: no vote of this age is fresh, whatever the interval."""


def excess(edition: Edition, *, wall: float, skew_s: float) -> str:
    """Returns the reason why an edition cannot be a node's of now, by clocks that differ by `skew_s` at most.

    Nothing if it can.  An epoch is the wall time of a start in milliseconds. Whoever could get an edition of the future
    heard, with a key that was stolen, would have the node itself taken for a replay until then.
    """
    ahead_s = edition.epoch / 1000 - wall
    if ahead_s > skew_s:
        return f"its epoch is {ahead_s:.0f} s ahead of now"
    if edition.serial > MAX_REPORTS_PER_S * (skew_s - ahead_s):
        return f"its serial is {edition.serial}, more than it could have published since its epoch"
    return ""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one probe believes of one check."""

    belief: Belief
    reason: Reason
    detail: str
    age_s: float
    """Since the last reading, when the report was made: ages need no common clock."""
    since: float
    """Wall seconds, by the reporter's clock, of the change to this belief."""
    state: VerdictState = VerdictState.UNKNOWN
    """The verdict in one word, for people."""
    flip_in_s: float = 0.0
    """From the last reading to the earliest one that could change the belief; 0: at any time."""

    @property
    def is_cast(self) -> bool:
        """Returns whether the vote is based on a reading."""
        return self.reason is not Reason.UNREAD

    def says_the_same(self, other: "Vote") -> bool:
        """Returns whether two votes differ in nothing but age; this runs for every vote of every report."""
        return (
            self.belief is other.belief
            and self.reason is other.reason
            and self.since == other.since
            and self.detail == other.detail
            and self.state is other.state
            and self.flip_in_s == other.flip_in_s
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All verdicts of one probe at one moment."""

    node: NodeName
    vantage: VantageName
    epoch: int
    serial: int
    made_at: float
    """Wall seconds by the reporter's clock."""
    votes: Mapping[CheckId, Vote]
    overrides: tuple[str, ...] = ()
    """What people said, at this node and at others, each still signed (gtm/health/override/signed.py)."""
    at: Coordinates | None = None
    """Where the probe looks from; None where its node file does not say."""

    @property
    def votes_on_something(self) -> bool:
        """Returns whether at least one vote of the report is based on a reading."""
        return any(vote.is_cast for vote in self.votes.values())

    @property
    def edition(self) -> Edition:
        """Returns the key that orders this report among those of its node."""
        return Edition(self.epoch, self.serial)


def votes_of(verdicts: Mapping[CheckId, Verdict], *, now: float) -> Mapping[CheckId, Vote]:
    """Returns the votes that verdicts make; checks without a reading yet have none, or one that says why not."""
    return {
        check: _vote(verdict, now=now)
        for check, verdict in sorted(verdicts.items())
        if verdict.reason is not Reason.UNREAD or verdict.unread
    }


def _vote(verdict: Verdict, *, now: float) -> Vote:
    """Returns the vote of a verdict; without a reading it says why, for people, and is too old to count."""
    if verdict.reason is Reason.UNREAD:
        return Vote(Belief.UNKNOWN, Reason.UNREAD, verdict.unread, NEVER_READ_AGE_S, 0.0)
    why = (Reason.UNREAD, verdict.unread) if verdict.unread else (verdict.reason, verdict.detail)
    age_s, flip_in_s = _age(now - verdict.read_at), _age(verdict.flip_in_s)
    return Vote(verdict.belief, *why, age_s, verdict.since, verdict.state_at(now), flip_in_s)


def _age(seconds: float) -> float:
    # Milliseconds are finer than any interval, and shorter on the wire.
    return round(max(0.0, seconds), 3)
