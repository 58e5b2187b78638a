"""A node's overrides for tests, with its store, its events and its disk."""

from collections.abc import Collection, Mapping
from pathlib import Path

from gtm.counters import Counters
from gtm.health.override.override import Action, Override, OverrideRequest
from gtm.health.override.scope import parse_scope
from gtm.health.report.signature import Keys
from gtm.ids import NodeName
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import EventRecorder
from gtm.node.overrides.store import OverrideStore
from gtm.node.state.folder import StateFolder
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.peers import WatchedReportStore, key_of, report_store_of

REGION = "region gtm.example.com/eu-west"


class Node:
    """The overrides of one node, and its store."""

    def __init__(
        self,
        folder: Path,
        name: str = "ns1",
        *peers: str,
        clock: FakeClock | None = None,
        accepted: Collection[str] | None = None,
        key: str = "",
        keys: Mapping[str, Keys] | None = None,
    ) -> None:
        """With `keys` peers have others than their own."""
        self.name = NodeName(name)
        self.clock = clock or FakeClock()
        self.counters = Counters()
        self.report_store: WatchedReportStore = report_store_of(
            name, *peers, clock=self.clock, epoch=int(self.clock.wall() * 1000)
        )
        self.events = EventLog(FakeJournal(), self.name, clock=self.clock, counters=self.counters)
        self.state = StateFolder(folder / name, self.counters)
        self.overrides = OverrideStore(
            self.name,
            key_of(key or name),
            {NodeName(peer): (keys or {}).get(peer, key_of(peer).public) for peer in peers},
            accepted=None if accepted is None else frozenset(map(NodeName, accepted)),
            report_store=self.report_store,
            state=self.state,
            clock=self.clock,
            counters=self.counters,
            recorder=EventRecorder(self.events, self.name),
        )

    def say(self, action: Action = Action.DOWN, scope: str = REGION, span_s: float | None = 3600.0) -> Override:
        return self.overrides.say(OverrideRequest(parse_scope(scope), action, "a fire", "ann", span_s))

    def give(self, other: "Node") -> bool:
        """Gives its report to another node, which hears it; returns whether that was news of overrides."""
        self.report_store.publish({})
        other.report_store.take(self.report_store.offer().body, giver=self.name)
        return other.overrides.hear()

    @property
    def in_force(self) -> list[str]:
        """What counts, once its folder is written: tests open one folder for several nodes, one after another."""
        by_scope = self.overrides.in_force().by_scope
        self._finish_writing()
        return [f"{one.action.value} {one.scope}" for one in by_scope.values()]

    def saved(self) -> tuple[str, ...]:
        """What is on disk, once it is written."""
        self._finish_writing()
        return self.state.load_overrides().signed

    def _finish_writing(self) -> None:
        self.state._writer.submit(lambda: None).result()  # there is no other way to wait for it

    def kinds(self) -> list[str]:
        return [event.type for event in self.events.recent(since=0.0)]
