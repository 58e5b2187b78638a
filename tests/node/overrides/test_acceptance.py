import logging
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gtm.health.override.override import Action
from gtm.health.override.scope import parse_scope
from gtm.health.override.signed import seal_override
from gtm.ids import NodeName
from gtm.node.overrides.acceptance import MAX_LINES, MAX_WAITING, NEW_AT_ONCE
from tests.fakes.clock import FakeClock
from tests.fakes.overrides import WALL, said
from tests.fakes.peers import key_of
from tests.node.speaking import REGION, Node


def test_the_overrides_of_a_peer_that_is_not_accepted_do_not_count(tmp_path: Path) -> None:
    clock = FakeClock()
    probe, here = (
        Node(tmp_path, "probe", clock=clock),
        Node(tmp_path, "ns1", "probe", clock=clock, accepted=()),
    )
    probe.say()
    assert not probe.give(here)
    assert here.in_force == []
    assert here.counters.count("overrides_refused", peer="probe", reason="not_accepted") == 1


def test_a_peer_cannot_speak_for_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    eve, here = Node(tmp_path, "eve", clock=clock), Node(tmp_path, "ns1", "eve", "ns2", clock=clock)
    eve.report_store.carry((seal_override(said(REGION, node="ns2"), key_of("eve")), "no override at all", "x" * 16_000))
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
    ahead.report_store.carry((text,))
    assert not ahead.give(here)
    here.clock.advance(15)
    assert not here.overrides.hear(), "it waits for its time"
    here.clock.advance(23 - 0.01)
    assert not here.overrides.hear()
    here.clock.advance(0.01)
    assert here.overrides.hear()
    assert here.in_force == [f"down {REGION}"]


def test_what_waited_and_is_carried_no_more_is_not_waited_for(tmp_path: Path) -> None:
    """Else every report is looked at again at every merge, for ever."""
    ahead, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2")
    ahead.report_store.carry((seal_override(said(REGION, node="ns2", made_at=WALL + 40), key_of("ns2")),))
    assert not ahead.give(here)
    assert here.overrides._door.look_again_at < math.inf
    ahead.report_store.carry(())
    assert not ahead.give(here)
    here.clock.advance(60)
    assert not here.overrides.hear()
    assert here.overrides._door.look_again_at == math.inf


def test_one_that_waits_counts_in_time_even_when_its_node_is_gone(tmp_path: Path) -> None:
    ahead, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2")
    ahead.report_store.carry((seal_override(said(REGION, node="ns2", made_at=WALL + 20), key_of("ns2")),))
    assert not ahead.give(here)
    here.report_store.forget(NodeName("ns2"))
    here.clock.advance(18)
    assert here.overrides.hear()
    assert here.in_force == [f"down {REGION}"]
    assert len(here.saved()) == 1


def test_one_from_the_future_outranks_nobody_who_spoke_after_it_was_heard(tmp_path: Path) -> None:
    clock = FakeClock()
    liar, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2", "ns3", clock=clock)
    other = Node(tmp_path, "ns3", "ns1", "ns2", clock=clock)
    liar.report_store.carry((seal_override(said(REGION, node="ns2", made_at=WALL + 29), key_of("ns2")),))
    for node in (here, other):
        assert not liar.give(node)
    clock.advance(1)
    here.say(Action.UP)
    assert here.in_force == [f"up {REGION}"], "at once, where it was said"
    here.give(other)
    for _ in range(60):
        clock.advance(1)
        for node in (here, other):
            node.overrides.hear()
            assert f"down {REGION}" not in node.in_force
    assert here.in_force == other.in_force == [f"up {REGION}"]


def test_what_waits_for_one_scope_does_not_put_off_what_is_said_of_another(tmp_path: Path) -> None:
    liar, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2")
    liar.report_store.carry((seal_override(said(REGION, node="ns2", made_at=WALL + 29), key_of("ns2")),))
    liar.give(here)
    here.say(Action.UP)
    assert here.say(scope="zone gtm.example.com").made_at == WALL


def test_one_from_the_future_is_told_once_and_not_with_every_report(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ahead, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2")
    text = seal_override(said(REGION, node="ns2", made_at=WALL + 40), key_of("ns2"))
    ahead.report_store.carry((text,))
    for _ in range(3):
        assert not ahead.give(here)
    ahead.report_store.carry((text, seal_override(said("zone x.test", node="ns2", made_at=WALL + 50), key_of("ns2"))))
    assert not ahead.give(here)
    assert here.counters.count("overrides_refused", peer="ns2", reason="skewed") == 2
    assert [line.partition(" as ")[2][:30] for line in caplog.messages if "refused" in line] == [
        "skewed: it was made 40 s after",
        "skewed: it was made 50 s after",
    ]


def test_nobody_can_have_any_number_of_overrides_wait(tmp_path: Path) -> None:
    liar, here = Node(tmp_path, "ns2"), Node(tmp_path, "ns1", "ns2")
    future = [said(f"zone z{n}.test", node="ns2", made_at=WALL + 10 + n / 100) for n in range(MAX_WAITING + 30)]
    liar.report_store.carry(tuple(seal_override(one, key_of("ns2")) for one in future))
    assert not liar.give(here)
    assert here.counters.count("overrides_ahead", peer="ns2") == MAX_WAITING
    assert here.counters.count("overrides_refused", peer="ns2", reason="skewed") == 30
    here.clock.advance(15)
    assert here.overrides.hear()
    assert len(here.in_force) == MAX_WAITING + 30, "none is lost: the report still carries them"


def test_who_carries_new_ones_without_end_has_to_wait_and_keeps_nobody_else_out(tmp_path: Path) -> None:
    clock = FakeClock()
    eve, ops = Node(tmp_path, "eve", clock=clock), Node(tmp_path, "ops", clock=clock)
    here = Node(tmp_path, "ns1", "eve", "ops", clock=clock, accepted=["ops"])
    key = seal_override(said(REGION, node="ops"), key_of("ops"))
    for turn in range(3):  # in the name of who is accepted, with signatures that do not hold
        eve.report_store.carry(tuple(key.replace("maintenance", f"nonsense {turn} {number}") for number in range(400)))
        eve.give(here)
    assert here.counters.count("overrides_refused", peer="eve", reason="forged") == NEW_AT_ONCE
    assert here.counters.count("overrides_put_off", peer="eve") == 3 * 400 - NEW_AT_ONCE
    ops.say()
    assert ops.give(here)
    clock.advance(10)
    here.overrides.hear()
    assert here.counters.count("overrides_refused", peer="eve", reason="forged") == NEW_AT_ONCE + 20


def test_a_flood_that_is_refused_is_a_few_lines_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    eve, here = Node(tmp_path, "eve"), Node(tmp_path, "ns1", "eve")
    for turn in range(3):
        eve.report_store.carry(tuple(f"nonsense {turn} {number}" for number in range(100)))
        eve.give(here)
    assert here.counters.count("overrides_refused", peer="eve", reason="malformed") == 300
    assert caplog.text.count("refused as malformed") == MAX_LINES


def test_a_peer_that_is_not_accepted_is_told_once_with_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    ops, here = Node(tmp_path, "ops", clock=clock), Node(tmp_path, "ns1", "ops", clock=clock, accepted=())
    for number in range(3):
        ops.say(scope=f"zone z{number}.test")
        assert not ops.give(here)
    lines = [line for line in caplog.messages if "not_accepted" in line]
    assert len(lines) == 1
    assert "overrides of ops do not count here; `overrides: {accept_from: [ops]}` in the node file would" in lines[0]
    assert here.counters.count("overrides_refused", peer="ops", reason="not_accepted") == 3


@dataclass
class _Mesh:
    """Three nodes with clocks of their own, of which one lies about its time."""

    folder: Path
    skews: tuple[float, float, float]

    def __post_init__(self) -> None:
        names = ("ns1", "ns2", "eve")
        self.nodes = []
        for name, skew in zip(names, self.skews, strict=True):
            clock = FakeClock()
            clock.advance(skew)
            self.nodes.append(Node(self.folder, name, *(other for other in names if other != name), clock=clock))
        self.serial = 0

    def advance(self, seconds: float) -> None:
        for node in self.nodes:
            node.clock.advance(seconds)

    def lie(self, ahead: float) -> None:
        self.serial += 1
        eve = self.nodes[2]
        at = round(WALL + self.serial / 1000 + ahead, 3)
        text = seal_override(said(REGION, Action.DOWN, node="eve", made_at=at, span_s=70_000.0), key_of("eve"))
        eve.report_store.carry((text,))

    def exchange(self) -> None:
        for giver in self.nodes:
            for taker in self.nodes:
                if giver is not taker:
                    giver.give(taker)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lie"), st.floats(0, 35)),
        st.tuples(st.just("say"), st.integers(0, 1)),
        st.tuples(st.just("give"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.floats(0.01, 20)),
    ),
    max_size=15,
)


@pytest.mark.slow
@settings(max_examples=40)
@example(skews=(0.0, 1.0, 0.0), steps=[("lie", 30.0), ("give", 4), ("lie", 0.0)])
@given(skews=st.tuples(*[st.floats(-5, 5)] * 3), steps=STEPS)
def test_nodes_agree_whatever_their_clocks_and_nobody_outranks_who_heard_him_and_spoke_after(
    tmp_path_factory: pytest.TempPathFactory, skews: tuple[float, float, float], steps: list[tuple[str, float]]
) -> None:
    mesh = _Mesh(tmp_path_factory.mktemp("mesh"), skews)
    pairs = [(giver, taker) for giver in range(3) for taker in range(3) if giver != taker]
    for step, value in steps:
        match step:
            case "lie":
                mesh.lie(value)
            case "say":
                mesh.nodes[int(value)].say(Action.DRAIN, span_s=70_000.0)
            case "give":
                giver, taker = pairs[int(value)]
                mesh.nodes[giver].give(mesh.nodes[taker])
            case _:
                mesh.advance(value)
    mesh.exchange()
    mesh.advance(10)  # some of it waits
    mesh.exchange()
    speaker = mesh.nodes[0]
    newest_heard = max(
        speaker.overrides._door.last_waiting(parse_scope(REGION)),
        *(one.made_at for one in speaker.overrides.known.values()),
        0.0,
    )
    spoken = speaker.say(Action.UP, span_s=70_000.0)
    assert spoken.made_at > newest_heard
    for _ in range(5):
        mesh.advance(20)
        mesh.exchange()
    known = [node.overrides.known for node in mesh.nodes]
    assert known[0] == known[1] == known[2]
    (counts,) = known[0].values()
    assert counts == spoken or counts.made_at > spoken.made_at, "and then nobody had told the speaker of it"
    assert mesh.nodes[0].in_force == mesh.nodes[1].in_force == mesh.nodes[2].in_force
