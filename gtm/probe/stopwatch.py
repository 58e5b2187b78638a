"""The stopwatch of one check: how long each of its phases took.

What comes in: laps, from the kinds of check and from the layers below them. What goes out: Phases, of a check that
failed too. A lap ends a phase that began with the lap before it:

    start --DNS--> an address --CONNECT--> a connection --TLS--> a handshake that is done --FIRST_BYTE--> an answer

Connections are made deep inside asyncio, which passes nothing of ours on. So the running stopwatch is in a
context variable, which every callback of a task sees.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum

from gtm.clock import Clock
from gtm.health.verdict.reading import Phases


class Phase(Enum):
    """A part of a check; the values are the fields of Phases."""

    DNS = "dns_s"
    CONNECT = "connect_s"
    TLS = "tls_s"
    FIRST_BYTE = "first_byte_s"


class Stopwatch:
    """Measures the phases of one check. It has state: the last lap, and the phases so far."""

    __slots__ = ("_clock", "_lap_at", "_taken")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lap_at = clock.monotonic()
        self._taken: dict[Phase, float] = {}

    def lap(self, phase: Phase) -> None:
        """Ends a phase now; the time of a repeated phase, for a second connection, is added to the first."""
        now = self._clock.monotonic()
        self._taken[phase] = self._taken.get(phase, 0.0) + now - self._lap_at
        self._lap_at = now

    @property
    def phases(self) -> Phases:
        """Returns the phases measured so far."""
        return Phases(**{phase.value: taken_s for phase, taken_s in self._taken.items()})


_RUNNING: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


@contextmanager
def timing(stopwatch: Stopwatch) -> Iterator[None]:
    """Makes `lap` use this stopwatch within the context."""
    token = _RUNNING.set(stopwatch)
    try:
        yield
    finally:
        _RUNNING.reset(token)


def lap(phase: Phase) -> None:
    """Ends a phase of the running check; does nothing outside of a check."""
    stopwatch = _RUNNING.get()
    if stopwatch is not None:
        stopwatch.lap(phase)
