"""Blindness told: a line of the log and an event when no vote counts at this node, and when one does again.

What comes in: what is to be checked, and at every merge the probes whose votes count. It waits for a moment, as at a
start nobody was heard yet. Its state is since when the node is blind, and what was told.
"""

import logging
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from gtm.health.event import Event, EventKind
from gtm.ids import NodeName
from gtm.node.chronicle import Chronicle
from gtm.zone.model import Check
from gtm.zone.settings import CalculatedSettings, PushSettings

GRACE_S = 5.0
"""For the first polls and checks after a start; as for the quorum (health.py)."""

WORDS = "no vote of any probe counts at this node: it goes on with what it knew last, and fails nothing over"

log = logging.getLogger(__name__)


class Blindness:
    """Tells that a node hears nobody."""

    def __init__(self, node: NodeName, chronicle: Chronicle) -> None:
        self._node = node
        self._chronicle = chronicle
        self._since: float | None = None
        self._is_voted_on = False
        self._voting: AbstractSet[NodeName] = frozenset()
        self.problem = ""
        """What is to be shown now; nothing while some vote counts."""

    def watch(self, checks: Iterable[Check]) -> None:
        """Takes what is to be checked now.

        Of what only waits for heartbeats nobody may vote before the first of them comes, which takes up to its `ttl`.
        """
        waiting = (PushSettings, CalculatedSettings)
        self._is_voted_on = any(not isinstance(check.monitor.settings, waiting) for check in checks)

    @property
    def is_blind(self) -> bool:
        """Returns whether something is to be checked, and nobody's vote counted at the last merge."""
        return self._is_voted_on and not self._voting

    def look(self, voting: AbstractSet[NodeName], *, now: float) -> None:
        """Tells what is new; `voting` are the probes whose votes count, and `now` is monotonic seconds."""
        self._voting = voting
        if not self.is_blind:
            self._since = None
            if self.problem:
                self.problem = ""
                self._tell(EventKind.NODE_SEES, logging.INFO, "votes of probes count at this node again")
            return
        self._since = now if self._since is None else self._since
        if not self.problem and now - self._since >= GRACE_S:
            self.problem = WORDS
            self._tell(EventKind.NODE_BLIND, logging.WARNING, WORDS)

    def _tell(self, kind: EventKind, level: int, words: str) -> None:
        log.log(level, "%s", words)
        self._chronicle.record(Event(kind, self._node, words))
