import logging
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.health.event import EventKind
from gtm.health.override import DEFAULT_SPAN_S, KEPT_S, Action, Override, SafetyRule, Wish
from gtm.health.override_seal import seal_override
from gtm.health.scope import parse_scope
from gtm.ids import NodeName
from gtm.node.chronicle import Chronicle
from gtm.node.events import EventLog
from gtm.node.overrides import MAX_CARRIED_CHARACTERS, OverrideDesk
from gtm.node.state import StateFolder
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.overrides import WALL, said
from tests.fakes.peers import WatchedDesk, desk_of, key_of

REGION = "region gtm.example.com/eu-west"


class Node:
    """The overrides of one node, and its desk."""

    def __init__(
        self,
        folder: Path,
        name: str = "ns1",
        *peers: str,
        clock: FakeClock | None = None,
        accepted: frozenset[NodeName] | None = None,
        key: str = "",
    ) -> None:
        self.name = NodeName(name)
        self.clock = clock or FakeClock()
        self.counters = Counters()
        self.desk: WatchedDesk = desk_of(name, *peers, clock=self.clock, epoch=int(self.clock.wall() * 1000))
        self.events = EventLog(FakeJournal(), self.name, clock=self.clock, counters=self.counters)
        self.state = StateFolder(folder / name, self.counters)
        self.overrides = OverrideDesk(
            self.name,
            key_of(key or name),
            {NodeName(peer): key_of(peer).public for peer in peers},
            accepted=accepted,
            desk=self.desk,
            state=self.state,
            clock=self.clock,
            counters=self.counters,
            chronicle=Chronicle(self.events, self.name),
        )

    def say(self, action: Action = Action.DOWN, scope: str = REGION, span_s: float | None = 3600.0) -> Override:
        return self.overrides.say(Wish(parse_scope(scope), action, "a fire", "ann", span_s))

    def give(self, other: "Node") -> bool:
        """Gives its report to another node, which hears it; returns whether that was news of overrides."""
        self.desk.publish({})
        other.desk.take(self.desk.offer().body, giver=self.name)
        return other.overrides.hear()

    @property
    def in_force(self) -> list[str]:
        return [f"{one.action.value} {one.scope}" for one in self.overrides.in_force().by_scope.values()]

    def saved(self) -> tuple[str, ...]:
        """What is on disk, once it is written."""
        self.state._writer.submit(lambda: None).result()  # there is no other way to wait for it
        return self.state.load_overrides()

    def kinds(self) -> list[str]:
        return [event.type for event in self.events.recent(since=0.0)]


def test_what_is_said_counts_until_its_time(tmp_path: Path) -> None:
    node = Node(tmp_path)
    override = node.say()
    assert override.until == WALL + 3600
    assert node.in_force == [f"down {REGION}"]
    node.clock.advance(3599.9)
    assert node.in_force == [f"down {REGION}"]
    node.clock.advance(0.1)
    assert node.in_force == []
    assert node.kinds() == [EventKind.OVERRIDE_SET.value, EventKind.OVERRIDE_EXPIRED.value]


def test_nothing_is_said_without_an_end(tmp_path: Path) -> None:
    assert Node(tmp_path).say(span_s=None).until == WALL + DEFAULT_SPAN_S


def test_obey_lasts_as_long_as_what_it_ends(tmp_path: Path) -> None:
    node = Node(tmp_path)
    until = node.say(span_s=50_000.0).until
    assert node.say(Action.OBEY, span_s=None).until == until
    assert node.in_force == [f"obey {REGION}"]


def test_who_speaks_last_is_obeyed_even_within_a_millisecond_or_after_a_clock_went_back(tmp_path: Path) -> None:
    node = Node(tmp_path)
    for action in (Action.DOWN, Action.UP, Action.DRAIN):
        node.say(action)
        assert node.in_force == [f"{action.value} {REGION}"]
    ids = {node.say(scope=f"service s{n}.example.com").id for n in range(5)}
    node.clock.advance(-20)
    node.say(Action.UP)
    assert f"up {REGION}" in node.in_force
    assert len(ids) == 5


def test_peers_obey_what_is_said_at_another_node(tmp_path: Path) -> None:
    clock = FakeClock()
    here, there = Node(tmp_path, "ns1", "ns2", clock=clock), Node(tmp_path, "ns2", "ns1", clock=clock)
    here.say()
    assert here.give(there)
    assert there.in_force == [f"down {REGION}"]
    assert not here.give(there), "the second time it is no news"
    clock.advance(1)
    there.say(Action.OBEY)
    assert there.give(here)
    assert here.in_force == there.in_force == [f"obey {REGION}"]


def test_an_override_outlives_the_node_where_it_was_said(tmp_path: Path) -> None:
    clock = FakeClock()
    dead, relay = Node(tmp_path, "ns1", clock=clock), Node(tmp_path, "ns2", "ns1", clock=clock)
    dead.say(span_s=7200.0)
    dead.give(relay)
    relay.saved()
    clock.advance(3600)
    again = Node(tmp_path, "ns2", "ns1", clock=clock)
    assert again.in_force == [f"down {REGION}"], "from disk"
    newcomer = Node(tmp_path, "ns3", "ns1", "ns2", clock=clock)
    assert again.give(newcomer)
    assert newcomer.in_force == [f"down {REGION}"], "by relay, an hour after ns1 was last heard"


def test_own_overrides_survive_a_restart_even_under_a_new_key(tmp_path: Path) -> None:
    clock = FakeClock()
    node = Node(tmp_path, "ns1", clock=clock, key="first")
    node.say()
    node.saved()
    again = Node(tmp_path, "ns1", clock=clock, key="second")
    assert again.in_force == [f"down {REGION}"]
    assert str(key_of("second").public) in again.saved()[0]


def test_a_node_that_lost_its_state_hears_its_own_words_from_peers(tmp_path: Path) -> None:
    clock = FakeClock()
    here, there = Node(tmp_path, "ns1", "ns2", clock=clock), Node(tmp_path, "ns2", "ns1", clock=clock)
    here.say()
    here.give(there)
    clock.advance(1)
    fresh = Node(tmp_path / "elsewhere", "ns1", "ns2", clock=clock)
    assert there.give(fresh)
    assert fresh.in_force == [f"down {REGION}"]


def test_the_overrides_of_a_peer_that_is_not_accepted_do_not_count(tmp_path: Path) -> None:
    clock = FakeClock()
    probe, here = (
        Node(tmp_path, "probe", clock=clock),
        Node(tmp_path, "ns1", "probe", clock=clock, accepted=frozenset()),
    )
    probe.say()
    assert not probe.give(here)
    assert here.in_force == []
    assert here.counters.count("overrides_refused", peer="probe", reason="unknown_reporter") == 1


def test_a_peer_cannot_speak_for_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    eve, here = Node(tmp_path, "eve", clock=clock), Node(tmp_path, "ns1", "eve", "ns2", clock=clock)
    eve.desk.carry((seal_override(said(REGION, node="ns2"), key_of("eve")), "no override at all", "x" * 16_000))
    with caplog.at_level(logging.INFO):
        assert not eve.give(here)
        assert not eve.give(here)
    assert here.in_force == []
    for reason, count in {"forged": 1, "malformed": 2}.items():
        assert here.counters.count("overrides_refused", peer="eve", reason=reason) == count, "once each"
    assert caplog.text.count("audit: override carried by eve refused") == 3
    assert max(map(len, caplog.messages)) < 300


def test_one_from_the_future_counts_once_it_is_not_any_more(tmp_path: Path) -> None:
    ahead, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2")
    text = seal_override(said(REGION, node="ns2", made_at=WALL + 40), key_of("ns2"))
    ahead.desk.carry((text,))
    assert not ahead.give(here)
    here.clock.advance(15)
    assert here.overrides.hear()


def test_one_from_the_future_is_told_once_and_not_with_every_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ahead, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2")
    text = seal_override(said(REGION, node="ns2", made_at=WALL + 40), key_of("ns2"))
    ahead.desk.carry((text,))
    for _ in range(3):
        assert not ahead.give(here)
    ahead.desk.carry((text, seal_override(said("zone x.test", node="ns2", made_at=WALL + 50), key_of("ns2"))))
    assert not ahead.give(here)
    assert here.counters.count("overrides_refused", peer="ns2", reason="skewed") == 2
    assert [line.partition(" as ")[2][:30] for line in caplog.messages if "refused" in line] == [
        "skewed: it was made 40 s after",
        "skewed: it was made 50 s after",
    ]
    here.clock.advance(15)
    assert here.overrides.hear()


def test_words_of_before_the_end_are_not_said_again_by_who_comes_late(tmp_path: Path) -> None:
    clock = FakeClock()
    here, cut_off = Node(tmp_path, "ns1", "ns2", clock=clock), Node(tmp_path, "ns2", "ns1", clock=clock)
    cut_off.say(span_s=70 * 3600.0)
    cut_off.give(here)
    clock.advance(1)
    here.say(Action.UP, span_s=60.0)
    clock.advance(48 * 3600)
    assert here.in_force == []
    assert not cut_off.give(here)
    assert here.in_force == [], "what ended later was said later"
    here.give(cut_off)
    assert cut_off.in_force == []


def test_a_start_with_a_slow_clock_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    there, here = Node(tmp_path, "ns2", "ns1"), Node(tmp_path, "ns1", "ns2")
    there.say()
    there.give(here)
    assert len(here.saved()) == 1
    slow = FakeClock()
    slow.advance(-3600)
    again = Node(tmp_path, "ns1", "ns2", clock=slow)
    assert again.in_force == [f"down {REGION}"], "it was no word from the future when it was heard"
    again.say(scope="region gtm.example.com/us-east", span_s=7200.0)
    assert len(again.saved()) == 2
    slow.advance(3600)
    assert len(Node(tmp_path, "ns1", "ns2", clock=slow).in_force) == 2


def test_what_was_kept_and_is_not_taken_any_more_is_logged_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    there, here = Node(tmp_path, "ns2", "ns1"), Node(tmp_path, "ns1", "ns2")
    there.say()
    there.give(here)
    here.saved()
    again = Node(tmp_path, "ns1")
    assert again.in_force == []
    assert again.counters.count("overrides_refused", peer="ns1", reason="unknown_reporter") == 1
    assert "audit: override kept on disk refused as unknown_reporter: it is signed by a key" in caplog.text


def test_what_is_of_no_use_any_more_is_forgotten(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say()
    node.clock.advance(KEPT_S - 1)
    assert node.in_force == []
    assert len(node.saved()) == 1
    node.clock.advance(1)
    assert node.in_force == []
    assert node.saved() == ()
    assert not node.overrides.known


def test_a_report_carries_the_newest_within_bounds(tmp_path: Path) -> None:
    node = Node(tmp_path)
    for number in range(300):
        node.clock.advance(0.01)
        why = "\U0001f525" * 120
        node.overrides.say(Wish(parse_scope(f"service s{number}.example.com"), Action.DOWN, why, "ann", 60.0))
    node.desk.publish({})
    carried = node.desk.book.by_node[node.name].report.overrides
    assert 0 < len(carried) < 300
    assert sum(map(len, carried)) <= MAX_CARRIED_CHARACTERS
    assert "s299.example.com" in carried[0]


def test_every_word_is_a_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = Node(tmp_path)
    rules = (SafetyRule.AT_LEAST,)
    node.overrides.say(Wish(parse_scope(REGION), Action.DRAIN, "new switches", "ann", 60.0, rules))
    with caplog.at_level(logging.WARNING):
        assert node.in_force
        node.clock.advance(60)
        assert not node.in_force
        assert not node.in_force
    words = f"drain {REGION} by ann: new switches, overrides the rules at_least"
    first = f"override ns1:{WALL * 1000:.0f}"
    assert caplog.messages == [f"{first}: {words}; for 60 s more", f"{first} has ended: {words}"]


def test_a_damaged_file_costs_the_overrides_and_no_start(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say()
    node.saved()
    for file in (tmp_path / "ns1").glob("overrides.json*"):
        file.write_text("{")
    assert Node(tmp_path).in_force == []
