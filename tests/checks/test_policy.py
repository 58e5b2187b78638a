"""Monitors in the words of verdicts: no single reading takes an endpoint down where one can ask again."""

from dataclasses import replace

import pytest

from gtm.checks.policy import pace, verdict_policy
from gtm.health.verdict.verdict import VerdictPolicy, Window
from gtm.ids import MonitorName
from gtm.zone.model import Monitor
from gtm.zone.monitors.registry import MonitorType

ONCE = replace(Monitor("gtm.example.com", MonitorName("web"), MonitorType.HTTP, 80, fall=1), window=None)


def test_one_bad_reading_is_confirmed_by_a_recheck() -> None:
    policy = verdict_policy(ONCE)
    assert policy == VerdictPolicy(2, 5, None, 60.0, damping=True)
    assert pace(ONCE).recheck_s == 1.0


@pytest.mark.parametrize(("window", "of"), [((1, 1), 2), ((1, 5), 5)])
def test_a_window_that_one_bad_reading_fills_is_confirmed_too(window: tuple[int, int], of: int) -> None:
    policy = verdict_policy(replace(ONCE, window=window))
    assert (policy.fall, policy.window) == (2, Window(2, of))


def test_where_no_recheck_is_wanted_one_bad_reading_is_enough() -> None:
    policy = verdict_policy(replace(ONCE, recheck_s=ONCE.interval_s, window=(1, 5)))
    assert (policy.fall, policy.window) == (1, Window(1, 5))


@pytest.mark.parametrize("kind", [MonitorType.PUSH, MonitorType.CALCULATED])
def test_what_asks_nobody_is_not_asked_again(kind: MonitorType) -> None:
    assert verdict_policy(replace(ONCE, type=kind)).fall == 1


def test_more_than_one_bad_reading_stays_as_it_is() -> None:
    policy = verdict_policy(replace(ONCE, fall=2, window=(2, 3)))
    assert (policy.fall, policy.window) == (2, Window(2, 3))
