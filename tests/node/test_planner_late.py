"""A zone that takes long to decide follows its health apart: the zones of others do not wait."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gtm.checks.model import checks
from gtm.counters import Counters
from gtm.event import EventKind
from gtm.geo.place import Place
from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.report.book import EMPTY_BOOK
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import NodeName
from gtm.metrics.model import Distribution
from gtm.node.events.recorder import EventRecorder
from gtm.node.planner import Planner
from gtm.plan.apply import costly
from gtm.steer.filter import Candidates, Filter, Regions, View
from gtm.steer.vocabulary import with_kinds
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.deltas import delta_of
from tests.fakes.journal import KeptEvents
from tests.fakes.peers import report_store_of
from tests.node.present import GEO, SMALL, KeepingFolder, KeptEngine, catalogue, core_of, make_planner, until

DOWN, UP = Belief.DOWN, Belief.UP


class Gate:
    """A filter that looks at the place, and stops when the test wants it to."""

    def __init__(self) -> None:
        self.is_closed = self.fails = False
        self.entered, self.go = threading.Event(), threading.Event()

    def kind(self, _argument: object) -> Filter:
        return Filter("gate", self._keep, view=self._view)

    def _keep(self, candidates: Candidates, _view: View) -> Candidates:
        if self.is_closed:
            self.entered.set()
            assert self.go.wait(10)
        if self.fails:
            raise RuntimeError("out of luck")
        return candidates

    def _view(self, place: Place, _regions: Regions) -> View:
        return place


class World:
    """A planner of two zones: `slow`, whose filter is the gate, and `small`, which has one cell."""

    def __init__(self, tmp_path: Path) -> None:
        self.gate, self.engine = Gate(), KeptEngine()
        self.events = KeptEvents()
        self.recorder = EventRecorder(self.events, NodeName("ns1"))
        self.folder = KeepingFolder(tmp_path, Counters())
        self.vocabulary = vocabulary = with_kinds({"gate": self.gate.kind})
        slow = SMALL.replace("gtm.example.com", "slow.test").replace("steer: nearest", "steer: [up, gate, first: 1]")
        slow = slow.replace("first: 1", "{first: 1}").replace("  api:", "  api:\n    ttl: {max: 300, min: 30}")
        small = SMALL.replace("gtm.example.com", "small.test").replace("steer: nearest", "steer: [up, {first: 1}]")
        texts = (slow, small.replace("192.0.2.", "198.51.100."))
        self.zones = tuple(parse(text, f"{number}.yaml", NO_SHARED, vocabulary) for number, text in enumerate(texts))
        self.planner: Planner = make_planner(
            tmp_path, engine=self.engine, vocabulary=vocabulary, folder=self.folder, recorder=self.recorder
        )

    async def begin(self) -> None:
        await self.planner.take_geo(GEO)
        self.planner.take_status(self.status())
        await self.planner.take_zones(catalogue(*self.zones))
        assert self.answers() == ["192.0.2.1", "198.51.100.1"]

    def status(self, *down: str) -> Status:
        believed = {each.id: DOWN if each.target in down else UP for each in checks(self.zones)}
        return Status({check: CheckStatus(belief, 0.0) for check, belief in believed.items()})

    def answers(self) -> list[str]:
        return [
            world.values(world.answer(self.engine, world.query(f"api.{zone}.")).answer)[0]
            for zone in ("slow.test", "small.test")
        ]

    async def begin_to_decide(self, status: Status) -> None:
        """Changes health, and waits until the slow zone is being decided, which goes on once the gate opens."""
        self.gate.is_closed = True
        self.planner.take_status(status)
        assert await asyncio.to_thread(self.gate.entered.wait, 10)

    async def caught_up(self) -> None:
        task = self.planner._late._task
        assert task is not None
        await task


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("gtm.plan.apply.COSTLY", 5)
    return World(tmp_path)


def test_health_of_another_zone_is_served_while_a_slow_one_is_decided(node: World) -> None:
    async def story() -> None:
        await node.begin()
        assert {name.partition(".")[2] for name in costly(node.planner.present.plan)} == {"slow.test"}
        async with until():
            await node.begin_to_decide(node.status("192.0.2.1"))
            node.planner.take_status(node.status("192.0.2.1", "198.51.100.1"))
            assert node.answers() == ["192.0.2.1", "198.51.100.2"]
            node.gate.go.set()
            await node.caught_up()
        assert node.answers() == ["192.0.2.2", "198.51.100.2"]

    asyncio.run(story())


def test_what_changes_while_it_is_decided_is_decided_again(node: World) -> None:
    async def story() -> None:
        await node.begin()
        async with until():
            await node.begin_to_decide(node.status("192.0.2.1"))
            node.planner.take_status(node.status())
            node.gate.go.set()
            await node.caught_up()
        assert node.answers() == ["192.0.2.1", "198.51.100.1"]

    asyncio.run(story())


def test_a_ttl_that_changes_while_it_is_decided_is_not_that_of_before(node: World) -> None:
    def promising(seconds: float) -> Status:
        believed = node.status("192.0.2.1").checks
        return Status({check: replace(each, flip_in_s=seconds) for check, each in believed.items()})

    def ttl() -> int:
        return world.answer(node.engine, world.query("api.slow.test.")).answer[0].ttl

    async def story() -> None:
        await node.begin()
        async with until():
            await node.begin_to_decide(promising(200.0))
            node.planner.take_status(promising(50.0))
            node.gate.go.set()
            await node.caught_up()
        assert node.answers() == ["192.0.2.2", "198.51.100.1"]
        assert ttl() == 50

    asyncio.run(story())


def test_a_failover_of_a_slow_zone_is_measured_when_it_is_served(node: World) -> None:
    clock = FakeClock()
    report_store, probe = report_store_of("ns1", "fra", clock=clock), report_store_of("fra", clock=clock)
    core = core_of(
        node.folder,
        clock=clock,
        counters=Counters(),
        engine=node.engine,
        report_store=report_store,
        vocabulary=node.vocabulary,
    )
    node.planner, river, tallies = core.planner, core.health, core.tallies

    def hear(*down: str) -> None:
        verdicts = {}
        for each in checks(node.zones):
            belief, reason = (DOWN, Reason.TIMEOUT) if each.target in down else (UP, Reason.OK)
            verdicts[each.id] = Verdict(belief, since=clock.wall(), reason=reason, read_at=clock.monotonic())
        probe.publish(verdicts)
        assert report_store.take(probe.offer().body, giver=NodeName("fra"))
        river.merge()

    def converged() -> tuple[int, float]:
        [point] = tallies.failovers.families()[1].points
        assert isinstance(point.value, Distribution)
        return point.value.count, point.value.sum

    async def story() -> None:
        await node.begin()
        river.watch(checks(node.zones))
        hear()
        node.gate.is_closed = True
        async with until():
            hear("192.0.2.1")
            assert await asyncio.to_thread(node.gate.entered.wait, 10)
            clock.advance(1.0)
            river.merge()
            assert converged() == (0, 0.0)
            node.gate.go.set()
            await node.caught_up()
        assert node.answers() == ["192.0.2.2", "198.51.100.1"]
        assert converged() == (1, 1.0)

    asyncio.run(story())


def test_a_new_zone_waits_for_one_round_and_has_the_newest_health(node: World) -> None:
    async def story() -> None:
        await node.begin()
        third = world.zone(SMALL.replace("gtm.example.com", "third.test"))
        async with until():
            await node.begin_to_decide(node.status("192.0.2.1"))
            taking = asyncio.create_task(node.planner.take_zones(catalogue(*node.zones, third)))
            await asyncio.sleep(0)
            node.planner.take_status(node.status("198.51.100.1"))
            node.gate.go.set()
            await taking
            await node.caught_up()
        assert len(node.planner.present.plan.zones) == 3
        assert node.answers() == ["192.0.2.1", "198.51.100.2"]

    asyncio.run(story())


def test_a_zone_that_cannot_be_decided_is_tried_again_with_the_next_change(node: World) -> None:
    async def story() -> None:
        await node.begin()
        node.gate.fails = True
        async with until():
            node.planner.take_status(node.status("192.0.2.1"))
            await node.caught_up()
            assert node.answers() == ["192.0.2.1", "198.51.100.1"]
            node.gate.fails = False
            node.planner.take_status(node.status("192.0.2.1", "198.51.100.1"))
            await node.caught_up()
        assert node.answers() == ["192.0.2.2", "198.51.100.2"]

    asyncio.run(story())


def test_without_a_loop_nothing_is_put_off(node: World) -> None:
    asyncio.run(node.begin())
    node.planner.take_status(node.status("192.0.2.1"))
    assert node.answers() == ["192.0.2.2", "198.51.100.1"]


def test_a_plan_that_was_kept_before_a_slow_zone_was_decided_is_kept_again(node: World) -> None:
    """Else the next start would serve for that zone what is down."""

    async def story() -> None:
        await node.begin()
        node.gate.is_closed = True
        async with until():
            node.planner.take_status(node.status("192.0.2.1"))
            await asyncio.to_thread(node.gate.entered.wait, 10)
            node.planner.keep_plan()  # as with the beliefs
            before = node.folder.kept
            node.gate.go.set()
            await node.caught_up()
        assert node.answers() == ["192.0.2.2", "198.51.100.1"]
        assert node.planner.present.plan is not before
        assert node.folder.kept is node.planner.present.plan

    asyncio.run(story())


def test_the_plan_of_a_slow_zone_names_what_caused_it(node: World) -> None:
    async def story() -> None:
        await node.begin()
        node.gate.is_closed = True
        planner, down = node.planner, node.status("192.0.2.1")
        async with until():
            delta = delta_of(planner.present.status, down)
            causes = node.recorder.believed(delta, EMPTY_BOOK, planner.present.plan)
            planner.follow(delta, planner.present.overlay, causes=causes)
            await asyncio.to_thread(node.gate.entered.wait, 10)
            planner.follow(None, planner.present.overlay)
            node.gate.go.set()
            await node.caught_up()

    asyncio.run(story())
    last = [event for event in node.events.events if event.kind is EventKind.PLAN][-1]
    assert last.causes == (node.events.id_of("endpoint.down"),)
