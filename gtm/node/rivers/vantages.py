"""The vantages' way into the plan: who votes -> where they look from -> cells, whenever another one does.

Cells are told apart by their nearest vantage, so that a new one means to compile everything again. A start goes on with
those of the run before, and a change must hold for SETTLE_S: after a start, one vantage after the other is heard.
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
SETTLE_S = 10.0

log = logging.getLogger(__name__)


class VantageWatch:
    """Learns where vantages are. Its state is which voted, and since when they are the same."""

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
        """Goes on with the vantages of the run before."""
        self._seen = self._state.load_vantages()
        self._known = dict.fromkeys(self._seen, self._clock.monotonic())
        await self._planner.take_vantages(self._seen)

    async def run(self) -> None:
        """Looks who votes, until cancelled."""
        while True:
            await self._sleep(LOOK_INTERVAL_S)
            await self.look()

    async def look(self) -> None:
        """Looks who votes now; takes the vantages once they have been the same for long enough."""
        now = self._clock.monotonic()
        self._known = learned(self._known, self._report_store.book, self._voting(), now=now)
        seen = tuple(sorted(self._known, key=lambda vantage: vantage.name))
        if seen != self._seen:
            self._seen, self._since = seen, now
        elif seen != self._planner.present.vantages and now - self._since >= SETTLE_S:
            self._since = now  # what fails is not tried again at once
            await self._take(seen)

    async def _take(self, vantages: Vantages) -> None:
        names = ", ".join(vantage.name for vantage in vantages) or "none"
        is_enough = len(vantages) >= MIN_VANTAGES
        counts = "each counts for its clients" if is_enough else f"it takes {MIN_VANTAGES} to differ"
        log.info("vantages that say where they are: %s; %s", names, counts)
        await self._planner.take_vantages(vantages)
        if self._planner.present.vantages == vantages:
            self._state.save_vantages_apart(vantages)
