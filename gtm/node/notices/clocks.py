"""Notices of clocks: a log line and an event when a clock is wrong, and when it is right again.

What comes in: how the clocks of peers differ from this node's (gtm/health/report/clocks.py). While most peers say that
this node's own clock is wrong, there is no notice about the clocks of those peers. Its state: the nodes whose clock was
reported as wrong.
"""

import logging

from gtm.event import Event, EventKind
from gtm.health.report.clocks import NO_SKEW, Clocks, Skew
from gtm.ids import NodeName
from gtm.node.events.recorder import EventRecorder

OWN = NodeName("this node")
"""What stands for this node among the nodes with a wrong clock."""
LOOK_S = 1.0
"""The least seconds between two looks at the clocks."""

log = logging.getLogger(__name__)


class ClockWatch:
    """Logs and records which nodes have a wrong clock."""

    def __init__(self, clocks: Clocks, recorder: EventRecorder) -> None:
        self._clocks = clocks
        self._recorder = recorder
        self._told: frozenset[NodeName] = frozenset()
        self._looked_at = float("-inf")

    def look(self, *, now: float) -> None:
        """Logs and records clocks that are newly wrong, or right again; looks at most once in LOOK_S.

        `now` is monotonic seconds.
        """
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        skew = self._clocks.look(now=now)
        if skew == NO_SKEW and not self._told:
            return
        before, own = self._told, frozenset({OWN} if skew.against else ())
        # a reported clock stays reported while it is wrong, even if its node outvotes this node's clock meanwhile
        self._told = frozenset(skew.blamed) | own | (before & skew.off)
        for node in sorted(self._told - before):
            self._tell(EventKind.CLOCK_OFF, node, _words(skew, node), skew)
        for node in sorted(before - self._told):
            what = "this node's clock" if node == OWN else f"the clock of peer {node}"
            self._tell(EventKind.CLOCK_RIGHT, node, f"{what} is no longer seen to be off", skew)

    def _tell(self, kind: EventKind, node: NodeName, message: str, skew: Skew) -> None:
        log.log(logging.WARNING if kind is EventKind.CLOCK_OFF else logging.INFO, "%s", message)
        ahead_s = skew.own_s if node == OWN else skew.ahead.get(node, 0.0)
        self._recorder.record(Event(kind, node, message, {"ahead_s": round(ahead_s, 3)}))


def _words(skew: Skew, node: NodeName) -> str:
    return skew.own_words if node == OWN else skew.words(node)
