"""A node's present for tests: a planner over the small world, a folder of zone files, and a sleep in turns."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from gtm.checks.model import checks
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.engine.protocol import Engine
from gtm.engine.reference import ReferenceEngine
from gtm.health.belief import Belief
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status
from gtm.health.report.signature import Keys
from gtm.ids import NodeName
from gtm.node.config.model import NodeConfig
from gtm.node.config.parse import parse_node_file
from gtm.node.events.recorder import EventRecorder, no_recorder
from gtm.node.planner import Planner
from gtm.node.state.folder import StateFolder
from gtm.node.wiring import CoreInputs, NodeCore, join_core
from gtm.plan.model import Plan
from gtm.probe.permits import NO_PERMITS
from gtm.share.report_store import ReportStore
from gtm.steer.vocabulary import STEERING, SteeringVocabulary
from gtm.watch.folder import Catalogue, Loaded
from gtm.watch.geoload import GeoLoad
from gtm.zone.model import Zone
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.peers import key_of, report_store_of

SMALL = f"""{world.HEAD}
services:
  api:
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: 192.0.2.1}}
      - {{region: eu-west, address: 192.0.2.2}}
records:{world.NS1}
"""
"""A zone file with one service and two endpoints."""

BROKEN = SMALL.replace("us-east, address", "us-esat, address")
"""The same with a misspelt region."""

ONE_VOTER = Quorum(voters=1)
GEO = GeoLoad(world.geography(), (), ())
WALL = 1_700_000_000.0


class RecordingEngine(ReferenceEngine):
    """An engine that keeps every plan it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: list[Plan] = []

    def swap(self, plan: Plan) -> None:
        self.plans.append(plan)
        super().swap(plan)


class KeptEngine(RecordingEngine):
    """One that could start from a plan that is kept on disk."""

    def restore(self, names: bytes, decisions: bytes) -> None:
        """Does nothing: no test starts with it."""


class KeepingFolder(StateFolder):
    """A state folder that remembers the plan that it was given to keep last."""

    kept: Plan | None = None

    def save_plan_apart(self, plan: Plan) -> Future[None]:
        self.kept = plan
        return super().save_plan_apart(plan)


class WallClock(FakeClock):
    """A clock whose wall time is a function's."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def wall(self) -> float:
        return self._now()


def core_of(
    state: StateFolder,
    *,
    clock: Clock,
    counters: Counters,
    engine: Engine,
    report_store: ReportStore,
    peers: Mapping[NodeName, Keys] = MappingProxyType({}),
    quorum: Quorum = ONE_VOTER,
    status: Status | None = None,
    answers: bool = True,
    vocabulary: SteeringVocabulary = STEERING,
    recorder: EventRecorder | None = None,
) -> NodeCore:
    """A node that is called ns1, from reports to answers; without `status` it begins with what is in the folder."""
    inputs = CoreInputs(
        NodeName("ns1"),
        key_of("ns1"),
        peers,
        accepted=None,
        quorum=quorum,
        permits=NO_PERMITS,
        answers=answers,
        vocabulary=vocabulary,
        engine=engine,
        clock=clock,
        counters=counters,
        recorder=recorder or no_recorder(),
        state=state,
        status=state.load_status() if status is None else status,
        report_store=report_store,
    )
    return join_core(inputs)


def make_planner(
    state: Path,
    *,
    engine: ReferenceEngine | None = None,
    vocabulary: SteeringVocabulary = STEERING,
    status: Status = NO_STATUS,
    counters: Counters | None = None,
    folder: StateFolder | None = None,
    wall: Callable[[], float] = lambda: WALL,
    recorder: EventRecorder | None = None,
) -> Planner:
    """A planner without zones."""
    counters = counters or Counters()
    core = core_of(
        folder or StateFolder(state, counters),
        clock=WallClock(wall),
        counters=counters,
        engine=engine or RecordingEngine(),
        report_store=report_store_of("ns1"),
        status=status,
        vocabulary=vocabulary,
        recorder=recorder,
    )
    return core.planner


def catalogue(*zones: Zone) -> Catalogue:
    """A folder without problems."""
    return Catalogue(tuple(Loaded(zone.digest, zone) for zone in zones))


def believing(zone: Zone, **by_last_octet: Belief) -> Status:
    """The status in which the targets ending like this (`_1=Belief.UP`) are believed so; the rest is unknown."""
    endings = {f".{name.removeprefix('_')}": belief for name, belief in by_last_octet.items()}
    return Status(
        {
            check.id: CheckStatus(belief, 0.0)
            for check in checks((zone,))
            for ending, belief in endings.items()
            if check.target.endswith(ending)
        }
    )


def config(folder: Path, more: str = "") -> NodeConfig:
    """The configuration of a node whose files are all in this folder, and which listens on port 0."""
    text = f'node: ns1\nzones: zones\nstate: state\nlisten: {{dns: ["127.0.0.1:0"], admin: "127.0.0.1:0"}}\n{more}'
    return parse_node_file(text, "gtm.yaml", folder, "the-host")


class Turns:
    """A sleep that ends when the test says so: one turn is all that a loop does between two sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._arrived = asyncio.Event()
        self._go = asyncio.Event()

    async def __call__(self, delay: float, /) -> None:
        self.slept.append(delay)
        self._arrived.set()
        await self._go.wait()
        self._go.clear()

    async def next(self, count: int = 1) -> None:
        """Lets the loop make so many turns, threads and all, until it sleeps again."""
        await self._arrived.wait()
        for _ in range(count):
            self._arrived.clear()
            self._go.set()
            await self._arrived.wait()

    @asynccontextmanager
    async def running(self, loop: Coroutine[None, None, None]) -> AsyncIterator[None]:
        """Runs a loop that sleeps by these turns, from its first sleep to the end of the block."""
        task = asyncio.create_task(loop)
        try:
            async with until():
                await self.next()
                yield
        finally:
            await stop(task)


async def stop(task: "asyncio.Task[None]") -> None:
    """Cancels a task and waits for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def until(seconds: float = 10.0) -> "asyncio.Timeout":
    """A limit for a wait that should be short: better a failure than a hang."""
    return asyncio.timeout(seconds)
