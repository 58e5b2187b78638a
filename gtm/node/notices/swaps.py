"""Tells that a plan serves: an event with its causes, the log, counters, measurements, and what a reload is answered.

What comes in: the plan before and after a swap, what caused it, and what of the zones is new. It decides nothing; its
state is the last changes of the zones.
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
    """Tells of each plan that serves."""

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
        """Tells that a plan serves after the one before it.

        `changes` are those of the zones, `renamed` what they make of overrides, as lines; a plan that is not `told` has
        other TTLs only.
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
        if after.zones:  # at the start the geo data come first
            level = logging.INFO if told else logging.DEBUG  # a new TTL is no change of mind
            sizes = (after.generation, len(after.zones), len(after.services))
            log.log(level, "plan: generation %d serves; zones: %d, services: %d", *sizes)
