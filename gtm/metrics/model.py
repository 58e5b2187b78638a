"""Metrics as values: what both Prometheus and OpenTelemetry are given, each in its own names.

Metric    what is measured: its two names, kind, unit, help
Point     one value of it, with labels of closed sets: never a client's address or a name that somebody asked for
Family    a metric and its points now
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class MetricKind(Enum):
    """What the values mean."""

    COUNTER = "counter"
    """Only grows while the node runs."""
    GAUGE = "gauge"
    STATE = "state"
    """Which of a few states something is in: a StateSet of OpenMetrics."""
    INFO = "info"
    """Labels only."""
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured."""

    prometheus: str
    """Without `_total` and `_info`, with the unit of those that have one (Prometheus' naming rules)."""
    otel: str
    """With dots; the unit stands apart (OpenTelemetry's semantic conventions)."""
    kind: MetricKind
    help: str
    unit: str = ""
    """As UCUM has it, which OpenTelemetry asks for: `s`, `{query}`; empty for a number of nothing."""
    labels: tuple[str, ...] = ()
    """The names of the labels that its points have, for docs/reference/metrics.md."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """The value of a histogram: how many observations were at most each bound, and their sum."""

    bounds: tuple[float, ...]
    """Rising; everything above the last is in `count` alone."""
    at_most: tuple[int, ...]
    count: int
    sum: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of a state."""

    state: str
    of: tuple[str, ...]


Value = int | float | Distribution | Chosen


@dataclass(frozen=True, slots=True)
class Point:
    """One value."""

    labels: Mapping[str, str]
    value: Value


@dataclass(frozen=True, slots=True)
class Family:
    """A metric and its points now."""

    metric: Metric
    points: tuple[Point, ...]
