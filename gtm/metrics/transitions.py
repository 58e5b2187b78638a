"""State changes -> how often each check changed its belief at this node, by the new belief.

What comes in: the watched checks, and each change. What goes out: a family with every belief of every watched check,
from 0 on. Checks that are no longer watched are removed, so that the memory is limited by the zones.
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
"""The counts of a check that has not changed yet: most never do, and there are thousands."""


class Transitions:
    """Counts state changes. It has state: each node has one object."""

    def __init__(self) -> None:
        self._counts: dict[CheckId, Counter[Belief]] = {}

    def watch(self, checks: Iterable[Check]) -> None:
        """Counts changes of these checks from now on, and removes the counts of all others."""
        self._counts = {check.id: self._counts.get(check.id, _NONE) for check in checks}

    def changed(self, check: CheckId, to: Belief) -> None:
        """Counts one change of a check to the belief `to`; checks that are not watched are ignored."""
        if check in self._counts:
            self._counts[check] = self._counts[check] + Counter([to])

    def family(self) -> Family:
        """Returns the counts so far. It may be called from any thread."""
        return Family(
            TRANSITIONS,
            tuple(
                Point({"check": check, "to": belief.value}, counts[belief])
                for check, counts in list(self._counts.items())
                for belief in Belief
            ),
        )
