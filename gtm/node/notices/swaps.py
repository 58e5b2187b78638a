"""Notices of swaps: an event with its causes, log lines, counters and measurements when a new plan serves.

What comes in: the plan before and after a swap, the events that caused it, and the changes of the zones. It decides
nothing. Its state: the last changes of the zones, which a reload returns.
"""

import logging
from collections import deque

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.event import EventId
from gtm.metrics.measurements import Tallies
from gtm.node.events.recorder import EventRecorder
from gtm.node.events.zone_changes import MAX_APPLIED, Applied, lines_of, log_changes
from gtm.node.notices.outages import Outages
from gtm.plan.model import Plan
from gtm.zone.changes import ZoneChanges

log = logging.getLogger(__name__)


class SwapNotices:
    """Logs, counts and records each plan that begins to serve."""

    def __init__(
        self, *, recorder: EventRecorder, counters: Counters, tallies: Tallies, outages: Outages, clock: Clock
    ) -> None:
        self._recorder = recorder
        self._counters = counters
        self._tallies = tallies
        self._outages = outages
        self._clock = clock
        self.applied: deque[Applied] = deque(maxlen=MAX_APPLIED)
        """The last changes of the zones since the start, the oldest first."""

    def tell(
        self,
        before: Plan,
        after: Plan,
        causes: tuple[EventId, ...],
        *,
        told: bool,
        changes: tuple[ZoneChanges, ...] = (),
        renamed: tuple[str, ...] = (),
    ) -> None:
        """Logs, counts and records that the plan `after` serves in place of `before`.

        `causes` are the ids of the events that led to it. `changes` are the changes of the zones, and `renamed` has
        lines about overrides whose scope they renamed. `told` is False for a plan with other TTLs only: its log line
        has the level DEBUG.
        """
        self._tallies.failovers.swapped(before, after, wall=self._clock.wall())
        self._outages.swapped(before, after, now=self._clock.monotonic())
        self._recorder.planned(before, after, causes, changes=changes)
        log_changes(changes)
        if changes and before.zones:
            fates = {change.zone: change.fate for change in changes}
            self.applied.append(Applied(after.generation, self._clock.wall(), (*lines_of(changes), *renamed), fates))
            for fate in fates.values():
                self._counters.add("zone_changes", change=fate.value)
        if after.zones:  # at the start geo data make a plan before there are zones
            level = logging.INFO if told else logging.DEBUG  # a plan with new TTLs only is no news
            sizes = (after.generation, len(after.zones), len(after.services))
            log.log(level, "plan: generation %d serves; zones: %d, services: %d", *sizes)
