"""People and rules between checks and answers, through the whole river: reports in, answers out."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from gtm.errors import OverrideRefused
from gtm.event import EventKind
from gtm.health.override.override import Action, SafetyRule
from gtm.health.override.scope import parse_scope
from gtm.ids import CheckId, NodeName
from gtm.node.notices.safety import MAX_NAMED
from gtm.node.overrides.notices import is_known
from gtm.plan.safety import overlay_decision
from tests.fakes import world
from tests.fakes.peers import key_of
from tests.node.guided import EU, TEXT, Node
from tests.node.present import catalogue, stop, until


def test_a_person_is_followed_before_say_returns_and_until_the_time_is_over(tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert node.answer == {"10", "20", "30"}
    node.say(Action.DRAIN)
    assert node.answer == {"10", "30"}
    assert node.hear(after_s=59.9).answer == {"10", "30"}
    assert node.hear(after_s=0.1).answer == {"10", "20", "30"}


def test_an_override_ends_at_a_tick_with_no_news_at_all(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN)
    node.clock.advance(60)
    node.river.merge()
    assert node.answer == {"10", "20", "30"}


def test_an_override_is_an_event_that_causes_the_next_plan(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN)
    set_, plan = node.events.recent(since=0.0)[-2:]
    assert (set_.type, set_.subject) == (EventKind.OVERRIDE_SET.value, EU)
    assert set_.facts["by"] == "ann"
    assert plan.type == EventKind.PLAN.value
    assert set_.id in plan.causes


def test_a_plan_of_changed_zones_follows_people_too(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN)
    changed = world.zone(TEXT.replace("ttl: 60", "ttl: 61"))
    before = node.planner.present.plan.generation
    asyncio.run(node.planner.take_zones(catalogue(changed)))
    assert node.answer == {"10", "30"}
    assert node.planner.present.plan.generation > before
    node.clock.advance(60)
    node.river.merge()
    assert node.answer == {"10", "20", "30"}


def test_nobody_takes_out_everything_but_by_name_of_the_rule(tmp_path: Path) -> None:
    node = Node(tmp_path)
    with pytest.raises(OverrideRefused) as refused:
        node.say(Action.DOWN, "zone gtm.example.com")
    assert refused.value.rule == "at_least"
    assert str(refused.value) == (
        "safety rule at_least refuses this: api.gtm.example.com would have 0 serving, and must have 1; "
        "mail.gtm.example.com would have 0 serving, and must have 1; `--override-rule at_least` does it all the same"
    )
    assert node.answer == {"10", "20", "30"}
    node.say(Action.DOWN, "region */us-east")
    node.say(Action.DOWN, "region */ap-southeast")
    with pytest.raises(OverrideRefused):
        node.say(Action.DRAIN)
    node.say(Action.DRAIN, EU, SafetyRule.AT_LEAST)
    assert node.answer == {"10", "20", "30"}, "and even so no answer is empty"


def test_a_refusal_names_some_services_and_counts_the_rest(tmp_path: Path) -> None:
    block = TEXT.partition("services:")[2].partition("records:")[0]
    many = "".join(block.replace("  api:", f"  a{n}:").replace("  mail:", f"  m{n}:") for n in range(5))
    node = Node(tmp_path, TEXT.replace(block, many))
    with pytest.raises(OverrideRefused, match=f"; and {10 - MAX_NAMED} more; "):
        node.say(Action.DOWN, "zone gtm.example.com")


@pytest.mark.parametrize(
    "scope",
    [
        "endpoint api.gtm.example.com eu-west/192.0.2.99",
        "endpoint web.gtm.example.com eu-west/192.0.2.20",
        "region gtm.example.com/eu-wst",
        "region example.com/eu-west",
        "service web.gtm.example.com",
        "zone example.com",
    ],
)
def test_nothing_is_said_of_what_is_not_here(tmp_path: Path, scope: str) -> None:
    node = Node(tmp_path)
    assert not is_known(parse_scope(scope), node.planner.present.plan)
    with pytest.raises(OverrideRefused, match="nothing that this node serves is in"):
        node.say(Action.UP, scope)


@pytest.mark.parametrize(
    "scope",
    ["endpoint api.gtm.example.com eu-west/192.0.2.20", EU, "region */eu-west", "service mail.gtm.example.com"],
)
def test_what_is_here_is_known(tmp_path: Path, scope: str) -> None:
    assert is_known(parse_scope(scope), Node(tmp_path).planner.present.plan)


def test_a_region_that_dies_is_out_at_once(tmp_path: Path) -> None:
    node = Node(tmp_path).hear("192.0.2.20", "192.0.2.21")
    assert node.answer == {"10", "30"}
    assert not node.guide.refusals


def test_two_regions_at_once_are_blamed_on_the_probes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node, dead = Node(tmp_path), ("192.0.2.10", "192.0.2.11", "192.0.2.20", "192.0.2.21")
    with caplog.at_level(logging.WARNING, logger="gtm.node.notices.safety"):
        for _ in range(3):
            assert node.hear(*dead, after_s=1.0).answer == {"10", "20", "30"}
    words = (
        "safety rule correlated_failure: 4 of 6 checks of 2 regions, of 2 services, failed within 1 s, all timeout: "
        "suspect the probes or their network; if it is really down, "
        "`gtm obey gtm.example.com --override-rule correlated_failure` believes the checks"
    )
    assert [record.getMessage() for record in caplog.records if record.name == "gtm.node.notices.safety"] == [words]
    assert node.kinds.count(EventKind.SAFETY_BLOCKED.value) == 1
    assert node.counters.count("safety_blocks", rule="correlated_failure") == 1
    node.say(Action.OBEY, "zone gtm.example.com", SafetyRule.CORRELATED, SafetyRule.MAX_SHARE)
    assert node.answer == {"30"}


def test_a_node_that_starts_again_while_something_is_held_holds_it_again(tmp_path: Path) -> None:
    node, dead = Node(tmp_path), ("192.0.2.10", "192.0.2.11", "192.0.2.20", "192.0.2.21")
    node.hear(*dead)

    async def believe() -> None:
        task = asyncio.create_task(node.river.believe())
        await asyncio.sleep(0)
        await stop(task)

    asyncio.run(believe())
    again = Node(tmp_path, restored=True)
    assert again.answer == {"10", "20", "30"}
    assert again.hear(*dead).answer == {"10", "20", "30"}
    assert [refusal.rule for refusal in again.guide.refusals] == [SafetyRule.CORRELATED]


def test_what_waits_goes_with_the_ticks(tmp_path: Path) -> None:
    text = TEXT.replace("services:", "safety: {correlated_failure: false}\nservices:", 1)
    node, dead = Node(tmp_path, text), ("192.0.2.10", "192.0.2.11", "192.0.2.20", "192.0.2.21")
    assert node.hear(*dead).answer > {"30"}
    for _ in range(20):
        node.hear(*dead, after_s=5.0)
    assert node.answer == {"30"}
    assert not node.guide.refusals


def test_rules_that_break_do_not_stop_failover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    node = Node(tmp_path)
    monkeypatch.setattr(overlay_decision, "allow", broken)
    assert node.hear("192.0.2.20", "192.0.2.21").answer == {"10", "30"}
    assert node.counters.count("safety_failures") == 1


def test_a_peer_that_says_something_is_followed_and_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node, told = Node(tmp_path), list[int]()
    monkeypatch.setattr(node.river, "publish_soon", lambda: told.append(1))
    other = Node(tmp_path / "other")
    other.overrides._node, other.overrides._key = NodeName("fra"), key_of("fra")
    other.say(Action.DRAIN)
    node.probe.carry(other.report_store._carried)
    assert node.hear(after_s=1.0).answer == {"10", "30"}
    assert told == [1]


def test_a_node_that_checks_nothing_gives_along_what_was_said(tmp_path: Path) -> None:
    node = Node(tmp_path)

    async def story() -> Mapping[CheckId, object]:
        relay = asyncio.create_task(node.river.relay())
        await asyncio.sleep(0)
        assert NodeName("ns1") not in node.report_store.book.by_node, "nothing to give yet"
        node.say(Action.DRAIN)
        async with until():
            while NodeName("ns1") not in node.report_store.book.by_node:
                await node.report_store.wait_for_news(node.report_store.version)
        await stop(relay)
        report = node.report_store.book.by_node[NodeName("ns1")].report
        assert len(report.overrides) == 1
        return dict(report.votes)

    assert asyncio.run(story()) == {}
