"""A clock that the test sets."""


class FakeClock:
    """Both times start at given values and move only when told to."""

    def __init__(self, *, monotonic: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        """Moves both times forward."""
        self._monotonic += seconds
        self._wall += seconds
