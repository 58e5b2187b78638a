import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.counters import Counters, series
from gtm.metrics.counted import COUNTED, LATENCY, counter_families, parse_series
from gtm.metrics.model import Distribution, Family, MetricKind, Point


def of(counters: dict[str, int]) -> dict[str, Family]:
    return {family.metric.prometheus: family for family in counter_families(counters)}


def test_each_counter_is_a_family_with_a_point_for_each_series() -> None:
    counters = Counters()
    counters.add("dns_responses", 3, rcode="NOERROR", transport="udp")
    counters.add("dns_responses", 1, rcode="REFUSED", transport="tcp")
    counters.add("reports_heard", 7)
    found = of(dict(counters.snapshot()))
    assert found["gtm_dns_queries"].points == (
        Point({"rcode": "NOERROR", "transport": "udp"}, 3),
        Point({"rcode": "REFUSED", "transport": "tcp"}, 1),
    )
    assert found["gtm_reports_heard"].points == (Point({}, 7),)


@pytest.mark.parametrize("name", ["overrides", "overrides_refused", "safety_failures", "quarantines"])
def test_what_guides_the_checks_has_words_of_its_own(name: str) -> None:
    [family] = counter_families({name: 1})
    assert family.metric is COUNTED[name]
    assert family.metric.prometheus == f"gtm_{name}"


def test_the_type_of_a_question_is_called_qtype_outside() -> None:
    assert of({'dns_questions{type="AAAA"}': 2})["gtm_dns_questions"].points == (Point({"qtype": "AAAA"}, 2),)


def test_a_counter_that_nobody_listed_is_shown_under_a_name_of_its_own() -> None:
    [family] = counter_families({'moon_phases_total{phase="new"}': 2})
    assert (family.metric.prometheus, family.metric.otel) == ("gtm_moon_phases", "gtm.moon.phases.total")
    assert family.metric.kind is MetricKind.COUNTER
    assert family.points == (Point({"phase": "new"}, 2),)


def test_the_engines_times_become_one_histogram_in_seconds_with_the_same_bounds_always() -> None:
    few = of(
        {
            'dns_engine_nanoseconds_bucket{le="1023"}': 3,
            'dns_engine_nanoseconds_bucket{le="65535"}': 4,
            'dns_engine_nanoseconds_bucket{le="+Inf"}': 5,
            "dns_engine_nanoseconds_count": 5,
            "dns_engine_nanoseconds_sum": 2_000_000_000,
        }
    )
    [point] = few[LATENCY.prometheus].points
    assert isinstance(point.value, Distribution)
    assert dict(zip(point.value.bounds, point.value.at_most, strict=True)) == {
        (2**power - 1) / 1e9: (0 if power < 10 else 3 if power < 16 else 4) for power in range(7, 34)
    }
    assert (point.value.count, point.value.sum) == (5, 2.0)


def test_an_engine_that_timed_nothing_has_no_histogram() -> None:
    assert LATENCY.prometheus not in of({'dns_ignored{transport="udp"}': 1})


def test_names_are_as_prometheus_and_opentelemetry_want_them() -> None:
    for metric in [*COUNTED.values(), LATENCY]:
        assert metric.prometheus.startswith("gtm_")
        assert not metric.prometheus.endswith("_total"), "the format adds it"
        assert metric.otel.startswith("gtm.")
        assert "total" not in metric.otel
        assert metric.otel == metric.otel.lower()
        assert metric.help.endswith(".")
    names = [metric.prometheus for metric in COUNTED.values()]
    assert len(set(names)) == len(names)


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)


@given(NAMES, st.dictionaries(NAMES, st.text("abcxyz,=.*-{} é\\", max_size=10), max_size=4))
def test_a_series_is_read_back_as_it_was_written(name: str, labels: dict[str, str]) -> None:
    read = {"type": "qtype"}
    assert parse_series(series(name, labels)) == (name, {read.get(key, key): text for key, text in labels.items()})


@pytest.mark.parametrize("odd", ["", "{", 'a{b="c"', "a b", 'a{b="c}', "{}"])
def test_an_odd_series_is_shown_rather_than_lost(odd: str) -> None:
    name, _ = parse_series(odd)
    assert name in odd
