"""Readings -> how long checks take: one histogram for each kind of monitor and phase of a check.

What comes in: every reading of this node's probe. What goes out: a family. No label names an endpoint: there are at
most eight kinds times five phases, however much is checked.

    dns  connect  tls  ttfb   the phases of a check (gtm/health/verdict/reading.py), each where it took place and ended
    total                     from the start of a check to its outcome, good or bad; a timeout counts its full time

Not counted are checks that this probe could not make, and kinds that ask no endpoint (`push`, `calculated`).
"""

from collections import defaultdict
from collections.abc import Iterator

from gtm.checks.model import Check
from gtm.health.verdict.reading import Phases, Reading, Reason
from gtm.metrics.histogram import Tally
from gtm.metrics.model import Family, Metric, MetricKind, Point
from gtm.zone.monitors.registry import MonitorType

DURATION = Metric(
    "gtm_probe_duration_seconds",
    "gtm.probe.duration",
    MetricKind.HISTOGRAM,
    "Time that checks of this probe took, and the phases of them, by kind of monitor.",
    "s",
    labels=("kind", "phase"),
)

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Bounds in seconds, as for http.client.request.duration, which measures the same (OpenTelemetry semantic
conventions, HTTP)."""


class Durations:
    """Measures how long checks take. It has state: each node has one object, which gets every reading."""

    def __init__(self) -> None:
        self._tallies: defaultdict[tuple[MonitorType, str], Tally] = defaultdict(lambda: Tally(BOUNDS_S))

    def take(self, check: Check, reading: Reading) -> None:
        """Counts the durations of one reading."""
        kind = check.monitor.type
        if reading.reason is Reason.UNREAD or not kind.asks:
            return
        for phase, taken_s in (*_phases(reading.phases), ("total", reading.took_s)):
            if taken_s is not None:
                self._tallies[kind, phase].add(taken_s)

    def family(self) -> Family:
        """Returns the histograms so far. It may be called from any thread."""
        return Family(
            DURATION,
            tuple(
                Point({"kind": kind.value, "phase": phase}, tally.distribution())
                for (kind, phase), tally in list(self._tallies.items())
            ),
        )


def _phases(phases: Phases) -> Iterator[tuple[str, float | None]]:
    yield "dns", phases.dns_s
    yield "connect", phases.connect_s
    yield "tls", phases.tls_s
    yield "ttfb", phases.first_byte_s
