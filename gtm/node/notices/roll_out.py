"""Roll-outs: probes read zone files in their own time, and vote on what is new once they have checked it.

What comes in: what was checked until a push, and what is to be checked since. What goes out: which checks may be
without votes for now, and who still votes as before. Blindness, the quorum and silence are told later for that.
"""

import math
from collections.abc import Iterable, Mapping

from gtm.checks.model import Check
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import Book
from gtm.ids import CheckId, NodeName

GRACE_S = 5.0
"""After a start, for the first voices to be heard: a poll of each peer, and a first round of checks."""

ROLL_OUT_S = 60.0
"""After a change of what is checked, for the first votes on it; longer where a vote counts for longer."""

Limits = Mapping[CheckId, float]
"""For how long a vote on each check counts, in seconds."""


def vote_limits(checks: Iterable[Check]) -> Limits:
    """Returns for how long votes on these checks count."""
    return {check.id: Freshness(check.monitor.interval_s, check.monitor.timeout_s).limit_s for check in checks}


def sooner(before: Limits, after: Limits) -> Iterable[CheckId]:
    """Yields the checks that are new, and those whose votes grow old sooner than before."""
    return (check for check, limit_s in after.items() if limit_s < before.get(check, math.inf))


def voting(book: Book, limit_s: float, *, now: float) -> frozenset[NodeName]:
    """Returns the probes with a vote on anything that is at most so old."""
    return frozenset(
        node
        for node, heard in book.by_node.items()
        if any(vote.is_cast and vote.age_s + now - heard.heard_at <= limit_s for vote in heard.report.votes.values())
    )


class FormerLimits:
    """For how long votes counted on checks where they grow old sooner since a push.

    Probes read it in their own time: a probe that votes as often as it should have before the push is not silent.
    """

    def __init__(self) -> None:
        self._limits: dict[CheckId, tuple[float, float]] = {}
        """Of each such check the limit of before in seconds, and until when it matters."""

    def watch(self, before: Iterable[Check], after: Iterable[Check], *, now: float) -> None:
        """Takes what is to be checked now, and what was until now."""
        was, wanted = vote_limits(before), vote_limits(after)
        known = {check: limit for check, limit in self._limits.items() if check in wanted and now < limit[1]}
        for check in sooner(was, wanted):
            if check in was:
                limit_s = max(was[check], known[check][0] if check in known else 0.0)
                known[check] = limit_s, now + max(ROLL_OUT_S, wanted[check])
        self._limits = known

    def voting(self, book: Book, *, now: float) -> frozenset[NodeName]:
        """Returns the probes of which a vote would count by the limits of before."""
        limits = {check: limit_s for check, (limit_s, until) in self._limits.items() if now < until}
        return frozenset(
            node
            for node, heard in book.by_node.items()
            if any(
                (vote := heard.report.votes.get(check)) is not None
                and vote.is_cast
                and vote.age_s + now - heard.heard_at <= limit_s
                for check, limit_s in limits.items()
            )
        )
