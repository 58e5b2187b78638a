"""Vantages for the plan: probes that vote -> their vantages -> cells, whenever the vantages change.

Cells differ by their nearest vantage, so a new vantage means that all cells are compiled again. A start begins with
the vantages of the run before. A change is taken only once it has lasted for SETTLE_S: after a start, the vantages are
heard one after another.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

from gtm.clock import Clock
from gtm.health.consensus.local_view import MIN_VANTAGES, Known, Vantages, learned
from gtm.ids import NodeName
from gtm.node.planner import Planner
from gtm.node.state.folder import StateFolder
from gtm.share.report_store import ReportStore

LOOK_INTERVAL_S = 2.0
"""The seconds between two looks at the probes that vote."""
SETTLE_S = 10.0
"""For how many seconds the vantages must be the same before the planner takes them."""

log = logging.getLogger(__name__)


class VantageWatch:
    """Learns the vantages from the reports. Its state: the vantages seen, and since when they are the same."""

    def __init__(
        self,
        planner: Planner,
        report_store: ReportStore,
        state: StateFolder,
        *,
        voting: Callable[[], AbstractSet[NodeName]],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._planner = planner
        self._report_store = report_store
        self._state = state
        self._voting = voting
        self._clock = clock
        self._sleep = sleep
        self._known: Known = {}
        self._seen: Vantages = ()
        self._since = clock.monotonic()

    async def load(self) -> None:
        """Loads the vantages of the run before from the state folder, and passes them to the planner."""
        self._seen = self._state.load_vantages()
        self._known = dict.fromkeys(self._seen, self._clock.monotonic())
        await self._planner.take_vantages(self._seen)

    async def run(self) -> None:
        """Looks at the vantages of the probes that vote, once in LOOK_INTERVAL_S, until cancelled."""
        while True:
            await self._sleep(LOOK_INTERVAL_S)
            await self.look()

    async def look(self) -> None:
        """Looks at the vantages of the probes that vote now; passes them to the planner after SETTLE_S unchanged."""
        now = self._clock.monotonic()
        self._known = learned(self._known, self._report_store.book, self._voting(), now=now)
        seen = tuple(sorted(self._known, key=lambda vantage: vantage.name))
        if seen != self._seen:
            self._seen, self._since = seen, now
        elif seen != self._planner.present.vantages and now - self._since >= SETTLE_S:
            self._since = now  # if this fails, the next try waits as long
            await self._take(seen)

    async def _take(self, vantages: Vantages) -> None:
        names = ", ".join(vantage.name for vantage in vantages) or "none"
        is_enough = len(vantages) >= MIN_VANTAGES
        counts = "each counts for its clients" if is_enough else f"it takes {MIN_VANTAGES} to differ"
        log.info("vantages that say where they are: %s; %s", names, counts)
        await self._planner.take_vantages(vantages)
        if self._planner.present.vantages == vantages:
            self._state.save_vantages_apart(vantages)
