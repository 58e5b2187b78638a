"""Token buckets: limits that allow a few actions at once, then one in so many seconds.

What comes in: the monotonic time of an action. What goes out: whether the action is allowed. It reads no clock.
"""

from collections import Counter


class TokenBucket:
    """A limit of `most` actions at once, and one more every `every_s` seconds. It has state: the tokens left."""

    def __init__(self, most: int, every_s: float) -> None:
        self._most = most
        self._every_s = every_s
        self._left = float(most)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Takes one token, and returns whether there was one; `now` is in monotonic seconds."""
        if self._at is not None:
            self._left = min(self._most, self._left + (now - self._at) / self._every_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


MAX_KNOWN = 10_000
"""The most names that have an allowance; with one more all are forgotten, and start with full buckets."""


class Allowances:
    """One token bucket for each name. It has state: the buckets, and the number of refusals of each name."""

    def __init__(self, most: int, every_s: float) -> None:
        self._most = most
        self._every_s = every_s
        self._known: dict[str, TokenBucket] = {}
        self._refused: Counter[str] = Counter()

    def take(self, name: str, now: float) -> bool:
        """Takes one token of this name, and returns whether there was one; counts a refusal if not."""
        if name not in self._known and len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._refused.clear()
        may = self._known.setdefault(name, TokenBucket(self._most, self._every_s)).take(now)
        self._refused[name] += not may
        return may

    def refused(self, name: str) -> int:
        """Returns the number of refusals of this name since the last call, and sets it to 0."""
        return self._refused.pop(name, 0)
