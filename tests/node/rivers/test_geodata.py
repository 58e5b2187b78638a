import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gtm.node.config.model import GeoFiles
from gtm.node.events.recorder import no_recorder
from gtm.node.rivers.geodata import GeoWatch
from tests.fakes import world
from tests.fakes.geodata import city, write_database
from tests.node.present import SMALL, RecordingEngine, Turns, catalogue, make_planner

IN_PLACE = 3
"""Scans, a second apart, at which a file that is written in place must look as it did."""

AT_HOME = {"10.2.0.0/16": city("IE", at=(53.35, -6.26))}
AWAY = {"10.2.0.0/16": city("US", at=(38.95, -77.45))}


class Watched:
    """A watch over one database and a networks file, and the answer of one client in 10.2/16."""

    def __init__(self, tmp_path: Path) -> None:
        self.database = tmp_path / "geo.mmdb"
        self.networks = tmp_path / "networks.yaml"
        self.networks.write_text("networks: {}\n")
        write_database(self.database, AT_HOME)
        self.engine = RecordingEngine()
        self.planner = make_planner(tmp_path / "state", engine=self.engine)
        self.turns = Turns()
        self.watch = GeoWatch(
            GeoFiles((self.database,), self.networks), self.planner, recorder=no_recorder(), sleep=self.turns
        )

    @property
    def answer(self) -> list[str]:
        return world.values(world.answer(self.engine, world.query("api"), client=world.EU).answer)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.watch.load()
        await self.planner.take_zones(catalogue(world.zone(SMALL)))
        async with self.turns.running(self.watch.run()):
            yield


def test_a_database_that_is_replaced_is_taken_up_once_two_scans_agree(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    async def story() -> None:
        async with watched.running():
            assert watched.answer == ["192.0.2.2"]
            write_database(tmp_path / "new.mmdb", AWAY).replace(watched.database)
            await watched.turns.next()
            assert watched.answer == ["192.0.2.2"], "it may still be written"
            await watched.turns.next()
            assert watched.answer == ["192.0.2.1"]

    asyncio.run(story())


def test_a_database_that_comes_to_serve_instead_of_the_shipped_one_is_taken_up(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    instead = tmp_path / "geodata" / "regions.mmdb"
    files = GeoFiles((watched.database,), watched.networks, instead)
    watched.watch = GeoWatch(files, watched.planner, recorder=no_recorder(), sleep=watched.turns)

    async def story() -> None:
        async with watched.running():
            assert watched.answer == ["192.0.2.2"]
            instead.parent.mkdir()
            write_database(tmp_path / "new.mmdb", AWAY).replace(instead)
            await watched.turns.next(2)
            assert watched.answer == ["192.0.2.1"]
            assert [source.path for source in watched.planner.present.geo.sources] == [instead, watched.networks]
            instead.unlink()
            await watched.turns.next(2)
            assert watched.answer == ["192.0.2.2"]

    asyncio.run(story())


def test_a_database_that_is_written_slowly_is_not_read_in_halves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    content = write_database(tmp_path / "new.mmdb", AWAY).read_bytes()

    async def story() -> None:
        async with watched.running():
            for part in range(1, 5):
                watched.database.write_bytes(content[: part * len(content) // 4])
                await watched.turns.next()
                assert watched.answer == ["192.0.2.2"]
            await watched.turns.next(IN_PLACE)
            assert watched.answer == ["192.0.2.1"]

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert not caplog.records


@pytest.mark.parametrize("harm", ["removed", "garbage"])
def test_a_file_that_goes_bad_is_told_loudly_and_what_was_loaded_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    watched = Watched(tmp_path)

    async def story() -> None:
        async with watched.running():
            watched.networks.unlink()
            if harm == "removed":
                watched.database.unlink()
            else:
                watched.database.write_bytes(b"\0" * 4096)
            await watched.turns.next(1 + IN_PLACE)
            assert watched.answer == ["192.0.2.2"]
            assert len(watched.planner.present.geo.problems) == 2
            assert len(watched.planner.present.geo.sources) == 2
            write_database(watched.database, AWAY)
            await watched.turns.next(1 + IN_PLACE)
            assert watched.answer == ["192.0.2.2"]
            assert len(watched.planner.present.geo.problems) == 1, "the networks file is still away"
            watched.networks.write_text("networks: {}")
            await watched.turns.next(1 + IN_PLACE)
            assert watched.answer == ["192.0.2.1"]
            assert not watched.planner.present.geo.problems

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert f"geo data: {watched.database}: " in caplog.text
    assert "every client gets the default order" not in caplog.text


def test_without_any_geo_data_at_the_start_everybody_gets_the_default_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)
    watched.database.unlink()
    watched.networks.write_text("networks: [")

    async def story() -> None:
        async with watched.running():
            assert watched.answer == ["192.0.2.1"]
            write_database(watched.database, AT_HOME)
            watched.networks.write_text("networks: {}")
            await watched.turns.next(1 + IN_PLACE)
            assert watched.answer == ["192.0.2.2"]

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert len(caplog.records) == 3
    assert "no network is known; every client gets the default order of the regions" in caplog.text


def test_an_edited_networks_file_is_taken_up(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    async def story() -> None:
        async with watched.running():
            watched.networks.write_text("networks:\n  10.2.0.0/24: {country: US, at: [38.95, -77.45]}\n")
            await watched.turns.next(1 + IN_PLACE)
            assert watched.answer == ["192.0.2.1"]

    asyncio.run(story())


def test_what_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    async def story() -> None:
        async with watched.running():
            plans = len(watched.engine.plans)
            await watched.turns.next(5)
            assert len(watched.engine.plans) == plans

    asyncio.run(story())


def test_a_mistake_of_ours_while_loading_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path)

    def fails(*_arguments: object) -> None:
        raise MemoryError

    async def story() -> None:
        async with watched.running():
            with monkeypatch.context() as patch:
                patch.setattr("gtm.node.rivers.geodata.load", fails)
                write_database(watched.database, AWAY)
                await watched.turns.next(1 + IN_PLACE)
            assert "the geo data cannot be loaded; what was loaded before serves on" in caplog.text
            assert watched.answer == ["192.0.2.2"]
            write_database(tmp_path / "new.mmdb", AWAY).replace(watched.database)
            await watched.turns.next(2)
            assert watched.answer == ["192.0.2.1"]

    asyncio.run(story())


def test_a_database_that_is_only_touched_makes_no_plan_and_one_that_keeps_its_times_does(tmp_path: Path) -> None:
    watched = Watched(tmp_path)

    async def story() -> None:
        async with watched.running():
            generation = watched.planner.present.plan.generation
            watched.database.touch()
            (tmp_path / "backup").hardlink_to(watched.database)
            watched.networks.chmod(0o600)
            await watched.turns.next(1 + IN_PLACE)
            assert watched.planner.present.plan.generation == generation

            status, content = watched.database.stat(), watched.database.read_bytes()
            assert content.count(b"IE") == 1
            watched.database.write_bytes(content.replace(b"IE", b"US"))
            os.utime(watched.database, ns=(status.st_atime_ns, status.st_mtime_ns))
            await watched.turns.next(1 + IN_PLACE)
            assert watched.planner.present.plan.generation > generation

    asyncio.run(story())


def test_a_networks_file_whose_upload_stalls_is_not_taken_up_without_its_rest(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    networks = "networks:\n  10.9.0.0/24: {country: IE}\n  10.2.0.0/16: {country: US, at: [38.95, -77.45]}\n"
    watched.networks.write_text(networks)

    async def story() -> None:
        async with watched.running():
            assert watched.answer == ["192.0.2.1"]
            generation = watched.planner.present.plan.generation
            watched.networks.write_text(networks[: networks.index("  10.2")])
            await watched.turns.next(IN_PLACE)
            watched.networks.write_text(f"{networks}# and more\n")
            await watched.turns.next(IN_PLACE)
            assert watched.planner.present.plan.generation == generation
            await watched.turns.next()
            assert watched.planner.present.plan.generation > generation
            assert watched.answer == ["192.0.2.1"]

    asyncio.run(story())
