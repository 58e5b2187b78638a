"""Somebody writes a zone file all the time: nobody else waits for it."""

import asyncio
from pathlib import Path

import pytest

from gtm.node.rivers.zones import RELOAD_LOOKS
from gtm.watch.settling import GONE_LOOKS, OVERDUE_LOOKS, OVERDUE_WORDS
from tests.node.present import SMALL
from tests.node.watched import LATER, Watched

OTHER = SMALL.replace("gtm.example.com", "other.example.com").replace("192.0.2.", "198.51.100.")
SHARED = "regions: {shared: {at: [53.35, -6.26]}}\n"


STILL_LOOKS = 10
"""2.5 s: for so long a file that is written in place must have been as it is."""


def beside_shared(text: str) -> str:
    """The same zone with a region of the shared file."""
    return text.replace("region: us-east", "region: shared")


async def writing(watched: Watched, turns: int = 1, *, name: str = "b.yaml", text: str = OTHER) -> None:
    """Lets the river take so many looks, before each of which somebody writes a file."""
    for turn in range(turns):
        watched.write(f"{text}# {turn}\n", name)
        await watched.turns.next()


def test_a_file_that_is_written_all_the_time_keeps_no_other_from_being_served(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    watched.write(OTHER, "b.yaml")

    async def story() -> None:
        async with watched.running():
            await writing(watched, 3)
            watched.write(LATER)
            watched.write(OTHER.replace("other.", "new."), "c.yaml")
            await writing(watched, 2)
            assert watched.targets[1] == "192.0.2.3"
            assert len(watched.planner.present.plan.zones) == 3
            (watched.folder / "c.yaml").unlink()
            await writing(watched, RELOAD_LOOKS + 1)
            assert len(watched.planner.present.plan.zones) == 2
            assert watched.planner.present.catalogue.problems == ()

    asyncio.run(story())


@pytest.mark.slow
def test_it_is_told_as_a_problem_after_a_while_and_its_last_good_zone_serves_on(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    watched.write(OTHER, "b.yaml")

    async def story() -> None:
        async with watched.running():
            await writing(watched, OVERDUE_LOOKS - 1)
            assert not watched.planner.present.catalogue.problems
            await writing(watched, 2)
            problem = watched.planner.present.catalogue.problems[0]
            assert str(problem) == f"{watched.folder / 'b.yaml'}:1:1: this file {OVERDUE_WORDS}"
            assert watched.targets == ["192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2"]
            loads = watched.counters.count("zone_loads", outcome="with_problems")
            watched.write(LATER)
            await writing(watched, 5)
            assert watched.targets[:2] == ["192.0.2.1", "192.0.2.3"]
            assert [*watched.planner.present.catalogue.problems] == [problem]
            assert watched.counters.count("zone_loads", outcome="with_problems") == loads + 1, "told once"
            watched.write(OTHER.replace("198.51.100.2", "198.51.100.3"), "b.yaml")
            await watched.turns.next(2)
            assert watched.planner.present.catalogue.problems == ()
            assert watched.targets[3] == "198.51.100.3"

    asyncio.run(story())


@pytest.mark.slow
def test_a_zone_file_waits_for_the_records_file_that_it_names(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    def values() -> int:
        (zone,) = watched.planner.present.plan.zones.values()
        return zone.zone.bulk.values

    async def story() -> None:
        async with watched.running():
            await writing(watched, 2, name="big.zone", text="www A 192.0.2.9\n")
            watched.write(SMALL + "records_file: big.zone\n")
            await writing(watched, 4, name="big.zone", text="www A 192.0.2.9\n")
            assert (values(), watched.planner.present.catalogue.problems) == (0, ())
            watched.write("www A 192.0.2.9\nwww A 192.0.2.8\n", "big.zone")
            await watched.turns.next(2)
            assert values() == 2
            watched.write("www A 192.0.2.9\n", "big.zone")
            await watched.turns.next(2)
            assert values() == 1
            await writing(watched, OVERDUE_LOOKS + 1, name="big.zone", text="www A 192.0.2.7\nw2 A 192.0.2.7\n")
            assert values() == 1
            [problem] = watched.planner.present.catalogue.problems
            assert str(problem) == f"{watched.folder / 'a.yaml'}:1:1: big.zone {OVERDUE_WORDS}"

    asyncio.run(story())


def test_a_zone_file_waits_for_the_files_that_its_records_file_includes(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write("$INCLUDE more.zone\n", "big.zone")
    watched.write("www A 192.0.2.9\n", "more.zone")
    watched.write(SMALL + "records_file: big.zone\n")

    def values() -> int:
        (zone,) = watched.planner.present.plan.zones.values()
        return zone.zone.bulk.values

    async def story() -> None:
        async with watched.running():
            assert values() == 1
            await writing(watched, 3, name="more.zone", text="www A 192.0.2.9\nwww A 192.0.2.8\n")
            assert (values(), watched.planner.present.catalogue.problems) == (1, ())
            watched.write("www A 192.0.2.9\nwww A 192.0.2.8\n", "more.zone")
            await watched.turns.next(2)
            assert (values(), watched.planner.present.catalogue.problems) == (2, ())

    asyncio.run(story())


@pytest.mark.parametrize("name", ["db.more", "below/more.zone"])
def test_a_file_that_no_look_knew_of_is_included_once_it_has_settled_and_watched_from_then_on(
    tmp_path: Path, name: str
) -> None:
    watched = Watched(tmp_path)
    watched.write("$GENERATE 1-3 h$ A 192.0.2.$\n", "big.zone")
    watched.write(SMALL + "records_file: big.zone\n")
    (watched.folder / name).parent.mkdir(exist_ok=True)

    def values() -> tuple[int, int]:
        (zone,) = watched.planner.present.plan.zones.values()
        return zone.zone.bulk.values, len(watched.planner.present.catalogue.problems)

    async def story() -> None:
        async with watched.running():
            assert values() == (3, 0)
            watched.write("www A 192.0.2.9\n", name)
            watched.write(f"$INCLUDE {name}\n", "big.zone")
            await watched.turns.next(2)
            assert values() == (3, 0), "whether it is being written is not known yet"
            await watched.turns.next(2)
            assert values() == (1, 0)
            watched.write("www A 192.0.2.9\nwww A 192.0.2.8\n", name)
            await watched.turns.next(2)
            assert values() == (2, 0)
            (watched.folder / name).unlink()
            await watched.turns.next(GONE_LOOKS + 1)
            assert values() == (2, 1)
            watched.write("www A 192.0.2.7\n", name)
            await watched.turns.next(2)
            assert values() == (1, 0)
            watched.write("w2 A 192.0.2.7\nw3 A 192.0.2.7\nw4 A 192.0.2.7\nw5 A 192.0.2.7\n", "big.zone")
            await watched.turns.next(3)
            assert values() == (4, 0)

    asyncio.run(story())


def test_a_shared_file_that_is_written_stays_as_it_was_until_it_settles_and_reaches_all_then(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    other = beside_shared(OTHER)
    watched.write(SHARED, "_shared.yaml")
    watched.write(beside_shared(SMALL))
    watched.write(other, "b.yaml")

    def places() -> set[object]:
        return {
            region.at
            for zone in watched.planner.present.catalogue.zones
            for region in zone.regions
            if region.name == "shared"
        }

    async def story() -> None:
        async with watched.running():
            before = places()
            moved = SHARED.replace("53.35", "50.11")
            await writing(watched, 3, name="_shared.yaml", text=moved)
            watched.write(beside_shared(LATER))
            await writing(watched, 2, name="_shared.yaml", text=moved)
            assert places() == before
            assert watched.targets[1] == "192.0.2.3"
            await writing(watched, 3, text=other)
            after = places()
            assert len(after) == 2, "b.yaml is still being written"
            await watched.turns.next()
            assert places() == after - before, "its text is beside another shared file now"

    asyncio.run(story())


def test_a_reload_reads_the_others_and_says_which_file_it_did_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    watched.write(OTHER, "b.yaml")
    served: list[str] = []

    async def sleep(_seconds: float) -> None:
        served.append(watched.targets[1])
        watched.write(OTHER, "b.yaml")

    monkeypatch.setattr(watched.river, "_sleep", sleep)

    async def story() -> None:
        await watched.river.load()
        watched.write(LATER)
        [problem] = await watched.river.reload()
        assert str(problem) == (
            f"{watched.folder / 'b.yaml'}:1:1: it was being written for 5 s, so it was not read; "
            "reload once it is whole"
        )

    asyncio.run(story())
    assert served == ["192.0.2.2"] + ["192.0.2.3"] * (RELOAD_LOOKS - 1)


def test_what_did_not_change_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    watched.write(OTHER, "b.yaml")
    opened: list[str] = []

    def text_of(path: Path) -> str:
        opened.append(path.name)
        return path.read_text()

    async def story() -> None:
        async with watched.running():
            with monkeypatch.context() as patch:
                patch.setattr("gtm.watch.reading.text_of", text_of)
                watched.write(LATER)
                await watched.turns.next(2)
                assert watched.targets[1] == "192.0.2.3"
                assert opened == ["a.yaml"]
                watched.river.ask()
                await watched.turns.next()
                assert sorted(opened) == ["a.yaml", "a.yaml", "b.yaml"]

    asyncio.run(story())


def test_an_upload_into_the_file_that_is_there_may_stall(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    half = SMALL.replace("      - {region: eu-west, address: 192.0.2.2}\n", "")
    watched.write(SMALL)

    async def story() -> None:
        async with watched.running():
            watched.write_in_place(half)
            await watched.turns.next(STILL_LOOKS)
            assert watched.targets == ["192.0.2.1", "192.0.2.2"]
            watched.write_in_place(LATER)
            await watched.turns.next(STILL_LOOKS)
            assert watched.targets == ["192.0.2.1", "192.0.2.2"], "it may stall again"
            await watched.turns.next()
            assert watched.targets == ["192.0.2.1", "192.0.2.3"]
            watched.write_in_place(half)
            await watched.turns.next()
            watched.write(SMALL)
            await watched.turns.next(2)
            assert watched.targets == ["192.0.2.1", "192.0.2.2"], "who renames another one does not wait"

    asyncio.run(story())


def test_a_records_file_that_is_written_in_place_may_stall_within_an_address(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write("www A 192.0.2.9\n", "big.zone")
    watched.write(SMALL + "records_file: big.zone\n")

    def values() -> list[bytes]:
        (zone,) = watched.planner.present.plan.zones.values()
        return [rdata for name in (b"\x03www",) for each in zone.zone.bulk.find(name) or () for rdata in each.rdatas]

    async def story() -> None:
        async with watched.running():
            before = values()
            watched.write_in_place("www A 192.0.2.1", "big.zone")
            await watched.turns.next(STILL_LOOKS)
            assert values() == before
            watched.write_in_place("www A 192.0.2.15\n", "big.zone")
            await watched.turns.next(STILL_LOOKS)
            assert values() == before
            await watched.turns.next()
            assert values() == [bytes((192, 0, 2, 15))]

    asyncio.run(story())


def test_a_reload_waits_for_what_is_written_in_place_as_the_node_does(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    looks: list[list[str]] = []

    async def sleep(_seconds: float) -> None:
        looks.append(watched.targets)

    async def story() -> None:
        await watched.river.load()
        watched.river._sleep = sleep
        watched.write_in_place(LATER)
        assert await watched.river.reload() == ()
        assert watched.targets == ["192.0.2.1", "192.0.2.3"]

    asyncio.run(story())
    assert looks == [["192.0.2.1", "192.0.2.2"]] * STILL_LOOKS
