from dataclasses import replace
from pathlib import Path

import pytest

from gtm.admin.views import PeerView, RefusalView
from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.errors import ReportInvalid
from gtm.health.belief import Belief
from gtm.health.consensus.outliers import Reputation
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.peer import PeerState
from gtm.ids import NodeName
from gtm.node.api import NodeApi
from gtm.node.config.current import CurrentConfig
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import no_recorder
from gtm.node.rivers.zones import ZoneRiver
from gtm.node.state.folder import StateFolder
from gtm.steer.vocabulary import STEERING
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.peers import CHECK, believing, key_of, report_store_of
from tests.node.present import config, make_planner

A = NodeName("a")
URL = "http://192.0.2.7:8053"
PEERS = "".join(f'    - {{node: {node}, url: "{URL}", key: "{key_of(node).public}"}}\n' for node in ("b", "a"))


class Node:
    """What the admin API of a node shows, and its store."""

    def __init__(self, tmp_path: Path, peers: str = PEERS) -> None:
        self.clock, counters, engine = FakeClock(), Counters(), ReferenceEngine()
        self.planner = make_planner(tmp_path / "state", engine=engine, counters=counters)
        self.report_store = report_store_of("ns1", "a", "b", clock=self.clock)
        self.subject = NodeApi(
            CurrentConfig(config(tmp_path, f"share:\n  key: ns1.key\n  peers:\n{peers}")),
            self.planner,
            ZoneRiver(
                tmp_path / "zones",
                STEERING,
                self.planner,
                watch=lambda _checks: None,
                counters=counters,
                recorder=no_recorder(),
            ),
            self.report_store,
            engine=engine,
            clock=self.clock,
            counters=counters,
            unready=str,
            peers=lambda: {NodeName("probe-iad"): PeerState.LOST},
            standings=lambda: {A: Reputation(0.9, 0.0, is_quarantined=True)},
            events=EventLog(FakeJournal(), NodeName("ns1"), clock=self.clock, counters=counters),
            state=StateFolder(tmp_path / "state", counters),
        )

    def hear(self, name: str) -> None:
        """Takes a report of a peer on CHECK."""
        peer = report_store_of(name, clock=self.clock)
        verdicts = believing(Belief.UP).items()
        peer.publish({check: replace(one, read_at=self.clock.monotonic()) for check, one in verdicts})
        self.report_store.take(peer.offer().body, giver=A)

    def merge(self) -> None:
        """Believes what was heard, as the health river does."""
        watched, now = {CHECK: Freshness(interval_s=1.0, timeout_s=1.0)}, self.clock.monotonic()
        status = merge(
            self.planner.present.status,
            self.report_store.book,
            watched,
            Quorum(voters=1),
            now=now,
            wall=self.clock.wall(),
        )
        self.planner.take_status(status)


def test_a_peer_counts_as_unheard_until_a_report_of_its_own_comes(tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert node.subject.status().unheard == ("a", "b")
    node.hear("a")
    assert node.subject.status().unheard == ("b",)


def test_a_probe_without_a_fresh_vote_is_silent(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.hear("a")
    node.merge()
    assert [probe.is_silent for probe in node.subject.status().probes] == [False]
    node.clock.advance(3.0)
    node.hear("b")
    node.clock.advance(1.5)
    node.merge()
    assert [(probe.node, probe.is_silent) for probe in node.subject.status().probes] == [("a", True), ("b", False)]


def test_refused_reports_are_told_by_who_gave_them_and_why(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.hear("mallory")
    node.hear("mallory")
    assert node.subject.status().refusals == (RefusalView(A, "unknown_reporter", 2),)


@pytest.mark.parametrize(
    ("reason", "names", "is_over"),
    [
        ("unknown_reporter", ["a", "a"], True),
        ("unknown_reporter", ["a", "mallory"], False),
        ("forged", ["b", "b"], False),
        ("equivocated", ["a", "a"], False),
    ],
)
def test_refused_reports_are_told_until_one_of_that_peer_counts_again(
    tmp_path: Path, reason: str, names: list[str], *, is_over: bool
) -> None:
    node, told = Node(tmp_path), (RefusalView(A, reason, 2),)
    for name in names:
        node.report_store.refusals.refuse(ReportInvalid(reason, "it is so", node=name), A)
    assert node.subject.status().refusals == told
    node.hear("a")
    assert node.subject.status().refusals == (() if is_over else told)
    assert node.report_store.refused == {(A, reason): 2}, "counted all the same"


def test_a_node_that_checks_nothing_is_no_probe_whatever_it_carries(tmp_path: Path) -> None:
    node = Node(tmp_path, PEERS.replace("node: b,", "node: b, probe: false,"))
    for name in ("a", "b"):
        node.hear(name)
    assert [probe.node for probe in node.subject.status().probes] == ["a"]


def test_how_peers_do_is_told(tmp_path: Path) -> None:
    assert Node(tmp_path).subject.status().peers == (PeerView(NodeName("probe-iad"), PeerState.LOST),)


def test_who_is_in_quarantine_is_told(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.hear(A)
    [probe] = node.subject.status().probes
    assert (probe.is_quarantined, probe.dissent, probe.at) == (True, 0.9, None)
