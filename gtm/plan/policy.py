"""Monitors -> the policies of verdicts: what the zone file says, in the words of gtm/health."""

from gtm.health.earliest import Pace
from gtm.health.verdict import VerdictPolicy, Window
from gtm.zone.model import Monitor


def verdict_policy(monitor: Monitor) -> VerdictPolicy:
    """Returns what it takes to change a mind about an endpoint of this monitor."""
    return VerdictPolicy(
        monitor.fall,
        monitor.rise,
        None if monitor.window is None else Window(*monitor.window),
        monitor.failback_delay_s,
        damping=monitor.damping,
    )


def pace(monitor: Monitor) -> Pace:
    """Returns how often an endpoint of this monitor is read."""
    return Pace(monitor.interval_s, min(monitor.recheck_s, monitor.interval_s))
