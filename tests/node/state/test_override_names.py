"""Overrides follow what zone files rename, through the whole node: a zone in, answers out."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gtm.checks.model import checks
from gtm.errors import OverrideRefused, StateInvalid
from gtm.event import EventKind
from gtm.health.override.override import Action, OverrideRequest
from gtm.health.override.scope import parse_scope
from gtm.health.override.signed import seal_override
from gtm.ids import NodeName
from gtm.node.state.override_names import NO_NAMES, compose_names, parse_names
from gtm.node.state.serials import Saved, with_serials
from gtm.watch.folder import EMPTY
from tests.fakes import world
from tests.fakes.overrides import said
from tests.fakes.peers import key_of
from tests.node.guided import EU, TEXT, Node
from tests.node.present import catalogue

RENAMED = TEXT.replace("eu-west", "eu-central")
NEW = "region gtm.example.com/eu-central"
GONE = "\n".join(line for line in TEXT.splitlines() if "region: eu-west" not in line) + "\n"
HOURS = 7200.0


def push(node: Node, text: str) -> None:
    """Has a node serve another zone file."""
    node.zone = world.zone(text)
    asyncio.run(node.planner.take_zones(catalogue(node.zone), kept=node.planner.present.catalogue))
    node.river.watch(checks((node.zone,)))


def start_again(folder: Path, before: str, text: str) -> Node:
    """Starts a node with another zone file than the one that it served when it stopped."""
    again = Node(folder, text, restored=True)
    again.planner.present, again.planner._renaming._known = replace(again.planner.present, catalogue=EMPTY), {}
    asyncio.run(again.planner.take_zones(catalogue(again.zone), kept=catalogue(world.zone(before))))
    again.hear()
    return again


def in_force(node: Node) -> list[str]:
    return [f"{one.action.value} {scope}" for scope, one in node.overrides.in_force().by_scope.items()]


def kinds(node: Node) -> list[str]:
    return [kind.rpartition(".")[2] for kind in node.kinds if ".override." in kind]


def clear(node: Node, scope: str) -> None:
    node.saying.say([OverrideRequest(parse_scope(scope), Action.CLEAR, "over", "bob")])


@pytest.mark.parametrize(
    ("scope", "text", "now"),
    [
        (EU, RENAMED, NEW),
        ("region */eu-west", RENAMED, "region */eu-central"),
        (
            "endpoint api.gtm.example.com eu-west/192.0.2.20",
            TEXT.replace("192.0.2.20", "192.0.2.29"),
            "endpoint api.gtm.example.com eu-west/192.0.2.29",
        ),
        (
            "endpoint api.gtm.example.com eu-west/192.0.2.20",
            RENAMED,
            "endpoint api.gtm.example.com eu-central/192.0.2.20",
        ),
    ],
)
def test_a_drain_follows_what_is_renamed_with_no_answer_between(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, scope: str, text: str, now: str
) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, scope, span_s=HOURS)
    plans = len(node.engine.plans)
    with caplog.at_level(logging.WARNING):
        push(node, text)
    assert node.answer == {"10", "30"}
    node.hear()
    assert node.answer == {"10", "30"}
    assert len(node.engine.plans) >= plans + 1
    assert in_force(node) == [f"drain {now}"]
    assert kinds(node) == ["set", "followed"]
    (line,) = [line for line in caplog.messages if "follows its scope" in line]
    assert f"follows its scope, which is {now} now: drain {scope} by ann" in line


def test_a_service_and_a_region_may_be_renamed_at_once_and_back(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DOWN, "endpoint mail.gtm.example.com eu-west/192.0.2.21", span_s=HOURS)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    push(node, RENAMED.replace("  mail:", "  post:"))
    post = "endpoint post.gtm.example.com eu-central/192.0.2.21"
    assert sorted(in_force(node)) == [f"down {post}", f"drain {NEW}"]
    push(node, TEXT)
    assert sorted(in_force(node)) == ["down endpoint mail.gtm.example.com eu-west/192.0.2.21", f"drain {EU}"]
    assert node.overrides._names.renamed == {}
    assert node.answer == {"10", "30"}


@pytest.mark.parametrize("name", [EU, NEW])
def test_what_follows_is_cleared_by_either_name_and_by_what_peers_know(tmp_path: Path, name: str) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    push(node, RENAMED)
    clear(node, name)
    assert node.answer == {"10", "20", "30"}
    assert node.overrides.known[parse_scope(EU)].action is Action.CLEAR, "as it was signed: peers with old files follow"
    assert kinds(node) == ["set", "followed", "ended"]


def test_what_is_said_by_the_new_name_stands_in_the_place_of_what_followed(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    push(node, RENAMED)
    node.hear(after_s=1.0)
    node.say(Action.DRAIN, NEW, span_s=60.0)
    assert len(in_force(node)) == 1
    node.hear(after_s=61.0)
    assert in_force(node) == [], "and the older one does not come back"
    assert node.answer == {"10", "20", "30"}


def test_the_name_is_kept_over_a_restart(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    push(node, RENAMED)
    node.overrides._state._writer.submit(lambda: None).result()  # there is no other way to wait for it
    again = Node(tmp_path, RENAMED, restored=True)
    again.hear()
    assert again.answer == {"10", "30"}
    assert in_force(again) == [f"drain {NEW}"]


def test_a_node_that_was_stopped_meanwhile_goes_by_the_files_that_it_kept(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    node.overrides._state._writer.submit(lambda: None).result()
    again = start_again(tmp_path, TEXT, RENAMED)
    assert again.answer == {"10", "30"}
    assert in_force(again) == [f"drain {NEW}"]


def test_where_it_went_or_nobody_can_tell_the_log_an_event_and_the_list_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    with caplog.at_level(logging.WARNING):
        push(node, GONE)
        node.hear()
    assert kinds(node) == ["set", "ended"]
    assert "nothing that this node serves is in its scope any more, and no other name of it is known" in caplog.text
    said = node.overrides.in_force()
    assert dict(said.gone) == {parse_scope(EU): node.clock.wall()}
    (applied,) = node.planner.applied
    assert applied.lines[-1].startswith(f"warning: override ns1:1700000000000: drain {EU} by ann is without effect")
    with pytest.raises(OverrideRefused, match="nothing that this node serves is in"):
        node.say(Action.UP, EU)
    clear(node, EU)
    assert in_force(node) == []
    assert not node.overrides.in_force().gone


def test_what_is_gone_is_told_once_and_counts_when_it_is_back(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    push(node, GONE)
    node.hear()
    since = node.clock.wall()
    node.overrides._state._writer.submit(lambda: None).result()
    again = Node(tmp_path, GONE, restored=True)
    again.clock.advance(100)
    again.hear()
    assert again.overrides.in_force().gone == {parse_scope(EU): since}, "since then, whatever restarts there are"
    push(again, TEXT)
    again.hear()
    assert again.answer == {"10", "30"}
    assert not again.overrides.in_force().gone


@pytest.mark.parametrize("peers", [(), ("fra",), ("fra", "new")])
def test_a_reload_of_the_node_file_costs_no_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, peers: tuple[str, ...]
) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    push(node, RENAMED)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        node.overrides.accept({NodeName(name): key_of(name).public for name in peers}, frozenset())
        node.hear()
    assert node.answer == {"10", "30"}
    assert in_force(node) == [f"drain {NEW}"]
    assert caplog.messages == []
    node.overrides._state._writer.submit(lambda: None).result()
    again = Node(tmp_path, RENAMED, restored=True)
    again.hear()
    assert again.answer == {"10", "30"}, "nor does the start after it"


def said_by_fra(node: Node) -> None:
    text = seal_override(said(EU, Action.DRAIN, node="fra", made_at=node.clock.wall(), span_s=HOURS), key_of("fra"))
    node.probe.carry((text,))
    node.hear()


def said_here(node: Node) -> None:
    node.say(Action.DRAIN, EU, span_s=HOURS)


@pytest.mark.parametrize("say", [said_here, said_by_fra])
@pytest.mark.parametrize("is_first", [True, False])
def test_what_is_said_while_the_plan_of_a_rename_is_made_follows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, say: Callable[[Node], None], is_first: bool
) -> None:
    node = Node(tmp_path)
    if not is_first:
        node.say(Action.DRAIN, "endpoint mail.gtm.example.com us-east/192.0.2.11", span_s=HOURS)

    def meanwhile(*arguments: Any, **named: Any) -> Saved:
        say(node)
        assert node.answer == {"10", "30"}
        return with_serials(*arguments, **named)

    monkeypatch.setattr("gtm.node.planner.with_serials", meanwhile)
    push(node, RENAMED)
    assert node.answer == {"10", "30"}
    node.hear()
    assert node.answer == {"10", "30"}
    assert [line for line in in_force(node) if "region" in line] == [f"drain {NEW}"]
    assert "ended" not in kinds(node)


def test_a_name_that_comes_back_while_nothing_is_in_force_is_its_own_again(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU)
    push(node, RENAMED)
    node.hear(after_s=61.0)
    assert in_force(node) == []
    both = RENAMED.replace("ap-southeast", "eu-west")
    push(node, both)
    node.hear(after_s=1.0)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    assert in_force(node) == [f"drain {EU}"]
    assert node.answer == {"10", "20"}, "and what has the name now is drained"


def test_what_waits_for_its_time_follows_a_rename(tmp_path: Path) -> None:
    node = Node(tmp_path)
    ahead = said(EU, Action.DRAIN, node="fra", made_at=node.clock.wall() + 20.0, span_s=HOURS)
    node.probe.carry((seal_override(ahead, key_of("fra")),))
    node.hear()
    push(node, RENAMED)
    node.say(Action.DRAIN, "endpoint mail.gtm.example.com us-east/192.0.2.11", span_s=HOURS)
    node.hear(after_s=21.0)
    assert f"drain {NEW}" in in_force(node)
    assert node.answer == {"10", "30"}


def test_a_start_with_files_that_lost_a_scope_tells_that(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    node.overrides._state._writer.submit(lambda: None).result()
    again = start_again(tmp_path, TEXT, GONE)
    assert kinds(again)[-1] == EventKind.OVERRIDE_ENDED.value.rpartition(".")[2]
    assert again.overrides.in_force().gone


def test_what_a_file_disables_is_not_gone(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    disabled = TEXT.replace("region: eu-west, ", "region: eu-west, enabled: false, ")
    push(node, disabled)
    node.hear()
    assert kinds(node) == ["set"]
    assert not node.overrides.in_force().gone
    with pytest.raises(OverrideRefused, match="all in it is disabled in the zone file"):
        node.say(Action.DOWN, EU)
    push(node, TEXT)
    assert node.answer == {"10", "30"}


def test_a_name_that_something_else_gets_later_is_not_of_the_drain(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)
    push(node, RENAMED)
    reused = RENAMED.replace(
        "region: eu-central, address: 192.0.2.20}",
        "region: eu-central, address: 192.0.2.20}\n      - {region: eu-west, address: 192.0.2.40}",
    )
    push(node, reused.replace("regions:", "regions:\n  eu-west: {at: [48.86, 2.35]}", 1))
    node.hear()
    assert in_force(node) == [f"drain {NEW}"]
    assert node.answer == {"10", "30", "40"}


def test_zones_of_which_no_plan_can_be_made_rename_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN, EU, span_s=HOURS)

    def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("gtm.node.planner.compile_plan", broken)
        push(node, RENAMED)
    assert in_force(node) == [f"drain {EU}"]
    assert node.answer == {"10", "30"}
    assert kinds(node) == ["set"]


def test_names_are_kept_as_text_and_damage_is_found() -> None:
    assert parse_names(compose_names(NO_NAMES)) == NO_NAMES
    for text in ("", "[]", '{"version": 1}', '{"version": 1, "renamed": {"x": {"to": []}}, "gone": {}}'):
        with pytest.raises(StateInvalid):
            parse_names(text)
