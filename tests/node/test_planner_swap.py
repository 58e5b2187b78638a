"""A swap of names takes the engine long; health goes on meanwhile, and counts right after it."""

import asyncio
import threading
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.plan.model import Plan
from tests.fakes import world
from tests.node.present import (
    GEO,
    SMALL,
    KeepingFolder,
    KeptEngine,
    RecordingEngine,
    believing,
    catalogue,
    make_planner,
    until,
)

ZONE = world.zone(SMALL)
THIRD = world.zone(SMALL.replace("gtm.example.com", "third.example.com"))
DOWN, UP = Belief.DOWN, Belief.UP


def answer(engine: RecordingEngine) -> list[str]:
    return world.values(world.answer(engine, world.query("api"), client=world.EU).answer)


class SlowEngine(KeptEngine):
    """An engine that takes new names when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_slow = self.fails = False
        self.entered = threading.Event()
        self.go = threading.Event()

    def swap(self, plan: Plan) -> None:
        if self.is_slow and plan.services is not self.plans[-1].services:
            self.entered.set()
            assert self.go.wait(10)
            if self.fails:
                raise RuntimeError("out of luck")
        super().swap(plan)


@pytest.mark.parametrize("fails", [False, True])
def test_a_swap_of_names_leaves_the_loop_to_others_and_a_flip_meanwhile_counts_after_it(
    tmp_path: Path, *, fails: bool
) -> None:
    engine, folder = SlowEngine(), KeepingFolder(tmp_path, Counters())
    planner = make_planner(tmp_path, engine=engine, folder=folder)

    async def story() -> None:
        await planner.take_geo(GEO)
        await planner.take_zones(catalogue(ZONE))
        planner.take_status(believing(ZONE, _1=UP, _2=UP))
        assert answer(engine) == ["192.0.2.2"]
        engine.is_slow, engine.fails = True, fails
        async with until():
            swapping = asyncio.create_task(planner.take_zones(catalogue(ZONE, THIRD)))
            assert await asyncio.to_thread(engine.entered.wait, 10)
            planner.take_status(believing(ZONE, _1=UP, _2=DOWN))
            assert answer(engine) == ["192.0.2.2"], "the engine is busy"
            planner.keep_plan()  # as with the beliefs
            engine.go.set()
            await swapping
        assert answer(engine) == ["192.0.2.1"]
        assert len(planner.present.plan.zones) == (1 if fails else 2)
        assert folder.kept is planner.present.plan

    asyncio.run(story())
