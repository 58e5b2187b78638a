"""Rules for Prometheus fire when they should, in Prometheus' own evaluation, say the right words, and not otherwise."""

from pathlib import Path

import pytest

from tests.fakes.promtool import Expected, all_alerts, require_alerts, require_good_rules
from tests.test_house.alert_cases import CASES, NS1, NS2, Case, of, refused

pytestmark = [pytest.mark.tool("promtool"), pytest.mark.slow]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)


def test_prometheus_reads_the_rules() -> None:
    require_good_rules()


def test_each_alert_has_a_case() -> None:
    assert sorted(case.alert for case in CASES) == sorted(all_alerts())


@each_case
def test_an_alert_fires_and_says_what_it_should(case: Case, tmp_path: Path) -> None:
    require_alerts(tmp_path, case.series, {case.alert: case.expected}, at=case.at)


@each_case
def test_an_alert_does_not_fire_without_reason(case: Case, tmp_path: Path) -> None:
    require_alerts(tmp_path, case.calm, {case.alert: ()}, at=case.at)


def test_each_push_is_an_alert_of_its_own_at_each_node(tmp_path: Path) -> None:
    """The first is resolved when the second comes, so the news is told; the same zone may have been pushed twice."""
    pushed = f'gtm_config_applied_timestamp_seconds{{{NS1},zones="a.test changed"}}'
    series = {
        f"gtm_config_applied_timestamp_seconds{{{NS1}}}": "0x29 stale",
        pushed: "_x30 1800x7 2280x60",
        pushed.replace(NS1, NS2): "_x30 1801x60",
    }

    def told(node: str, when: str) -> Expected:
        labels = of(node, zones="a.test changed", applied=f"1970-01-01 {when} +0000 UTC")
        return Expected(f"Zones at {node}:8053: a.test changed; other answers may come of that", labels)

    for at, expected in (
        ("29m", ()),
        ("32m", (told("ns1", "00:30:00"), told("ns2", "00:30:01"))),
        ("39m", (told("ns1", "00:38:00"), told("ns2", "00:30:01"))),
        ("41m", (told("ns1", "00:38:00"),)),
        ("50m", ()),
    ):
        require_alerts(tmp_path, series, {"GtmConfigChanged": expected}, at=at)


def test_words_that_change_are_the_same_alert(tmp_path: Path) -> None:
    """It waits two minutes, though what it says was another in each of them."""
    named = {"rule": "at_least", "zone": "z.test", "service": "api.z.test"}
    series = {refused(**named, says=f"{minute}"): f"_x{minute} 1 stale" for minute in range(20, 40)}
    words = "Safety rule at_least: 30; gtm obey api.z.test --override-rule at_least lifts it there"
    expected = Expected(words, named)
    require_alerts(tmp_path, series, {"GtmSafetyHolding": (expected,)}, at="30m")
