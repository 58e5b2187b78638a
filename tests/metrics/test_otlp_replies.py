"""What a collector answers, over real HTTP: what is no success is told as none, in words, and counted."""

import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)

from gtm.metrics.otlp import Telemetry, make_exporter, make_resource
from gtm.metrics.otlp_replies import MAX_PAUSE_S, ExportGivenUp, Replies
from tests.fakes.collector import Collector

NOW = 1_700_000_000.0
INTERVAL_S = 60.0
NONE = {"taken": 0, "failed": 0, "redirected": 0, "rejected": 0}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
    made = Collector()
    yield made
    made.close()


def sender_to(collector: Collector) -> Telemetry:
    replies = Replies(lambda: NOW)
    exporter = make_exporter(collector.url, replies)
    resource = make_resource("ns1", "1")
    return Telemetry(list, exporter, resource, interval_s=INTERVAL_S, started_at=NOW, wall=lambda: NOW, replies=replies)


def counts(sender: Telemetry) -> dict[str, int]:
    return {outcome: sender.counted()[f'telemetry_exports{{outcome="{outcome}"}}'] for outcome in NONE}


def partial(rejected: int, message: str = "") -> bytes:
    success = ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
    body: bytes = ExportMetricsServiceResponse(partial_success=success).SerializeToString()
    return body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_whose_words_name_the_other_address(
    status: int, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status, collector.answer_headers = status, {"Location": "https://otel.example.net/v1/metrics"}
    sender = sender_to(collector)
    with caplog.at_level(logging.WARNING, logger="gtm"):
        sender.send()
        sender.send()
    assert counts(sender) == {**NONE, "redirected": 2}
    assert (sender.sent, sender.failed) == (0, 2)
    assert collector.paths == ["/v1/metrics"] * 2, "nothing is followed, and nothing is asked again"
    [line] = [record.getMessage() for record in caplog.records if record.name.startswith("gtm")]
    assert f'HTTP {status} and sends elsewhere, to "https://otel.example.net/v1/metrics"' in line


def test_a_location_cannot_spoil_the_log(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    collector.status, collector.answer_headers = 307, {"Location": "/\x1b[31m" + "x" * 5_000}
    sender = sender_to(collector)
    sender.send()
    [line] = [record.getMessage() for record in caplog.records if record.name.startswith("gtm")]
    assert line.isprintable()
    assert len(line) < 500


def test_points_that_are_rejected_are_told(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    collector.body = partial(17, "out of quota")
    sender = sender_to(collector)
    sender.send()
    collector.body = partial(18, "out of quota")
    sender.send()
    assert counts(sender) == {**NONE, "rejected": 2}
    assert caplog.text.count('it rejects 17 data points: "out of quota"') == 1
    assert "18 data points" not in caplog.text, "a second time it is no news"


def test_a_warning_is_told_and_is_no_failure(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    collector.body = partial(0, "attribute gtm.check is deprecated")
    sender = sender_to(collector)
    for _ in range(2):
        sender.send()
    assert (counts(sender), sender.failed) == ({**NONE, "taken": 2}, 0)
    assert caplog.text.count("attribute gtm.check is deprecated") == 1


@pytest.mark.parametrize("body", [b"", partial(0), b"\xff\xff no protobuf"])
def test_all_is_well_where_nothing_is_rejected(
    body: bytes, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.body = body
    sender = sender_to(collector)
    sender.send()
    assert counts(sender) == {**NONE, "taken": 1}
    assert not caplog.records


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_who_asks_to_be_left_alone_for_longer_than_a_sending_is_left_alone(
    status: int, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status, collector.answer_headers = status, {"Retry-After": "300"}
    sender = sender_to(collector)
    sender.send()
    assert counts(sender) == {**NONE, "failed": 1}
    assert len(collector.paths) == 1, "not asked again in the same sending"
    assert f"it answers HTTP {status} and Retry-After: 300" in caplog.text
    assert sender.pause_s() == 300.0
    collector.status = 200
    sender.send()
    assert sender.pause_s() == INTERVAL_S


def test_an_answer_after_a_failure_is_told(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    collector.status = 400
    sender = sender_to(collector)
    sender.send()
    collector.status = 200
    with caplog.at_level(logging.INFO):
        sender.send()
    assert counts(sender) == {**NONE, "failed": 1, "taken": 1}
    assert "it answers HTTP 400" in caplog.text
    assert "the collector takes the metrics again" in caplog.text


def test_failures_that_take_turns_are_told_once_each_until_the_metrics_are_taken(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    sender = sender_to(collector)

    def lines(*statuses: int) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            for status in statuses:
                collector.status = status
                sender.send()
        return [record.getMessage() for record in caplog.records]

    once = "; further failures of this kind are only counted until it does"
    told = [
        f"telemetry: the collector does not take the metrics: it answers HTTP {status}{once}" for status in (400, 404)
    ]
    again = "telemetry: the collector takes the metrics again"
    assert lines(400, 404, 400, 404, 400) == told
    assert lines(200) == [again]
    assert lines(404, 404) == [told[1]], "what begins anew is news"
    collector.body = partial(0, "no quota soon")
    warning = 'telemetry: the collector takes the metrics, and says: "no quota soon"'
    assert lines(200, 200) == [again, warning]
    assert lines(400, 200) == [told[0], again]
    collector.body = b""
    assert lines(200) == [], "it took them before, too"


def test_a_collector_that_redirects_to_ever_new_places_is_told_once(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    sender = sender_to(collector)
    for number in range(4):
        collector.status, collector.answer_headers = 307, {"Location": f"/{number}"}
        sender.send()
    assert len([record for record in caplog.records if record.name.startswith("gtm")]) == 1


@pytest.mark.slow
def test_nobody_there_is_a_failure_without_an_answer(collector: Collector, caplog: pytest.LogCaptureFixture) -> None:
    sender = sender_to(collector)
    collector.server.server_close()
    sender.send()
    sender.send()
    assert counts(sender) == {**NONE, "failed": 2}
    [line] = [record.getMessage() for record in caplog.records]
    assert "the collector does not take the metrics: no answer (Connection refused); further failures of this" in line


def response(status: int, headers: dict[str, str], body: bytes = b"") -> requests.Response:
    made = requests.Response()
    made.status_code, made._content = status, body
    made.headers.update(headers)
    return made


@pytest.mark.parametrize(
    ("text", "pause_s"),
    [
        ("", 0.0),
        ("0", 0.0),
        ("7", 7.0),
        (" 12 ", 12.0),
        ("999999999999", MAX_PAUSE_S),
        ("Tue, 14 Nov 2023 22:15:20 GMT", 120.0),
        ("Tue, 14 Nov 2023 22:10:20 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_PAUSE_S),
        ("soon", 0.0),
        ("-5", 0.0),
        ("\u0665", 0.0),
    ],
)
def test_a_pause_is_seconds_or_a_date(text: str, pause_s: float) -> None:
    replies = Replies(lambda: NOW)
    with suppress(ExportGivenUp):
        replies.hear(response(503, {"Retry-After": text}))
    assert replies.pause_s() == pause_s


@settings(max_examples=30, deadline=None)
@given(st.integers(100, 599), st.text(max_size=300), st.text(max_size=40), st.binary(max_size=60))
def test_whatever_comes_raises_nothing_but_that_the_collector_is_elsewhere(
    status: int, location: str, retry_after: str, body: bytes
) -> None:
    replies = Replies(lambda: NOW)
    try:
        replies.hear(response(status, {"Location": location, "Retry-After": retry_after}, body))
    except ExportGivenUp:
        assert status >= 300
    trouble = replies.trouble(is_sent=True)
    assert trouble is None or trouble.text.isprintable()
    assert 0.0 <= replies.pause_s() <= MAX_PAUSE_S
