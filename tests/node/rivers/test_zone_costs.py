"""Zone files that cost much, or at which something fails, keep no other from being served."""

import asyncio
import re
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from gtm.node.rivers.zones import MAX_LOGGED, MAX_TOLD, few
from gtm.node.state.folder import StateFolder
from gtm.node.state.serials import Saved
from gtm.steer.filter import Candidates, Filter
from gtm.steer.vocabulary import SteeringVocabulary, with_kinds
from gtm.watch.folder import Catalogue
from gtm.watch.reading import FolderReading
from gtm.zone.model import Zone
from gtm.zone.parse import parse as parse_zone
from tests.node.present import BROKEN, GEO, SMALL
from tests.node.watched import LATER, Watched


def bad_zone(number: int, problems: int = 300) -> str:
    """A zone file with many problems."""
    head = SMALL.replace("gtm.example.com", f"z{number}.example.com")
    return head + "".join(f"k{each}: 1\n" for each in range(problems))


@pytest.mark.slow
def test_a_change_of_a_good_file_is_served_before_the_bad_ones_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.node.rivers.zones.SLICE_S", 0.0)  # a file in each
    watched = Watched(tmp_path)
    watched.write(SMALL, "z.yaml")

    async def story() -> None:
        async with watched.running():
            for number in range(20):
                watched.write(bad_zone(number, 1), f"a{number:02}.yaml")
            watched.write(LATER, "z.yaml")
            await watched.turns.next(2)
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]
            assert len(watched.planner.present.catalogue.bad_files) < 20, "some were not read yet"
            watched.write(SMALL, "z.yaml")
            await watched.turns.next(2)
            assert watched.targets == ["192.0.2.1", "192.0.2.2"], "a change is seen while the others are read"
            await watched.turns.next(25)
            assert len(watched.planner.present.catalogue.bad_files) == 20

    asyncio.run(story())


@pytest.mark.slow
def test_a_start_waits_for_one_zone_and_not_for_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.node.rivers.zones.SLICE_S", 0.0)
    watched = Watched(tmp_path)
    watched.write(SMALL)
    for number in range(9):
        watched.write(bad_zone(number), f"b{number}.yaml")
    assert asyncio.run(watched.river.start()) == ()
    assert watched.targets == ["192.0.2.1", "192.0.2.2"]
    assert len({problem.file for problem in asyncio.run(watched.river.load())}) == 9
    assert watched.counters.count("zone_loads", outcome="with_problems") == 1


@pytest.mark.slow
def test_a_start_with_many_good_files_keeps_them_as_they_grow_and_not_after_each_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is one file, written whole each time."""

    class OneByOne(FolderReading):
        def read_for(self, _seconds: float | None) -> Catalogue:
            return super().read_for(0.0)

    monkeypatch.setattr("gtm.node.rivers.zones.FolderReading", OneByOne)
    kept = record_kept(monkeypatch)
    watched = Watched(tmp_path)
    for number in range(5):
        watched.write(SMALL.replace("gtm.example.com", f"z{number}.example.com"), f"z{number}.yaml")
    asyncio.run(watched.river.load())
    assert kept == [1, 2, 4, 5]
    del kept[:]
    again = Watched(tmp_path)
    for number in range(5):
        again.write(LATER.replace("gtm.example.com", f"z{number}.example.com"), f"z{number}.yaml")
    asyncio.run(again.river.load())
    assert kept == [5], "until all is read what was kept before stays"


def record_kept(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns how many zone files each write of what is kept has; it grows."""
    counts: list[int] = []
    save = StateFolder.save_zones_apart

    def recording(state: StateFolder, folder: Path, catalogue: Catalogue) -> Future[bool]:
        counts.append(len(catalogue.loaded))
        return save(state, folder, catalogue)

    monkeypatch.setattr(StateFolder, "save_zones_apart", recording)
    return counts


@pytest.mark.slow
def test_a_multitude_of_problems_is_some_lines_and_a_number(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL, "z.yaml")
    asyncio.run(watched.river.load())
    for number in range(30):
        watched.write(bad_zone(number), f"a{number:02}.yaml")
    watched.write(BROKEN, "z.yaml")
    problems = asyncio.run(watched.river.load())
    assert len(problems) > 3_000
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("zone file")]
    assert len(told) <= MAX_LOGGED + 2
    assert "z.yaml" in told[0], "a zone that serves comes first"
    assert any(line.endswith("more problems; `gtm check` tells them all") for line in told)
    shown = few(problems)
    assert len(shown) == MAX_TOLD + 1
    assert shown[-1] == f"and {len(problems) - MAX_TOLD} more problems; `gtm check` tells them all"


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_refused_and_the_others_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = parse_zone

    def parse(text: str, *others: Any) -> Zone:
        while "spins.example.com" in text:
            pass
        return real(text, *others)

    monkeypatch.setattr("gtm.watch.reading.parse", parse)
    monkeypatch.setattr("gtm.watch.reading.FILE_LIMIT_S", 0.2)
    watched = Watched(tmp_path)
    watched.write(SMALL, "z.yaml")
    watched.write(SMALL.replace("gtm.example.com", "spins.example.com"), "a.yaml")
    (problem,) = asyncio.run(watched.river.load())
    assert str(problem).startswith(f"{watched.folder / 'a.yaml'}:1:1: takes longer than 0.2 s to read")
    assert watched.targets == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.slow
def test_a_file_that_waits_for_a_busy_machine_is_not_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def parse(*arguments: Any) -> Zone:
        assert asked.wait(10), "the limit of the file has passed without work"
        return parse_zone(*arguments)

    class Asked(FolderReading):
        def goes_on(self) -> bool:
            try:
                return super().goes_on()
            finally:
                asked.set()

    monkeypatch.setattr("gtm.watch.reading.parse", parse)
    monkeypatch.setattr("gtm.watch.reading.FILE_LIMIT_S", 0.2)
    monkeypatch.setattr("gtm.node.rivers.zones.FolderReading", Asked)
    watched = Watched(tmp_path)
    watched.write(SMALL)
    assert asyncio.run(watched.river.load()) == ()
    assert watched.targets == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.slow
def test_a_zone_of_which_no_plan_can_be_made_keeps_no_other_from_being_served(tmp_path: Path) -> None:
    made = []

    def kind(_argument: object) -> Filter:
        def keep(_candidates: object, _view: object) -> tuple[()]:
            made.append(1)
            raise RuntimeError("out of luck")

        return Filter("broken", keep)

    watched = Watched(tmp_path, vocabulary=with_kinds({"broken": kind}))
    other = SMALL.replace("gtm.example.com", "other.example.com").replace("192.0.2.", "198.51.100.")
    watched.write(SMALL, "z.yaml")
    watched.write(other, "a.yaml")

    async def story() -> None:
        async with watched.running():
            watched.write(LATER, "z.yaml")
            watched.write(other.replace("steer: nearest", "steer: [up, broken]"), "a.yaml")
            (problem,) = await watched.river.load()
            assert problem.message.startswith("no plan can be made of this zone")
            assert watched.targets == ["198.51.100.1", "198.51.100.2", "192.0.2.1", "192.0.2.3"]
            tried = len(made)
            watched.write(SMALL, "z.yaml")
            assert await watched.river.load() == (problem,)
            assert watched.targets[2:] == ["192.0.2.1", "192.0.2.2"]
            assert len(made) == tried, "it is not tried again while it is as it was"

    asyncio.run(story())


OTHER = SMALL.replace("gtm.example.com", "other.example.com").replace("192.0.2.", "198.51.100.")
SLOW = "steer: [up, slow]"


def with_slow(made: list[int]) -> SteeringVocabulary:
    """The vocabulary with a filter that takes longer than DECISIONS_LIMIT_S once that is 0.1 s."""

    def kind(_argument: object) -> Filter:
        def keep(candidates: Candidates, _view: object) -> Candidates:
            ends = time.thread_time() + 0.15
            made.append(1)
            while time.thread_time() < ends:
                pass
            return candidates

        return Filter("slow", keep, view=lambda place, _regions: place)

    return with_kinds({"slow": kind})


@pytest.mark.slow
def test_a_zone_whose_plan_takes_too_long_is_refused_alone_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr("gtm.plan.compile.DECISIONS_LIMIT_S", 0.1)
    watched, other = Watched(tmp_path, vocabulary=with_slow(made)), OTHER
    watched.write(SMALL, "z.yaml")
    watched.write(other, "a.yaml")

    async def story() -> None:
        await watched.planner.take_geo(GEO)
        async with watched.running():
            watched.write(LATER, "z.yaml")
            watched.write(other.replace("steer: nearest", SLOW).replace(".100.2", ".100.3"), "a.yaml")
            await watched.turns.next(2)
            (problem,) = watched.planner.present.catalogue.problems
            assert problem.file == str(watched.folder / "a.yaml")
            assert re.match(
                r"its plan took [0-9.]+ s of work so far, and 0.1 s are the limit: it has too many", problem.message
            )
            assert problem.message.endswith("; until then what served before it stays")
            assert watched.targets == ["198.51.100.1", "198.51.100.2", "192.0.2.1", "192.0.2.3"]
            assert watched.counters.count("plan_failures", cause="zone_too_costly") == 1
            tried = len(made)
            watched.write(SMALL, "z.yaml")
            await watched.turns.next(2)
            assert watched.targets[2:] == ["192.0.2.1", "192.0.2.2"]
            assert len(made) == tried, "it is not tried again while it is as it was"
            with monkeypatch.context() as patch:
                patch.setattr("gtm.plan.compile.DECISIONS_LIMIT_S", 60.0)
                assert await watched.river.load() == (), "it is, when somebody reloads: the machine may have been busy"
            assert watched.targets[1] == "198.51.100.3"
            watched.write(other.replace(".100.2", ".100.4"), "a.yaml")
            await watched.turns.next(2)
            assert watched.targets[1] == "198.51.100.4"
            assert not watched.planner.present.catalogue.problems

    asyncio.run(story())


@pytest.mark.slow
@pytest.mark.parametrize("others", [0, 1])
def test_a_zone_whose_plan_takes_too_long_after_a_restart_serves_as_it_was_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    monkeypatch.setattr("gtm.plan.compile.DECISIONS_LIMIT_S", 0.1)
    monkeypatch.setattr("gtm.node.planner.AT_START", 1)
    before = Watched(tmp_path)
    before.write(OTHER)
    if others:
        before.write(SMALL, "z.yaml")
    asyncio.run(before.river.load())
    before.state.save_apart(Saved()).result(30)
    served = before.targets
    again = Watched(tmp_path, vocabulary=with_slow([]))
    again.write(OTHER.replace("steer: nearest", SLOW).replace(".100.2", ".100.3"))

    async def story() -> None:
        await again.planner.take_geo(GEO)
        [problem] = await again.river.load()
        assert problem.message.startswith("its plan took")

    asyncio.run(story())
    assert again.targets == served


@pytest.mark.slow
def test_a_zone_that_was_served_before_a_restart_is_served_after_it_whatever_its_plan_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tmp_path, vocabulary=with_slow([]))
    watched.write(OTHER.replace("steer: nearest", SLOW))

    async def story(watched: Watched) -> None:
        await watched.planner.take_geo(GEO)
        assert await watched.river.load() == ()

    asyncio.run(story(watched))
    watched.state.save_apart(Saved()).result(30)
    monkeypatch.setattr("gtm.plan.compile.DECISIONS_LIMIT_S", 0.1)
    monkeypatch.setattr("gtm.node.planner.AT_START", 1)
    again = Watched(tmp_path, vocabulary=with_slow([]))
    asyncio.run(story(again))
    assert again.targets == ["198.51.100.1", "198.51.100.2"]


@pytest.mark.slow
def test_a_start_with_nothing_but_a_zone_whose_plan_takes_too_long_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.plan.compile.DECISIONS_LIMIT_S", 0.1)
    monkeypatch.setattr("gtm.node.planner.AT_START", 1)
    watched = Watched(tmp_path, vocabulary=with_slow([]))
    watched.write(OTHER.replace("steer: nearest", SLOW))

    async def story() -> None:
        await watched.planner.take_geo(GEO)
        [problem] = await watched.river.load()
        assert problem.message.startswith("its plan took")

    asyncio.run(story())
