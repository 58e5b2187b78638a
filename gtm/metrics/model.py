"""Metrics as values, exported to both Prometheus and OpenTelemetry, each with its own names.

Metric    what is measured: its two names, kind, unit, help
Point     one value of it, with labels from closed sets: never a client's address or the name in a query
Family    a metric and its points now
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class MetricKind(Enum):
    """The kind of a metric's values."""

    COUNTER = "counter"
    """A number that only grows while the node runs."""
    GAUGE = "gauge"
    STATE = "state"
    """Which one of a few states something is in: a StateSet of OpenMetrics."""
    INFO = "info"
    """A metric that has labels only."""
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured value: its names, kind, unit and help."""

    prometheus: str
    """The name in Prometheus, without `_total` and `_info`, with the unit if it has one (Prometheus' naming rules)."""
    otel: str
    """The name in OpenTelemetry, with dots and without the unit (OpenTelemetry's semantic conventions)."""
    kind: MetricKind
    help: str
    unit: str = ""
    """The unit in UCUM, as OpenTelemetry requires: `s`, `{query}`; empty for none."""
    labels: tuple[str, ...] = ()
    """The names of the labels that its points have, for docs/reference/metrics.md."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """The value of a histogram: for each bound the number of values at most that large, and the sum of all values."""

    bounds: tuple[float, ...]
    """Upper bounds, rising; values above the last bound count in `count` alone."""
    at_most: tuple[int, ...]
    count: int
    sum: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of a state metric: the present state, and all states."""

    state: str
    of: tuple[str, ...]


Value = int | float | Distribution | Chosen


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric, with its labels."""

    labels: Mapping[str, str]
    value: Value


@dataclass(frozen=True, slots=True)
class Family:
    """A metric and its present points."""

    metric: Metric
    points: tuple[Point, ...]
