"""How long failovers take, as far as this node sees them: two histograms, for what went down after it was up.

    detection      first bad reading of those that took it down -> verdict          this node's probe, monotonic time
    convergence    verdict of the first probe that says so -> plan in the engine    every node; clocks of two machines

What comes in: readings, verdicts, state changes, and each plan as the engine has it. What goes out: families. What
changes no plan, for a rule of safety or a person holds it, is no failover; what changes it late is one, and took as
long. Where the other machine's clock is ahead a convergence counts as 0 s: it is as exact as the clocks agree.
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
"""The usual failover takes 5 to 15 s; what takes a minute is held by a rule, or waits for a quorum."""


class Failovers:
    """Measures failovers. It has state: one lives in a node."""

    def __init__(self) -> None:
        self._recent: dict[CheckId, tuple[tuple[float, bool], ...]] = {}
        """When the last readings of each check began, and whether they were good."""
        self._believed: dict[CheckId, Belief] = {}
        self._down_since: dict[CheckId, float] = {}
        """When the first probe said that a check is down, until the plan follows; wall seconds."""
        self._detection = Tally(BOUNDS_S)
        self._convergence = Tally(BOUNDS_S)

    def watch(self, checks: Iterable[Check]) -> None:
        """Forgets what is not among these checks."""
        wanted = {check.id for check in checks}
        self._recent = {check: pair for check, pair in self._recent.items() if check in wanted}
        self._believed = {check: pair for check, pair in self._believed.items() if check in wanted}
        self._down_since = {check: pair for check, pair in self._down_since.items() if check in wanted}

    def read(self, check: Check, reading: Reading, *, now: float) -> None:
        """Takes a reading of this node's probe that has just ended."""
        if reading.reason is Reason.UNREAD:
            return
        policy = verdict_policy(check.monitor)
        length = max(policy.fall, policy.window.of if policy.window else 0)
        # a tuple: of thousands of checks, each deque takes half a kilobyte
        self._recent[check.id] = (*self._recent.get(check.id, ()), (now - reading.took_s, reading.ok))[-length:]

    def judged(self, check: Check, verdict: Verdict, *, now: float) -> float | None:
        """Takes a verdict of this node's probe that has just changed; returns how long it took to find a failure."""
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
        """Takes state changes, before the plan that follows them."""
        for change in changes:
            self._down_since.pop(change.check, None)
            if change.before is Belief.UP and change.after.belief is Belief.DOWN:
                self._down_since[change.check] = _first_verdict_at(change, book, now=wall)

    def swapped(self, before: Plan, after: Plan, *, wall: float) -> None:
        """Takes the plan that the engine has from now on, and the one before."""
        for check in [check for check in self._down_since if _moved(check, before, after)]:
            self._convergence.add(max(0.0, wall - self._down_since.pop(check)))

    def followed(self) -> None:
        """Takes that the plan follows all changes by now: those that moved nothing are no failovers."""
        self._down_since.clear()

    def families(self) -> tuple[Family, ...]:
        """Returns the measurements so far; any thread may ask."""
        return (
            Family(DETECTION, (Point({}, self._detection.distribution()),)),
            Family(CONVERGENCE, (Point({}, self._convergence.distribution()),)),
        )


def _moved(check: CheckId, before: Plan, after: Plan) -> bool:
    """Returns whether any service that a check can change is answered otherwise; another TTL alone is no failover."""
    services = after.watchers.get(check, ())
    return any(_spread(after, name) != _spread(before, name) for name in services)


def _spread(plan: Plan, name: ServiceId) -> CellAnswers | None:
    decided = plan.decisions.get(name)
    return None if decided is None else decided.spread


MOST_S = 3600.0
"""A verdict that is said to be older is no part of this failover: its probe is wrong, or wants the figure to be."""


def _first_verdict_at(change: Change, book: Book, *, now: float) -> float:
    nodes = [node for voice in change.after.votes if voice.counts for node in voice.nodes if node in book.by_node]
    votes = [book.by_node[node].report.votes.get(change.check) for node in nodes]
    downs = [vote.since for vote in votes if vote is not None and vote.belief is Belief.DOWN]
    return min((since for since in downs if now - MOST_S <= since <= now), default=now)
