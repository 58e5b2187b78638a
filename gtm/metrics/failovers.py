"""How long failovers take, as far as this node sees them: two histograms, for endpoints that were up and went down.

    detection      first bad reading of those that made it down -> verdict          this node's probe, monotonic time
    convergence    first probe's verdict that it is down -> plan in the engine      every node; clocks of two machines

What comes in: readings, verdicts, state changes, and each plan as the engine has it. What goes out: families. A
change that changes no plan, because of a safety rule or an override, is no failover; one that changes it late counts
with its full time. Where the other machine's clock is ahead, a convergence counts as 0 s: it depends on both clocks.
"""

from collections.abc import Iterable

from gtm.checks.model import Check
from gtm.checks.policy import verdict_policy
from gtm.health.belief import Belief
from gtm.health.consensus.delta import Change
from gtm.health.report.book import Book
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, ServiceId
from gtm.metrics.histogram import Tally
from gtm.metrics.model import Family, Metric, MetricKind, Point
from gtm.plan.model import Plan
from gtm.plan.outcome import CellAnswers

DETECTION = Metric(
    "gtm_failover_detection_seconds",
    "gtm.failover.detection",
    MetricKind.HISTOGRAM,
    "Time from the first bad reading of an endpoint that was up to this probe's verdict that it is down.",
    "s",
)
CONVERGENCE = Metric(
    "gtm_failover_convergence_seconds",
    "gtm.failover.convergence",
    MetricKind.HISTOGRAM,
    "Time from the first probe's verdict that an endpoint is down to the plan without it in this node's engine.",
    "s",
)

BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0)
"""Bounds in seconds. A usual failover takes 5 to 15 s; one that takes a minute was delayed by a safety rule or a
missing quorum."""


class Failovers:
    """Measures failovers. It has state: each node has one object."""

    def __init__(self) -> None:
        self._recent: dict[CheckId, tuple[tuple[float, bool], ...]] = {}
        """The start times, in monotonic seconds, of the last readings of each check, each with whether it was good."""
        self._believed: dict[CheckId, Belief] = {}
        self._down_since: dict[CheckId, float] = {}
        """The time of the first verdict that a check is down, until a plan follows it; Unix time in seconds."""
        self._detection = Tally(BOUNDS_S)
        self._convergence = Tally(BOUNDS_S)

    def watch(self, checks: Iterable[Check]) -> None:
        """Removes the measurements of all checks that are not among these."""
        wanted = {check.id for check in checks}
        self._recent = {check: pair for check, pair in self._recent.items() if check in wanted}
        self._believed = {check: pair for check, pair in self._believed.items() if check in wanted}
        self._down_since = {check: pair for check, pair in self._down_since.items() if check in wanted}

    def read(self, check: Check, reading: Reading, *, now: float) -> None:
        """Stores a reading of this node's probe that has just ended; `now` is monotonic seconds."""
        if reading.reason is Reason.UNREAD:
            return
        policy = verdict_policy(check.monitor)
        length = max(policy.fall, policy.window.of if policy.window else 0)
        # a tuple: there are thousands of checks, and each deque would take half a kilobyte
        self._recent[check.id] = (*self._recent.get(check.id, ()), (now - reading.took_s, reading.ok))[-length:]

    def judged(self, check: Check, verdict: Verdict, *, now: float) -> float | None:
        """Measures a changed verdict of this node's probe; `now` is monotonic seconds.

        Returns the seconds since the first bad reading when the check went from up to down; else None.
        """
        before, self._believed[check.id] = self._believed.get(check.id), verdict.belief
        if before is not Belief.UP or verdict.belief is not Belief.DOWN:
            return None
        recent = self._recent.get(check.id, ())
        if verdict.bad_run >= verdict_policy(check.monitor).fall:
            recent = recent[-verdict.bad_run :]
        bad = [began_at for began_at, is_good in recent if not is_good]
        if not bad:
            return None
        self._detection.add(now - bad[0])
        return now - bad[0]

    def changed(self, changes: Iterable[Change], book: Book, *, wall: float) -> None:
        """Stores state changes, before the plan that follows them; `wall` is Unix time in seconds."""
        for change in changes:
            self._down_since.pop(change.check, None)
            if change.before is Belief.UP and change.after.belief is Belief.DOWN:
                self._down_since[change.check] = _first_verdict_at(change, book, now=wall)

    def swapped(self, before: Plan, after: Plan, *, wall: float) -> None:
        """Measures the failovers that the engine's new plan, `after`, completes; `wall` is Unix time in seconds."""
        for check in [check for check in self._down_since if _moved(check, before, after)]:
            self._convergence.add(max(0.0, wall - self._down_since.pop(check)))

    def followed(self) -> None:
        """Removes all pending changes once the plan follows them: a change that moved no answer is no failover."""
        self._down_since.clear()

    def families(self) -> tuple[Family, ...]:
        """Returns both histograms so far. It may be called from any thread."""
        return (
            Family(DETECTION, (Point({}, self._detection.distribution()),)),
            Family(CONVERGENCE, (Point({}, self._convergence.distribution()),)),
        )


def _moved(check: CheckId, before: Plan, after: Plan) -> bool:
    """Returns whether the new plan answers a service of this check otherwise; another TTL alone does not count."""
    services = after.watchers.get(check, ())
    return any(_spread(after, name) != _spread(before, name) for name in services)


def _spread(plan: Plan, name: ServiceId) -> CellAnswers | None:
    decided = plan.decisions.get(name)
    return None if decided is None else decided.spread


MOST_S = 3600.0
"""Most seconds that a verdict may be old. One said to be older is no part of this failover: its probe is wrong
or lies."""


def _first_verdict_at(change: Change, book: Book, *, now: float) -> float:
    nodes = [node for voice in change.after.votes if voice.counts for node in voice.nodes if node in book.by_node]
    votes = [book.by_node[node].report.votes.get(change.check) for node in nodes]
    downs = [vote.since for vote in votes if vote is not None and vote.belief is Belief.DOWN]
    return min((since for since in downs if now - MOST_S <= since <= now), default=now)
