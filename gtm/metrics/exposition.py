"""Families -> the text that Prometheus scrapes, in its own format or in OpenMetrics, as the scraper asks.

It is imported at the first scrape: many nodes are never scraped, and importing it takes a tenth of a second.
Nothing is kept between scrapes: every call makes its own registry, with one collector for the present families.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from gtm.metrics.labels import label
from gtm.metrics.model import Chosen, Distribution, Family, MetricKind


@dataclass(frozen=True, slots=True)
class Exposition:
    """The response to a scrape: its content type and body."""

    body: bytes
    content_type: str


def expose(families: Iterable[Family], accept: str) -> Exposition:
    """Returns the families in the format that an Accept header prefers. It is slow, so call it in a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(families))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return Exposition(encode(registry), content_type)


class _Collector(Collector):
    """The collector of one registry: it gives the families, and uses no global state."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            if family.points:
                yield _FORMS[family.metric.kind](family)

    def describe(self) -> list[Metric]:
        return []


def _counter(family: Family) -> Metric:
    return _with_numbers(CounterMetricFamily, family)


def _gauge(family: Family) -> Metric:
    return _with_numbers(GaugeMetricFamily, family)


def _with_numbers(form: type[CounterMetricFamily | GaugeMetricFamily], family: Family) -> Metric:
    names, rows = _table(family)
    made = form(family.metric.prometheus, family.metric.help, labels=names)
    for values, value in rows:
        made.add_metric(values, _number(value))
    return made


def _state(family: Family) -> Metric:
    names, rows = _table(family)
    made = StateSetMetricFamily(family.metric.prometheus, family.metric.help, labels=names)
    for values, value in rows:
        assert isinstance(value, Chosen)
        made.add_metric(values, {state: state == value.state for state in value.of})
    return made


def _info(family: Family) -> Metric:
    made = InfoMetricFamily(family.metric.prometheus, family.metric.help)
    for point in family.points:
        made.add_metric([], {name: label(value) for name, value in point.labels.items()})
    return made


def _histogram(family: Family) -> Metric:
    names, rows = _table(family)
    made = HistogramMetricFamily(family.metric.prometheus, family.metric.help, labels=names)
    for values, value in rows:
        assert isinstance(value, Distribution)
        buckets = [(f"{bound:.9g}", count) for bound, count in zip(value.bounds, value.at_most, strict=True)]
        made.add_metric(values, [*buckets, ("+Inf", value.count)], value.sum)
    return made


_FORMS: Mapping[MetricKind, Callable[[Family], Metric]] = {
    MetricKind.COUNTER: _counter,
    MetricKind.GAUGE: _gauge,
    MetricKind.STATE: _state,
    MetricKind.INFO: _info,
    MetricKind.HISTOGRAM: _histogram,
}


def _table(family: Family) -> tuple[list[str], list[tuple[list[str], object]]]:
    """Returns the label names of a family, and its rows of label values with a value.

    A label that a point lacks is empty, as in Prometheus.
    """
    names = list(dict.fromkeys(name for point in family.points for name in point.labels))
    return names, [([label(point.labels.get(name, "")) for name in names], point.value) for point in family.points]


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
