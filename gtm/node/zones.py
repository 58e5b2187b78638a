"""The zone river: folder -> catalogue -> plan, whenever a file changed or somebody asks.

scan, several times a second -> settled -> read -> planner
SIGHUP ----------------------------^          ^
`gtm reload`: scans of its own, until two agree, and another after the read

A file that is being written is not read: only the start, which has nothing to serve yet, takes what is there.
Whatever is in the folder, a node that serves zones goes on to serve zones.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from gtm.counters import Counters
from gtm.errors import Problem
from gtm.node.chronicle import Chronicle, no_chronicle
from gtm.node.planner import Planner
from gtm.node.state import StateFolder
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.threads import Pool
from gtm.watch.folder import EMPTY, Catalogue, Scan, read, scan, settled
from gtm.watch.kept import revive
from gtm.zone.model import Check, Zone, checks

SCAN_INTERVAL_S = 0.25
"""Two scans must agree before a read, so a changed file serves within a second."""

RELOAD_LOOKS = 20
"""Of a reload, or of SIGHUP, at a folder that changes from look to look: five seconds."""

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
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chronicle: Chronicle | None = None,
        state: StateFolder | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        self._wall = wall
        self.loaded_at: float | None = None
        """Wall seconds of the last reading of the folder; None before the first, or without a clock."""
        self._state = state
        self._kept: Catalogue | None = None
        self._chronicle = chronicle or no_chronicle()
        self._folder = folder
        self._vocabulary = vocabulary
        self._planner = planner
        self._watch = watch
        self._counters = counters
        self._sleep = sleep
        self._asked = False
        self._watched: tuple[Zone, ...] = ()
        self._loaded: Scan | None = None
        self._reading = asyncio.Lock()
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[tuple[Problem, ...]] | None = None
        self._threads = Pool("zones", threads=2)
        """One to look, and one to read."""

    async def load(self) -> tuple[Problem, ...]:
        """Reads the folder now, serves what is good, and returns the problems of the rest."""
        async with self._reading:
            return await self._read(await self._scan()) or ()

    async def reload(self) -> tuple[Problem, ...]:
        """Does as `load` does, once nobody is writing; where that takes too long, it reads nothing and says so.

        Who asks while another reload is yet to begin shares it.
        """
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload(), name="reload")
        return await asyncio.shield(self._next_reload)

    async def _reload(self) -> tuple[Problem, ...]:
        async with self._reloading:
            self._next_reload = None  # who asks from now on may have written something since
            before = await self._scan()
            for _ in range(RELOAD_LOOKS):
                await self._sleep(SCAN_INTERVAL_S)
                now = await self._scan()
                if now == before:
                    async with self._reading:
                        problems = await self._read(now, while_it_holds=True)
                    if problems is not None:
                        return problems
                before = now
        span_s = RELOAD_LOOKS * SCAN_INTERVAL_S
        words = f"files were being written for {span_s:.0f} s, so nothing was read; reload once they are whole"
        return (Problem(str(self._folder), 0, 0, words),)

    async def _scan(self) -> Scan:
        return await self._threads.run(scan, self._folder)

    async def _read(self, now: Scan, *, while_it_holds: bool = False) -> tuple[Problem, ...] | None:
        """Reads the folder, which looks like this now; None where it is to hold meanwhile, and does not."""
        before = await self._before()
        read_now = await self._threads.run(read, self._folder, before, self._vocabulary)
        if while_it_holds and await self._scan() != now:
            return None
        self._loaded = now
        after = never_empty(self._folder, before, read_now)
        self.loaded_at = None if self._wall is None else self._wall()
        self._tell(before, after)
        await self._planner.take_zones(after)
        self._keep()
        served = self._planner.catalogue.zones
        if served != self._watched:
            self._watched = served
            self._watch(checks(served))
        failure = self._planner.failure
        return (*after.problems, Problem(str(self._folder), 0, 0, failure)) if failure else after.problems

    async def _before(self) -> Catalogue:
        """Returns what was read before: at the start, what was kept on disk."""
        if self._kept is None and self._state is not None:
            self._kept = await self._threads.run(self._revived, self._state)
        serving = self._planner.catalogue
        return self._kept if self._kept is not None and not serving.loaded else serving

    def _revived(self, state: StateFolder) -> Catalogue:
        kept = state.load_zones()
        return EMPTY if kept is None else revive(kept, self._folder, self._vocabulary)

    def _keep(self) -> None:
        """Keeps the zone files that serve now on disk, if they are not there yet."""
        serving = self._planner.catalogue
        if self._state is not None and serving.loaded and (self._kept is None or serving.loaded != self._kept.loaded):
            self._kept = serving
            self._state.save_zones_apart(self._folder, serving)

    def ask(self) -> None:
        """Has `run` read the folder as soon as two looks agree, changed or not."""
        self._asked = True

    async def run(self) -> None:
        """Reads the folder whenever it changed, until cancelled."""
        before: Scan | None = None
        unsettled = 0
        while True:
            await self._sleep(SCAN_INTERVAL_S)
            now = await self._scan()
            unsettled = unsettled + 1 if self._asked and now != before else 0
            is_asked = self._asked and (now == before or unsettled >= RELOAD_LOOKS)
            if is_asked or settled(before, now, loaded=self._loaded):
                self._asked = False
                await self._load_or_say()
            before = now

    async def _load_or_say(self) -> None:
        try:
            await self.load()
        except Exception:
            log.exception("the zone folder %s cannot be loaded; the last good zones serve on", self._folder)
            self._counters.add("zone_loads", outcome="failed")

    def _tell(self, before: Catalogue, after: Catalogue) -> None:
        if not after.loaded:
            return  # a node without any zone does not start, and its last words are these problems
        for problem in after.problems:
            if problem not in before.problems:
                log.error("zone file: %s", problem)
        self._chronicle.rejected(before, after)
        for file in sorted(before.bad_files - after.bad_files):
            log.info("zone file: %s is mended", file)
        self._counters.add("zone_loads", outcome="with_problems" if after.problems else "clean")
        if after.problems and before.zones:
            log.warning("zone files with problems keep their last good zone; problems: %d", len(after.problems))
            self._tell_kept(before)

    def _tell_kept(self, before: Catalogue) -> None:
        if before is self._kept and before is not self._planner.catalogue:
            log.error("started with a broken zone folder: what is missing serves as it was before this node stopped")
            self._counters.add("starts_from_kept_zones")


def never_empty(folder: Path, before: Catalogue, after: Catalogue) -> Catalogue:
    """Returns the catalogue of a folder, which keeps the zones of before where no good one is left at all.

    That is a mount that failed or a checkout half done, and not a wish to serve nothing: to serve nothing is to stop.
    """
    if after.loaded:
        return after
    problems = after.problems or (Problem(str(folder), 0, 0, "no zone file is here; they are named *.yaml or *.yml"),)
    return replace(after, loaded=before.loaded, problems=problems)
