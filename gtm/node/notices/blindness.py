"""Notices of blindness: a log line and an event when no vote counts at this node, and when one counts again.

What comes in: the checks of this node, and at every merge the probes whose votes count. The first notice waits: after
a start no report was heard yet. It waits longer after a change of the checks: each probe reads the zone files at
another time, and votes after its first check. Its state: since when the node is blind, until when the notice waits,
and the problem that was logged.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from gtm.checks.model import Check
from gtm.event import Event, EventKind
from gtm.ids import CheckId, NodeName
from gtm.node.events.recorder import EventRecorder
from gtm.node.notices.roll_out import GRACE_S, ROLL_OUT_S, sooner, vote_limits

WORDS = "no vote of any probe counts at this node: it goes on with what it knew last, and fails nothing over"

MAX_NAMED = 3

log = logging.getLogger(__name__)


def _nobody() -> AbstractSet[NodeName]:
    return frozenset()


class Blindness:
    """Logs and records when no vote of any probe counts at this node, and when one counts again."""

    def __init__(self, node: NodeName, recorder: EventRecorder) -> None:
        self._node = node
        self._recorder = recorder
        self._since: float | None = None
        self._limits: Mapping[CheckId, float] | None = None
        """For how long a vote on each check counts, in seconds; None before the first call of `watch`."""
        self._is_voted_on = False
        self._waits = False
        """Whether it is too early to report that this node is blind."""
        self._waits_until = float("-inf")
        self._has_seen = False
        self._voting: AbstractSet[NodeName] = frozenset()
        self._elsewhere: AbstractSet[NodeName] = frozenset()
        """The probes that vote only on other checks than those of this node, as of the last merge."""
        self.problem = ""
        """The problem to show to people now; empty while some vote counts."""

    def watch(self, checks: Iterable[Check], *, now: float) -> None:
        """Takes the checks of this node from now on; `now` is monotonic seconds.

        Checks that only wait for heartbeats do not make the node blind: nobody votes on them before the first
        heartbeat, which may take up to their `ttl`.
        """
        known = {check.id: check for check in checks}
        was_blind, before = self.is_blind, self._limits
        self._limits = vote_limits(known.values())
        voted_on = [name for name, check in known.items() if check.monitor.type.asks]
        self._is_voted_on = bool(voted_on)
        if before is not None and not was_blind and voted_on and any(sooner(before, self._limits)):
            self._waits = True
            self._waits_until = now + max(ROLL_OUT_S, min(self._limits[name] for name in voted_on))

    @property
    def is_blind(self) -> bool:
        """Returns whether there are checks that probes make, and no vote counted at the last merge."""
        return self._is_voted_on and not self._voting

    @property
    def is_cut_off(self) -> bool:
        """Returns whether this node is blind, for long enough, and hears no probe that votes on any check.

        Probes that vote on other checks have other zone files, as in the middle of a roll-out. All nodes with the new
        zone files are blind then, and none of them should leave the service for that.
        """
        return self.is_blind and not self._waits and not self._elsewhere

    def look(
        self,
        voting: AbstractSet[NodeName],
        elsewhere: Callable[[], AbstractSet[NodeName]] = _nobody,
        *,
        now: float,
    ) -> None:
        """Logs and records when this node became blind, or is blind no longer.

        `voting` are the probes whose votes count, and `now` is monotonic seconds. `elsewhere` returns the probes that
        vote only on other checks; it is called only while no vote counts.
        """
        self._voting = voting
        self._has_seen |= bool(voting)
        if not self.is_blind:
            self._since, self._elsewhere = None, frozenset()
            self._waits = self._waits and not voting
            if self.problem:
                self.problem = ""
                self._tell(EventKind.NODE_SEES, logging.INFO, self._why_over())
            return
        self._since = now if self._since is None else self._since
        self._elsewhere = elsewhere()
        is_early = now < max(self._since + GRACE_S, self._waits_until)
        self._waits = is_early and (self._has_seen or now < self._waits_until)
        if not self.problem and is_early:
            return
        before, self.problem = self.problem, WORDS + _others(self._elsewhere)
        if not before:
            self._tell(EventKind.NODE_BLIND, logging.WARNING, self.problem)

    def _why_over(self) -> str:
        if self._voting:
            return "votes of probes count at this node again"
        return f"there is nothing to check any more{' but what waits for heartbeats' if self._limits else ''}"

    def _tell(self, kind: EventKind, level: int, message: str) -> None:
        log.log(level, "%s", message)
        self._recorder.record(Event(kind, self._node, message))


def _others(nodes: AbstractSet[NodeName]) -> str:
    if not nodes:
        return ""
    named = sorted(nodes)[:MAX_NAMED]
    names = ", ".join(named) + (f" and {len(nodes) - len(named)} more" if len(nodes) > len(named) else "")
    return f"; it hears {names} vote on other checks than its own: do all nodes have the same zone files?"
