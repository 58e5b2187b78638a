import asyncio
import logging
import threading
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.checks.model import checks
from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.geo.geography import NO_GEOGRAPHY
from gtm.geo.place import Place
from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.node.state.folder import StateFolder
from gtm.node.state.serials import GENERATIONS_AHEAD, Saved
from gtm.plan.model import Plan
from gtm.steer.filter import Candidates, Filter, Regions, View
from gtm.steer.vocabulary import with_kinds
from gtm.watch.geoload import GeoLoad
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes import world
from tests.node.present import GEO, SMALL, WALL, RecordingEngine, believing, catalogue, make_planner, until

ZONE = world.zone(SMALL)
OTHER = world.zone(SMALL.replace("192.0.2.2", "192.0.2.3"))
DOWN, UP = Belief.DOWN, Belief.UP


def answer(engine: ReferenceEngine, client: str = world.EU) -> list[str]:
    return world.values(world.answer(engine, world.query("api"), client=client).answer)


class Gate:
    """A filter that stops the compile, in its thread, until the test lets it go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def kind(self, _argument: object) -> Filter:
        return Filter("gate", lambda candidates, _view: candidates, view=self._view)

    def _view(self, _place: Place, _regions: Regions) -> View:
        self.entered.set()
        assert self.go.wait(10)
        return ()


def test_zones_and_geo_data_make_the_plan_that_the_engine_serves(tmp_path: Path) -> None:
    engine = RecordingEngine()
    planner = make_planner(tmp_path, engine=engine)

    async def story() -> None:
        await planner.take_zones(catalogue(ZONE))
        assert answer(engine, world.EU) == ["192.0.2.1"], "nobody knows where anybody is: the zone's own order"
        await planner.take_geo(GEO)
        assert answer(engine, world.EU) == ["192.0.2.2"]
        assert answer(engine, world.US) == ["192.0.2.1"]

    asyncio.run(story())
    assert planner.present.plan is engine.plans[-1]
    assert planner.present.failure == ""


def test_health_changes_the_answer_and_only_a_flip_makes_a_plan(tmp_path: Path) -> None:
    engine = RecordingEngine()
    planner = make_planner(tmp_path, engine=engine)
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    asyncio.run(planner.take_geo(GEO))
    planner.take_status(believing(ZONE, _1=UP, _2=UP))
    count = len(engine.plans)
    planner.take_status(believing(ZONE, _1=UP, _2=UP))
    assert len(engine.plans) == count
    planner.take_status(believing(ZONE, _1=UP, _2=DOWN))
    assert answer(engine) == ["192.0.2.1"]
    planner.take_status(believing(ZONE, _1=UP, _2=UP))
    assert answer(engine) == ["192.0.2.2"]


def test_a_ttl_that_follows_health_is_served_at_once_and_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = RecordingEngine()
    planner = make_planner(tmp_path, engine=engine)
    zone = world.zone(SMALL.replace("steer: nearest", "steer: nearest\n    ttl: {max: 300, min: 30}"))
    asyncio.run(planner.take_zones(catalogue(zone)))
    steady = Status({check.id: CheckStatus(UP, 0.0, flip_in_s=90.0) for check in checks((zone,))})
    shaken = Status({check: replace(one, flip_in_s=60.0) for check, one in steady.checks.items()})
    planner.take_status(steady)
    caplog.set_level(logging.INFO)
    caplog.clear()
    for status, ttl in ((steady, 90), (shaken, 60), (steady, 90)):
        planner.take_status(status)
        [rrset] = world.answer(engine, world.query("api")).answer
        assert rrset.ttl == ttl
    assert caplog.messages == []


def test_a_renamed_monitor_does_not_revive_an_endpoint_that_is_down(tmp_path: Path) -> None:
    engine = RecordingEngine()
    planner = make_planner(tmp_path, engine=engine)
    renamed = world.zone(SMALL.replace("web", "site"))

    async def story() -> None:
        await planner.take_geo(GEO)
        await planner.take_zones(catalogue(ZONE))
        planner.take_status(believing(ZONE, _1=UP, _2=DOWN))
        await planner.take_zones(catalogue(renamed))

    asyncio.run(story())
    assert answer(engine) == ["192.0.2.1"]
    planner.take_status(believing(renamed, _1=UP, _2=UP))
    assert answer(engine) == ["192.0.2.2"], "what is heard of the new check counts"


def test_a_flip_while_a_plan_is_compiled_is_in_it(tmp_path: Path) -> None:
    gate, engine = Gate(), RecordingEngine()
    vocabulary = with_kinds({"gate": gate.kind})
    zone = parse(SMALL.replace("steer: nearest", "steer: [up, gate, nearest, weight]"), "z.yaml", NO_SHARED, vocabulary)
    planner = make_planner(tmp_path, engine=engine, vocabulary=vocabulary)

    async def story() -> None:
        planner.take_status(believing(zone, _1=UP, _2=UP))
        compiling = asyncio.create_task(planner.take_zones(catalogue(zone)))
        async with until():
            await asyncio.to_thread(gate.entered.wait, 10)
            planner.take_status(believing(zone, _1=DOWN, _2=UP))
            assert not compiling.done()
            gate.go.set()
            await compiling
        assert answer(engine) == ["192.0.2.2"]

    asyncio.run(story())


def test_a_flip_while_the_next_plan_is_compiled_serves_at_once_and_stays(tmp_path: Path) -> None:
    gate, engine = Gate(), RecordingEngine()
    vocabulary = with_kinds({"gate": gate.kind})
    gated_text = SMALL.replace("steer: nearest", "steer: [up, gate, nearest, weight]").replace("ttl: 60", "ttl: 61")
    zone = parse(gated_text, "z.yaml", NO_SHARED, vocabulary)
    planner = make_planner(tmp_path, engine=engine, vocabulary=vocabulary)

    async def story() -> None:
        planner.take_status(believing(ZONE, _1=UP, _2=UP))
        await planner.take_zones(catalogue(ZONE))
        compiling = asyncio.create_task(planner.take_zones(catalogue(zone)))
        async with until():
            await asyncio.to_thread(gate.entered.wait, 10)
            assert answer(engine) == ["192.0.2.1"]
            planner.take_status(believing(ZONE, _1=DOWN, _2=UP))
            assert answer(engine) == ["192.0.2.2"], "queries do not wait for the compile"
            gate.go.set()
            await compiling
        assert answer(engine) == ["192.0.2.2"]
        generations = [plan.generation for plan in engine.plans]
        assert generations == sorted(set(generations))

    asyncio.run(story())


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(st.sampled_from(["zone", "other", "geo", "1", "2", "restart"]), max_size=12))
def test_generations_strictly_grow_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, happenings: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("state")
    engine = RecordingEngine()
    planner = make_planner(folder, engine=engine)
    beliefs = {"_1": UP, "_2": UP}
    for happening in happenings:
        match happening:
            case "zone" | "other":
                asyncio.run(planner.take_zones(catalogue(ZONE if happening == "zone" else OTHER)))
            case "geo":
                asyncio.run(planner.take_geo(GEO))
            case "restart":
                planner = make_planner(folder, engine=engine)
            case octet:
                beliefs[f"_{octet}"] = DOWN if beliefs[f"_{octet}"] is UP else UP
                planner.take_status(believing(ZONE, **beliefs))
    generations = [plan.generation for plan in engine.plans]
    assert generations == sorted(set(generations))


def test_flips_of_health_do_not_write_the_state(tmp_path: Path) -> None:
    planner = make_planner(tmp_path)
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    written = (tmp_path / "state.json").stat()
    for belief in (DOWN, UP) * 20:
        planner.take_status(believing(ZONE, _1=belief, _2=UP))
    assert (tmp_path / "state.json").stat() == written
    floor = planner.present.plan.generation
    restarted = make_planner(tmp_path)
    asyncio.run(restarted.take_zones(catalogue(ZONE)))
    assert restarted.present.plan.generation > floor
    assert restarted.present.plan.generation > GENERATIONS_AHEAD


def test_generations_grow_over_restarts_on_a_full_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(make_planner(tmp_path).take_zones(catalogue(ZONE)))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    engine = RecordingEngine()
    for wall in (WALL, WALL + 10, WALL + 20):
        planner = make_planner(tmp_path, engine=engine, wall=partial(float, wall))
        asyncio.run(planner.take_zones(catalogue(OTHER)))
        planner.take_status(believing(OTHER, _1=DOWN, _2=UP))
    generations = [plan.generation for plan in engine.plans]
    assert generations == sorted(set(generations))


@pytest.mark.slow
def test_many_flips_reserve_more_generations_before_the_last_is_used(tmp_path: Path) -> None:
    class AtOnce(StateFolder):
        def save_apart(self, saved: Saved) -> "Future[bool]":
            self.save(saved)
            return super().save_apart(saved)

    planner = make_planner(tmp_path, folder=AtOnce(tmp_path, Counters()))
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    for belief in (DOWN, UP) * GENERATIONS_AHEAD:
        planner.take_status(believing(ZONE, _1=belief, _2=UP))
    last = planner.present.plan.generation
    assert last > GENERATIONS_AHEAD
    restarted = make_planner(tmp_path)
    assert last <= restarted.present.plan.generation <= last + GENERATIONS_AHEAD


def test_the_serial_of_an_unchanged_zone_survives_a_restart_and_a_changed_one_grows(tmp_path: Path) -> None:
    def serial(*zones: str) -> int:
        planner = make_planner(tmp_path)
        asyncio.run(planner.take_zones(catalogue(*(world.zone(text) for text in zones))))
        (zone,) = planner.present.plan.zones.values()
        return zone.serial

    first = serial(SMALL)
    assert serial(SMALL) == first
    assert serial(SMALL + "# a remark\n") >= first
    assert serial(SMALL.replace("ttl: 60", "ttl: 61")) > first


class Broken:
    """A filter of ours, unguarded, that fails when the test wants."""

    def __init__(self) -> None:
        self.fails = False

    def kind(self, _argument: object) -> Filter:
        return Filter("broken", self._keep)

    def _keep(self, candidates: Candidates, _view: View) -> Candidates:
        if self.fails:
            raise RuntimeError("out of luck")
        return candidates


def test_zones_that_no_plan_can_be_made_of_leave_the_last_good_plan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken, engine, counters = Broken(), RecordingEngine(), Counters()
    vocabulary = with_kinds({"broken": broken.kind})
    bad = parse(SMALL.replace("steer: nearest", "steer: [up, broken]"), "z.yaml", NO_SHARED, vocabulary)
    planner = make_planner(tmp_path, engine=engine, vocabulary=vocabulary, counters=counters)

    async def story() -> None:
        await planner.take_zones(catalogue(ZONE))
        good = planner.present.plan
        broken.fails = True
        with caplog.at_level(logging.ERROR):
            await planner.take_zones(catalogue(bad))
        assert planner.present.plan is good
        assert planner.present.catalogue.zones == (ZONE,)
        assert "RuntimeError: out of luck" in planner.present.failure
        assert counters.count("plan_failures", cause="zones_or_geo_data") == 1
        [record] = caplog.records
        assert record.exc_info is not None
        await planner.take_geo(GEO)
        assert answer(engine) == ["192.0.2.2"], "geo data still goes into the plan of the good zones"
        broken.fails = False
        await planner.take_zones(catalogue(bad))
        assert planner.present.failure == ""
        assert planner.present.catalogue.zones == (bad,)

    asyncio.run(story())


def test_going_back_to_the_good_zones_ends_a_failure(tmp_path: Path) -> None:
    broken = Broken()
    vocabulary = with_kinds({"broken": broken.kind})
    bad = parse(SMALL.replace("steer: nearest", "steer: [up, broken]"), "z.yaml", NO_SHARED, vocabulary)
    planner = make_planner(tmp_path, vocabulary=vocabulary)
    broken.fails = True
    for zone, fails in ((ZONE, False), (bad, True), (ZONE, False)):
        asyncio.run(planner.take_zones(catalogue(zone)))
        assert bool(planner.present.failure) == fails


def test_health_that_cannot_be_applied_leaves_the_last_good_plan_and_is_not_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken, engine, counters = Broken(), RecordingEngine(), Counters()
    vocabulary = with_kinds({"broken": broken.kind})
    zone = parse(SMALL.replace("steer: nearest", "steer: [up, broken]"), "z.yaml", NO_SHARED, vocabulary)
    planner = make_planner(tmp_path, engine=engine, vocabulary=vocabulary, counters=counters)
    planner.take_status(believing(zone, _1=UP, _2=UP))
    asyncio.run(planner.take_zones(catalogue(zone)))
    broken.fails = True
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            planner.take_status(believing(zone, _1=DOWN, _2=UP))
    assert planner.present.status == believing(zone, _1=DOWN, _2=UP)
    assert len(caplog.records) == 1, "told once, although tried with every status"
    assert counters.count("plan_failures", cause="health") == 5
    assert answer(engine) == ["192.0.2.1", "192.0.2.2"]
    broken.fails = False
    planner.take_status(believing(zone, _1=DOWN, _2=UP))
    assert answer(engine) == ["192.0.2.2"]


def test_an_engine_that_refuses_a_plan_goes_on_with_the_last(tmp_path: Path) -> None:
    class Refusing(RecordingEngine):
        refuses = False

        def swap(self, plan: Plan) -> None:
            if self.refuses:
                raise RuntimeError("no such version")
            super().swap(plan)

    engine = Refusing()
    planner = make_planner(tmp_path, engine=engine)
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    engine.refuses = True
    asyncio.run(planner.take_zones(catalogue(OTHER)))
    planner.take_status(believing(ZONE, _1=DOWN, _2=UP))
    assert planner.present.plan is engine.plans[-1]
    engine.refuses = False
    planner.take_status(believing(ZONE, _1=DOWN, _2=UP))
    assert answer(engine) == ["192.0.2.2"]


def test_a_zone_that_the_engine_refuses_keeps_no_other_from_being_served(tmp_path: Path) -> None:
    class Doubting(RecordingEngine):
        def check(self, plan: Plan) -> None:
            if any(zone.zone.file == "bad.yaml" for zone in plan.zones.values()):
                raise ValueError("not a plan: expected u32")

        def swap(self, plan: Plan) -> None:
            self.check(plan)
            super().swap(plan)

    engine = Doubting()
    planner = make_planner(tmp_path, engine=engine)
    bad = replace(world.zone(SMALL.replace("gtm.example.com", "bad.example.com")), file="bad.yaml")
    asyncio.run(planner.take_zones(catalogue(ZONE, bad)))
    assert [zone.origin for zone in planner.present.catalogue.zones] == [ZONE.origin]
    (problem,) = planner.present.catalogue.problems
    assert (problem.file, planner.present.failure) == ("bad.yaml", "")
    assert problem.message.endswith("ValueError: not a plan: expected u32")
    assert answer(engine) != []


def test_an_unchanged_catalogue_takes_its_problems_along_without_a_new_plan(tmp_path: Path) -> None:
    planner = make_planner(tmp_path)
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    before = planner.present.plan
    again = replace(catalogue(ZONE), problems=())
    asyncio.run(planner.take_zones(again))
    assert planner.present.plan is before
    assert planner.present.catalogue is again


def test_geo_data_that_is_gone_gives_everybody_the_default_order(tmp_path: Path) -> None:
    engine = RecordingEngine()
    planner = make_planner(tmp_path, engine=engine)
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    asyncio.run(planner.take_geo(GEO))
    asyncio.run(planner.take_geo(GeoLoad(NO_GEOGRAPHY, ("regions.mmdb: No such file or directory",), ())))
    assert answer(engine, world.EU) == ["192.0.2.1"]
    assert planner.present.geo.problems


def test_a_restored_status_is_in_the_first_plan(tmp_path: Path) -> None:
    engine = RecordingEngine()
    planner = make_planner(tmp_path, engine=engine, status=believing(ZONE, _1=DOWN, _2=UP))
    asyncio.run(planner.take_zones(catalogue(ZONE)))
    assert answer(engine) == ["192.0.2.2"]
