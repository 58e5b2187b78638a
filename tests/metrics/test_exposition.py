"""What is exposed is read back with the parsers of Prometheus' own client library."""

from collections.abc import Iterator
from pathlib import Path

import prometheus_client
import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from gtm.checks.model import checks
from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.metrics.exposition import expose
from gtm.metrics.model import Family, MetricKind, Point
from gtm.metrics.model import Metric as Measure
from gtm.metrics.snapshot import families
from tests.fakes import world
from tests.metrics.measured import OVERRIDE, Measured

OPEN = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"

EXPECTED = {
    "gtm_build": "info",
    "gtm_certificate_expiry_timestamp_seconds": "gauge",
    "gtm_config_applied_timestamp_seconds": "gauge",
    "gtm_config_generation": "gauge",
    "gtm_config_last_reload_successful": "gauge",
    "gtm_config_last_reload_timestamp_seconds": "gauge",
    "gtm_dns_queries": "counter",
    "gtm_dns_query_duration_seconds": "histogram",
    "gtm_endpoint_certificate_expiry_timestamp_seconds": "gauge",
    "gtm_endpoint_local": "gauge",
    "gtm_endpoint_state": "stateset",
    "gtm_fail_open_active": "gauge",
    "gtm_failover_convergence_seconds": "histogram",
    "gtm_failover_detection_seconds": "histogram",
    "gtm_geoip_build_timestamp_seconds": "gauge",
    "gtm_override_active": "gauge",
    "gtm_override_expires_timestamp_seconds": "gauge",
    "gtm_probe_duration_seconds": "histogram",
    "gtm_probe_report_age_seconds": "gauge",
    "gtm_probe_silent": "gauge",
    "gtm_peers_expected": "gauge",
    "gtm_peers_voting": "gauge",
    "gtm_peer_key_wrong": "gauge",
    "gtm_peer_clock_offset_seconds": "gauge",
    "gtm_node_clock_offset_seconds": "gauge",
    "gtm_quorum_frozen_checks": "gauge",
    "gtm_ready": "gauge",
    "gtm_region_endpoints": "gauge",
    "gtm_region_share_ratio": "gauge",
    "gtm_safety_held_endpoints": "gauge",
    "gtm_safety_refusal_endpoints": "gauge",
    "gtm_state_unsaved_files": "gauge",
    "gtm_start_timestamp_seconds": "gauge",
    "gtm_state_transitions": "counter",
    "gtm_votes": "gauge",
    "gtm_zone_held": "gauge",
    "gtm_zone_serial": "gauge",
}


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    return Measured(tmp_path)


def exposed(measured: Measured, accept: str = OPEN) -> dict[str, Metric]:
    shown = expose(families(measured.present()), accept)
    parse = parse_open if "openmetrics" in shown.content_type else parse_plain
    return {metric.name: metric for metric in parse(shown.body.decode())}


def values(metric: Metric) -> Iterator[tuple[dict[str, str], float]]:
    for sample in metric.samples:
        yield sample.labels, sample.value


def test_every_family_is_there_with_its_type(measured: Measured) -> None:
    found = {name: metric.type for name, metric in exposed(measured).items() if name.startswith("gtm_")}
    assert EXPECTED.items() <= found.items()
    assert not found.keys() - EXPECTED.keys() - {"gtm_zone_loads"}


@pytest.mark.parametrize(
    ("accept", "content_type", "end"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", "\n"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8", "\n"),
        (OPEN, "application/openmetrics-text; version=1.0.0; charset=utf-8", "\n# EOF\n"),
    ],
)
def test_the_format_is_what_the_scraper_asks_for(measured: Measured, accept: str, content_type: str, end: str) -> None:
    shown = expose(families(measured.present()), accept)
    assert shown.content_type.startswith(content_type)
    assert shown.body.decode().endswith(end)


def test_an_endpoint_is_in_exactly_one_state(measured: Measured) -> None:
    states: dict[tuple[str, str], list[str]] = {}
    for labels, value in values(exposed(measured)["gtm_endpoint_state"]):
        found = states.setdefault((labels["service"], labels["endpoint"]), [])
        if value:
            found.append(labels["gtm_endpoint_state"])
    assert all(len(found) == 1 for found in states.values())
    assert states["api.gtm.example.com", "eu-west/192.0.2.20"] == ["taken_out"], "the checks say down, and a person too"
    assert states["api.gtm.example.com", "us-east/192.0.2.10"] == ["up"]


def test_the_values_are_those_of_the_node(measured: Measured) -> None:
    found = exposed(measured)
    [(build, _)] = values(found["gtm_build"])
    assert build == {"node": "ns1", "version": "1.2.3", "engine": "reference", "roles": "admin,dns"}
    assert list(values(found["gtm_config_generation"])) == [({}, measured.planner.present.plan.generation)]
    assert ({"probe": "fra"}, 2.5) in list(values(found["gtm_probe_report_age_seconds"]))
    assert list(values(found["gtm_probe_silent"])) == [({"probe": "fra"}, 1.0), ({"probe": "ns1"}, 0.0)]
    assert list(values(found["gtm_peers_expected"])) == [({}, 1.0)]
    assert list(values(found["gtm_peers_voting"])) == [({}, 0.0)]
    assert list(values(found["gtm_peer_key_wrong"])) == [({"peer": "fra"}, 1.0)]
    assert list(values(found["gtm_peer_clock_offset_seconds"])) == [({"peer": "fra"}, 41.0)]
    assert list(values(found["gtm_node_clock_offset_seconds"])) == [({}, 0.0)]
    assert list(values(found["gtm_config_applied_timestamp_seconds"])) == [
        ({"zones": "gtm.example.com changed"}, 1_700_000_060.0)
    ]
    assert list(values(found["gtm_certificate_expiry_timestamp_seconds"])) == [({"side": "listen"}, 1.8e9)]
    assert list(values(found["gtm_geoip_build_timestamp_seconds"])) == [({"file": "regions.mmdb"}, 1.69e9)]
    assert list(values(found["gtm_dns_queries"])) == [({"rcode": "NOERROR", "transport": "udp"}, 3.0)]


def test_an_override_is_shown_with_its_end(measured: Measured) -> None:
    found, scope = exposed(measured), str(OVERRIDE.scope)
    assert list(values(found["gtm_override_active"])) == [({"scope": scope, "action": "down"}, 1.0)]
    assert list(values(found["gtm_override_expires_timestamp_seconds"])) == [({"scope": scope}, OVERRIDE.until)]
    rules = ("at_least", "max_share_removed_per_minute", "correlated_failure")
    assert list(values(found["gtm_safety_held_endpoints"])) == [({"rule": rule}, 0.0) for rule in rules]


def test_a_service_with_nothing_up_fails_open(measured: Measured) -> None:
    def active() -> float:
        [value] = [
            value
            for labels, value in values(exposed(measured)["gtm_fail_open_active"])
            if labels == {"service": "api.gtm.example.com"}
        ]
        return value

    assert active() == 0.0
    everything = {check.id: CheckStatus(Belief.DOWN, 0.0) for check in checks((world.zone(),))}
    measured.planner.take_status(Status(everything))
    assert active() == 1.0


def test_a_histogram_ends_with_all_it_counted(measured: Measured) -> None:
    samples = exposed(measured)["gtm_dns_query_duration_seconds"].samples
    buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert [sample.value for sample in samples if sample.labels.get("le") == "+Inf"] == [3.0]
    assert [sample.value for sample in samples if sample.name.endswith("_count")] == [3.0]
    assert [sample.value for sample in samples if sample.name.endswith("_sum")] == [9e-6]


def test_each_phase_of_a_check_is_a_histogram_of_its_own(measured: Measured) -> None:
    samples = exposed(measured)["gtm_probe_duration_seconds"].samples
    totals = {sample.labels["phase"]: sample.value for sample in samples if sample.name.endswith("_sum")}
    assert totals == {"connect": 0.01, "ttfb": 0.03, "total": 0.04}
    assert {sample.labels["kind"] for sample in samples} == {"http"}
    at_most = {
        sample.labels["le"]: sample.value
        for sample in samples
        if sample.labels["phase"] == "ttfb" and "le" in sample.labels
    }
    assert (at_most["0.025"], at_most["0.05"], at_most["+Inf"]) == (0.0, 1.0, 1.0)


def test_nothing_is_left_in_the_librarys_own_registry(measured: Measured) -> None:
    before = prometheus_client.generate_latest()
    exposed(measured)
    assert b"gtm_" not in prometheus_client.generate_latest()
    assert b"gtm_" not in before


def test_points_with_different_labels_share_a_family() -> None:
    metric = Measure("gtm_x", "gtm.x", MetricKind.COUNTER, "X.")
    shown = expose([Family(metric, (Point({"a": "1"}, 1), Point({"b": "2"}, 2)))], "")
    assert b'gtm_x_total{a="1",b=""} 1.0\ngtm_x_total{a="",b="2"} 2.0\n' in shown.body


def test_a_family_without_points_is_left_out() -> None:
    shown = expose([Family(Measure("gtm_x", "gtm.x", MetricKind.GAUGE, "X."), ())], "")
    assert b"gtm_x" not in shown.body


def test_quotes_and_backslashes_in_a_label_are_escaped() -> None:
    odd = 'quote " backslash \\ é'
    shown = expose([Family(Measure("gtm_x", "gtm.x", MetricKind.GAUGE, "X."), (Point({"a": odd}, 1),))], "")
    [metric] = [each for each in parse_plain(shown.body.decode()) if each.name == "gtm_x"]
    assert metric.samples[0].labels == {"a": odd}
