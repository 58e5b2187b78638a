from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from prometheus_client.parser import text_string_to_metric_families

from gtm.metrics.exposition import expose
from gtm.metrics.labels import MAX_LABEL, label
from gtm.metrics.model import Family, Metric, MetricKind, Point
from gtm.metrics.otlp import metrics_data
from tests.fakes.text import HOSTILE, harm

ANY_TEXT = st.text(st.characters(), max_size=60)
FILES = Metric("gtm_x", "gtm.x", MetricKind.GAUGE, "X.")


def test_usual_values_stay_as_they_are() -> None:
    for value in ("", "api.gtm.example.com", "eu-west/2001:db8::1", 'a "quote" and a \\', "北京"):
        assert label(value) == value


@given(ANY_TEXT, ANY_TEXT)
def test_every_value_prints_and_different_ones_stay_different(first: str, second: str) -> None:
    assert label(first).isprintable()
    assert (label(first) == label(second)) == (first == second)


def test_a_value_that_looks_like_a_changed_one_stays_different_from_it() -> None:
    for value in ("a\x1b", "x" * 5_000):
        assert label(label(value)) != label(value)
        assert label(label(value)).isprintable()


def test_long_values_are_cut_and_stay_different() -> None:
    first, second = label("x" * 5_000 + "1"), label("x" * 5_000 + "2")
    assert first != second
    assert max(len(first), len(second)) < MAX_LABEL + 50


def test_a_value_that_looks_like_an_escaped_one_is_no_second_series_of_the_same_labels() -> None:
    raw, typed = Point({"file": "\x1b"}, 1), Point({"file": r"\x1b"}, 2)
    body = expose([Family(FILES, (raw, typed))], "").body.decode()
    [family] = [
        text_string_to_metric_family
        for text_string_to_metric_family in text_string_to_metric_families(body)
        if text_string_to_metric_family.name == "gtm_x"
    ]
    assert len({sample.labels["file"] for sample in family.samples}) == 2


def test_no_exit_of_metrics_shows_hostile_text() -> None:
    families = [Family(FILES, (Point({"file": HOSTILE + "\udcff"}, 1),))]
    build = [Family(Metric("gtm_build", "gtm.build", MetricKind.INFO, "B."), (Point({"node": HOSTILE}, 1),))]
    assert harm(expose([*families, *build], "").body.decode()) == []
    sent = metrics_data([*families, *build], Resource.create(), start_ns=0, now_ns=1)
    points = [
        point
        for resource in sent.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    assert points
    assert all(str(value).isprintable() for point in points for value in (point.attributes or {}).values())
