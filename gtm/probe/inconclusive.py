"""Unread: which checks this probe could not make, so that each is told of once.

What comes in: every check that gave no reading by this probe's own fault. What goes out: whether it is news. A machine
that is out of descriptors cannot make thousands of checks at once: so many are told of in a minute, and the rest in the
minutes after, if they still cannot be made.
"""

from collections import deque
from collections.abc import Iterable

from gtm.ids import CheckId

MAX_TOLD = 20
"""In PERIOD_S: enough to see what they have in common, and no flood."""
PERIOD_S = 60.0


class Unread:
    """Has state: which checks were told of, and when the last of them were."""

    def __init__(self) -> None:
        self._told: set[CheckId] = set()
        self._told_at: deque[float] = deque(maxlen=MAX_TOLD)

    def is_news(self, check: CheckId, *, now: float) -> bool:
        """Returns whether to tell of a check, which then was told of; `now` is monotonic seconds."""
        if check in self._told:
            return False
        if len(self._told_at) == MAX_TOLD and now - self._told_at[0] < PERIOD_S:
            return False
        self._told.add(check)
        self._told_at.append(now)
        return True

    def forget(self, checks: Iterable[CheckId]) -> None:
        """Forgets checks that are made no longer, or otherwise than before."""
        self._told.difference_update(checks)
