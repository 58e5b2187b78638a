from pathlib import Path

import pytest

from gtm.event import EventKind
from gtm.health.override.override import CLEAR_SPAN_S, DEFAULT_SPAN_S, KEPT_S, MAX_PER_NODE, Action, OverrideRequest
from gtm.health.override.scope import EndpointRef, parse_scope
from gtm.health.override.signed import seal_override
from gtm.ids import EndpointId, NodeName, RegionName, ServiceId
from gtm.node.overrides.acceptance import MAX_CARRIED_CHARACTERS
from gtm.plan.renamed_scopes import layout_of
from tests.fakes.clock import FakeClock
from tests.fakes.overrides import WALL, said
from tests.fakes.peers import key_of
from tests.node.speaking import REGION, Node


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


def test_what_is_cleared_is_over_for_good_and_exempts_from_nothing(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(span_s=50_000.0)
    assert node.in_force == [f"down {REGION}"]
    node.clock.advance(1)
    end = node.say(Action.CLEAR)
    assert node.in_force == []
    assert end.until - end.made_at == pytest.approx(CLEAR_SPAN_S, abs=1e-6)
    node.say(Action.DRAIN, "zone gtm.example.com")
    endpoint_ref = EndpointRef(
        "gtm.example.com", ServiceId("a.b"), RegionName("eu-west"), EndpointId("eu-west/192.0.2.1")
    )
    decides = node.overrides.in_force().of(endpoint_ref)
    assert decides is not None
    assert decides.action is Action.DRAIN
    node.saved()
    again = Node(tmp_path, clock=node.clock)
    assert again.in_force == ["drain zone gtm.example.com"], "nor does it come back with the next start"
    assert [event.facts.get("cause") for event in node.events.recent(since=0.0)] == [None, "cleared", None]


def test_an_obey_of_the_version_before_still_ends_and_exempts(tmp_path: Path) -> None:
    """Its nodes say it to end something; to them it exempts as well, until the end of what it ended."""
    clock = FakeClock()
    old, here = Node(tmp_path, "ns2", "ns1", clock=clock), Node(tmp_path, "ns1", "ns2", clock=clock)
    here.say(span_s=7200.0)
    here.give(old)
    obeyed = said(REGION, Action.OBEY, node="ns2", made_at=WALL + 1, span_s=7199.0)
    old.report_store.carry((seal_override(obeyed, key_of("ns2")),))
    clock.advance(1)
    assert old.give(here)
    assert here.in_force == [f"obey {REGION}"]
    clock.advance(1)
    here.say(Action.CLEAR)
    assert here.in_force == [], "and is cleared as anything else"


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
    clock.advance(1)
    here.say(Action.CLEAR)
    assert here.give(there)
    assert here.in_force == there.in_force == []


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


def test_what_a_peer_said_outlives_its_old_key(tmp_path: Path) -> None:
    clock, (old, new) = FakeClock(), (key_of(name).public for name in ("ns1", "new"))
    both, after = {"ns1": (old, new)}, {"ns1": new}
    speaker, relay = Node(tmp_path, "ns1", clock=clock), Node(tmp_path, "ns2", "ns1", clock=clock, keys=both)
    override = speaker.say(span_s=7200.0)
    assert speaker.give(relay)
    assert speaker.in_force == relay.in_force == [f"down {REGION}"]
    clock.advance(1)
    rekeyed = Node(tmp_path, "ns1", clock=clock, key="new")
    assert not rekeyed.give(relay), "it says no more than before, under another key"
    assert relay.saved() == (seal_override(override, key_of("new")),)
    late = Node(tmp_path, "ns3", "ns1", "ns2", clock=clock, keys=both)
    assert speaker.give(late)
    assert relay.give(late) is False
    assert late.saved() == relay.saved()
    assert not speaker.give(late)
    assert late.saved() == relay.saved(), "what the old key signed comes later, and does not push it out"
    again = Node(tmp_path, "ns2", "ns1", clock=clock, keys=after)
    assert again.in_force == [f"down {REGION}"], "the node that said it need not be there any more"


def test_whose_overrides_count_may_change_while_the_node_runs(tmp_path: Path) -> None:
    clock = FakeClock()
    here = Node(tmp_path, "ns1", "ns2", clock=clock, accepted=[])
    there = Node(tmp_path, "ns2", "ns1", clock=clock)
    here.say(Action.DRAIN, "service api.gtm.example.com")
    there.say()
    there.give(here)
    own = ["drain service api.gtm.example.com"]
    peers = {NodeName("ns2"): key_of("ns2").public}
    assert here.in_force == own
    here.overrides.accept(peers, None)
    assert here.overrides.hear(), "what was refused before is looked at again"
    assert here.in_force == [*own, f"down {REGION}"]
    here.overrides.accept(peers, frozenset())
    assert here.in_force == own
    here.overrides.accept(peers, frozenset([NodeName("ns2")]))
    assert here.in_force == [*own, f"down {REGION}"], "and nobody has to say it again"
    here.overrides.accept({}, None)
    assert here.in_force == own


def test_what_does_not_count_any_more_is_told_once_and_why(tmp_path: Path) -> None:
    clock = FakeClock()
    here, there = Node(tmp_path, "ns1", "ns2", clock=clock), Node(tmp_path, "ns2", "ns1", clock=clock)
    there.say(scope="zone other.test")
    there.say()
    there.give(here)
    clock.advance(1)
    here.say(Action.CLEAR, "zone other.test")
    assert here.in_force == [f"down {REGION}"]
    told = len(here.kinds())
    for peers in ({}, {NodeName("ns3"): key_of("ns3").public}):
        here.overrides.accept(peers, None)
        assert here.in_force == []
    [ended] = list(here.events.recent(since=0.0))[told:]
    assert (ended.facts["cause"], ended.facts["id"]) == ("not_accepted", "ns2:1700000000001")


@pytest.mark.parametrize("is_renamed_meanwhile", [True, False])
def test_a_name_outlasts_a_start_at_which_its_override_is_not_accepted(
    tmp_path: Path, *, is_renamed_meanwhile: bool
) -> None:
    clock = FakeClock()
    there, here = Node(tmp_path, "ns2", "ns1", clock=clock), Node(tmp_path, "ns1", "ns2", clock=clock)
    there.say()
    there.give(here)
    before, after = (
        layout_of([EndpointRef("gtm.example.com", ServiceId("a"), RegionName(name), EndpointId(f"{name}/192.0.2.1"))])
        for name in ("eu-west", "eu-central")
    )

    def rename(node: Node) -> None:
        node.overrides.prepare(before, after)
        node.overrides.commit(after)

    if not is_renamed_meanwhile:
        rename(here)
    here.saved()
    mistaken = Node(tmp_path, "ns1", "ns2", clock=clock, accepted=())
    mistaken.say(scope="service mail.gtm.example.com")
    if is_renamed_meanwhile:
        rename(mistaken)
    mistaken.overrides.accept({NodeName("ns2"): key_of("ns2").public}, None)
    assert list(map(str, mistaken.overrides.in_force().by_scope)) == [
        "service mail.gtm.example.com",
        "region gtm.example.com/eu-central",
    ]


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


def test_what_a_stolen_key_said_in_its_name_does_not_outlast_that_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    here, eve = Node(tmp_path, "ns1", "eve", clock=clock, key="stolen"), Node(tmp_path, "eve", clock=clock)
    here.say(scope="zone gtm.example.com")
    planted = seal_override(said(REGION, node="ns1", made_at=WALL + 1), key_of("stolen"))
    clock.advance(1)
    eve.report_store.carry((planted,))
    assert eve.give(here)
    here.saved()
    [line] = [line for line in caplog.messages if "came from others" in line]
    assert line.startswith("audit: overrides in the name of this node (ns1)")
    again = Node(tmp_path, "ns1", "eve", clock=clock, key="stolen")
    assert len(again.in_force) == 2, "who lost its state hears its own words from others, and keeps them"
    again.saved()
    renewed = Node(tmp_path, "ns1", "eve", clock=clock, key="renewed")
    assert renewed.in_force == ["down zone gtm.example.com"]
    assert not eve.give(renewed)
    assert "gtm.override.ended" in renewed.kinds()
    renewed.say(scope="zone other.test")
    renewed.saved()
    assert sorted(Node(tmp_path, "ns1", "eve", clock=clock, key="renewed").in_force) == [
        "down zone gtm.example.com",
        "down zone other.test",
    ]


def test_a_flood_of_one_peer_costs_nobody_else_an_override(tmp_path: Path) -> None:
    clock = FakeClock()
    eve, here = Node(tmp_path, "eve", clock=clock), Node(tmp_path, "ns1", "eve", "ns2", clock=clock)
    person = Node(tmp_path, "ns2", clock=clock)
    here.say(Action.DRAIN)
    person.say(Action.DRAIN, scope="zone other.test")
    person.give(here)
    clock.advance(1)
    flood = [said(f"zone z{n}.test", node="eve", made_at=clock.wall() + n / 1000) for n in range(600)]
    for start in range(0, 600, 200):
        eve.report_store.carry(tuple(seal_override(one, key_of("eve")) for one in flood[start : start + 200]))
        eve.give(here)
    assert f"drain {REGION}" in here.in_force
    assert "drain zone other.test" in here.in_force
    assert len(here.in_force) == MAX_PER_NODE + 2
    here.report_store.publish({})
    carried = here.report_store.book.by_node[here.name].report.overrides
    assert f"{REGION}" in carried[0], "what was said here comes first"
    assert any("other.test" in text for text in carried[:3]), "and nobody fills the report alone"


@pytest.mark.slow
def test_what_people_said_here_is_not_pushed_out_by_what_they_say_next(tmp_path: Path) -> None:
    node = Node(tmp_path)
    for number in range(MAX_PER_NODE):
        node.clock.advance(0.01)
        assert not node.overrides.is_full([parse_scope(f"zone z{number}.test")])
        node.say(scope=f"zone z{number}.test", span_s=600.0)
    assert node.overrides.is_full([parse_scope("zone one-more.test")])
    assert not node.overrides.is_full([parse_scope("zone z7.test")]), "what stands in the place of another"
    node.clock.advance(600)
    assert not node.overrides.is_full([parse_scope("zone one-more.test")]), "the oldest has ended"


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


@pytest.mark.parametrize("peers", [(), ("ns2",)])
def test_what_was_kept_outlasts_a_run_whose_node_file_does_not_accept_it(
    tmp_path: Path, peers: tuple[str, ...]
) -> None:
    there, here = Node(tmp_path, "ns2", "ns1"), Node(tmp_path, "ns1", "ns2")
    there.say()
    there.give(here)
    here.saved()
    mistaken = Node(tmp_path, "ns1", *peers, accepted=())
    mistaken.say(scope="region gtm.example.com/us-east")
    assert mistaken.in_force == ["down region gtm.example.com/us-east"]
    mistaken.report_store.publish({})
    assert len(mistaken.report_store.book.by_node[mistaken.name].report.overrides) == 1, (
        "peers are told what counts here"
    )
    assert len(mistaken.saved()) == 2
    assert sorted(Node(tmp_path, "ns1", "ns2").in_force) == [
        f"down {REGION}",
        "down region gtm.example.com/us-east",
    ]
    [theirs] = [text for text in mistaken.saved() if "ns2:" in text]
    mistaken.clock.advance(KEPT_S)
    mistaken.say()
    assert theirs not in mistaken.saved(), "it is of no use any more"


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


@pytest.mark.slow
def test_a_report_carries_the_newest_within_bounds(tmp_path: Path) -> None:
    node = Node(tmp_path)
    for number in range(300):
        node.clock.advance(0.01)
        why = "\U0001f525" * 120
        node.overrides.say(
            OverrideRequest(parse_scope(f"service s{number}.example.com"), Action.DOWN, why, "ann", 60.0)
        )
    node.report_store.publish({})
    carried = node.report_store.book.by_node[node.name].report.overrides
    assert 0 < len(carried) < 300
    assert sum(map(len, carried)) <= MAX_CARRIED_CHARACTERS
    assert "s299.example.com" in carried[0]


def test_a_damaged_file_costs_the_overrides_and_no_start(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say()
    node.saved()
    for file in (tmp_path / "ns1").glob("overrides.json*"):
        file.write_text("{")
    assert Node(tmp_path).in_force == []
