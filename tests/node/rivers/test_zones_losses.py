"""A zone that would lose most of what serves is refused until somebody says that it is meant."""

import asyncio
from pathlib import Path

import dns.name
import pytest

from gtm.watch.folder import RECORDS_ENDING
from tests.node.present import SMALL
from tests.node.watched import Watched

ZONE = dns.name.from_text("gtm.example.com")
FORCE = "gtm reload --force gtm.example.com"


def hosts(count: int) -> str:
    """A zone with so many hosts."""
    return SMALL + "".join(f"  h{number:02}: {{A: [192.0.2.9]}}\n" for number in range(count))


def names(watched: Watched) -> int:
    """How many hosts serve."""
    [zone] = watched.planner.present.catalogue.zones
    return sum(record.name.labels[0].startswith(b"h") for record in zone.records) + zone.bulk.values


async def reload(watched: Watched, *force: dns.name.Name) -> list[str]:
    """What a reload says."""
    return [problem.message for problem in await watched.river.reload(frozenset(force))]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    made = Watched(tmp_path)

    async def no_wait(_seconds: float) -> None:
        await asyncio.sleep(0)

    made.river._sleep = no_wait
    return made


def test_what_serves_stays_until_it_is_forced_and_then_the_new_is_what_counts(watched: Watched) -> None:
    watched.write(hosts(40))

    async def story() -> None:
        await watched.river.load()
        watched.write(hosts(4))
        for _ in range(2):
            [words] = await reload(watched)
            assert words.startswith("it would lose 36 of 42 names (h04.gtm.example.com, ")
            assert words.endswith(FORCE)
            assert names(watched) == 40
        assert watched.planner.present.catalogue.losing == {"gtm.example.com"}
        assert await reload(watched, dns.name.from_text("other.example.com"))
        assert await reload(watched, ZONE) == []
        assert names(watched) == 4
        assert watched.planner.present.catalogue.losing == frozenset()
        assert await reload(watched) == []
        watched.write(hosts(30))
        assert await reload(watched) == []
        watched.write(hosts(3))
        assert await reload(watched), "it was forced once"

    asyncio.run(story())


def test_the_river_itself_does_not_take_it_and_says_so_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(hosts(40))

    async def story() -> None:
        async with watched.running():
            watched.write(hosts(4))
            await watched.turns.next(5)
            assert names(watched) == 40
            assert watched.counters.count("zone_loads", outcome="with_problems") == 1
            [problem] = watched.planner.present.catalogue.problems
            assert (problem.line, problem.column) == (2, 7), "where it says which zone"
            watched.river.ask()
            await watched.turns.next(3)
            assert names(watched) == 40, "SIGHUP forces nothing"
            watched.write(hosts(39))
            await watched.turns.next(2)
            assert (names(watched), watched.planner.present.catalogue.problems) == (39, ())

    asyncio.run(story())


def test_a_records_file_that_was_cut_is_the_same(watched: Watched) -> None:
    name = f"big{RECORDS_ENDING}"
    watched.write("".join(f"h{number:03} A 192.0.2.9\n" for number in range(100)), name)
    watched.write(f"{SMALL}records_file: {name}\n")

    async def story() -> None:
        await watched.river.load()
        watched.write("".join(f"h{number:03} A 192.0.2.9\n" for number in range(20)), name)
        [words] = await reload(watched)
        assert words.startswith("it would lose 80 of 102 names (h020.gtm.example.com, ")
        assert names(watched) == 100
        watched.write("".join(f"h{number:03} A 192.0.2.9\n" for number in range(60)), name)
        assert await reload(watched) == []
        assert names(watched) == 60
        watched.write("$INCLUDE more.zone\n", name)
        watched.write("h000 A 192.0.2.9\n", "more.zone")
        [words] = await reload(watched)
        assert words.startswith("it would lose 59 of 62 names")
        assert names(watched) == 60
        assert await reload(watched, ZONE) == []
        assert names(watched) == 1

    asyncio.run(story())


def test_a_restart_keeps_what_served(watched: Watched, tmp_path: Path) -> None:
    watched.write(hosts(40))

    async def story(watched: Watched) -> None:
        await watched.river.load()
        watched.write(hosts(4))
        assert await reload(watched)

    asyncio.run(story(watched))
    watched.state.save_apart(watched.planner._saved).result(30)
    again = Watched(tmp_path)
    again.river._sleep = watched.river._sleep
    asyncio.run(again.river.load())
    assert names(again) == 40
    assert again.planner.present.catalogue.losing == {"gtm.example.com"}
    assert asyncio.run(reload(again, ZONE)) == []
    assert names(again) == 4
    again.state.save_apart(again.planner._saved).result(30)
    last = Watched(tmp_path)
    asyncio.run(last.river.load())
    assert (names(last), last.planner.present.catalogue.problems) == (4, ())


@pytest.mark.parametrize("takes_name", [False, True])
def test_a_zone_that_moves_to_another_file_and_loses_most_serves_on(watched: Watched, *, takes_name: bool) -> None:
    watched.write(hosts(40))

    async def story() -> None:
        await watched.river.load()
        watched.write(hosts(4), "b.yaml")
        if takes_name:
            watched.write(SMALL.replace("gtm.example.com", "other.example.com"))
        else:
            (watched.folder / "a.yaml").unlink()
        for _ in range(3):
            assert [words.endswith(FORCE) for words in await reload(watched)] == [True]
            assert len(watched.planner.present.catalogue.zones) == 1 + takes_name
            [zone] = [zone for zone in watched.planner.present.catalogue.zones if zone.origin == ZONE]
            assert len(zone.records) == 42
        assert await reload(watched, ZONE) == []
        [zone] = [zone for zone in watched.planner.present.catalogue.zones if zone.origin == ZONE]
        assert (len(zone.records), Path(zone.file).name) == (6, "b.yaml")

    asyncio.run(story())


@pytest.mark.parametrize("is_there_at_start", [False, True])
@pytest.mark.parametrize("takes_name", [False, True])
def test_a_second_file_with_less_is_the_second_until_the_first_gives_the_zone_up(
    watched: Watched, *, takes_name: bool, is_there_at_start: bool
) -> None:
    watched.write(hosts(40))
    if is_there_at_start:
        watched.write(hosts(4), "b.yaml")

    async def story() -> None:
        await watched.river.load()
        watched.write(hosts(4), "b.yaml")
        for _ in range(2):
            assert await reload(watched) == [f"gtm.example.com is already the zone of {watched.folder / 'a.yaml'}"]
            assert await reload(watched, ZONE) == [
                f"gtm.example.com is already the zone of {watched.folder / 'a.yaml'}"
            ]
            assert (names(watched), watched.planner.present.catalogue.losing) == (40, frozenset())
        if takes_name:
            watched.write(SMALL.replace("gtm.example.com", "other.example.com"))
        else:
            (watched.folder / "a.yaml").unlink()
        for _ in range(2):
            assert [words.endswith(FORCE) for words in await reload(watched)] == [True]
            [zone] = [zone for zone in watched.planner.present.catalogue.zones if zone.origin == ZONE]
            assert len(zone.records) == 42
        assert await reload(watched, ZONE) == []
        [zone] = [zone for zone in watched.planner.present.catalogue.zones if zone.origin == ZONE]
        assert len(zone.records) == 6

    asyncio.run(story())


@pytest.mark.parametrize("takes_name", [False, True])
def test_the_river_itself_looks_at_a_second_file_again_when_the_first_goes_or_is_back(
    watched: Watched, *, takes_name: bool
) -> None:
    watched.write(hosts(40))
    watched.write(hosts(4), "b.yaml")
    watched.river._sleep = watched.turns

    async def story() -> None:
        async with watched.running():
            await watched.turns.next(3)
            assert watched.planner.present.catalogue.losing == frozenset()
            if takes_name:
                watched.write(SMALL.replace("gtm.example.com", "other.example.com"))
            else:
                (watched.folder / "a.yaml").unlink()
            await watched.turns.next(5)
            assert watched.planner.present.catalogue.losing == frozenset({"gtm.example.com"})
            [zone] = [zone for zone in watched.planner.present.catalogue.zones if zone.origin == ZONE]
            assert len(zone.records) == 42
            watched.write(hosts(40))
            await watched.turns.next(5)
            [problem] = watched.planner.present.catalogue.problems
            assert problem.message == f"gtm.example.com is already the zone of {watched.folder / 'a.yaml'}"
            assert watched.planner.present.catalogue.losing == frozenset(), "the first is back"

    asyncio.run(story())


def test_a_zone_whose_file_is_removed_is_gone_as_ever(watched: Watched) -> None:
    watched.write(hosts(40))
    watched.write(SMALL.replace("gtm.example.com", "other.example.com"), "b.yaml")

    async def story() -> None:
        await watched.river.load()
        watched.write(hosts(4))
        assert await reload(watched)
        (watched.folder / "a.yaml").unlink()
        assert await reload(watched) == []
        assert [zone.origin.to_text() for zone in watched.planner.present.catalogue.zones] == ["other.example.com."]
        watched.write(hosts(4))
        assert await reload(watched) == [], "nothing serves any more that it could lose"

    asyncio.run(story())
