"""Roll-outs: each probe reads changed zone files at another time, and votes on new checks only after its first check.

What comes in: the checks before a push of zone files, and the checks after it. What goes out: which checks may be
without votes for now, and which probes still vote as often as before. So notices of blindness, of a lost quorum and of
silent probes wait until the roll-out is over.
"""

import math
from collections.abc import Iterable, Mapping

from gtm.checks.model import Check
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import Book
from gtm.ids import CheckId, NodeName

GRACE_S = 5.0
"""The seconds to wait for the first voices after a start: for a poll of each peer, and a first round of checks."""

ROLL_OUT_S = 60.0
"""The seconds to wait for the first votes after a change of the checks; longer where a vote counts for longer."""

Limits = Mapping[CheckId, float]
"""For how long a vote on each check counts, in seconds."""


def vote_limits(checks: Iterable[Check]) -> Limits:
    """Returns for how long a vote on each of these checks counts, in seconds."""
    return {check.id: Freshness(check.monitor.interval_s, check.monitor.timeout_s).limit_s for check in checks}


def sooner(before: Limits, after: Limits) -> Iterable[CheckId]:
    """Yields the checks that are new in `after`, and those whose votes count for a shorter time than in `before`."""
    return (check for check, limit_s in after.items() if limit_s < before.get(check, math.inf))


def voting(book: Book, limit_s: float, *, now: float) -> frozenset[NodeName]:
    """Returns the probes that have a vote, on any check, that is at most `limit_s` seconds old."""
    return frozenset(
        node
        for node, heard in book.by_node.items()
        if any(vote.is_cast and vote.age_s + now - heard.heard_at <= limit_s for vote in heard.report.votes.values())
    )


class FormerLimits:
    """Remembers the longer limits of votes from before a push that made them shorter.

    Each probe reads the push at another time: one that votes as often as it had to before the push is not silent.
    """

    def __init__(self) -> None:
        self._limits: dict[CheckId, tuple[float, float]] = {}
        """For each such check: the former limit in seconds, and the monotonic time until which it is remembered."""

    def watch(self, before: Iterable[Check], after: Iterable[Check], *, now: float) -> None:
        """Takes the checks before a push and after it, and remembers each limit that became shorter."""
        was, wanted = vote_limits(before), vote_limits(after)
        known = {check: limit for check, limit in self._limits.items() if check in wanted and now < limit[1]}
        for check in sooner(was, wanted):
            if check in was:
                limit_s = max(was[check], known[check][0] if check in known else 0.0)
                known[check] = limit_s, now + max(ROLL_OUT_S, wanted[check])
        self._limits = known

    def voting(self, book: Book, *, now: float) -> frozenset[NodeName]:
        """Returns the probes that have a vote that would still count by the former limits."""
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
