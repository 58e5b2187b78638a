"""Reloads of the zone folder: they never serve half a file."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.errors import Problem
from gtm.node.rivers.zones import RELOAD_LOOKS
from gtm.watch.folder import Catalogue
from gtm.watch.reading import FolderReading
from tests.node.present import SMALL, until
from tests.node.watched import LATER, Watched

HALF = SMALL.replace("      - {region: eu-west, address: 192.0.2.2}\n", "")
"""A good zone file too, without the second region: what a writer has not got to yet."""


def reloading(watched: Watched, write: Callable[[int], None]) -> tuple[tuple[Problem, ...], list[list[str]]]:
    """What a reload says, and what was served at each of its looks, while somebody writes before each."""
    served: list[list[str]] = []

    async def sleep(_seconds: float) -> None:
        served.append(watched.targets)
        write(len(served))

    watched.river._sleep = sleep

    async def story() -> tuple[Problem, ...]:
        await watched.river.load()
        write(0)
        async with until():
            return await watched.river.reload()

    return asyncio.run(story()), served


def test_a_reload_does_not_serve_half_a_file_that_is_being_written(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    problems, served = reloading(watched, lambda look: watched.write(HALF if look < 3 else LATER) if look < 4 else None)
    assert problems == ()
    assert watched.targets == ["192.0.2.1", "192.0.2.3"]
    assert served == [["192.0.2.1", "192.0.2.2"]] * 4


def test_a_reload_of_a_file_that_is_always_written_does_not_read_it_and_says_so(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    [problem], served = reloading(watched, lambda _look: watched.write(HALF))
    assert str(problem) == (
        f"{watched.folder / 'a.yaml'}:1:1: it was being written for 5 s, so it was not read; reload once it is whole"
    )
    assert served == [["192.0.2.1", "192.0.2.2"]] * RELOAD_LOOKS
    assert watched.targets == ["192.0.2.1", "192.0.2.2"]


def test_a_reload_waits_for_a_file_that_is_included_for_the_first_time(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write("www A 192.0.2.9\n", "big.zone")
    watched.write(SMALL + "records_file: big.zone\n")
    (watched.folder / "below").mkdir()

    def write(look: int) -> None:
        if look < 4:
            watched.write(f"$INCLUDE below/more\n; {min(look, 1)}\n", "big.zone")
            watched.write("m1 A 192.0.2.1\n" * 1 + f"m{look} A 192.0.2.2\n", "below/more")

    problems, _ = reloading(watched, write)
    (zone,) = watched.planner.present.plan.zones.values()
    assert (problems, zone.zone.bulk.find(b"\2m3") is not None) == ((), True)


def test_what_changes_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    reads: list[Catalogue] = []

    class WrittenMeanwhile(FolderReading):
        def read_for(self, seconds: float | None) -> Catalogue:
            after = super().read_for(seconds)
            reads.append(after)
            if len(reads) == 2:
                watched.write(LATER)
            return after

    monkeypatch.setattr("gtm.node.rivers.zones.FolderReading", WrittenMeanwhile)
    problems, _served = reloading(watched, lambda _look: None)
    assert (problems, len(reads)) == ((), 3)
    assert watched.targets == ["192.0.2.1", "192.0.2.3"]


def test_a_crowd_that_asks_for_reloads_shares_them(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)

    async def sleep(_seconds: float) -> None:
        await asyncio.sleep(0)

    watched.river._sleep = sleep

    async def story() -> None:
        await watched.river.load()
        async with until():
            answers = await asyncio.gather(*(watched.river.reload() for _ in range(50)))
        assert answers == [()] * 50

    asyncio.run(story())
    assert watched.counters.count("zone_loads", outcome="clean") <= 3


@pytest.mark.parametrize("gone_at", [0, 1])
def test_a_reload_waits_with_what_is_gone_for_what_is_being_written(tmp_path: Path, gone_at: int) -> None:
    watched = Watched(tmp_path)
    watched.write(SMALL)
    watched.write(SMALL.replace("gtm.example.com", "other.example.com").replace("192.0.2.", "198.51.100."), "c.yaml")

    def write(look: int) -> None:
        if look == gone_at:
            (watched.folder / "a.yaml").unlink()
        elif gone_at < look < 5:
            watched.write(f"{LATER}# {look}\n", "b.yaml")

    problems, served = reloading(watched, write)
    assert problems == ()
    assert {targets[0] for targets in served} == {"192.0.2.1"}
    assert watched.targets[:2] == ["192.0.2.1", "192.0.2.3"]
