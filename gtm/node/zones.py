"""The zone river: folder -> catalogue -> plan, whenever a file changed or somebody asks.

scan, several times a second -> settled -> read -> planner
SIGHUP, `gtm reload` ----------------------^
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from gtm.counters import Counters
from gtm.errors import Problem
from gtm.node.planner import Planner
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.watch.folder import Catalogue, Scan, read, scan, settled
from gtm.zone.model import Check, checks

SCAN_INTERVAL_S = 0.25
"""Two scans must agree before a read, so a changed file serves within a second."""

log = logging.getLogger(__name__)


class ZoneRiver:
    """Reads the zone folder. Its state is what it last saw there."""

    def __init__(
        self,
        folder: Path,
        vocabulary: SteeringVocabulary,
        planner: Planner,
        *,
        watch: Callable[[tuple[Check, ...]], None],
        counters: Counters,
    ) -> None:
        self._folder = folder
        self._vocabulary = vocabulary
        self._planner = planner
        self._watch = watch
        self._counters = counters
        self._asked = False
        self._loaded: Scan | None = None
        self._reading = asyncio.Lock()

    async def load(self) -> tuple[Problem, ...]:
        """Reads the folder now, serves what is good, and returns the problems of the rest."""
        async with self._reading:
            self._loaded = await asyncio.to_thread(scan, self._folder)
            before = self._planner.catalogue
            after = await asyncio.to_thread(read, self._folder, before, self._vocabulary)
            self._tell(before, after)
            if after.zones != before.zones:
                self._watch(checks(after.zones))
                await self._planner.take_zones(after)
            else:
                self._planner.catalogue = after
            return after.problems

    def ask(self) -> None:
        """Has `run` read the folder at its next turn, changed or not."""
        self._asked = True

    async def run(self) -> None:
        """Reads the folder whenever it changed, until cancelled."""
        before: Scan | None = None
        while True:
            await asyncio.sleep(SCAN_INTERVAL_S)
            now = await asyncio.to_thread(scan, self._folder)
            if self._asked or settled(before, now, loaded=self._loaded):
                self._asked = False
                await self.load()
            before = now

    def _tell(self, before: Catalogue, after: Catalogue) -> None:
        for problem in after.problems:
            if problem not in before.problems:
                log.error("zone file: %s", problem)
        self._counters.add("zone_loads", outcome="with_problems" if after.problems else "clean")
        if after.problems and before.zones:
            log.warning("zone files with problems keep their last good zone: %d problems", len(after.problems))
