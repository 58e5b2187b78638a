"""A health river on its own: two peers, two checks, and a planner behind it."""

import asyncio
from pathlib import Path

from gtm.checks.model import checks
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import NodeName
from gtm.metrics.model import Point
from gtm.node.state.folder import StateFolder
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.peers import WatchedReportStore, report_store_of
from tests.node.present import SMALL, RecordingEngine, catalogue, core_of

ZONE = world.zone(SMALL)
CHECKS = checks((ZONE,))
ONE, TWO = (check.id for check in CHECKS)
UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN


class River:
    """A health river that hears two peers, and what it believes."""

    def __init__(self, tmp_path: Path, *, restored: Status = NO_STATUS, voters: int = 2) -> None:
        self.clock = FakeClock()
        self.state = tmp_path / "state"
        self.counters = Counters()
        self.engine = RecordingEngine()
        self.report_store: WatchedReportStore = report_store_of("ns1", "fra", "iad", clock=self.clock)
        self.peers = {name: report_store_of(name, clock=self.clock) for name in ("fra", "iad")}
        core = core_of(
            StateFolder(self.state, self.counters),
            clock=self.clock,
            counters=self.counters,
            engine=self.engine,
            report_store=self.report_store,
            quorum=Quorum(voters=voters),
            status=restored,
        )
        self.planner, self.river, self.tallies = core.planner, core.health, core.tallies
        asyncio.run(self.planner.take_zones(catalogue(ZONE)))
        self.river.watch(CHECKS)

    def hear(self, peer: str, one: Belief, two: Belief) -> None:
        """Takes a report of a peer on both checks."""
        report_store = self.peers[peer]
        report_store.publish({ONE: self._verdict(one), TWO: self._verdict(two)})
        assert self.report_store.take(report_store.offer().body, giver=NodeName(peer))

    def _verdict(self, belief: Belief) -> Verdict:
        reason = Reason.OK if belief is UP else Reason.TIMEOUT
        return Verdict(belief, since=self.clock.wall(), reason=reason, read_at=self.clock.monotonic())

    @property
    def transitions(self) -> tuple[Point, ...]:
        return self.tallies.transitions.family().points

    def beliefs(self) -> tuple[Belief, Belief]:
        return self.planner.present.status.belief(ONE), self.planner.present.status.belief(TWO)

    @property
    def answer(self) -> list[str]:
        return world.values(world.answer(self.engine, world.query("api")).answer)


def restored(one: Belief, two: Belief) -> Status:
    """What `status.json` of a run before gave."""
    return Status({ONE: CheckStatus(one, 5.0, frozen=True), TWO: CheckStatus(two, 5.0, frozen=True)})
