"""A planner and a disk that takes its time."""

import asyncio
import threading
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.node.state.folder import StateFolder
from gtm.node.state.serials import Saved
from tests.fakes import world
from tests.node.present import SMALL, WALL, RecordingEngine, catalogue, make_planner

ZONE = world.zone(SMALL)
OTHER = world.zone(SMALL.replace("192.0.2.2", "192.0.2.3"))


def test_the_state_is_written_in_another_thread_and_served_only_then(tmp_path: Path) -> None:
    engine = RecordingEngine()
    written: list[tuple[bool, int]] = []

    class Slow(StateFolder):
        def save(self, saved: Saved) -> bool:
            written.append((threading.current_thread() is threading.main_thread(), len(engine.plans)))
            return super().save(saved)

    planner = make_planner(tmp_path, engine=engine, folder=Slow(tmp_path, Counters()))
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    assert written == [(False, 0)]
    assert len(engine.plans) == 1


def test_a_disk_that_hangs_keeps_no_zone_from_being_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mended = threading.Event()

    class Hung(StateFolder):
        def save(self, saved: Saved) -> bool:
            mended.wait(20)
            return super().save(saved)

    monkeypatch.setattr("gtm.node.planner.KEEP_LIMIT_S", 0.02)
    engine = RecordingEngine()
    planner = make_planner(tmp_path, engine=engine, folder=Hung(tmp_path, Counters()))
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    asyncio.run(planner.take_zones(catalogue(OTHER)))
    mended.set()
    assert len(engine.plans) == 2
    assert planner.present.plan.generation > WALL, "above any count of changes: the floor is not on disk"
