"""Where the rivers meet: zones, geo data and status in, plans out, swapped into the engine.

    zones, geo data or vantages changed -> compile (in a thread) -> swap (in a thread)
    status changed                      -> apply                 -> swap

A change of health waits for no compile, only for the swap after it. A zone whose plan takes too long is refused alone;
and one that takes long to decide is decided in the thread too, while the others follow their health at once.
It holds the present: each part a frozen snapshot, replaced whole. What no plan can be made of changes
nothing but `failure`: the last good plan, and what it was made of, stay.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from gtm.counters import Counters
from gtm.engine.protocol import Doubting, Engine, Preparing, Restorable
from gtm.errors import ZoneTooCostly
from gtm.event import EventId
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.local_view import Vantages
from gtm.health.consensus.status import Status
from gtm.ids import CheckId, Generation, ServiceId
from gtm.node.events.recorder import EventRecorder, no_recorder
from gtm.node.events.zone_changes import MAX_APPLIED, Applied, find_changes, lines_of, log_changes
from gtm.node.renaming import Renaming
from gtm.node.state.folder import Saved, StateFolder, reserving, with_serials
from gtm.plan.apply import apply, checks_in, costly, decided_apart, decided_since, touched_by, with_decisions
from gtm.plan.cells import Spaces
from gtm.plan.compile import compile_plan
from gtm.plan.compile_limit import Effort
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.overlay import NO_OVERLAY, Overlay, guided_anew
from gtm.plan.renamed_checks import with_inherited
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.threads import Pool, is_true_within, settled
from gtm.watch.composing import without
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.geoload import NO_GEO, GeoLoad
from gtm.zone.changes import ZoneChanges
from gtm.zone.model import Zone

KEEP_LIMIT_S = 1.0
"""New zones serve by then, however slow the disk is."""
AT_START = 5
"""So many times the limits of one zone, while nothing serves yet: what served before a restart is to serve after it."""

log = logging.getLogger(__name__)


class Planner:
    """The node's present. Everything here runs in the event loop, except the compiling."""

    def __init__(
        self,
        engine: Engine,
        *,
        vocabulary: SteeringVocabulary,
        state: StateFolder,
        status: Status,
        wall: Callable[[], float],
        counters: Counters,
        recorder: EventRecorder | None = None,
    ) -> None:
        self._recorder = recorder or no_recorder()
        self._engine = engine
        self._vocabulary = vocabulary
        self._state = state
        self._wall = wall
        self._counters = counters
        self._compiling = asyncio.Lock()
        self._threads = Pool("plans", threads=1)
        self._spaces = Spaces()
        self._costly: frozenset[ServiceId] = frozenset()
        """The services that are decided apart."""
        self._late: set[ServiceId] = set()
        """Those of them that do not follow the newest status yet."""
        self._deciding: AbstractSet[ServiceId] = frozenset()
        """Those of which the thread decides just now."""
        self._late_causes: tuple[EventId, ...] = ()
        """Why they are decided anew."""
        self._late_refused: AbstractSet[ServiceId] = frozenset()
        self._keeps_again = False
        """Whether a plan was kept that did not follow all that was believed: it is kept again once it does."""
        self._catching_up: asyncio.Task[None] | None = None
        self._is_swapping = False
        """Then the engine is given new names; what health says meanwhile is applied after that."""
        self._saved = state.load(wall=wall())
        self.catalogue: Catalogue = EMPTY
        self.geo = NO_GEO
        self.vantages: Vantages = ()
        """Whose local truth counts for the clients near them."""
        self.status = status
        self._applied = status
        self.overlay: Overlay = NO_OVERLAY
        """What people and safety rules say beside the checks."""
        self._guided = NO_OVERLAY
        self._refused: frozenset[CheckId] = frozenset()
        self._kept: Catalogue = EMPTY
        """What served before this start, as far as that is known."""
        self.applied: deque[Applied] = deque(maxlen=MAX_APPLIED)
        """The last changes of the zones since the start, the oldest first."""
        self.renaming = Renaming()
        self.failure = ""
        """Why the newest zones or geo data do not serve; empty when they do."""
        self.on_swap: Callable[[Plan, Plan], None] = lambda _before, _after: None
        """Is called with each plan that the engine has from then on, after the one before."""
        self.plan: Plan = replace(EMPTY_PLAN, generation=Generation(self._saved.generation))

    async def take_zones(self, catalogue: Catalogue, *, kept: Catalogue = EMPTY) -> None:
        """Serves these zones from now on; where no plan can be made of them, only their problems are taken.

        While nothing serves, a zone of which no plan can be made serves as it was `kept` by the run before.
        """
        async with self._compiling:
            self._kept = kept
            self.renaming.began_with(kept)
            before = self.catalogue if self.catalogue.loaded else kept
            if catalogue.zones == self.catalogue.zones and not self.failure:
                self.catalogue = catalogue
            elif not await self._compile_within_limits(catalogue, before) and not await self._compile_others(
                catalogue, before
            ):
                self.catalogue = replace(self.catalogue, problems=catalogue.problems, refused=catalogue.refused)

    async def _compile_within_limits(self, catalogue: Catalogue, before: Catalogue) -> bool:
        """Serves these zones; those that are new and take too long are refused, and serve as they did before."""
        while True:
            try:
                return await self._compile(catalogue, self.geo, self._effort(catalogue.zones, before))
            except ZoneTooCostly as error:
                log.error("zone file: %s: %s", error.file, error)  # noqa: TRY400  # no fault of this program
                self._counters.add("plan_failures", cause="zone_too_costly")
                catalogue = without(catalogue, before, {error.file: error})
            if not catalogue.loaded:
                catalogue = replace(catalogue, loaded=self.catalogue.loaded)
            if catalogue.zones == self.catalogue.zones:
                self.catalogue, self.failure = catalogue, ""
                return True

    def _effort(self, zones: Sequence[Zone], before: Catalogue) -> Effort:
        """Returns the limit for zones that are new: those of before were within it, and at a start nobody waits."""
        known = {id(zone) for zone in before.zones}
        fresh = frozenset(zone.file for zone in zones if id(zone) not in known)
        return Effort(time.thread_time, fresh, times=1 if self.plan.zones else AT_START)

    async def _compile_others(self, catalogue: Catalogue, before: Catalogue) -> bool:
        """Serves the zones of which a plan can be made, where some that are new keep it from being made of all."""
        serving = {id(zone) for zone in self.catalogue.zones}
        fresh = [each for each in catalogue.loaded if id(each.zone) not in serving]
        failures = {each.zone.file: await self._failure_of(each.zone, before) for each in fresh}
        bad = {file: error for file, error in failures.items() if error is not None}
        rest = without(catalogue, before, bad)
        if not bad or not rest.loaded:
            return False
        if rest.zones == self.catalogue.zones:
            self.catalogue, self.failure = rest, ""
            return True
        return await self._compile(rest, self.geo)

    async def _failure_of(self, zone: Zone, before: Catalogue) -> Exception | None:
        """Returns the reason why no plan can be made of a zone alone; None where one can."""
        try:
            plan = await self._threads.run(
                partial(
                    compile_plan,
                    (zone,),
                    serials={zone.origin.to_text(): 0},
                    geography=self.geo.geography,
                    vocabulary=self._vocabulary,
                    status=self.status,
                    before=EMPTY_PLAN,
                    vantages=self.vantages,
                    effort=self._effort((zone,), before),
                )
            )
            if isinstance(self._engine, Doubting):
                await self._threads.run(self._engine.check, plan)
        except Exception as error:  # noqa: BLE001  # the traceback was logged when all were tried together
            return error
        return None

    async def take_geo(self, geo: GeoLoad) -> None:
        """Locates clients by this geo data from now on."""
        async with self._compiling:
            await self._compile(self.catalogue, geo)

    async def take_vantages(self, vantages: Vantages) -> None:
        """Tells apart the clients near each of these vantages from now on."""
        async with self._compiling:
            before, self.vantages = self.vantages, vantages
            if self.catalogue.zones and not await self._compile(self.catalogue, self.geo):
                self.vantages = before

    async def take_geo_problems(self, problems: tuple[str, ...]) -> None:
        """Keeps the geo data, and what is wrong with those that were to follow."""
        async with self._compiling:
            self.geo = replace(self.geo, problems=problems)

    def take_status(self, status: Status, overlay: Overlay | None = None) -> None:
        """Believes this from now on; without `overlay` what people and safety rules said before still counts."""
        self.follow(StatusDelta.between(self.status, status), self.overlay if overlay is None else overlay)

    def follow(self, delta: StatusDelta | None, overlay: Overlay) -> None:
        """Follows what is new in the status, and overlay, from now on; what cannot be applied is tried again."""
        if delta is not None:
            self.status = delta.after
        self.overlay = overlay
        if self._is_swapping:
            return
        status, is_next = self.status, delta is not None and delta.before is self._applied
        delta = delta if is_next else StatusDelta.between(self._applied, status)  # with what the plan missed
        changed, timed = checks_in(delta)
        guided = guided_anew(self.plan, self._guided, self.overlay)
        apart = self._put_off(self.plan, changed, guided)
        try:
            plan = apply(self.plan, status, changed, retimed=timed, overlay=self.overlay, guided=guided, apart=apart)
            if plan is not None:
                self._swap(plan, told=bool(changed or guided))
        except Exception:
            if changed != self._refused:
                log.exception("plan: it cannot follow a change of health; the last good one serves on")
            self._refused = changed
            self._counters.add("plan_failures", cause="health")
        else:
            self._applied, self._guided = status, self.overlay
            if guided:  # beliefs are saved, and the plan with them; what people say must outlive a restart at once
                self.keep_plan()
            self._keep_again()

    def _put_off(
        self, plan: Plan, changed: AbstractSet[CheckId], guided: AbstractSet[ServiceId]
    ) -> frozenset[ServiceId]:
        """Has those of the touched services that take long decided apart, and returns them."""
        apart = touched_by(plan, changed, guided) & self._costly if self._costly else frozenset()
        if apart or self._late:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # none runs: nobody waits
                return frozenset()
            if apart:
                self._late |= apart
                self._late_causes += self._recorder.causes
            if self._catching_up is None or self._catching_up.done():
                self._catching_up = loop.create_task(self._catch_up(), name="late decisions")
        return apart

    async def _catch_up(self) -> None:
        """Decides in the thread what was put off, by the status of then, until nothing is."""
        while self._late:
            async with self._compiling:  # not for longer than one round: a zone that is new waits too
                names, status, overlay = self._late & self.plan.services.keys(), self.status, self.overlay
                self._deciding, self._late = names, set()
                causes, self._late_causes = self._late_causes, ()
                try:
                    decided = await self._threads.run(decided_apart, self.plan, names, status, overlay)
                    _, timed = checks_in(StatusDelta.between(status, self.status))
                    decided = decided_since(self.plan, decided, timed, self.status, self.overlay)
                    plan = with_decisions(self.plan, decided)  # what is there now: others did not wait
                    if plan is not None:
                        self._recorder.also_because_of(causes)
                        self._swap(plan)
                except Exception:
                    if names != self._late_refused:
                        log.exception("plan: a zone cannot follow a change of health; the others do")
                    self._late_refused = names
                    self._counters.add("plan_failures", cause="health")
                    self._late |= names  # with the next status
                    return
                finally:
                    self._deciding = frozenset()
                self._keep_again()

    async def _compile(self, catalogue: Catalogue, geo: GeoLoad, effort: Effort | None = None) -> bool:
        """Serves the plan of these zones and geo data; returns False, and changes nothing, when none can be made.

        Raises ZoneTooCostly.
        """
        before = self.catalogue.zones
        self.overlay = await self.renaming.prepare(catalogue, self._threads, now=lambda: self.overlay)
        status, overlay = with_inherited(self.status, before, catalogue.zones), self.overlay
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
                    before=self.plan,
                    overlay=overlay,
                    vantages=self.vantages,
                    spaces=self._spaces,
                    effort=effort,
                )
            )
            zone_changes = await self._threads.run(find_changes, before or self._kept.zones, catalogue.zones)
            slow = await self._threads.run(costly, plan)
            if isinstance(self._engine, Preparing):
                await self._threads.run(self._engine.prepare, plan)
            ahead = reserving(replace(self._saved, zones=saved.zones), max(plan.generation, self.plan.generation + 1))
            # what is not on disk is tried again; meanwhile the clock keeps numbers from going back
            await is_true_within(KEEP_LIMIT_S, self._keep(ahead))
            # health may have moved on meanwhile, and the plan with it
            plan = replace(plan, generation=Generation(max(plan.generation, self.plan.generation + 1)))
            believed = with_inherited(self.status, before, catalogue.zones)
            moved, timed = checks_in(StatusDelta.between(status, believed))
            guided, overrides = guided_anew(plan, overlay, self.overlay), self.overlay
            self._costly = slow
            apart = self._put_off(plan, moved, guided)
            plan = apply(plan, believed, moved, retimed=timed, overlay=overrides, guided=guided, apart=apart) or plan
            await self._swap_names(plan, zone_changes, catalogue)
        except ZoneTooCostly:
            self.renaming.abandon()
            raise
        except Exception as error:
            log.exception("plan: none can be made of this; the last good one serves on")
            self._counters.add("plan_failures", cause="zones_or_geo_data")
            self.failure = f"no plan can be made of this; the log has the traceback: {type(error).__name__}: {error}"
            self._recorder.plan_failed(self.failure)
            self.renaming.abandon()
            self.take_status(self.status)
            return False
        self._applied, self._guided = believed, overrides
        self.catalogue, self.geo, self.failure = catalogue, geo, ""
        self.keep_plan()
        self.take_status(with_inherited(self.status, before, catalogue.zones))  # what came during the swap
        return True

    def keep_plan(self) -> Future[None]:
        """Keeps the plan that serves on disk, where the engine can start from it; the future is done when it is.

        Any thread may ask.
        """
        if isinstance(self._engine, Restorable):
            self._keeps_again = self._keeps_again or self.is_behind  # first: the plan moves on meanwhile
            return self._state.save_plan_apart(self.plan)
        return settled(None)

    def _keep_again(self) -> None:
        """Keeps the plan where the one that was kept last is older than the beliefs beside it."""
        if self._keeps_again and not self.is_behind:
            self._keeps_again = False
            self.keep_plan()

    @property
    def is_behind(self) -> bool:
        """Returns whether the plan does not follow all that is believed and said yet."""
        is_applied = self._applied is self.status and self._guided is self.overlay
        return not is_applied or bool(self._late or self._deciding)

    async def _swap_names(self, plan: Plan, changes: tuple[ZoneChanges, ...], catalogue: Catalogue) -> None:
        """Serves from a plan of new names: the engine takes up to a second for them, in a thread."""
        self._keep(reserving(self._saved, plan.generation))
        if plan.zones or self.plan.zones:  # until there are zones an engine may serve those of the run before
            self._is_swapping = True
            try:
                await self._threads.run(self._engine.swap, plan)
            finally:
                self._is_swapping = False
        self.renaming.commit(catalogue)
        self._serves(plan, told=True, changes=changes)

    def _swap(self, plan: Plan, *, told: bool = True) -> None:
        """Serves from a plan of the same names."""
        self._keep(reserving(self._saved, plan.generation))
        if plan.zones or self.plan.zones:
            self._engine.swap(plan)
        self._serves(plan, told=told)

    def _serves(self, plan: Plan, *, told: bool, changes: tuple[ZoneChanges, ...] = ()) -> None:
        before, self.plan = self.plan, plan
        self.on_swap(before, plan)
        self._recorder.planned(before, plan, changes)
        log_changes(changes)
        if changes and before.zones:
            lines, fates = (*lines_of(changes), *self.renaming.lines), {change.zone: change.fate for change in changes}
            self.applied.append(Applied(plan.generation, self._wall(), lines, fates))
            for fate in fates.values():
                self._counters.add("zone_changes", change=fate.value)
        if plan.zones:  # at the start the geo data come first
            level = logging.INFO if told else logging.DEBUG  # a new TTL is no change of mind
            sizes = (plan.generation, len(plan.zones), len(plan.services))
            log.log(level, "plan: generation %d serves; zones: %d, services: %d", *sizes)

    def _keep(self, saved: Saved) -> Future[bool]:
        """Writes the state if it changed; the future tells whether it is on disk."""
        if saved == self._saved:
            return settled(True)  # noqa: FBT003  # what the future tells
        self._saved = saved
        return self._state.save_apart(saved)
