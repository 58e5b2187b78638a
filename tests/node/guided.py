"""A node that believes one probe: reports in, people and rules between, answers out; the clock is the test's."""

import asyncio
from pathlib import Path

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.consensus.quorum import Quorum
from gtm.health.override.override import Action, OverrideRequest, SafetyRule
from gtm.health.override.scope import parse_scope
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import NodeName
from gtm.metrics.measurements import Tallies
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import EventRecorder
from gtm.node.overrides.overlay import OverlayBuilder
from gtm.node.overrides.requests import OverrideRequests
from gtm.node.overrides.store import OverrideDesk
from gtm.node.planner import Planner
from gtm.node.rivers.health import HealthRiver
from gtm.node.state.folder import StateFolder
from gtm.steer.vocabulary import STEERING
from gtm.zone.model import Zone, checks
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.peers import key_of, report_store_of
from tests.node.present import RecordingEngine, catalogue

TEXT = f"""{world.HEAD}
services:
  api:
    monitor: web
    steer: multivalue
    endpoints:
      - {{region: us-east, address: 192.0.2.10}}
      - {{region: eu-west, address: 192.0.2.20}}
      - {{region: ap-southeast, address: 192.0.2.30}}
  mail:
    monitor: web
    steer: multivalue
    endpoints:
      - {{region: us-east, address: 192.0.2.11}}
      - {{region: eu-west, address: 192.0.2.21}}
      - {{region: ap-southeast, address: 192.0.2.31}}
records:{world.NS1}
"""
EU = "region gtm.example.com/eu-west"


class Node:
    """A node that believes one probe, and what it answers for `api`."""

    def __init__(self, folder: Path, text: str = TEXT, *, restored: bool = False, answers: bool = True) -> None:
        self.zone: Zone = world.zone(text)
        self.clock, self.counters, self.tallies = FakeClock(), Counters(), Tallies()
        self.events = EventLog(FakeJournal(), NodeName("ns1"), clock=self.clock, counters=self.counters)
        recorder = EventRecorder(self.events, NodeName("ns1"), answers=answers)
        state = StateFolder(folder / "state", self.counters)
        self.engine = RecordingEngine()
        self.planner = Planner(
            self.engine,
            vocabulary=STEERING,
            state=state,
            status=state.load_status(),
            wall=self.clock.wall,
            counters=self.counters,
            recorder=recorder,
        )
        self.report_store, self.probe = (
            report_store_of("ns1", "fra", clock=self.clock),
            report_store_of("fra", clock=self.clock),
        )
        self.overrides = OverrideDesk(
            NodeName("ns1"),
            key_of("ns1"),
            {NodeName("fra"): key_of("fra").public},
            accepted=None,
            report_store=self.report_store,
            state=state,
            clock=self.clock,
            counters=self.counters,
            recorder=recorder,
        )
        self.guide = OverlayBuilder(
            self.planner, self.overrides, clock=self.clock, counters=self.counters, recorder=recorder
        )
        self.river = HealthRiver(
            self.planner,
            self.report_store,
            quorum=Quorum(voters=1),
            state=state,
            clock=self.clock,
            counters=self.counters,
            recorder=recorder,
            guide=self.guide,
            tallies=self.tallies,
            answers=answers,
        )
        self.saying = OverrideRequests(
            self.planner, self.overrides, self.guide, applied=self.river.merge, publish=self.river.publish_soon
        )
        asyncio.run(self.planner.take_zones(catalogue(self.zone)))
        self.river.watch(checks((self.zone,)))
        if not restored:
            self.hear()

    def hear(self, *down: str, after_s: float = 0.0) -> "Node":
        """Hears from the probe, after a while, that these are down and the rest is up."""
        self.clock.advance(after_s)
        self.probe.publish({check.id: self._verdict(check.target in down) for check in checks((self.zone,))})
        self.report_store.take(self.probe.offer().body, giver=NodeName("fra"))
        self.river.merge()
        return self

    def _verdict(self, is_down: bool) -> Verdict:  # noqa: FBT001  # the one argument is the name
        belief, reason = (Belief.DOWN, Reason.TIMEOUT) if is_down else (Belief.UP, Reason.OK)
        return Verdict(belief, since=self.clock.wall(), reason=reason, read_at=self.clock.monotonic())

    def say(self, action: Action, scope: str = EU, *rules: SafetyRule, span_s: float = 60.0) -> None:
        self.saying.say([OverrideRequest(parse_scope(scope), action, "a fire", "ann", span_s, rules)])

    @property
    def answer(self) -> set[str]:
        """The last parts of the addresses of `api`."""
        found = world.values(world.answer(self.engine, world.query("api")).answer)
        return {address.rpartition(".")[2] for address in found}

    @property
    def kinds(self) -> list[str]:
        return [event.type for event in self.events.recent(since=0.0)]
