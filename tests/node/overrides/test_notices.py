import json
import logging
from pathlib import Path

import pytest

from gtm.event import EventKind
from gtm.health.override.override import MAX_PER_NODE, Action, OverrideRequest, SafetyRule
from gtm.health.override.scope import parse_scope
from gtm.health.override.signed import seal_override
from gtm.node.config.log_options import LogChoice, LogFormat
from gtm.plan.model import EMPTY_PLAN
from tests.cli.logged import logged
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.overrides import WALL, said
from tests.fakes.peers import key_of
from tests.node.speaking import REGION, Node


def test_what_is_pushed_out_by_its_own_node_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    eve, here = Node(tmp_path, "eve", clock=clock), Node(tmp_path, "ns1", "eve", clock=clock)
    first = eve.say(scope="zone first.test")
    eve.give(here)
    assert here.in_force == ["down zone first.test"]
    flood = [said(f"zone z{n}.test", node="eve", made_at=WALL + 1 + n / 1000) for n in range(MAX_PER_NODE)]
    eve.report_store.carry(tuple(seal_override(one, key_of("eve")) for one in flood))
    eve.give(here)
    assert "down zone first.test" not in here.in_force
    ended = [event for event in here.events.recent(since=0.0) if event.type == EventKind.OVERRIDE_ENDED.value]
    assert [(event.facts["id"], event.facts["cause"]) for event in ended] == [(first.id, "evicted")]
    assert f"override {first.id} has ended (its node said too much since)" in caplog.text


def test_one_that_stands_in_the_place_of_another_ends_it(tmp_path: Path) -> None:
    node = Node(tmp_path)
    first = node.say()
    assert node.in_force
    second = node.say(Action.UP)
    assert node.in_force
    kinds = [(event.type.rpartition(".")[2], event.facts["id"]) for event in node.events.recent(since=0.0)]
    assert kinds == [("set", first.id), ("ended", first.id), ("set", second.id)]
    (ended,) = [event for event in node.events.recent(since=0.0) if event.type == EventKind.OVERRIDE_ENDED.value]
    assert ended.facts["cause"] == "superseded"
    assert f"superseded by {second.id}" in ended.message


def test_what_is_in_force_and_not_accepted_after_a_restart_is_told(tmp_path: Path) -> None:
    clock = FakeClock()
    ops, here = Node(tmp_path, "ops", clock=clock), Node(tmp_path, "ns1", "ops", clock=clock)
    override = ops.say()
    ops.give(here)
    here.saved()
    again = Node(tmp_path, "ns1", "ops", clock=clock, accepted=())
    assert again.in_force == []
    (ended,) = again.events.recent(since=0.0)
    assert (ended.type, ended.facts["id"], ended.facts["cause"]) == (
        EventKind.OVERRIDE_ENDED.value,
        override.id,
        "not_accepted",
    )
    assert "accept_from: [ops]" in ended.message


def test_an_override_whose_scope_is_gone_from_the_zones_is_told_and_so_is_its_return(tmp_path: Path) -> None:
    node = Node(tmp_path)
    whole, less = world.plan(world.zone()), world.plan(world.zone(world.WORLD.replace("eu-west", "eu-east")))
    node.say()
    assert node.in_force
    node.overrides.look_at(EMPTY_PLAN)
    node.overrides.look_at(whole)
    assert node.kinds() == [EventKind.OVERRIDE_SET.value]
    for _ in range(2):
        node.overrides.look_at(less)
    assert node.kinds()[1:] == [EventKind.OVERRIDE_ENDED.value]
    assert node.events.recent(since=0.0)[-1].facts["cause"] == "scope_gone"
    assert node.in_force, "it still counts elsewhere, and here when the scope is back"
    node.overrides.look_at(whole)
    assert node.kinds()[2:] == [EventKind.OVERRIDE_SET.value]


@pytest.mark.parametrize("is_superseded", [False, True])
def test_the_end_of_an_override_whose_scope_is_gone_is_told_once(tmp_path: Path, *, is_superseded: bool) -> None:
    node = Node(tmp_path)
    whole, less = world.plan(world.zone()), world.plan(world.zone(world.WORLD.replace("eu-west", "eu-east")))
    first = node.say()
    assert node.in_force
    node.overrides.look_at(whole)
    node.overrides.look_at(less)
    second = node.say(Action.UP) if is_superseded else None
    assert node.in_force
    node.overrides.look_at(whole if is_superseded else less)
    node.clock.advance(1e6)
    assert not node.in_force
    told = [(event.type.rpartition(".")[2], event.facts["id"]) for event in node.events.recent(since=0.0)]
    more = [] if second is None else [("set", second.id), ("expired", second.id)]
    assert told == [("set", first.id), ("ended", first.id), *more]


def test_every_word_is_a_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = Node(tmp_path)
    rules = (SafetyRule.AT_LEAST,)
    node.overrides.say(OverrideRequest(parse_scope(REGION), Action.DRAIN, "new switches", "ann", 60.0, rules))
    with caplog.at_level(logging.WARNING):
        assert node.in_force
        node.clock.advance(60)
        assert not node.in_force
        assert not node.in_force
    words = f"drain {REGION} by ann: new switches, overrides the rules at_least"
    first = f"override ns1:{WALL * 1000:.0f}"
    assert caplog.messages == [f"{first}: {words}; for 60 s more", f"{first} has ended (its time is over): {words}"]


def test_lines_about_overrides_have_their_facts_as_fields(tmp_path: Path) -> None:
    node = Node(tmp_path)
    with logged(LogChoice(format=LogFormat.JSON)) as log:
        override = node.say(Action.DRAIN)
        assert node.in_force
        node.say(Action.CLEAR)
        assert node.in_force == []
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    begun, ended = [line for line in found if "event" in line]
    fields: dict[str, object] = {
        "subject": REGION,
        "id": override.id,
        "node": "ns1",
        "action": "drain",
        "by": "ann",
        "rules": [],
    }
    fields |= {"why": override.why, "until": override.until, "level": "WARNING"}
    assert begun.items() >= ({"event": "gtm.override.set"} | fields).items()
    assert ended.items() >= ({"event": "gtm.override.ended", "cause": "cleared"} | fields).items()
