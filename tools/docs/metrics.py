"""docs/reference/metrics.md: every metric with its labels, kind and meaning."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import gtm.metrics
from gtm.metrics.counted import COUNTED
from gtm.metrics.model import Metric, MetricKind
from tools.docs.section import table

SUFFIXES = {MetricKind.COUNTER: "_total", MetricKind.INFO: "_info"}
"""What Prometheus' format appends to the name."""


def all_metrics() -> list[Metric]:
    """Returns every metric that the program has, by name."""
    found = {metric.prometheus: metric for metric in (*COUNTED.values(), *_constants())}
    return [found[name] for name in sorted(found)]


def metrics_section() -> str:
    """Returns the table of the page."""
    rows = [(_shown(metric), metric.kind.value, f"`{metric.otel}`", _sentence(metric)) for metric in all_metrics()]
    return table(("metric", "kind", "name in OpenTelemetry", "meaning"), rows)


def _constants() -> Iterator[Metric]:
    for module in iter_modules(gtm.metrics.__path__):
        yield from (
            value for value in vars(import_module(f"gtm.metrics.{module.name}")).values() if isinstance(value, Metric)
        )


def _shown(metric: Metric) -> str:
    labels = "{" + ",".join(metric.labels) + "}" if metric.labels else ""
    return f"`{metric.prometheus}{SUFFIXES.get(metric.kind, '')}{labels}`"


def _sentence(metric: Metric) -> str:
    return metric.help if not metric.unit or metric.unit.startswith("{") else f"{metric.help} Unit: {metric.unit}."
