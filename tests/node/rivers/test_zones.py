import asyncio
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.errors import Problem, as_warning
from gtm.node.state.serials import Saved
from gtm.steer.filter import Filter
from gtm.steer.vocabulary import with_kinds
from gtm.watch.settling import LOOK_INTERVAL_S
from tests.node.present import BROKEN, SMALL
from tests.node.watched import LATER, Watched

NOT_HERE = "no zone file is here; they are named *.yaml or *.yml"


def test_the_first_load_serves_and_watches(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    assert asyncio.run(watched.river.load()) == ()
    assert watched.targets == ["192.0.2.1", "192.0.2.2"]
    assert [[check.target for check in checks] for checks in watched.checks] == [["192.0.2.1", "192.0.2.2"]]
    assert watched.counters.count("zone_loads", outcome="clean") == 1


def test_a_changed_file_serves_once_two_scans_agree(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            watched.write(LATER)
            await watched.turns.next()
            assert watched.targets == ["192.0.2.1", "192.0.2.2"], "it may still be written"
            await watched.turns.next()
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]
            assert [check.target for check in watched.checks[-1]] == ["192.0.2.1", "192.0.2.3"]
            loads = watched.counters.count("zone_loads", outcome="clean")
            await watched.turns.next(3)
            assert watched.counters.count("zone_loads", outcome="clean") == loads, "what did not change is not read"

    asyncio.run(story())
    assert set(watched.turns.slept) == {LOOK_INTERVAL_S}


def test_a_change_serves_within_a_second() -> None:
    assert 3 * LOOK_INTERVAL_S < 1.0


def test_a_file_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            for cut in (50, 100, 200, 400):
                watched.write(LATER[:cut])
                await watched.turns.next()
            assert not watched.planner.present.catalogue.problems
            watched.write(LATER)
            await watched.turns.next(2)
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]

    asyncio.run(story())


def test_a_broken_file_changes_nothing_is_logged_once_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            before = watched.planner.present.plan
            with caplog.at_level(logging.ERROR):
                watched.write(BROKEN)
                await watched.turns.next(2)
                watched.river.ask()
                await watched.turns.next()
            assert watched.planner.present.plan is before
            [problem] = watched.planner.present.catalogue.problems
            assert problem.message == 'unknown region "us-esat"; did you mean "us-east"?'
            assert [record.getMessage() for record in caplog.records] == [f"zone file: {problem}"]
            assert watched.counters.count("zone_loads", outcome="with_problems") == 2
            watched.write(LATER)
            await watched.turns.next(2)
            assert watched.planner.present.catalogue.problems == ()
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]

    asyncio.run(story())


def test_a_mended_file_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            watched.write(BROKEN)
            await watched.turns.next(2)
            with caplog.at_level(logging.INFO, logger="gtm.node.rivers.zones"):
                watched.write(LATER)
                await watched.turns.next(2)
                watched.river.ask()
                await watched.turns.next()

    asyncio.run(story())
    lines = [record.getMessage() for record in caplog.records if record.name == "gtm.node.rivers.zones"]
    assert lines[-1:] == [f"zone file: {watched.folder / 'a.yaml'} is fixed, and is loaded"]
    assert len([line for line in lines if line.endswith(" is fixed, and is loaded")]) == 1


def test_what_is_odd_is_logged_once_as_a_warning_and_serves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    odd = f"{LATER}  www: {{A: [192.0.2.9, 192.0.2.9]}}\n"

    async def story() -> None:
        async with watched.running():
            with caplog.at_level(logging.WARNING):
                watched.write(odd)
                await watched.turns.next(2)
                watched.river.ask()
                await watched.turns.next()
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]
            assert watched.planner.present.catalogue.problems == ()
            (warning,) = watched.planner.present.catalogue.warnings
            assert [record.getMessage() for record in caplog.records] == [f"zone file: {as_warning(warning)}"]
            assert watched.counters.count("zone_loads", outcome="with_problems") == 0
            watched.write(BROKEN)
            await watched.turns.next(2)
            assert watched.planner.present.catalogue.warnings == (), "the problems of that file come first"

    asyncio.run(story())


def test_asking_reads_the_folder_changed_or_not_and_not_while_it_is_written(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            watched.river.ask()
            await watched.turns.next()
            assert watched.counters.count("zone_loads", outcome="clean") == 2
            await watched.turns.next(2)
            assert watched.counters.count("zone_loads", outcome="clean") == 2
            watched.write(LATER)
            watched.river.ask()
            await watched.turns.next()
            assert watched.targets == ["192.0.2.1", "192.0.2.2"]
            await watched.turns.next()
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]

    asyncio.run(story())


def _deleted(folder: Path) -> None:
    shutil.rmtree(folder)


def _emptied(folder: Path) -> None:
    for each in folder.iterdir():
        each.unlink()


def _a_file_now(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("not a folder")


def _renamed_and_broken(folder: Path) -> None:
    (folder / "a.yaml").unlink()
    (folder / "b.yaml").write_text(BROKEN)
    os.utime(folder / "b.yaml", ns=(1, 1))  # as who copies it whole does


@pytest.mark.parametrize("harm", [_deleted, _emptied, _a_file_now, _renamed_and_broken])
def test_whatever_happens_to_the_folder_the_last_zone_serves_on(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            harm(watched.folder)
            await watched.turns.next(3)
            assert watched.targets == ["192.0.2.1", "192.0.2.2"]
            assert watched.planner.present.catalogue.problems
            shutil.rmtree(watched.folder, ignore_errors=True)
            watched.folder.unlink(missing_ok=True)
            watched.folder.mkdir()
            watched.write(LATER)
            await watched.turns.next(3)
            assert watched.targets == ["192.0.2.1", "192.0.2.3"], "and it comes back"
            assert not watched.planner.present.catalogue.problems

    asyncio.run(story())


def test_one_of_two_zones_can_be_removed(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    watched.write(SMALL.replace("gtm.example.com", "other.example.com"), "b.yaml")

    async def story() -> None:
        async with watched.running():
            assert len(watched.planner.present.plan.zones) == 2
            (watched.folder / "b.yaml").unlink()
            await watched.turns.next(2)
            assert len(watched.planner.present.plan.zones) == 1
            assert not watched.planner.present.catalogue.problems

    asyncio.run(story())


def test_an_empty_folder_at_the_start_is_a_problem_that_is_returned_and_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    assert asyncio.run(watched.river.load()) == (Problem(str(watched.folder), 0, 0, NOT_HERE),)
    assert not watched.planner.present.plan.zones
    assert not caplog.records, "who starts the node prints it"


def test_zones_that_no_plan_can_be_made_of_are_told_and_watched_by_nobody(tmp_path: Path) -> None:
    def kind(_argument: object) -> Filter:
        def keep(_candidates: object, _view: object) -> tuple[()]:
            raise RuntimeError("out of luck")

        return Filter("broken", keep)

    watched = Watched(tmp_path, vocabulary=with_kinds({"broken": kind}))
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            watched.write(LATER.replace("steer: nearest", "steer: [up, broken]"))
            [problem] = await watched.river.load()
            assert problem.file == str(watched.folder / "a.yaml")
            assert "RuntimeError: out of luck" in problem.message
            assert watched.targets == ["192.0.2.1", "192.0.2.2"]
            assert [[check.target for check in checks] for checks in watched.checks] == [["192.0.2.1", "192.0.2.2"]]
            watched.write(LATER)
            assert await watched.river.load() == ()
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]

    asyncio.run(story())


def test_a_mistake_of_ours_while_reading_does_not_end_the_river(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    def fails(*_arguments: object) -> None:
        raise RecursionError("too deep")

    async def story() -> None:
        async with watched.running():
            with monkeypatch.context() as patch:
                patch.setattr("gtm.node.rivers.zones.FolderReading", fails)
                watched.write(LATER)
                await watched.turns.next(2)
            assert "cannot be loaded; the last good zones serve on" in caplog.text
            assert watched.counters.count("zone_loads", outcome="failed") == 1
            assert watched.targets == ["192.0.2.1", "192.0.2.2"]
            watched.river.ask()
            await watched.turns.next()
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]

    asyncio.run(story())


def run_before(tmp_path: Path, **files: str) -> Watched:
    """A node that served these files, was stopped, and is started again: as it is before its first load."""
    before = Watched(tmp_path)
    for name, text in files.items():
        before.write(text, f"{name}.yaml")
    assert asyncio.run(before.river.load()) == ()
    before.state.save_apart(Saved()).result(30)  # what was to be written before this is written
    return Watched(tmp_path)


@pytest.mark.parametrize("trouble", ["gone", "empty", "a file", "broken"])
def test_a_node_that_starts_with_a_broken_folder_serves_the_last_good_zones_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    again = run_before(tmp_path, a=SMALL)
    (again.folder / "a.yaml").unlink()
    if trouble == "broken":
        again.write(BROKEN)
    elif trouble != "empty":
        again.folder.rmdir()
        if trouble == "a file":
            again.folder.write_text("")
    problems = asyncio.run(again.river.load())
    assert problems
    assert again.targets == ["192.0.2.1", "192.0.2.2"]
    assert [[check.target for check in checks] for checks in again.checks] == [["192.0.2.1", "192.0.2.2"]]
    assert again.counters.count("starts_from_kept_zones") == 1
    assert "what is missing serves as it was before this node stopped" in caplog.text
    assert again.planner.present.catalogue.problems == problems, "it shows in the status"


def test_the_folder_is_taken_when_it_is_mended_and_kept_again(tmp_path: Path) -> None:
    again = run_before(tmp_path, a=SMALL)
    shutil.rmtree(again.folder)

    async def story() -> None:
        async with again.running():
            assert again.targets == ["192.0.2.1", "192.0.2.2"]
            again.folder.mkdir()
            again.write(LATER)
            await again.turns.next(2)
            assert again.targets == ["192.0.2.1", "192.0.2.3"]
            assert not again.planner.present.catalogue.problems

    asyncio.run(story())
    again.state.save_apart(Saved()).result(30)
    shutil.rmtree(again.folder)
    third = Watched(tmp_path)
    shutil.rmtree(third.folder)
    asyncio.run(third.river.load())
    assert third.targets == ["192.0.2.1", "192.0.2.3"]


def test_a_good_folder_wins_over_what_was_kept_and_says_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    again = run_before(tmp_path, a=SMALL, b=SMALL.replace("gtm.example.com", "gtm.example.net"))
    again.write(LATER)
    (again.folder / "b.yaml").unlink()
    assert asyncio.run(again.river.load()) == ()
    assert again.targets == ["192.0.2.1", "192.0.2.3"]
    assert not again.counters.count("starts_from_kept_zones")
    assert "kept" not in caplog.text


def test_a_torn_copy_of_the_zones_gives_the_one_before_it(tmp_path: Path) -> None:
    before = run_before(tmp_path, a=SMALL)
    before.write(LATER)
    asyncio.run(before.river.load())
    before.state.save_apart(Saved()).result(30)
    kept = tmp_path / "state" / "zones.json"
    kept.write_bytes(kept.read_bytes()[:-50])
    shutil.rmtree(before.folder)
    again = Watched(tmp_path)
    again.folder.rmdir()
    asyncio.run(again.river.load())
    assert again.targets == ["192.0.2.1", "192.0.2.2"]
    assert again.counters.count("state_errors", file="zones.json") == 1
    assert again.state.problems


def test_what_is_served_is_kept_once_and_not_at_every_reload(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    asyncio.run(watched.river.load())
    watched.state.save_apart(Saved()).result(30)
    written = (tmp_path / "state" / "zones.json").stat()
    for _ in range(3):
        asyncio.run(watched.river.load())
    watched.state.save_apart(Saved()).result(30)
    assert (tmp_path / "state" / "zones.json").stat() == written
