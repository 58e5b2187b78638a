"""The publisher: turns this node's verdicts into reports, at once when a verdict changes and at regular intervals.

What comes in: the present verdicts, and an event that is set when one changes. What goes out: reports in the store.
The regular reports keep votes fresh at the peers: without them a probe with nothing new would look like a dead one.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId
from gtm.share.handler import COALESCE_S
from gtm.share.report_store import ReportStore

MIN_HEARTBEAT_S = 0.5
"""However short the intervals are, a report is made and signed no more often than this without need."""

MAX_HEARTBEAT_S = 10.0
"""However long the intervals are: a third of the age at which peers refuse a report as skewed."""


def heartbeat_s(intervals_s: Iterable[float]) -> float:
    """Returns the seconds between publications: the shortest interval of the checks, within bounds."""
    return min(MAX_HEARTBEAT_S, max(MIN_HEARTBEAT_S, min(intervals_s, default=MAX_HEARTBEAT_S)))


async def publish_reports(
    report_store: ReportStore,
    verdicts: Callable[[], Mapping[CheckId, Verdict]],
    changed: asyncio.Event,
    *,
    beat_s: Callable[[], float],
) -> None:
    """Publishes reports until it is cancelled: when `changed` is set, and at the latest after `beat_s()` seconds.

    The caller sets `changed` when a verdict changes; this function clears it.
    """
    while True:
        changed.clear()
        report_store.publish(verdicts())
        try:
            async with asyncio.timeout(beat_s()):
                await changed.wait()
                await asyncio.sleep(COALESCE_S)
        except TimeoutError:
            continue
