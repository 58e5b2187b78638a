"""Makes plans: zones, geo data and status come in, plans go out and are swapped into the engine.

    zones, geo data or vantages changed -> compile (in a thread) -> swap (in a thread)
    status changed                      -> apply                 -> swap

A change of health waits for no compile, only for the swap after it. A zone whose plan takes too long to compile is
refused; the other zones are not. A zone that is slow to decide is decided in the thread, while others follow at once.
The planner holds the present of the node, one frozen value that is replaced whole. When no plan can be made of an
input, only `failure` of the present changes: the last good plan, and the zones and geo data it was made of, stay.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from gtm.counters import Counters
from gtm.engine.protocol import Doubting, Engine, Preparing, Restorable
from gtm.errors import ZoneTooCostly
from gtm.event import MAX_LIST, EventId
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.local_view import Vantages
from gtm.health.consensus.status import Status
from gtm.ids import CheckId, Generation
from gtm.node.events.recorder import EventRecorder
from gtm.node.events.zone_changes import Applied, find_changes
from gtm.node.late_decisions import LateDecisions
from gtm.node.notices.swaps import SwapNotices
from gtm.node.present import Present
from gtm.node.renaming import Renaming
from gtm.node.state.folder import StateFolder
from gtm.node.state.serials import Saved, reserving, with_serials
from gtm.plan.apply import apply, checks_in, costly
from gtm.plan.cells import Spaces
from gtm.plan.compile import compile_plan
from gtm.plan.compile_limit import Effort
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.overlay import Overlay, guided_anew
from gtm.plan.renamed_checks import with_inherited
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.threads import Pool, is_true_within, settled
from gtm.watch.composing import without
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.geoload import GeoLoad
from gtm.zone.changes import ZoneChanges
from gtm.zone.model import Zone

KEEP_LIMIT_S = 1.0
"""Seconds that new zones wait for a slow disk before they serve."""
AT_START = 5
"""The factor for the compile limits of a zone while no zone serves: after a restart the same zones must serve again."""

log = logging.getLogger(__name__)


class Planner:
    """Makes the plans and the present of the node. All runs in the event loop, except compiling and slow swaps."""

    def __init__(
        self,
        engine: Engine,
        *,
        vocabulary: SteeringVocabulary,
        state: StateFolder,
        status: Status,
        wall: Callable[[], float],
        counters: Counters,
        recorder: EventRecorder,
        swaps: SwapNotices,
        renaming: Renaming,
        overlay: Overlay,
    ) -> None:
        """`status` and `overlay` are those that count at the start; `wall` returns the Unix time in seconds."""
        self._recorder = recorder
        self._engine = engine
        self._vocabulary = vocabulary
        self._state = state
        self._wall = wall
        self._counters = counters
        self._compiling = asyncio.Lock()
        self._threads = Pool("plans", threads=1)
        self._spaces = Spaces()
        self._keeps_again = False
        """Whether the plan on disk is older than the status: it is written again once the plan follows all."""
        self._is_swapping = False
        """Whether a swap of new names runs; a change of health during the swap is applied after it."""
        self._saved = state.load(wall=wall())
        first = replace(EMPTY_PLAN, generation=Generation(self._saved.generation))
        self.present = Present(first, status, overlay)
        """The present of the node. Any thread may read it; only the planner replaces it."""
        self._applied = status
        self._guided = overlay
        self._refused: frozenset[CheckId] = frozenset()
        self._kept: Catalogue = EMPTY
        """The zones that served before this start, as far as the state folder has them."""
        self._swaps = swaps
        self._renaming = renaming
        self._waiting: tuple[EventId, ...] = ()
        """The ids of events that no plan follows yet."""
        self._late = LateDecisions(
            threads=self._threads,
            turn=self._compiling,
            counters=counters,
            present=lambda: self.present,
            swap=self._swap,
            done=self._keep_again,
        )

    async def take_zones(self, catalogue: Catalogue, *, kept: Catalogue = EMPTY) -> None:
        """Serves the zones of a catalogue from now on; when no plan can be made, takes only its problems.

        `kept` has the zones that the run before kept on disk. While no zone serves, a zone of which no plan can be made
        serves as `kept` has it.
        """
        async with self._compiling:
            self._kept = kept
            self._renaming.began_with(kept)
            before = self.present.catalogue if self.present.catalogue.loaded else kept
            if catalogue.zones == self.present.catalogue.zones and not self.present.failure:
                self.present = replace(self.present, catalogue=catalogue)
            elif not await self._compile_within_limits(catalogue, before) and not await self._compile_others(
                catalogue, before
            ):
                serving = self.present.catalogue
                serving = replace(serving, problems=catalogue.problems, refused=catalogue.refused)
                self.present = replace(self.present, catalogue=serving)

    async def _compile_within_limits(self, catalogue: Catalogue, before: Catalogue) -> bool:
        """Serves the zones of a catalogue, and returns whether a plan of them serves.

        A new zone that takes too long to compile is refused, and serves as in the catalogue `before`.
        """
        while True:
            now = self.present
            try:
                return await self._compile(
                    catalogue, now.geo, now.vantages, effort=self._effort(catalogue.zones, before)
                )
            except ZoneTooCostly as error:
                log.error("zone file: %s: %s", error.file, error)  # noqa: TRY400  # no fault of this program
                self._counters.add("plan_failures", cause="zone_too_costly")
                catalogue = without(catalogue, before, {error.file: error})
            if not catalogue.loaded:
                catalogue = replace(catalogue, loaded=self.present.catalogue.loaded)
            if self._is_serving(catalogue):
                return True

    def _is_serving(self, catalogue: Catalogue) -> bool:
        """Returns whether the zones of a catalogue serve already; if so, makes it the catalogue of the present."""
        if catalogue.zones != self.present.catalogue.zones:
            return False
        self.present = replace(self.present, catalogue=catalogue, failure="")
        return True

    def _effort(self, zones: Sequence[Zone], before: Catalogue) -> Effort:
        """Returns the compile limit for the zones that are not in `before`; it is larger while no zone serves."""
        known = {id(zone) for zone in before.zones}
        fresh = frozenset(zone.file for zone in zones if id(zone) not in known)
        return Effort(time.thread_time, fresh, times=1 if self.present.plan.zones else AT_START)

    async def _compile_others(self, catalogue: Catalogue, before: Catalogue) -> bool:
        """Serves the zones without the new ones of which no plan can be made; returns whether a plan of them serves."""
        serving = {id(zone) for zone in self.present.catalogue.zones}
        fresh = [each for each in catalogue.loaded if id(each.zone) not in serving]
        failures = {each.zone.file: await self._failure_of(each.zone, before) for each in fresh}
        bad = {file: error for file, error in failures.items() if error is not None}
        rest = without(catalogue, before, bad)
        if not bad or not rest.loaded:
            return False
        return self._is_serving(rest) or await self._compile(rest, self.present.geo, self.present.vantages)

    async def _failure_of(self, zone: Zone, before: Catalogue) -> Exception | None:
        """Returns the error when no plan can be made of this zone alone; None when a plan can be made."""
        try:
            plan = await self._threads.run(
                partial(
                    compile_plan,
                    (zone,),
                    serials={zone.origin.to_text(): 0},
                    geography=self.present.geo.geography,
                    vocabulary=self._vocabulary,
                    status=self.present.status,
                    before=EMPTY_PLAN,
                    vantages=self.present.vantages,
                    effort=self._effort((zone,), before),
                )
            )
            if isinstance(self._engine, Doubting):
                await self._threads.run(self._engine.check, plan)
        except Exception as error:  # noqa: BLE001  # the traceback was logged when all zones were compiled together
            return error
        return None

    async def take_geo(self, geo: GeoLoad, *, causes: tuple[EventId, ...] = ()) -> None:
        """Makes and serves a plan with this geo data; `causes` are the ids of the events that the plan follows."""
        async with self._compiling:
            await self._compile(self.present.catalogue, geo, self.present.vantages, causes=causes)

    async def take_vantages(self, vantages: Vantages) -> None:
        """Makes and serves a plan in which the local truth of each of these vantages counts for the clients near it."""
        async with self._compiling:
            present = self.present
            if not present.catalogue.zones:
                self.present = replace(present, vantages=vantages)
            else:
                await self._compile(present.catalogue, present.geo, vantages)

    async def take_geo_problems(self, problems: tuple[str, ...]) -> None:
        """Keeps the present geo data, and adds the problems of newer geo data that cannot be used."""
        async with self._compiling:
            self.present = replace(self.present, geo=replace(self.present.geo, problems=problems))

    def take_status(self, status: Status, overlay: Overlay | None = None) -> None:
        """Applies a new status, and a new overlay if one is given; without `overlay` the present one stays."""
        now = self.present
        self.follow(StatusDelta.between(now.status, status), now.overlay if overlay is None else overlay)

    def follow(self, delta: StatusDelta | None, overlay: Overlay, *, causes: tuple[EventId, ...] = ()) -> None:
        """Applies a change of the status, and an overlay, to the plan and swaps it; a failed one is tried again later.

        `delta` is None when the status did not change. `causes` are the ids of the events that caused the change.
        """
        causes, self._waiting = tuple(dict.fromkeys((*self._waiting, *causes))), ()
        status = self.present.status if delta is None else delta.after
        self.present = replace(self.present, status=status, overlay=overlay)
        if self._is_swapping:
            self._waiting = causes[-MAX_LIST:]
            return
        is_next = delta is not None and delta.before is self._applied
        delta = delta if is_next else StatusDelta.between(self._applied, status)  # with what the plan missed
        changed, timed = checks_in(delta)
        serving = self.present.plan
        guided = guided_anew(serving, self._guided, overlay)
        apart = self._late.put_off(serving, changed, guided, causes)
        try:
            plan = apply(serving, status, changed, retimed=timed, overlay=overlay, guided=guided, apart=apart)
            if plan is not None:
                self._swap(plan, causes, told=bool(changed or guided))
        except Exception:
            if changed != self._refused:
                log.exception("plan: it cannot follow a change of health; the last good one serves on")
            self._refused, self._waiting = changed, causes[-MAX_LIST:]
            self._counters.add("plan_failures", cause="health")
        else:
            self._applied, self._guided = status, overlay
            if guided:  # beliefs are saved, and the plan with them; overrides must outlive a restart at once
                self.keep_plan()
            self._keep_again()

    async def _compile(
        self,
        catalogue: Catalogue,
        geo: GeoLoad,
        vantages: Vantages,
        *,
        effort: Effort | None = None,
        causes: tuple[EventId, ...] = (),
    ) -> bool:
        """Makes a plan of these zones, geo data and vantages, and serves it; returns whether it serves.

        When no plan can be made, only `failure` of the present changes. Raises ZoneTooCostly beyond `effort`.
        """
        before = self.present.catalogue.zones
        overlay = await self._renaming.prepare(catalogue, self._threads, now=lambda: self.present.overlay)
        self.present = replace(self.present, overlay=overlay)
        status = with_inherited(self.present.status, before, catalogue.zones)
        saved = with_serials(self._saved, catalogue.zones, wall=self._wall())
        try:
            plan = await self._threads.run(
                partial(
                    compile_plan,
                    catalogue.zones,
                    serials={origin: pair.serial for origin, pair in saved.zones.items()},
                    geography=geo.geography,
                    vocabulary=self._vocabulary,
                    status=status,
                    before=self.present.plan,
                    overlay=overlay,
                    vantages=vantages,
                    spaces=self._spaces,
                    effort=effort,
                )
            )
            zone_changes = await self._threads.run(find_changes, before or self._kept.zones, catalogue.zones)
            slow = await self._threads.run(costly, plan)
            if isinstance(self._engine, Preparing):
                await self._threads.run(self._engine.prepare, plan)
            least = self.present.plan.generation + 1
            ahead = reserving(replace(self._saved, zones=saved.zones), max(plan.generation, least))
            # a failed write is tried again; meanwhile the clock keeps numbers from going back
            await is_true_within(KEEP_LIMIT_S, self._keep(ahead))
            # health may have moved on meanwhile, and the plan with it
            plan = replace(plan, generation=Generation(max(plan.generation, self.present.plan.generation + 1)))
            believed = with_inherited(self.present.status, before, catalogue.zones)
            moved, timed = checks_in(StatusDelta.between(status, believed))
            guided, newest = guided_anew(plan, overlay, self.present.overlay), self.present.overlay
            self._late.costly = slow
            apart = self._late.put_off(plan, moved, guided, self._waiting)
            plan = apply(plan, believed, moved, retimed=timed, overlay=newest, guided=guided, apart=apart) or plan
            await self._swap_names(plan)
            causes = (*causes, *self._renaming.commit(catalogue))
            now = replace(self.present, plan=plan, catalogue=catalogue, geo=geo, vantages=vantages, failure="")
            self._serves(now, causes, told=True, changes=zone_changes)
        except ZoneTooCostly:
            self._renaming.abandon()
            raise
        except Exception as error:
            log.exception("plan: none can be made of this; the last good one serves on")
            self._counters.add("plan_failures", cause="zones_or_geo_data")
            failure = f"no plan can be made of this; the log has the traceback: {type(error).__name__}: {error}"
            self.present = replace(self.present, failure=failure)
            self._recorder.plan_failed(failure, causes)
            self._renaming.abandon()
            self.take_status(self.present.status)
            return False
        self._applied, self._guided = believed, newest
        self.keep_plan()
        self.take_status(with_inherited(self.present.status, before, catalogue.zones))  # what came during the swap
        return True

    def keep_plan(self) -> Future[None]:
        """Writes the plan that serves to disk, if the engine can start from one; returns a future that is done then.

        Any thread may call this.
        """
        if isinstance(self._engine, Restorable):
            self._keeps_again = self._keeps_again or self.is_behind  # first: the plan moves on meanwhile
            return self._state.save_plan_apart(self.present.plan)
        return settled(None)

    def _keep_again(self) -> None:
        """Writes the plan again when the one on disk is older than the beliefs, and the plan follows them now."""
        if self._keeps_again and not self.is_behind:
            self._keeps_again = False
            self.keep_plan()

    @property
    def applied(self) -> Sequence[Applied]:
        """Returns the last changes of zones since the start of the node, oldest first."""
        return self._swaps.applied

    @property
    def is_behind(self) -> bool:
        """Returns whether the plan does not follow all of the present status and overlay yet."""
        now = self.present
        is_applied = self._applied is now.status and self._guided is now.overlay
        return not is_applied or self._late.is_pending

    async def _swap_names(self, plan: Plan) -> None:
        """Swaps a plan with new names into the engine, in a thread: that takes up to a second."""
        self._keep(reserving(self._saved, plan.generation))
        if plan.zones or self.present.plan.zones:  # until there are zones an engine may serve those of the run before
            self._is_swapping = True
            try:
                await self._threads.run(self._engine.swap, plan)
            finally:
                self._is_swapping = False

    def _swap(self, plan: Plan, causes: tuple[EventId, ...], *, told: bool = True) -> None:
        """Swaps a plan with the same names into the engine at once. `told`: log it at level info, else debug."""
        self._keep(reserving(self._saved, plan.generation))
        if plan.zones or self.present.plan.zones:
            self._engine.swap(plan)
        self._serves(replace(self.present, plan=plan), causes, told=told)

    def _serves(
        self, now: Present, causes: tuple[EventId, ...], *, told: bool, changes: tuple[ZoneChanges, ...] = ()
    ) -> None:
        """Replaces the present, and passes the change of the plan to the notices."""
        before, self.present = self.present.plan, now
        renamed = self._renaming.lines if changes else ()
        self._swaps.tell(before, now.plan, causes, told=told, changes=changes, renamed=renamed)

    def _keep(self, saved: Saved) -> Future[bool]:
        """Writes serials and the generation floor if they changed; the future says whether they are on disk."""
        if saved == self._saved:
            return settled(True)  # noqa: FBT003  # the result of the future
        self._saved = saved
        return self._state.save_apart(saved)
