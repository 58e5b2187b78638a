"""An allowance: a few at once, then one in so many seconds (a token bucket). Time is an argument.

What comes in: a wish, and the monotonic time. What goes out: whether it may be now. It has state: what is left.
"""

from collections import Counter


class TokenBucket:
    """So many wishes at once, and a further one every so many seconds."""

    def __init__(self, most: int, every_s: float) -> None:
        self._most = most
        self._every_s = every_s
        self._left = float(most)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Takes one, if there is one."""
        if self._at is not None:
            self._left = min(self._most, self._left + (now - self._at) / self._every_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


MAX_KNOWN = 10_000
"""Of those that have an allowance; beyond that all begin anew."""


class Allowances:
    """An allowance for each of many, by name. It has state: those, and how many wishes of each were refused."""

    def __init__(self, most: int, every_s: float) -> None:
        self._most = most
        self._every_s = every_s
        self._known: dict[str, TokenBucket] = {}
        self._refused: Counter[str] = Counter()

    def take(self, name: str, now: float) -> bool:
        """Takes one, if there is one; else it is counted."""
        if name not in self._known and len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._refused.clear()
        may = self._known.setdefault(name, TokenBucket(self._most, self._every_s)).take(now)
        self._refused[name] += not may
        return may

    def refused(self, name: str) -> int:
        """Returns the number of refusals since this was asked last."""
        return self._refused.pop(name, 0)
