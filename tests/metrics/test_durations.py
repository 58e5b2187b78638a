from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.checks.model import Check
from gtm.health.verdict.reading import Phases, Reading, Reason
from gtm.metrics.durations import BOUNDS_S, Durations
from gtm.metrics.model import Distribution
from gtm.zone.model import PLAIN_HTTP
from gtm.zone.monitors.registry import MonitorType
from tests.fakes.checks import check_of

HTTP = check_of(PLAIN_HTTP)


def of_kind(kind: MonitorType) -> Check:
    return replace(HTTP, monitor=replace(HTTP.monitor, type=kind))


def measured(durations: Durations) -> dict[tuple[str, str], Distribution]:
    found = {}
    for point in durations.family().points:
        assert isinstance(point.value, Distribution)
        found[point.labels["kind"], point.labels["phase"]] = point.value
    return found


def test_each_phase_that_ended_is_counted_and_the_whole_always() -> None:
    durations = Durations()
    durations.take(HTTP, Reading(Reason.OK, 0.5, phases=Phases(dns_s=0.1, connect_s=0.1, tls_s=0.1, first_byte_s=0.1)))
    durations.take(HTTP, Reading(Reason.TIMEOUT, 2.0, phases=Phases(connect_s=0.2)))
    counts = {phase: one.count for (_, phase), one in measured(durations).items()}
    assert counts == {"dns": 1, "connect": 2, "tls": 1, "ttfb": 1, "total": 2}
    assert measured(durations)["http", "total"].sum == 2.5


def test_a_check_that_this_probe_could_not_make_took_no_time() -> None:
    durations = Durations()
    durations.take(HTTP, Reading(Reason.UNREAD, 2.0))
    assert durations.family().points == ()


@pytest.mark.parametrize("kind", MonitorType)
def test_only_kinds_that_ask_the_endpoint_are_timed(kind: MonitorType) -> None:
    durations = Durations()
    durations.take(of_kind(kind), Reading(Reason.OK, 0.1))
    assert bool(durations.family().points) is (kind.value not in {"push", "calculated"})


def test_endpoints_of_one_kind_are_one_series() -> None:
    durations = Durations()
    for number in range(1, 100):
        durations.take(check_of(PLAIN_HTTP, target=f"192.0.2.{number}"), Reading(Reason.OK, 0.1))
    assert measured(durations)["http", "total"].count == 99
    assert len(durations.family().points) == 1


@given(st.lists(st.one_of(st.floats(0, 100), st.sampled_from(BOUNDS_S))))
def test_a_bucket_has_what_took_at_most_so_long(took_s: list[float]) -> None:
    durations = Durations()
    for each_s in took_s:
        durations.take(HTTP, Reading(Reason.OK, each_s))
    found = measured(durations).get(("http", "total"), Distribution(BOUNDS_S, (0,) * len(BOUNDS_S), 0, 0.0))
    assert found.count == len(took_s)
    assert found.at_most == tuple(sum(each_s <= bound for each_s in took_s) for bound in BOUNDS_S)
    assert found.sum == pytest.approx(sum(took_s))
