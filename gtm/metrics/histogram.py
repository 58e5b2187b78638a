"""A histogram that is filled while the node runs: seconds in, a Distribution out."""

from bisect import bisect_left
from itertools import accumulate

from gtm.metrics.model import Distribution


class Tally:
    """A histogram that counts one kind of duration. It has state: one thread adds to it, any thread may read it."""

    __slots__ = ("_bounds_s", "_counts", "_sum_s")

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        """The count of each interval between two bounds; the last one counts what is above all bounds."""
        self._sum_s = 0.0

    def add(self, taken_s: float) -> None:
        """Counts one duration, in seconds."""
        self._counts[bisect_left(self._bounds_s, taken_s)] += 1
        self._sum_s += taken_s

    def distribution(self) -> Distribution:
        """Returns the counts so far."""
        # one copy, so that buckets and count agree while another thread adds
        *at_most, count = accumulate(tuple(self._counts))
        return Distribution(self._bounds_s, tuple(at_most), count, self._sum_s)
