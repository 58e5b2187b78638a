"""An allowance: a few at once, then one in so many seconds (a token bucket). Time is an argument.

What comes in: a wish, and the monotonic time. What goes out: whether it may be now. It has state: what is left.
"""


class Allowance:
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
