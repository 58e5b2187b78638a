"""The zone river: folder -> catalogue -> plan, whenever a file changed or somebody asks.

look, several times a second -> what has settled -> read -> planner
SIGHUP -----------------------------------^           ^
`gtm reload`: looks of its own, until all has settled, and another after the read

A file that is being written is not read, and the others are: only the start, which has nothing to serve yet, takes what
is there.
A reading goes on for a slice at a time, and after each slice what is good so far serves: thousands of bad files, or one
that takes long, keep no other from serving. A file that takes longer than it may is refused, and the rest is read anew.

Whatever is in the folder, a node that serves zones goes on to serve zones.
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
"""Of a reload at files that change from look to look: five seconds, or twice the time in which a file settles."""

SLICE_S = 0.5
"""So long a reading goes on before what is good so far serves; longer where a plan takes longer to make."""
MAX_LOGGED = 100
"""Lines about the problems of one reading."""
MAX_LOGGED_OF_FILE = 20
MAX_TOLD = 200
"""Problems that the status and a reload tell of; `gtm check` has all of them."""

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
        """Zones that the next reload is to take whatever they lose."""
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
        """Files that records files include, as far as a look must be told of them."""
        self._settling = Settling(settle_s=settle_s)
        self._look = Look({})
        """The one that the newest reading began with."""
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[tuple[Problem, ...]] | None = None
        self._turn = asyncio.Lock()
        self._reading: FolderReading | None = None
        """The one that is not at its end yet."""
        self._slice_s = SLICE_S
        self._before_reading = EMPTY
        """What there was before it began."""
        self._is_from_kept = False
        self._after = EMPTY
        """What the last slice came to."""
        self._threads = Pool("zones", threads=2)
        """One to look, and one to read."""

    async def load(self) -> tuple[Problem, ...]:
        """Reads the folder now, serves what is good, and returns the problems of the rest."""
        async with self._turn:
            await self._begin_with_what_is_there()
            while self._reading is not None:
                await self._read_on(self._reading)
            return self._problems()

    async def reload(self, force: frozenset[Name] = frozenset()) -> tuple[Problem, ...]:
        """Does as `load` does, with each file once nobody writes it; of those for which that takes too long it says so.

        Who asks while another reload is yet to begin shares it. The zones of `force` may lose what they had.
        """
        self._force |= force
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload(), name="reload")
        return await asyncio.shield(self._next_reload)

    async def _reload(self) -> tuple[Problem, ...]:
        async with self._reloading:
            self._next_reload = None  # who asks from now on may have written something since
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
        """Returns the result of one more look, and whether something in it is new."""

        def look() -> tuple[Look, bool]:
            look = settling.look(scan(self._folder, self._unlisted), at=self._monotonic())
            return look, settling.has_news(look)

        return await self._threads.run(look)

    async def _as_it_is(self) -> Look:
        return as_it_is(await self._threads.run(scan, self._folder, self._unlisted))

    async def start(self) -> tuple[Problem, ...]:
        """Reads the folder until something serves; `run` reads the rest. Returns the problems so far."""
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
        """Reads what has settled; returns the files that change meanwhile, after which nothing more is served."""
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
        return self._unlisted - look.settled.keys()  # the next look is told of them

    async def _begin(self, look: Look, *, reads_all: bool = False) -> None:
        """Begins a reading; what one that is not at its end has found out is not looked at again."""
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
        """Reads a slice of the folder, and serves what is good so far."""
        self._reading = None  # should this fail, it is not tried again and again
        await self._take(reading, await self._slice(reading))

    async def _take(self, reading: FolderReading, catalogue: Catalogue) -> None:
        """Serves what is good of what a reading has found so far."""
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
        # to make plans takes a third of the time at most, however many zones there are
        self._slice_s = max(SLICE_S, 2 * (self._monotonic() - began))

    def _problems(self) -> tuple[Problem, ...]:
        present = self._planner.present
        problems, failure = present.catalogue.problems, present.failure
        return (*problems, Problem(str(self._folder), 0, 0, failure)) if failure else problems

    async def _before(self) -> Catalogue:
        """Returns the catalogue of the reading before: at the start, what was kept on disk."""
        if self._kept is None and self._state is not None:
            self._kept = await self._threads.run(self._revived, self._state)
        serving = self._planner.present.catalogue
        return self._kept if self._kept is not None and not serving.loaded else serving

    def _revived(self, state: StateFolder) -> Catalogue:
        kept = state.load_zones()
        return EMPTY if kept is None else revive(kept, self._folder, self._vocabulary)

    def _keep(self, *, is_whole: bool) -> None:
        """Keeps the zone files that serve now on disk, if they are not there yet.

        All are written each time: within a reading only once there are twice as many, so that all its writes together
        are no more than twice the last. Until then those that were kept before stay there.
        """
        catalogue = self._planner.present.catalogue
        serving, kept = catalogue.loaded, self._kept.loaded if self._kept else ()
        is_due = is_whole or len(serving) >= 2 * len(kept)
        if self._state is not None and serving and is_due and serving != kept:
            self._kept = catalogue
            self._state.save_zones_apart(self._folder, self._kept)

    async def take(self, *, settle_s: float, most_lost: float) -> None:
        """Goes by these settings from now on."""
        async with self._turn:
            self._guard, self._settle_s = LossGuard(most_lost), settle_s
            self._settling.settle_for(settle_s)

    def ask(self) -> None:
        """Has `run` read the folder as soon as it had two looks, changed or not."""
        self._asked = True

    async def run(self) -> None:
        """Reads the folder whenever it changed, until cancelled."""
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
            return  # a node without any zone does not start, and its last words are these problems
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
        """Logs what is new: first of the files whose zone serves, some of each, and not more than anybody reads."""
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
    """Returns problems, or warnings, for the admin API: some of a multitude, and how many more there are."""
    told = tuple(map(str, problems[:MAX_TOLD]))
    more = len(problems) - len(told)
    return (*told, f"{more_problems(more, noun)}; `gtm check` tells them all") if more else told


def never_empty(folder: Path, before: Catalogue, after: Catalogue) -> Catalogue:
    """Returns the catalogue of a folder, which keeps the zones of before where no good one is left at all.

    That is a mount that failed or a checkout half done, and not a wish to serve nothing: to serve nothing is to stop.
    """
    if after.loaded:
        return after
    problems = after.problems or (Problem(str(folder), 0, 0, "no zone file is here; they are named *.yaml or *.yml"),)
    return replace(after, loaded=before.loaded, problems=problems)
