"""State changes -> how often each check changed its state at this node, and to which.

What comes in: what is watched, and each change. What goes out: a family with every belief of every watched check, from
0 on. A check that is watched no longer is forgotten, so that it stays as small as the zones are.
"""

from collections import Counter
from collections.abc import Iterable

from gtm.checks.model import Check
from gtm.health.belief import Belief
from gtm.ids import CheckId
from gtm.metrics.model import Family, Metric, MetricKind, Point

TRANSITIONS = Metric(
    "gtm_state_transitions",
    "gtm.endpoint.transitions",
    MetricKind.COUNTER,
    "Changes of mind about a check, by the new belief.",
    "{transition}",
    labels=("check", "to"),
)


_NONE: Counter[Belief] = Counter()
"""Of a check that has not changed yet: most never do, and there are thousands."""


class Transitions:
    """Counts state changes. It has state: one lives in a node."""

    def __init__(self) -> None:
        self._counts: dict[CheckId, Counter[Belief]] = {}

    def watch(self, checks: Iterable[Check]) -> None:
        """Counts those of these checks, and forgets those of others."""
        self._counts = {check.id: self._counts.get(check.id, _NONE) for check in checks}

    def changed(self, check: CheckId, to: Belief) -> None:
        """Counts one change."""
        if check in self._counts:
            self._counts[check] = self._counts[check] + Counter([to])

    def family(self) -> Family:
        """Returns the changes so far; any thread may ask."""
        return Family(
            TRANSITIONS,
            tuple(
                Point({"check": check, "to": belief.value}, counts[belief])
                for check, counts in list(self._counts.items())
                for belief in Belief
            ),
        )
