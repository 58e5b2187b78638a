"""A node that believes one probe: reports in, people and rules between, answers out; the clock is the test's."""

import asyncio
from pathlib import Path

from gtm.checks.model import checks
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.override.override import Action, OverrideRequest, SafetyRule
from gtm.health.override.scope import parse_scope
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import NodeName
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import EventRecorder
from gtm.node.state.folder import StateFolder
from gtm.zone.model import Zone
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.peers import key_of, report_store_of
from tests.node.present import RecordingEngine, catalogue, core_of

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
        self.clock, self.counters = FakeClock(), Counters()
        self.events = EventLog(FakeJournal(), NodeName("ns1"), clock=self.clock, counters=self.counters)
        recorder = EventRecorder(self.events, NodeName("ns1"), answers=answers)
        state = StateFolder(folder / "state", self.counters)
        self.engine = RecordingEngine()
        self.report_store, self.probe = (
            report_store_of("ns1", "fra", clock=self.clock),
            report_store_of("fra", clock=self.clock),
        )
        core = core_of(
            state,
            clock=self.clock,
            counters=self.counters,
            engine=self.engine,
            report_store=self.report_store,
            peers={NodeName("fra"): key_of("fra").public},
            answers=answers,
            recorder=recorder,
        )
        self.planner, self.overrides = core.planner, core.overrides
        self.guide, self.notices = core.overlays, core.notices
        self.river, self.saying, self.tallies = core.health, core.requests, core.tallies
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
