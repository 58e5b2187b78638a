"""The zone river: zone folder -> catalogue -> plan, whenever a zone file changed or on request.

look, several times a second -> settled files -> read -> planner
SIGHUP ------------------------------^            ^
`gtm reload`: looks of its own, until all files have settled, and another look after the read

A file that is being written is not read; the others are. Only the start, which serves nothing yet, reads all files as
they are. A reading works in slices, and after each slice the valid files so far serve: thousands of invalid files, or
one that takes long, do not delay the others. A file that takes longer than its limit is refused, and the rest is read
in a new reading.

Whatever is in the folder, a node that serves zones continues to serve zones.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from dns.name import Name

from gtm.arrival import DEFAULT_SETTLE_S
from gtm.checks.model import Check, checks
from gtm.counters import Counters
from gtm.errors import CallOverdue, Problem, as_warning, more_problems
from gtm.node.events.recorder import EventRecorder
from gtm.node.planner import Planner
from gtm.node.state.folder import StateFolder
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.threads import Pool
from gtm.watch.changed_files import to_be_read_again
from gtm.watch.folder import EMPTY, Catalogue, scan
from gtm.watch.last_good_files import revive
from gtm.watch.reading import FolderReading
from gtm.watch.settling import LOOK_INTERVAL_S, Look, Settling, as_it_is
from gtm.watch.zone_loss import DEFAULT_MOST_LOST, LossGuard
from gtm.zone.model import Zone

RELOAD_LOOKS = 20
"""The most looks of a reload at files that keep changing: five seconds, or twice the settling time of a file."""

SLICE_S = 0.5
"""The seconds of one slice of a reading, after which the valid files serve; more if a plan takes longer to make."""
MAX_LOGGED = 100
"""The most log lines about the problems of one reading."""
MAX_LOGGED_OF_FILE = 20
MAX_TOLD = 200
"""The most problems that the status and a reload list; `gtm check` has all of them."""

log = logging.getLogger(__name__)


class ZoneRiver:
    """Reads the zone folder into the planner. Its state: the last look at the folder, and the reading under way."""

    def __init__(
        self,
        folder: Path,
        vocabulary: SteeringVocabulary,
        planner: Planner,
        *,
        watch: Callable[[tuple[Check, ...]], None],
        counters: Counters,
        recorder: EventRecorder,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        state: StateFolder | None = None,
        wall: Callable[[], float] | None = None,
        settle_s: float = DEFAULT_SETTLE_S,
        most_lost: float = DEFAULT_MOST_LOST,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._guard = LossGuard(most_lost)
        self._force = frozenset[Name]()
        """The zones that the next reload takes even if they lose most of their content."""
        self._wall = wall
        self._settle_s = settle_s
        self.loaded_at: float | None = None
        """Wall seconds of the last reading of the folder; None before the first, or without a clock."""
        self._state = state
        self._kept: Catalogue | None = None
        self._recorder = recorder
        self._folder = folder
        self._vocabulary = vocabulary
        self._planner = planner
        self._watch = watch
        self._counters = counters
        self._sleep = sleep
        self._asked = False
        self._watched: tuple[Zone, ...] = ()
        self._unlisted: frozenset[str] = frozenset()
        """Files that records files include and that a scan of the folder does not list."""
        self._settling = Settling(settle_s=settle_s)
        self._look = Look({})
        """The look that the newest reading began with."""
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[tuple[Problem, ...]] | None = None
        self._turn = asyncio.Lock()
        self._reading: FolderReading | None = None
        """The reading that is not finished; None if there is none."""
        self._slice_s = SLICE_S
        self._before_reading = EMPTY
        """The catalogue before that reading began."""
        self._is_from_kept = False
        self._after = EMPTY
        """The catalogue after the last slice."""
        self._threads = Pool("zones", threads=2)
        """One thread to look at the folder, and one to read files."""

    async def load(self) -> tuple[Problem, ...]:
        """Reads the whole folder now, serves the valid zone files, and returns the problems of the others."""
        async with self._turn:
            await self._begin_with_what_is_there()
            while self._reading is not None:
                await self._read_on(self._reading)
            return self._problems()

    async def reload(self, force: frozenset[Name] = frozenset()) -> tuple[Problem, ...]:
        """Reads the folder as `load` does, but each file only once it has settled; one that does not is a problem.

        Calls before the next reload has begun share that reload. Zones in `force` may lose all of their content.
        """
        self._force |= force
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload(), name="reload")
        return await asyncio.shield(self._next_reload)

    async def _reload(self) -> tuple[Problem, ...]:
        async with self._reloading:
            self._next_reload = None  # later callers may have written a file since
            guard, self._force = replace(self._guard, forced=self._force), frozenset()
            settling = Settling(settle_s=self._settle_s, after=self._settling)
            written = (await self._looked(settling))[0].unsettled
            for _ in range(self._reload_looks):
                await self._sleep(LOOK_INTERVAL_S)
                look, has_news = await self._looked(settling)
                written = look.unsettled
                if has_news:
                    async with self._turn:
                        written |= await self._read_while_it_holds(look, settling, guard=guard)
                if not written:
                    return self._problems()
            return (*self._problems(), *(self._unread(name) for name in sorted(written)))

    @property
    def _reload_looks(self) -> int:
        return max(RELOAD_LOOKS, self._settling.gone_looks)

    def _unread(self, name: str) -> Problem:
        span_s = self._reload_looks * LOOK_INTERVAL_S
        message = f"it was being written for {span_s:.0f} s, so it was not read; reload once it is whole"
        return Problem(str(self._folder / name), 1, 1, message)

    async def _looked(self, settling: Settling) -> tuple[Look, bool]:
        """Returns the result of one more look at the folder, and whether a reading is due."""

        def look() -> tuple[Look, bool]:
            look = settling.look(scan(self._folder, self._unlisted), at=self._monotonic())
            return look, settling.has_news(look)

        return await self._threads.run(look)

    async def _as_it_is(self) -> Look:
        return as_it_is(await self._threads.run(scan, self._folder, self._unlisted))

    async def start(self) -> tuple[Problem, ...]:
        """Reads the folder until a zone serves; `run` reads the rest. Returns the problems so far."""
        async with self._turn:
            await self._begin_with_what_is_there()
            while self._reading is not None and not self._planner.present.plan.zones:
                await self._read_on(self._reading)
            return self._problems()

    async def _begin_with_what_is_there(self) -> None:
        look = await self._as_it_is()
        self._settling.began(look)
        await self._begin(look, reads_all=True)

    async def _read_while_it_holds(self, look: Look, settling: Settling, *, guard: LossGuard) -> frozenset[str]:
        """Reads the settled files, and stops when some of them change meanwhile.

        Returns the files to wait for: those that changed, or new included files. `guard` limits what a zone may lose.
        """
        before, self._guard = self._guard, guard
        try:
            return await self._read_while_it_holds_so(look, settling)
        finally:
            self._guard = before

    async def _read_while_it_holds_so(self, look: Look, settling: Settling) -> frozenset[str]:
        await self._begin(look, reads_all=True)
        while self._reading is not None:
            reading, self._reading = self._reading, None
            slice_result = await self._slice(reading)
            now = await self._as_it_is()
            changed = frozenset(name for name, stamp in look.settled.items() if now.settled.get(name) != stamp)
            if changed:
                self._reading = None
                self._settling.forget()
                return changed
            await self._take(reading, slice_result)
        settling.began(look)
        self._settling.began(look)
        return self._unlisted - look.settled.keys()  # the next look includes these

    async def _begin(self, look: Look, *, reads_all: bool = False) -> None:
        """Begins a reading; results of an unfinished one are kept. `reads_all`: also files with the same stamps."""
        self._look = look
        before = self._after if self._reading is not None else await self._before()
        if self._reading is None:
            self._before_reading = before
            self._is_from_kept = before is self._kept and before is not self._planner.present.catalogue
        self._reading = await self._new_reading(to_be_read_again(before) if reads_all else before)

    async def _new_reading(self, before: Catalogue) -> FolderReading:
        reading = FolderReading(self._folder, before, self._vocabulary, look=self._look, guard=self._guard)
        await self._threads.run(reading.begin)
        return reading

    async def _read_on(self, reading: FolderReading) -> None:
        """Reads one slice of the folder, and serves the valid zone files so far."""
        self._reading = None  # if this fails, it is not repeated for ever
        await self._take(reading, await self._slice(reading))

    async def _take(self, reading: FolderReading, catalogue: Catalogue) -> None:
        """Serves the valid zone files that a reading has found so far."""
        is_whole = not catalogue.unread
        after = never_empty(self._folder, self._before_reading, catalogue) if is_whole else catalogue
        if is_whole:
            self.loaded_at = None if self._wall is None else self._wall()
            self._tell(self._before_reading, after)
        if is_whole or (after.loaded and after.zones != self._planner.present.catalogue.zones):
            await self._serve(after)
            present = self._planner.present
            after = after if present.failure else present.catalogue
        self._after = after
        self._unlisted = reading.unlisted if is_whole else self._unlisted | reading.unlisted
        if not is_whole and self._reading is None:
            self._reading = reading

    async def _slice(self, reading: FolderReading) -> Catalogue:
        try:
            limit_s = self._slice_s + reading.limit_s
            return await self._threads.run(reading.read_for, self._slice_s, timeout_s=limit_s, goes_on=reading.goes_on)
        except CallOverdue:
            rest = reading.give_up()
            log.exception("zone file: %s takes too long; it is refused, and the others are read", reading.at)
            self._reading = await self._new_reading(rest)
            return replace(rest, unread=max(1, rest.unread))

    async def _serve(self, after: Catalogue) -> None:
        began = self._monotonic()
        await self._planner.take_zones(after, kept=self._before_reading)
        self._keep(is_whole=not after.unread)
        served = self._planner.present.catalogue.zones
        if served != self._watched:
            self._watched = served
            self._watch(await self._threads.run(checks, served))
        # plans take at most a third of the time, however many zones there are
        self._slice_s = max(SLICE_S, 2 * (self._monotonic() - began))

    def _problems(self) -> tuple[Problem, ...]:
        present = self._planner.present
        problems, failure = present.catalogue.problems, present.failure
        return (*problems, Problem(str(self._folder), 0, 0, failure)) if failure else problems

    async def _before(self) -> Catalogue:
        """Returns the catalogue before this reading: what serves, or at the start the zone files kept on disk."""
        if self._kept is None and self._state is not None:
            self._kept = await self._threads.run(self._revived, self._state)
        serving = self._planner.present.catalogue
        return self._kept if self._kept is not None and not serving.loaded else serving

    def _revived(self, state: StateFolder) -> Catalogue:
        kept = state.load_zones()
        return EMPTY if kept is None else revive(kept, self._folder, self._vocabulary)

    def _keep(self, *, is_whole: bool) -> None:
        """Saves the zone files that serve now in the state folder, if they are not there yet.

        Each save writes all of them. So an unfinished reading saves only when their number has doubled: all its writes
        together are then at most twice the last. Until then the files saved before stay there.
        """
        catalogue = self._planner.present.catalogue
        serving, kept = catalogue.loaded, self._kept.loaded if self._kept else ()
        is_due = is_whole or len(serving) >= 2 * len(kept)
        if self._state is not None and serving and is_due and serving != kept:
            self._kept = catalogue
            self._state.save_zones_apart(self._folder, self._kept)

    async def take(self, *, settle_s: float, most_lost: float) -> None:
        """Sets the settling time in seconds, and the share of its content that a zone may lose, from now on."""
        async with self._turn:
            self._guard, self._settle_s = LossGuard(most_lost), settle_s
            self._settling.settle_for(settle_s)

    def ask(self) -> None:
        """Makes `run` read the folder, changed or not, as soon as two looks agree."""
        self._asked = True

    async def run(self) -> None:
        """Reads the folder whenever it changed, or `ask` was called, until cancelled."""
        while True:
            await self._sleep(LOOK_INTERVAL_S)
            look, has_news = await self._looked(self._settling)
            is_asked = self._asked and self._settling.agrees
            if is_asked or has_news:
                self._asked = self._asked and not is_asked
                await self._or_say(partial(self._begin_anew, look, reads_all=is_asked))
            elif self._reading is not None:
                await self._or_say(self._go_on)

    async def _begin_anew(self, look: Look, *, reads_all: bool) -> None:
        async with self._turn:
            self._settling.began(look)
            await self._begin(look, reads_all=reads_all)
        await self._go_on()

    async def _go_on(self) -> None:
        async with self._turn:
            if self._reading is not None:
                await self._read_on(self._reading)

    async def _or_say(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception:
            log.exception("the zone folder %s cannot be loaded; the last good zones serve on", self._folder)
            self._counters.add("zone_loads", outcome="failed")

    def _tell(self, before: Catalogue, after: Catalogue) -> None:
        if not after.loaded:
            return  # a node without any zone does not start; its last log lines are these problems
        self._log_problems(before, after)
        self._log_warnings(before, after)
        self._recorder.rejected(before, after)
        mended = sorted(before.bad_files - after.bad_files)
        for file in mended[:MAX_LOGGED]:
            log.info("zone file: %s is fixed, and is loaded", file)
        if len(mended) > MAX_LOGGED:
            log.info("zone files: %d more are mended", len(mended) - MAX_LOGGED)
        self._counters.add("zone_loads", outcome="with_problems" if after.problems else "clean")
        if after.problems and before.zones:
            log.warning("zone files with problems keep their last good zone; problems: %d", len(after.problems))
            self._tell_kept()

    def _log_problems(self, before: Catalogue, after: Catalogue) -> None:
        """Logs the new problems: files whose zone serves first, at most MAX_LOGGED_OF_FILE each, MAX_LOGGED in all."""
        known, serving = set(before.problems), {each.zone.file for each in after.loaded}
        fresh = {
            file: [each for each in file_problems if each not in known]
            for file, file_problems in after.by_file().items()
        }
        left = MAX_LOGGED
        for file in sorted(fresh, key=lambda file: (file not in serving, file)):
            told = fresh[file][: min(left, MAX_LOGGED_OF_FILE)]
            left -= len(told)
            for problem in told:
                log.error("zone file: %s", problem)
        count = sum(map(len, fresh.values())) - (MAX_LOGGED - left)
        if count:
            log.error("zone files: %s; `gtm check` tells them all", more_problems(count))

    def _log_warnings(self, before: Catalogue, after: Catalogue) -> None:
        known = set(before.warnings)
        fresh = [warning for warning in after.warnings if warning not in known]
        for warning in fresh[:MAX_LOGGED]:
            log.warning("zone file: %s", as_warning(warning))
        if len(fresh) > MAX_LOGGED:
            more = more_problems(len(fresh) - MAX_LOGGED, "warning")
            log.warning("zone files: %s; `gtm check` tells them all", more)

    def _tell_kept(self) -> None:
        if self._is_from_kept:
            log.error("started with a broken zone folder: what is missing serves as it was before this node stopped")
            self._counters.add("starts_from_kept_zones")


def few(problems: Sequence[Problem], *, noun: str = "problem") -> tuple[str, ...]:
    """Returns the first MAX_TOLD problems, or warnings, for the admin API, and a line with how many more there are."""
    told = tuple(map(str, problems[:MAX_TOLD]))
    more = len(problems) - len(told)
    return (*told, f"{more_problems(more, noun)}; `gtm check` tells them all") if more else told


def never_empty(folder: Path, before: Catalogue, after: Catalogue) -> Catalogue:
    """Returns the catalogue of a folder, with the zones of `before` if no valid zone file is left at all.

    A mount failed then, or a checkout is not finished. To serve no zone, a person stops the node.
    """
    if after.loaded:
        return after
    problems = after.problems or (Problem(str(folder), 0, 0, "no zone file is here; they are named *.yaml or *.yml"),)
    return replace(after, loaded=before.loaded, problems=problems)
