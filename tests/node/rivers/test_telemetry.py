import builtins
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from gtm.metrics.counted import COUNTED
from gtm.metrics.measurements import Tallies
from gtm.metrics.otlp_replies import OUTCOMES
from gtm.metrics.zero_counters import ALWAYS
from gtm.node.config.current import CurrentConfig
from gtm.node.rivers.telemetry import DEFAULT_INTERVAL_S, Measures, interval_s, is_wanted, start_telemetry
from tests.admin.served import Served, serving
from tests.node.present import SMALL, config

ROOT = Path(__file__).parents[3]


def measures(served: Served, tmp_path: Path) -> Measures:
    return Measures(
        CurrentConfig(config(tmp_path)),
        served.planner,
        served.river,
        served.report_store,
        engine="reference",
        clock=served.clock,
        counters=served.counters,
        is_ready=lambda: True,
        tallies=Tallies(),
    )


def test_a_scrape_over_http_shows_the_node_as_it_is(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as served:
        answer = served.ask("GET", "/metrics")
        assert (answer.status, answer.type) == (200, "text/plain")
        found = {metric.name: metric for metric in parse(answer.body.decode())}
        [sample] = found["gtm_config_generation"].samples
        assert sample.value == served.planner.present.plan.generation
        assert found["gtm_config_last_reload_successful"].samples[0].value == 1.0
        assert found["gtm_zone_serial"].samples[0].labels == {"zone": "gtm.example.com"}
        (served.folder / "a.yaml").write_text("zone: [")
        served.ask("POST", "/v1/reload")
        again = {metric.name: metric for metric in parse(served.ask("GET", "/metrics").body.decode())}
        assert again["gtm_config_last_reload_successful"].samples[0].value == 0.0
        loads = {sample.labels["outcome"]: sample.value for sample in again["gtm_zone_loads"].samples}
        assert loads == {"clean": 1.0, "with_problems": 1.0, "failed": 0.0}


def test_a_fresh_node_shows_every_counter_at_0(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as served:
        text = served.ask("GET", "/metrics").body.decode()
    found = {sample.name: sample.value for metric in parse(text) for sample in metric.samples if not sample.labels}
    alone = [name for name, axes in ALWAYS.items() if not axes]
    assert {name: found[f"{COUNTED[name].prometheus}_total"] for name in alone} == dict.fromkeys(alone, 0.0)
    shown = {metric.name for metric in parse(text)}
    assert {COUNTED[name].prometheus for name in ALWAYS} <= shown
    assert 'gtm_safety_blocks_total{rule="correlated_failure"} 0.0' in text
    assert 'gtm_state_errors_total{file="status.json"} 0.0' in text


@pytest.mark.parametrize(
    ("endpoint", "environment", "wanted"),
    [
        ("", {}, False),
        ("http://127.0.0.1:4318", {}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ("", {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318/v1/metrics"}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ("http://127.0.0.1:4318", {"OTEL_SDK_DISABLED": "true"}, False),
        ("http://127.0.0.1:4318", {"OTEL_METRICS_EXPORTER": "none"}, False),
    ],
)
def test_metrics_are_sent_where_a_collector_is_named(
    endpoint: str, environment: dict[str, str], *, wanted: bool
) -> None:
    assert is_wanted(endpoint, environment) is wanted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500", 0.5), ("60000", 60.0), ("", DEFAULT_INTERVAL_S), ("soon", DEFAULT_INTERVAL_S)]
    + [(text, DEFAULT_INTERVAL_S) for text in ("0", "-5", "nan", "inf")],
)
def test_the_environment_says_how_often(text: str, seconds: float) -> None:
    assert interval_s({"OTEL_METRIC_EXPORT_INTERVAL": text}) == seconds
    assert interval_s({}) == DEFAULT_INTERVAL_S


def test_a_node_without_the_extra_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: object) -> object:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *arguments)  # type: ignore[arg-type]

    for name in [module for module in sys.modules if module == "gtm.metrics.otlp"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("gtm.metrics.otlp", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    served = Served(tmp_path)
    wanting = config(tmp_path, 'telemetry: {otlp: "http://127.0.0.1:4318"}\n')
    with caplog.at_level(logging.ERROR):
        assert start_telemetry(wanting, measures(served, tmp_path), {}, served.clock.wall) is None
    assert "nothing is sent: No module named 'opentelemetry" in caplog.text
    assert "gtm[otlp]" in caplog.text


def test_a_node_that_names_no_collector_sends_nothing(tmp_path: Path) -> None:
    served = Served(tmp_path)
    assert start_telemetry(config(tmp_path), measures(served, tmp_path), {}, served.clock.wall) is None


def test_a_collector_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    served = Served(tmp_path)
    wanting = config(tmp_path, 'telemetry: {otlp: "http://127.0.0.1:1"}\n')
    shown = measures(served, tmp_path)
    telemetry = start_telemetry(wanting, shown, {}, served.clock.wall)
    assert telemetry is not None
    telemetry.close()
    [exports] = [family for family in shown.families() if family.metric.prometheus == "gtm_telemetry_exports"]
    assert {point.labels["outcome"]: point.value for point in exports.points} == dict.fromkeys(OUTCOMES, 0)


@pytest.mark.slow
def test_what_only_monitoring_needs_is_not_imported_at_the_start() -> None:
    names = "prometheus_client opentelemetry"
    code = f"import gtm.node.node, sys; print([name for name in '{names}'.split() if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
