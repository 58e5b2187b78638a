"""Where the rivers meet: zones, geo data and status in, plans out, swapped into the engine.

    zones or geo data changed -> compile (in a thread) -> swap
    status changed            -> apply                 -> swap

It holds the node's present: every part of it a frozen snapshot, replaced whole.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from gtm.engine.protocol import Engine
from gtm.geo.geography import NO_GEOGRAPHY
from gtm.health.status import Status, flipped
from gtm.ids import Generation
from gtm.node.state import GENERATIONS_AHEAD, Saved, StateFolder, with_serials
from gtm.plan.apply import apply
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.geodata import GeoLoad

log = logging.getLogger(__name__)

Wall = Callable[[], float]


class Planner:
    """The node's present. Everything here runs in the event loop, except the compiling."""

    def __init__(
        self, engine: Engine, *, vocabulary: SteeringVocabulary, state: StateFolder, status: Status, wall: Wall
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._state = state
        self._wall = wall
        self._compiling = asyncio.Lock()
        self._saved = state.load()
        self.catalogue: Catalogue = EMPTY
        self.geo = GeoLoad(NO_GEOGRAPHY, (), ())
        self.status = status
        self.plan: Plan = replace(EMPTY_PLAN, generation=Generation(self._saved.generation))

    async def take_zones(self, catalogue: Catalogue) -> None:
        """Serves these zones from now on."""
        async with self._compiling:
            self.catalogue = catalogue
            await self._compile()

    async def take_geo(self, geo: GeoLoad) -> None:
        """Locates clients by this geo data from now on."""
        async with self._compiling:
            self.geo = geo
            await self._compile()

    def take_status(self, status: Status) -> None:
        """Believes this from now on."""
        before, self.status = self.status, status
        changed = flipped(before, status)
        plan = apply(self.plan, status, changed)
        if plan is not None:
            self._swap(plan)

    async def _compile(self) -> None:
        zones, status = self.catalogue.zones, self.status
        saved = with_serials(self._saved, zones, wall=self._wall())
        plan = await asyncio.to_thread(
            compile_plan,
            zones,
            serials={origin: one.serial for origin, one in saved.zones.items()},
            geography=self.geo.geography,
            vocabulary=self._vocabulary,
            status=status,
            before=self.plan,
        )
        self._keep(replace(self._saved, zones=saved.zones))
        # health may have moved on meanwhile, and the plan with it
        plan = replace(plan, generation=Generation(max(plan.generation, self.plan.generation + 1)))
        self._swap(apply(plan, self.status, flipped(status, self.status)) or plan)

    def _swap(self, plan: Plan) -> None:
        if plan.generation > self._saved.generation:
            self._keep(replace(self._saved, generation=plan.generation + GENERATIONS_AHEAD))
        self.plan = plan
        self._engine.swap(plan)
        log.info(
            "plan: generation %d serves %d zones, %d services", plan.generation, len(plan.zones), len(plan.services)
        )

    def _keep(self, saved: Saved) -> None:
        if saved != self._saved:
            self._saved = saved
            self._state.save(saved)
