"""Vantages that are heard of become cells of their own, once and not with every report."""

import asyncio
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import FORGET_S, Vantage, Vantages
from gtm.health.report.book import EMPTY_BOOK, Book, hear
from gtm.health.report.report import Report
from gtm.ids import NodeName
from gtm.node.planner import Planner
from gtm.node.rivers.vantages import SETTLE_S, VantageWatch
from gtm.node.state.folder import StateFolder
from gtm.plan.model import Plan
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.peers import CHECK, WatchedReportStore, report_store_of
from tests.health.examples import vote
from tests.node.present import GEO, SMALL, RecordingEngine, catalogue, make_planner

ALL = world.VANTAGES
ZONE = world.zone(SMALL)


class Watch:
    """A watch over a planner that serves one zone, and what was heard."""

    def __init__(self, folder: Path, engine: RecordingEngine | None = None) -> None:
        self.clock = FakeClock()
        self.engine = engine or RecordingEngine()
        self.state = StateFolder(folder, Counters())
        self.planner: Planner = make_planner(folder, engine=self.engine, folder=self.state)
        self.report_store: WatchedReportStore = report_store_of("ns1", clock=self.clock)
        self.silent: frozenset[NodeName] = frozenset()
        """Probes none of whose votes counts."""
        self.watch = VantageWatch(
            self.planner,
            self.report_store,
            self.state,
            voting=lambda: self.report_store.book.by_node.keys() - self.silent,
            clock=self.clock,
        )

    async def start(self) -> None:
        await self.watch.load()
        await self.planner.take_geo(GEO)
        await self.planner.take_zones(catalogue(ZONE))

    def hear(self, vantages: Vantages) -> None:
        """Hears a probe of each of these vantages, and of no other."""
        book: Book = EMPTY_BOOK
        for vantage in vantages:
            report = Report(
                NodeName(f"probe-{vantage.name}"), vantage.name, 1, 1, 0.0, {CHECK: vote(Belief.UP)}, at=vantage.at
            )
            book = hear(book, report, heard_at=self.clock.monotonic()) or book
        self.report_store.book = book

    async def look_for(self, seconds: float) -> None:
        """Looks as often as the watch does in so long a time."""
        for _ in range(int(seconds / 2)):
            self.clock.advance(2.0)
            await self.watch.look()

    @property
    def cells(self) -> set[str]:
        """The vantages that cells are nearest to."""
        return {name for service in self.planner.present.plan.services.values() for name in service.space.vantages}


def test_vantages_count_once_they_have_been_the_same_for_a_while(tmp_path: Path) -> None:
    async def scene() -> None:
        here = Watch(tmp_path)
        await here.start()
        here.hear(ALL)
        await here.look_for(SETTLE_S)
        assert here.cells == set()
        await here.look_for(2.0)
        assert here.cells == {"ap", "eu", "us"}
        plans = len(here.engine.plans)
        await here.look_for(100.0)
        assert len(here.engine.plans) == plans

    asyncio.run(scene())


def test_who_does_not_vote_counts_for_nobody_and_is_forgotten_in_an_hour(tmp_path: Path) -> None:
    async def scene() -> None:
        here = Watch(tmp_path)
        here.silent = frozenset({NodeName("probe-eu")})
        await here.start()
        here.hear(ALL)
        await here.look_for(SETTLE_S + 2)
        assert {vantage.name for vantage in here.planner.present.vantages} == {"ap", "us"}
        here.silent = frozenset()
        await here.look_for(SETTLE_S + 4)
        assert here.cells == {"ap", "eu", "us"}
        here.silent = frozenset({NodeName("probe-eu")})
        await here.look_for(FORGET_S - 10)
        assert here.cells == {"ap", "eu", "us"}
        await here.look_for(SETTLE_S + 12)
        assert {vantage.name for vantage in here.planner.present.vantages} == {"ap", "us"}

    asyncio.run(scene())


def test_a_vantage_that_never_holds_still_compiles_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        here = Watch(tmp_path)
        await here.start()
        plans = len(here.engine.plans)
        for number in range(60):
            moved = Vantage(ALL[0].name, Coordinates(float(number), 0.0))
            here.hear((moved, *ALL[1:]))
            await here.look_for(4.0)
        assert len(here.engine.plans) == plans

    asyncio.run(scene())


def test_a_restart_goes_on_with_those_of_the_run_before(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def first() -> None:
        here = Watch(tmp_path)
        await here.start()
        here.hear(ALL)
        with caplog.at_level("INFO"):
            await here.look_for(SETTLE_S + 2)
        await asyncio.wrap_future(here.state.save_vantages_apart(here.planner.present.vantages))

    async def second() -> None:
        here = Watch(tmp_path)
        await here.start()
        assert here.planner.present.vantages == ALL
        assert here.cells == {"ap", "eu", "us"}
        await here.look_for(FORGET_S - 10)
        assert here.cells == {"ap", "eu", "us"}, "a mesh that is cut off does not forget at once"
        await here.look_for(SETTLE_S + 12)
        assert here.cells == set()

    asyncio.run(first())
    assert "vantages that say where they are: ap, eu, us; each counts for its clients" in caplog.messages
    asyncio.run(second())


def test_two_vantages_are_known_and_make_no_cells(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        here = Watch(tmp_path)
        await here.start()
        here.hear(ALL[:2])
        with caplog.at_level("INFO"):
            await here.look_for(SETTLE_S + 2)
        assert here.planner.present.vantages == ALL[:2]
        assert here.cells == set()

    asyncio.run(scene())
    assert "vantages that say where they are: ap, eu; it takes 3 to differ" in caplog.messages


class LostCompiles(RecordingEngine):
    """An engine that takes no more plans from some time on."""

    is_lost = False

    def swap(self, plan: Plan) -> None:
        if self.is_lost:
            raise RuntimeError("no room")
        super().swap(plan)


def test_what_cannot_be_compiled_is_tried_again_later_and_serves_on(tmp_path: Path) -> None:
    async def scene() -> None:
        here = Watch(tmp_path, engine := LostCompiles())
        await here.start()
        here.hear(ALL)
        engine.is_lost = True
        await here.look_for(SETTLE_S + 4)
        assert here.planner.present.vantages == ()
        assert here.planner.present.failure
        engine.is_lost = False
        await here.look_for(SETTLE_S - 4)
        assert here.planner.present.vantages == ()
        await here.look_for(4.0)
        assert here.planner.present.vantages == ALL
        assert not here.planner.present.failure

    asyncio.run(scene())
