"""The merger: computes the status after every report, deciding again only the checks that may have changed.

What comes in: the arguments of `merge` (status.py), again and again. What goes out: the delta from the last status to
the one that `merge` would return; None when they are the same. Between two calls it decides only these checks again:

    - those on which a vote in a new report differs from the last one, is new or is gone
    - those with a vote that became too old, or fresh again
    - those whose belief has been frozen for `stale_hold_s`

It decides all checks again when a probe enters or leaves quarantine, and when the neighbours of a vantage change.

It must not remember a decision: decisions are in the status that it is given.
"""

import math
from collections.abc import Iterable, Mapping

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.local_view import NO_NEIGHBOURS, Neighbours, neighbours, positions
from gtm.health.consensus.outliers import Standings, judged, quarantined
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import Status, decided, merge
from gtm.health.consensus.voices import Freshness, in_order, voices_on
from gtm.health.report.book import Book, Heard
from gtm.ids import CheckId, NodeName, VantageName

EARLY_S = 1e-6
"""Votes are examined this many seconds before they become too old, because sums of floats are not exact."""

DEFAULT_ROUND_S = 5.0


class Merger:
    """Merges reports into the status. It has state: the last reports, when their votes become old, and reputations."""

    def __init__(self, quorum: Quorum) -> None:
        self._quorum = quorum
        self._watched: Mapping[CheckId, Freshness] = {}
        self._heard: dict[NodeName, Heard] = {}
        self._order: list[Heard] = []
        self._old: dict[NodeName, frozenset[CheckId]] = {}
        """For each node the checks on which its vote is too old to count."""
        self._next_old_at: dict[NodeName, float] = {}
        self._at: Mapping[VantageName, Coordinates] = {}
        self._near: Neighbours = NO_NEIGHBOURS
        self._held: dict[CheckId, float] = {}
        """When each frozen belief becomes UNKNOWN, in monotonic seconds."""
        self._status: Status | None = None
        self._round_s = DEFAULT_ROUND_S
        self.standings: Standings = {}

    def merge(
        self, previous: Status, book: Book, watched: Mapping[CheckId, Freshness], *, now: float, wall: float
    ) -> StatusDelta | None:
        """Returns the delta of the status after merging this book of reports; None if nothing changed.

        `watched` has the checks of this node. `now` is in monotonic seconds, and `wall` in Unix seconds.
        """
        out = quarantined(self.standings)
        if previous is not self._status or watched is not self._watched:
            self._watched = watched
            self._round_s = min((check.interval_s for check in watched.values()), default=DEFAULT_ROUND_S)
            self._heard, self._old, self._next_old_at, self._order = {}, {}, {}, []
            self._follow(book, now=now)
            after = merge(previous, book, watched, self._quorum, now=now, wall=wall, quarantined=out)
            self._held = {}
            self._hold(after, watched)
            delta = StatusDelta.between(previous, after)
        else:
            delta = self._merged(previous, self._dirty(book, now=now), now=now, wall=wall)
        self._status = previous if delta is None else delta.after
        self._judge(now=now)
        return delta

    @property
    def fresh(self) -> frozenset[NodeName]:
        """Returns the probes that have a fresh vote on a watched check."""
        return frozenset([node for node, at in self._next_old_at.items() if at < math.inf])

    def _merged(self, previous: Status, dirty: set[CheckId], *, now: float, wall: float) -> StatusDelta | None:
        out, checks = quarantined(self.standings), dict(previous.checks)
        touched = [check for check in dirty if check in self._watched]
        for check in touched:
            voices = voices_on(check, self._order, self._watched[check], quarantined=out, now=now)
            checks[check] = decided(checks.get(check), voices, self._quorum, now=now, wall=wall, near=self._near)
        if not touched:
            return None
        after = Status(checks)
        self._hold(after, touched)
        return StatusDelta.between(previous, after, among=touched)

    def _dirty(self, book: Book, *, now: float) -> set[CheckId]:
        """Returns the checks to decide again, and records the reports of the book."""
        dirty = self._follow(book, now=now)
        for node, at in self._next_old_at.items():
            if at <= now:
                dirty |= self._note(node, self._heard[node], now=now)
        dirty |= {check for check, at in self._held.items() if at <= now}
        return dirty

    def _follow(self, book: Book, *, now: float) -> set[CheckId]:
        """Returns the checks to decide again because reports in the book differ from the last ones; records these."""
        dirty: set[CheckId] = set()
        gone = self._heard.keys() - book.by_node.keys()
        for node in gone:
            dirty |= self._heard.pop(node).report.votes.keys()
            self._old.pop(node, None)
            self._next_old_at.pop(node, None)
        news = [node for node, heard in book.by_node.items() if self._heard.get(node) is not heard]
        for node in news:
            heard, before = book.by_node[node], self._heard.get(node)
            self._heard[node] = heard
            dirty |= _differences(before, heard) | self._note(node, heard, now=now)
        if news or gone:
            self._order = in_order(self._heard.values())
            dirty |= self._place()
        return dirty

    def _place(self) -> set[CheckId]:
        """Returns the checks to decide again after vantages moved: all if their neighbours changed, else none."""
        at = positions(self._order)
        if at == self._at:
            return set()
        self._at, before = at, self._near
        self._near = neighbours(at)
        return set() if self._near == before else set(self._watched)

    def _note(self, node: NodeName, heard: Heard, *, now: float) -> frozenset[CheckId]:
        """Returns the checks on which a node's vote became too old or fresh again; records when the next will."""
        waited_s = max(0.0, now - heard.heard_at)
        old, next_at = set(), math.inf
        for check, vote in heard.report.votes.items():
            freshness = self._watched.get(check)
            if freshness is None:
                continue
            if vote.age_s + waited_s > freshness.limit_s:
                old.add(check)
            else:
                next_at = min(next_at, heard.heard_at - vote.age_s + freshness.limit_s)
        before, self._old[node] = self._old.get(node, frozenset()), frozenset(old)
        self._next_old_at[node] = next_at - EARLY_S
        return before ^ self._old[node]

    def _hold(self, status: Status, touched: Iterable[CheckId]) -> None:
        """Records for each of these checks that is frozen when its belief becomes UNKNOWN."""
        for check in touched:
            check_status = status.checks[check]
            self._held.pop(check, None)
            if check_status.frozen and check_status.frozen_at is not None and check_status.belief is not Belief.UNKNOWN:
                self._held[check] = check_status.frozen_at + self._quorum.stale_hold_s

    def _judge(self, *, now: float) -> None:
        before = quarantined(self.standings)
        assert self._status is not None
        self.standings = judged(
            self.standings,
            self._order,
            self._status,
            self._watched,
            self._near,
            now=now,
            round_s=self._round_s,
            quorum=self._quorum,
        )
        if quarantined(self.standings) != before:
            self._status = None  # the next merge decides every check again


def _differences(before: Heard | None, after: Heard) -> set[CheckId]:
    """Returns the checks on which a node's vote changed, is new or is gone between two of its reports.

    All its checks if there was no report before, or its vantage changed.
    """
    votes = after.report.votes
    if before is None or before.report.vantage != after.report.vantage:
        return set(votes) if before is None else set(votes) | set(before.report.votes)
    was = before.report.votes
    changed = {check for check, vote in votes.items() if (old := was.get(check)) is None or not vote.says_the_same(old)}
    return changed | (was.keys() - votes.keys())
