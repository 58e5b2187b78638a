"""Inconclusive checks: which checks this probe could not make, so that each is reported once.

What comes in: every check that was inconclusive by this probe's own fault. What goes out: whether to report it. A
machine without free descriptors fails to make thousands of checks at once: MAX_TOLD of them are reported in a minute,
and the others in the minutes after, if they still cannot be made.
"""

from collections import deque
from collections.abc import Iterable

from gtm.ids import CheckId

MAX_TOLD = 20
"""Most checks reported in PERIOD_S: enough to see what they have in common, without a flood of lines."""
PERIOD_S = 60.0


class Unread:
    """The checks that were reported as inconclusive. It has state: these checks, and the times of the last reports."""

    def __init__(self) -> None:
        self._told: set[CheckId] = set()
        self._told_at: deque[float] = deque(maxlen=MAX_TOLD)

    def is_news(self, check: CheckId, *, now: float) -> bool:
        """Returns whether to report a check, and counts it as reported if so; `now` is monotonic seconds."""
        if check in self._told:
            return False
        if len(self._told_at) == MAX_TOLD and now - self._told_at[0] < PERIOD_S:
            return False
        self._told.add(check)
        self._told_at.append(now)
        return True

    def forget(self, checks: Iterable[CheckId]) -> None:
        """Forgets checks that are no longer made, or were changed: they may be reported again."""
        self._told.difference_update(checks)
