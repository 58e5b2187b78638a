import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import in_force, joined, newest
from gtm.node.state import boot_plan as boot_plan
from gtm.node.state.boot_plan import DECISIONS, NAMES, BootPlan, restore
from gtm.node.state.checksummed_files import ChecksummedFiles
from gtm.node.state.folder import StateFolder
from gtm.node.state.serials import Saved
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.overlay import Overlay
from tests.fakes import world
from tests.fakes.overrides import WALL as OVERRIDE_WALL
from tests.fakes.overrides import said
from tests.node.present import GEO, SMALL, RecordingEngine, believing, catalogue, make_planner

ZONE = world.zone(SMALL)
OTHER = world.zone(SMALL.replace("192.0.2.2", "192.0.2.3"))
UP, DOWN = Belief.UP, Belief.DOWN


class FakeRestorable(ReferenceEngine):
    """An engine that keeps the blobs it was restored from."""

    def __init__(self) -> None:
        super().__init__()
        self.blobs: tuple[bytes, bytes] | None = None
        self.error: ValueError | None = None

    def restore(self, names: bytes, decisions: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.blobs = (names, decisions)


class Disk:
    """A state folder, and plans to keep in it."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self.zones = tmp_path / "state", tmp_path / "zones"
        self.counters = Counters()
        self.boot_plan = BootPlan(ChecksummedFiles(self.folder, self.counters), self.zones)
        self.planner_engine = RecordingEngine()
        self.planner = make_planner(tmp_path / "other", engine=self.planner_engine)
        asyncio.run(self.planner.take_geo(GEO))
        self.plan(ZONE)

    def plan(self, *zones: object) -> Plan:
        asyncio.run(self.planner.take_zones(catalogue(*zones)))  # type: ignore[arg-type]
        return self.planner.present.plan

    def flip(self, one: Belief) -> Plan:
        self.planner.take_status(believing(ZONE, _1=one, _2=UP))
        return self.planner.present.plan

    def restored(self, *, zones: Path | None = None) -> tuple[int | None, FakeRestorable]:
        engine = FakeRestorable()
        return restore(ChecksummedFiles(self.folder, self.counters), zones or self.zones, engine), engine

    def stamps(self) -> tuple[int, int]:
        names, decisions = (self.folder / name for name in (NAMES, DECISIONS))
        return names.stat().st_ino, decisions.stat().st_ino


def test_what_was_kept_is_what_the_engine_gets(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.boot_plan.keep(disk.planner.present.plan)
    generation, engine = disk.restored()
    assert generation == disk.planner.present.plan.generation
    assert engine.blobs is not None
    assert all(engine.blobs)
    assert not disk.counters.snapshot()


def test_a_flip_of_health_writes_the_decisions_alone_and_the_same_plan_nothing(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.boot_plan.keep(disk.flip(UP))
    first = disk.stamps()
    disk.boot_plan.keep(disk.planner.present.plan)
    assert disk.stamps() == first
    disk.boot_plan.keep(disk.flip(DOWN))
    second = disk.stamps()
    assert (second[0], second[1] != first[1]) == (first[0], True)
    generation, _ = disk.restored()
    assert generation == disk.planner.present.plan.generation


def test_a_first_start_has_nothing_to_restore(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    generation, engine = disk.restored()
    assert (generation, engine.blobs) == (None, None)
    assert not disk.counters.snapshot()


def test_a_plan_without_zones_is_not_kept(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.boot_plan.keep(EMPTY_PLAN)
    assert disk.restored()[0] is None


def test_names_and_decisions_of_different_plans_are_not_put_together(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.boot_plan.keep(disk.planner.present.plan)
    old = (disk.folder / DECISIONS).read_bytes()
    disk.boot_plan.keep(disk.plan(OTHER))
    (disk.folder / DECISIONS).write_bytes(old)
    assert disk.restored()[0] is None


@pytest.mark.parametrize("name", [NAMES, DECISIONS])
@pytest.mark.parametrize("keep", [0, 1, 31, 32, 100])
def test_a_torn_part_is_told_and_not_used(tmp_path: Path, name: str, keep: int) -> None:
    disk = Disk(tmp_path)
    disk.boot_plan.keep(disk.planner.present.plan)
    path = disk.folder / name
    path.write_bytes(path.read_bytes()[:keep])
    assert disk.restored()[0] is None
    assert disk.counters.count("state_errors", file=name) == 1


def test_the_plan_of_another_folder_or_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(tmp_path)
    disk.boot_plan.keep(disk.planner.present.plan)
    assert disk.restored(zones=tmp_path / "others")[0] is None
    monkeypatch.setattr(boot_plan, "__version__", "9.9.9")
    assert disk.restored()[0] is None


def test_an_engine_that_makes_nothing_of_it_starts_without_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    disk, engine = Disk(tmp_path), FakeRestorable()
    disk.boot_plan.keep(disk.planner.present.plan)
    engine.error = ValueError("of another format")
    assert restore(ChecksummedFiles(disk.folder, disk.counters), disk.zones, engine) is None
    assert "the saved plan cannot be restored: of another format" in caplog.text


def test_the_rust_engine_answers_the_same_from_what_was_kept(tmp_path: Path) -> None:
    native = pytest.importorskip("gtm.engine.native")
    disk, engine, fresh = Disk(tmp_path), native.NativeEngine(), native.NativeEngine()
    plan = disk.flip(DOWN)
    disk.boot_plan.keep(plan)
    assert restore(ChecksummedFiles(disk.folder, disk.counters), disk.zones, engine) == plan.generation
    fresh.swap(plan)
    asked = world.query("api")
    assert world.values(world.answer(engine, asked).answer) == ["192.0.2.2"]
    assert world.answer(engine, asked).to_wire() == world.answer(fresh, asked).to_wire()
    engine.swap(disk.flip(UP))
    assert world.values(world.answer(engine, asked).answer) == ["192.0.2.1"], "the next plan takes its place"


def test_what_was_kept_is_answered_with_the_least_ttl_for_its_checks_are_of_before(tmp_path: Path) -> None:
    native = pytest.importorskip("gtm.engine.native")
    disk, engine = Disk(tmp_path), native.NativeEngine()
    zone = world.zone(SMALL.replace("monitor: web", "monitor: web\n    ttl: {max: 300, min: 7}", 1))
    disk.plan(zone)
    status = believing(zone, _1=UP, _2=UP)
    promised = Status({check: replace(one, flip_in_s=200.0) for check, one in status.checks.items()})
    disk.planner.take_status(promised)
    asked = world.query("api")
    assert [rrset.ttl for rrset in world.answer(disk.planner_engine, asked).answer] == [200]
    disk.boot_plan.keep(disk.planner.present.plan)
    restore(ChecksummedFiles(disk.folder, disk.counters), disk.zones, engine)
    assert [rrset.ttl for rrset in world.answer(engine, asked).answer] == [7]


def test_a_planner_keeps_its_plan_where_the_engine_can_start_from_it_and_swaps_no_empty_one(tmp_path: Path) -> None:
    class Both(FakeRestorable, RecordingEngine):
        """Keeps plans and blobs."""

    engine = Both()
    planner = make_planner(tmp_path / "state", engine=engine)
    asyncio.run(planner.take_geo(GEO))
    assert engine.plans == [], "what it was restored from serves on until there are zones"
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    assert [plan.generation for plan in engine.plans] == [planner.present.plan.generation]


def test_a_plan_that_cannot_be_written_takes_the_older_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(tmp_path)
    disk.boot_plan.keep(disk.flip(UP))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        disk.boot_plan.keep(disk.flip(DOWN))
    assert disk.restored()[0] is None, "it would send clients to what is down"
    disk.boot_plan.keep(disk.planner.present.plan)
    assert disk.restored()[0] == disk.planner.present.plan.generation


def test_what_people_say_is_in_the_plan_of_the_next_start_at_once(tmp_path: Path) -> None:
    native = pytest.importorskip("gtm.engine.native")
    counters, zones = Counters(), tmp_path / "zones"
    state = StateFolder(tmp_path / "state", counters, zones=zones)
    planner = make_planner(tmp_path / "state", engine=native.NativeEngine(), folder=state)
    asyncio.run(planner.take_geo(GEO))
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    status = believing(ZONE, _1=UP, _2=UP)
    planner.take_status(status)
    people = Overlay(in_force(newest(joined({}, [said("region gtm.example.com/us-east")])), wall=OVERRIDE_WALL))
    planner.take_status(status, people)
    state.save_apart(Saved()).result(30)  # behind what the planner wrote by itself
    engine = native.NativeEngine()
    assert restore(ChecksummedFiles(tmp_path / "state", counters), zones, engine) == planner.present.plan.generation
    assert world.values(world.answer(engine, world.query("api")).answer) == ["192.0.2.2"]
