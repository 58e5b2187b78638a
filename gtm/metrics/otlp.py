"""Families -> OpenTelemetry, by OTLP over HTTP (protobuf), to a collector.

It needs the extra `gtm[otlp]`, and is imported only where telemetry is configured. The SDK's exporter does the sending,
and honours its environment variables: OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT, _COMPRESSION, _CERTIFICATE and so on. A
thread of its own collects and sends; DNS service and checks never wait for it.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Protocol

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gtm.counters import series
from gtm.metrics.labels import label
from gtm.metrics.model import Chosen, Distribution, Family, MetricKind, Point
from gtm.metrics.otlp_replies import FAILED, OUTCOMES, TAKEN, ExportGivenUp, Replies, Trouble
from gtm.metrics.otlp_session import bounded_session

PREFIX = "gtm."
"""The beginning of our attributes' names: no convention covers a DNS server's (OpenTelemetry semantic
conventions, dns)."""
CLOSE_LIMIT_S = 2.0

log = logging.getLogger(__name__)


class Exporter(Protocol):
    """Sends metrics to a collector; the SDK's OTLPMetricExporter is one."""

    def export(self, metrics_data: MetricsData, timeout_millis: float | None = ...) -> MetricExportResult:
        """Sends the metrics, and waits for the answer; returns whether it succeeded."""

    def shutdown(self, timeout_millis: float = ...) -> None:
        """Stops sending."""


class Telemetry:
    """Sends metrics at regular times. It has state: the thread, and the result of the last export."""

    def __init__(
        self,
        collect: Callable[[], Iterable[Family]],
        exporter: Exporter,
        resource: Resource,
        *,
        interval_s: float,
        started_at: float,
        wall: Callable[[], float],
        replies: Replies | None = None,
    ) -> None:
        self._collect = collect
        self._exporter = exporter
        self._resource = resource
        self._interval_s = interval_s
        self._started_ns = int(started_at * 1e9)
        self._wall = wall
        self._stopping = threading.Event()
        self._replies = replies or Replies()
        self._trouble: Trouble | None = None
        """The problem of the last export; None when it had none."""
        self._told: frozenset[str] = frozenset()
        """The kinds of problem that were logged since the last successful export."""
        self._counts = dict.fromkeys(OUTCOMES, 0)
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    @property
    def sent(self) -> int:
        """Returns the number of exports that the collector took completely."""
        return self._counts[TAKEN]

    @property
    def failed(self) -> int:
        """Returns the number of exports that failed, for any reason."""
        return sum(self._counts.values()) - self.sent

    def counted(self) -> Mapping[str, int]:
        """Returns the number of exports by outcome, by series name. It may be called from any thread."""
        return {series("telemetry_exports", {"outcome": outcome}): self._counts[outcome] for outcome in OUTCOMES}

    def start(self) -> None:
        """Starts the thread that sends."""
        self._thread.start()

    def close(self) -> None:
        """Stops the thread. It waits for a running export at most CLOSE_LIMIT_S seconds."""
        self._stopping.set()
        self._exporter.shutdown()
        if self._thread.is_alive():
            self._thread.join(CLOSE_LIMIT_S)

    def send(self) -> None:
        """Collects the metrics and sends them once."""
        self._replies.begin()
        try:
            data = metrics_data(
                self._collect(), self._resource, start_ns=self._started_ns, now_ns=int(self._wall() * 1e9)
            )
            is_sent = self._exporter.export(data) is MetricExportResult.SUCCESS
        except ExportGivenUp:
            is_sent = False
        except Exception:
            log.exception("telemetry: metrics cannot be sent")
            is_sent = False
        trouble = self._replies.trouble(is_sent=is_sent)
        if not self._stopping.is_set() or trouble is None:
            self._counts[trouble.outcome if trouble else TAKEN] += 1
            self._tell(trouble)

    def _tell(self, trouble: Trouble | None) -> None:
        """Logs a new problem: each kind of failure once until an export succeeds, each warning once."""
        before, self._trouble = self._trouble, trouble
        if trouble is None or trouble.outcome == TAKEN:
            if before is not None and before.outcome != TAKEN:
                log.info("telemetry: the collector takes the metrics again")
            self._told &= {trouble.kind} if trouble else set()
        if trouble is None or trouble.kind in self._told:
            return
        self._told |= {trouble.kind}
        if trouble.outcome == TAKEN:
            log.warning("telemetry: the collector takes the metrics, and %s", trouble.text)
        else:
            message = "further failures of this kind are only counted until it does"
            log.warning("telemetry: the collector does not take the metrics: %s; %s", trouble.text, message)

    def pause_s(self) -> float:
        """Returns the seconds until the next export: longer where the collector asks for a pause."""
        is_failing = self._trouble is not None and self._trouble.outcome == FAILED
        return max(self._interval_s, self._replies.pause_s() if is_failing else 0.0)

    def _run(self) -> None:
        while not self._stopping.wait(self.pause_s()):
            self.send()


def make_exporter(endpoint: str, replies: Replies | None = None) -> Exporter:
    """Returns the SDK's exporter for a collector such as `http://127.0.0.1:4318`.

    With an empty `endpoint`, the environment variables name the collector. `replies` gets the collector's answers.
    """
    # it logs every failure, in one line or more, and Telemetry logs each kind once
    logging.getLogger(OTLPMetricExporter.__module__).setLevel(logging.CRITICAL)
    url = f"{endpoint.rstrip('/')}/v1/metrics" if endpoint else None
    return OTLPMetricExporter(endpoint=url, session=bounded_session(replies or Replies()))


def make_resource(node: str, version: str) -> Resource:
    """Returns the resource that names this node as the sender.

    OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
    """
    ours = Resource.create({"service.name": "gtm", "service.version": version, "service.instance.id": node})
    return ours.merge(OTELResourceDetector().detect())


def metrics_data(families: Iterable[Family], resource: Resource, *, start_ns: int, now_ns: int) -> MetricsData:
    """Returns the families in the SDK's form for the exporter; the times are Unix time in nanoseconds."""
    times = _Times(start_ns, now_ns)
    metrics = [times.metric(family) for family in families if family.points]
    scope = ScopeMetrics(InstrumentationScope("gtm"), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


class _Times:
    """Makes metrics with the times of one export."""

    def __init__(self, start_ns: int, now_ns: int) -> None:
        self._start_ns = start_ns
        self._now_ns = now_ns

    def metric(self, family: Family) -> Metric:
        about = family.metric
        return Metric(about.otel, about.help, about.unit, self._data(family))

    def _data(self, family: Family) -> Sum | Gauge | Histogram:
        match family.metric.kind:
            case MetricKind.COUNTER:
                points = [self._number(point) for point in family.points]
                return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
            case MetricKind.GAUGE:
                return Gauge([self._number(point) for point in family.points])
            case MetricKind.INFO:
                return Gauge([self._number(point) for point in family.points])
            case MetricKind.STATE:
                return Gauge([number for point in family.points for number in self._states(point)])
            case MetricKind.HISTOGRAM:
                return Histogram(
                    [self._distribution(point) for point in family.points], AggregationTemporality.CUMULATIVE
                )

    def _number(self, point: Point) -> NumberDataPoint:
        assert isinstance(point.value, int | float)
        return NumberDataPoint(_attributes(point), self._start_ns, self._now_ns, point.value)

    def _states(self, point: Point) -> list[NumberDataPoint]:
        assert isinstance(point.value, Chosen)
        return [
            NumberDataPoint(
                {**_attributes(point), f"{PREFIX}state": state},
                self._start_ns,
                self._now_ns,
                int(state == point.value.state),
            )
            for state in point.value.of
        ]

    def _distribution(self, point: Point) -> HistogramDataPoint:
        value = point.value
        assert isinstance(value, Distribution)
        edges = (0, *value.at_most, value.count)
        counts = [after - before for before, after in pairwise(edges)]
        return HistogramDataPoint(
            _attributes(point),
            self._start_ns,
            self._now_ns,
            value.count,
            value.sum,
            counts,
            value.bounds,
            min=None,  # type: ignore[arg-type]  # the engine has neither; the protocol lets both be absent
            max=None,  # type: ignore[arg-type]
        )


def _attributes(point: Point) -> dict[str, str]:
    return {f"{PREFIX}{name}": label(value) for name, value in point.labels.items()}
