"""Metrics are sent to a real HTTP server on loopback, which decodes the protobuf as a collector does."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from gtm.metrics.model import Family
from gtm.metrics.otlp import Telemetry, make_exporter, make_resource
from gtm.metrics.otlp_replies import Replies
from gtm.metrics.snapshot import families
from tests.fakes.collector import Collector
from tests.metrics.measured import Measured

WAIT_S = 20.0


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measured:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return Measured(tmp_path)


def telemetry(measured: Measured, url: str, *, interval_s: float = 3600.0) -> Telemetry:
    def collect() -> Iterator[Family]:
        return families(measured.present())

    replies = Replies()
    return Telemetry(
        collect,
        make_exporter(url, replies),
        make_resource("ns1", "1.2.3"),
        interval_s=interval_s,
        started_at=1_700_000_000.0,
        wall=lambda: 1_700_000_060.0,
        replies=replies,
    )


def test_a_collector_gets_every_metric_in_opentelemetrys_terms(measured: Measured, collector: Collector) -> None:
    sender = telemetry(measured, collector.url)
    sender.send()
    sender.close()
    assert (sender.sent, sender.failed, collector.paths) == (1, 0, ["/v1/metrics"])
    found = collector.metrics()
    assert found.keys() == {family.metric.otel for family in families(measured.present()) if family.points}

    [queries] = found["gtm.dns.server.queries"].sum.data_points
    assert found["gtm.dns.server.queries"].unit == "{query}"
    assert found["gtm.dns.server.queries"].sum.is_monotonic
    assert found["gtm.dns.server.queries"].sum.aggregation_temporality == (
        AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    assert (queries.as_int, queries.start_time_unix_nano) == (3, 1_700_000_000 * 10**9)
    assert queries.time_unix_nano == 1_700_000_060 * 10**9
    assert {attribute.key: attribute.value.string_value for attribute in queries.attributes} == {
        "gtm.rcode": "NOERROR",
        "gtm.transport": "udp",
    }
    age, _own = found["gtm.probe.report.age"].gauge.data_points
    assert (age.as_double, found["gtm.probe.report.age"].unit) == (2.5, "s")


def test_a_histogram_has_counts_between_its_bounds(measured: Measured, collector: Collector) -> None:
    telemetry(measured, collector.url).send()
    [point] = collector.metrics()["gtm.dns.server.query.duration"].histogram.data_points
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert (sum(point.bucket_counts), point.count, point.sum) == (3, 3, 9e-6)
    assert point.bucket_counts[-1] == 1
    assert not point.HasField("max"), "the engine does not know"


def test_each_phase_of_a_check_is_a_data_point(measured: Measured, collector: Collector) -> None:
    telemetry(measured, collector.url).send()
    found = collector.metrics()["gtm.probe.duration"]
    assert found.unit == "s"
    points = {
        tuple(attribute.value.string_value for attribute in point.attributes): (point.count, point.sum)
        for point in found.histogram.data_points
    }
    assert points == {("http", "connect"): (1, 0.01), ("http", "ttfb"): (1, 0.03), ("http", "total"): (1, 0.04)}


def test_a_state_is_one_for_what_it_is_and_nought_for_what_it_is_not(measured: Measured, collector: Collector) -> None:
    telemetry(measured, collector.url).send()
    states: dict[tuple[str, str], list[str]] = {}
    for point in collector.metrics()["gtm.endpoint.state"].gauge.data_points:
        labels = {attribute.key: attribute.value.string_value for attribute in point.attributes}
        found = states.setdefault((labels["gtm.service"], labels["gtm.endpoint"]), [])
        if point.as_int:
            found.append(labels["gtm.state"])
    assert states["api.gtm.example.com", "eu-west/192.0.2.20"] == ["taken_out"]
    assert all(len(found) == 1 for found in states.values())


def test_the_sender_is_named_and_the_environment_renames_it(
    measured: Measured, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry(measured, collector.url).send()
    assert collector.resource()["service.name"] == "gtm"
    assert collector.resource()["service.instance.id"] == "ns1"
    assert collector.resource()["service.version"] == "1.2.3"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "edge-dns")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    telemetry(measured, collector.url).send()
    assert collector.resource()["service.name"] == "edge-dns"
    assert collector.resource()["deployment.environment.name"] == "test"


def test_the_environment_names_the_collector_where_the_file_does_not(
    measured: Measured, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    telemetry(measured, "").send()
    assert collector.paths == ["/v1/metrics"]
    assert {name.lower(): text for name, text in collector.headers[0].items()}["authorization"] == "Bearer secret"


def test_it_sends_now_and_then_until_it_is_closed(measured: Measured, collector: Collector) -> None:
    sender = telemetry(measured, collector.url, interval_s=0.01)
    sender.start()
    for _ in range(3):
        assert collector.got.acquire(timeout=WAIT_S)
    sender.close()
    assert len(collector.requests) >= 3


class FakeExporter:
    """An exporter that fails, raises or hangs."""

    def __init__(self) -> None:
        self.result: MetricExportResult | Exception = MetricExportResult.SUCCESS
        self.hanging = threading.Event()
        self.hanging.set()
        self.tried = threading.Event()
        self.is_shut = False

    def export(self, metrics_data: MetricsData, timeout_millis: float | None = None) -> MetricExportResult:
        self.tried.set()
        self.hanging.wait(WAIT_S)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def shutdown(self, timeout_millis: float = 0.0) -> None:
        self.is_shut = True


def with_exporter(exporter: FakeExporter, *, interval_s: float = 3600.0) -> Telemetry:
    resource = make_resource("ns1", "1")
    return Telemetry(list, exporter, resource, interval_s=interval_s, started_at=0.0, wall=lambda: 0.0)


@pytest.mark.parametrize("result", [MetricExportResult.FAILURE, RuntimeError("out of luck")])
def test_a_collector_that_fails_is_told_once_and_counted(
    caplog: pytest.LogCaptureFixture, result: MetricExportResult | Exception
) -> None:
    exporter = FakeExporter()
    exporter.result = result
    sender = with_exporter(exporter)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            sender.send()
    assert (sender.sent, sender.failed) == (0, 3)
    assert caplog.text.count("the collector does not take the metrics") == 1


def test_a_collector_that_hangs_delays_neither_the_start_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.metrics.otlp.CLOSE_LIMIT_S", 0.05)
    exporter = FakeExporter()
    exporter.hanging.clear()
    sender = with_exporter(exporter, interval_s=0.001)
    began = time.monotonic()
    sender.start()
    assert exporter.tried.wait(WAIT_S)
    sender.close()
    assert time.monotonic() - began < WAIT_S / 2
    assert exporter.is_shut
    exporter.hanging.set()
