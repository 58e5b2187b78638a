"""Monitors -> the policies of verdicts, and the pace of readings.

In comes a Monitor of a zone file; out go the values that gtm/health/verdict works with, which knows no zones.

Where a monitor has rechecks, no single bad reading takes down an endpoint: `fall: 1` and `window: 1 of 5` ask for a
second one, which comes after `recheck`. Monitors of type `push` and `calculated` have no second reading: they repeat
what others say, and a recheck would repeat it too.
"""

from gtm.health.verdict.next_change import Pace
from gtm.health.verdict.verdict import VerdictPolicy, Window
from gtm.zone.model import Monitor

CONFIRMED = 2
"""The least number of bad readings with rechecks: that of the round, and that of the recheck."""


def verdict_policy(monitor: Monitor) -> VerdictPolicy:
    """Returns the policy by which verdicts of this monitor change."""
    least = CONFIRMED if monitor.type.asks and has_rechecks(monitor) else 1
    return VerdictPolicy(
        max(least, monitor.fall),
        monitor.rise,
        None if monitor.window is None else _window(*monitor.window, least=least),
        monitor.failback_delay_s,
        damping=monitor.damping,
    )


def pace(monitor: Monitor) -> Pace:
    """Returns the pace of the readings of this monitor: the times of rounds and of rechecks."""
    return Pace(monitor.interval_s, min(monitor.recheck_s, monitor.interval_s))


def has_rechecks(monitor: Monitor) -> bool:
    """Returns whether a bad reading is followed by a recheck before the next round."""
    return monitor.recheck_s < monitor.interval_s


def _window(bad: int, of: int, *, least: int) -> Window:
    return Window(max(least, bad), max(least, of))
