"""The clock, as an argument: pure code takes `now`, and only the edge reads a Clock.

There are two times. Monotonic seconds order events of one process and measure ages. Wall seconds (Unix time) go
into what other machines read: reports, SOA serials, logs.
"""

from typing import Protocol


class Clock(Protocol):
    """Reads the two times. The node passes the system's; tests pass one that they set."""

    def monotonic(self) -> float:
        """Returns seconds since an arbitrary moment of this process; it never goes back."""

    def wall(self) -> float:
        """Returns seconds since 1970-01-01 UTC."""
