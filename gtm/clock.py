"""The clock, as an argument: pure code takes `now`, and only the edge reads a Clock.

There are two times. Monotonic seconds order events of one process and measure ages. Wall seconds (Unix time) go
into what other machines read: reports, SOA serials, logs.
"""

from typing import Protocol


class Clock(Protocol):
    """Reads monotonic and wall time. A node uses the clock of the system; tests use a clock that they set."""

    def monotonic(self) -> float:
        """Returns the seconds since some moment of this process; the number never becomes smaller."""

    def wall(self) -> float:
        """Returns the seconds since 1970-01-01 UTC (Unix time)."""
