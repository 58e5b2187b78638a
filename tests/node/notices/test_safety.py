"""What the rules of safety refuse, as events and counts, through the whole river of a node."""

import json
import logging
from pathlib import Path

import pytest

from gtm.errors import OverrideRefused
from gtm.event import EventKind, Recorded
from gtm.health.override.override import Action, Override, SafetyRule
from gtm.health.override.signed import seal_override
from gtm.node.config.log_options import LogChoice, LogFormat
from gtm.node.notices.safety import Released
from gtm.plan.safety.minimums import Refusal
from tests.cli.logged import logged
from tests.fakes.overrides import WALL, said
from tests.fakes.peers import key_of
from tests.node.guided import TEXT, Node


def events(node: Node, kind: EventKind) -> list[Recorded]:
    return [event for event in node.events.recent(since=0.0) if event.type == kind.value]


def test_a_refused_person_is_an_event_that_names_the_rule(tmp_path: Path) -> None:
    node = Node(tmp_path)
    with pytest.raises(OverrideRefused):
        node.say(Action.DRAIN, "zone gtm.example.com")
    blocked = node.events.recent(since=0.0)[-1]
    assert (blocked.type, blocked.subject) == (EventKind.SAFETY_BLOCKED.value, "zone gtm.example.com")
    assert blocked.message == (
        "safety rule at_least: drain zone gtm.example.com by ann is refused: api.gtm.example.com would have 0 serving, "
        "and must have 1; mail.gtm.example.com would have 0 serving, and must have 1"
    )
    assert blocked.facts == {
        "rule": "at_least",
        "action": "drain",
        "by": "ann",
        "why": "a fire",
        "services": ("api.gtm.example.com", "mail.gtm.example.com"),
        "services_count": 2,
    }
    assert node.counters.count("safety_blocks", rule="at_least") == 1
    node.say(Action.DRAIN)
    assert blocked.id not in node.events.recent(since=0.0)[-1].causes, "no plan follows from what is refused"


PACED = TEXT.replace("services:", "safety: {correlated_failure: false}\nservices:", 1)
"""Two services in three regions, of which what fails beyond a third waits for the budget."""


def test_what_joins_those_that_wait_is_told(tmp_path: Path) -> None:
    node = Node(tmp_path, PACED).hear("192.0.2.20", "192.0.2.21")
    for _ in range(3):
        node.hear("192.0.2.20", "192.0.2.21", "192.0.2.10", after_s=1.0)
    [first] = events(node, EventKind.SAFETY_BLOCKED)
    assert first.facts["held"] == ("api.gtm.example.com us-east/192.0.2.10",)
    for _ in range(3):
        node.hear("192.0.2.20", "192.0.2.21", "192.0.2.10", "192.0.2.11", after_s=1.0)
    second = events(node, EventKind.SAFETY_BLOCKED)[1:]
    assert [(one.subject, one.facts["rule"]) for one in second] == [
        ("zone gtm.example.com", "max_share_removed_per_minute")
    ]
    assert second[0].facts["joined"] == ("mail.gtm.example.com us-east/192.0.2.11",)
    assert second[0].facts["held_count"] == 2
    assert node.counters.count("safety_blocks", rule="max_share_removed_per_minute") == 2


def test_each_region_that_min_healthy_skips_is_told(tmp_path: Path) -> None:
    text = TEXT.replace("192.0.2.20}\n", "192.0.2.20}\n      - {region: eu-west, address: 192.0.2.22}\n")
    text = text.replace("192.0.2.30}\n", "192.0.2.30}\n      - {region: ap-southeast, address: 192.0.2.32}\n")
    text = text.replace("services:", "min_healthy: {eu-west: 2, ap-southeast: 2}\nservices:", 1)
    text = text.replace("  mail:", "  mail:\n    min_healthy: {eu-west: 1, ap-southeast: 1}")
    node = Node(tmp_path, text).hear("192.0.2.20")
    node.hear("192.0.2.20", "192.0.2.30", after_s=1.0)
    first, second = events(node, EventKind.SAFETY_BLOCKED)
    assert first.facts["held"] == ("api.gtm.example.com eu-west/192.0.2.20", "api.gtm.example.com eu-west/192.0.2.22")
    assert "ap-southeast" in second.message


def heard(node: Node, *said_there: Override) -> None:
    """Hears from a peer what was said there."""
    node.probe.carry(tuple(seal_override(one, key_of("fra")) for one in said_there))
    node.hear(after_s=1.0)


def drains(*regions: str, rules: tuple[SafetyRule, ...] = ()) -> list[Override]:
    return [
        said(f"region gtm.example.com/{name}", Action.DRAIN, node="fra", made_at=WALL + 0.001 * count, rules=rules)
        for count, name in enumerate(regions)
    ]


def test_people_who_together_take_everything_are_followed_and_everybody_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = Node(tmp_path)
    node.say(Action.DRAIN)
    assert not node.guide.problems
    with caplog.at_level(logging.WARNING, logger="gtm.node.notices.safety"):
        heard(node, *drains("us-east", "ap-southeast"))
        node.hear(after_s=1.0)
    [breach] = events(node, EventKind.SAFETY_BREACHED)
    words = (
        "safety rule at_least: people took too much: api.gtm.example.com has 0 regions serving, and must have 1; "
        "mail.gtm.example.com has 0 regions serving, and must have 1"
    )
    assert (breach.subject, breach.message) == ("2 services", f"{words}; they are followed all the same")
    assert caplog.messages.count(breach.message) == 1
    assert breach.facts["rule"] == "at_least"
    assert breach.facts["services"] == ("api.gtm.example.com", "mail.gtm.example.com")
    assert breach.facts["overrides"] == (
        f"fra:{WALL * 1000:.0f}",
        f"fra:{WALL * 1000 + 1:.0f}",
        f"ns1:{WALL * 1000:.0f}",
    )
    assert node.counters.count("safety_breaches", rule="at_least") == 1
    assert breach.id in events(node, EventKind.PLAN)[-1].causes
    assert node.answer == {"10", "20", "30"}, "no answer is empty: on_all_down decides"
    assert node.guide.problems == (f"{words}; `gtm clear SCOPE` gives something back",)
    node.hear(after_s=60.0)
    assert not node.guide.problems, "what was said here is over"
    assert node.answer == {"20"}


def test_checks_that_take_the_rest_of_what_people_left_are_told_too(tmp_path: Path) -> None:
    node = Node(tmp_path, PACED)
    heard(node, *drains("us-east", "ap-southeast"))
    assert not events(node, EventKind.SAFETY_BREACHED)
    node.hear("192.0.2.20", after_s=1.0)
    assert [event.subject for event in events(node, EventKind.SAFETY_BREACHED)] == ["service api.gtm.example.com"]
    node.hear("192.0.2.20", "192.0.2.10", "192.0.2.30", after_s=1.0)
    assert not node.guide.problems, "people are not to blame when nothing would serve without them either"


def test_who_names_the_rule_knows_and_breaks_nothing(tmp_path: Path) -> None:
    node = Node(tmp_path)
    heard(node, *drains("us-east", "ap-southeast", "eu-west", rules=(SafetyRule.AT_LEAST,)))
    assert node.answer == {"10", "20", "30"}
    assert not events(node, EventKind.SAFETY_BREACHED)


def test_what_the_budget_lets_go_is_the_cause_of_the_plan_though_others_wait(tmp_path: Path) -> None:
    node, dead = Node(tmp_path, PACED), ("192.0.2.20", "192.0.2.21", "192.0.2.10", "192.0.2.11")
    node.hear("192.0.2.20", "192.0.2.21").hear(*dead, after_s=1.0)
    generation = node.planner.present.plan.generation
    while node.planner.present.plan.generation == generation:
        node.hear(*dead, after_s=1.0)
    [released], plan = events(node, EventKind.SAFETY_RELEASED), events(node, EventKind.PLAN)[-1]
    assert released.subject == "zone gtm.example.com"
    [one] = set(node.guide.refusals[0].held)
    other = (
        {"api.gtm.example.com us-east/192.0.2.10", "mail.gtm.example.com us-east/192.0.2.11"} - {" ".join(one)}
    ).pop()
    assert released.facts == {
        "rule": "max_share_removed_per_minute",
        "released": (other,),
        "released_count": 1,
        "held_count": 1,
        "held_by_others": 0,
        "down_count": 1,
    }
    assert released.message == (
        f"safety rule max_share_removed_per_minute: zone gtm.example.com: "
        f"1 counted as down now, by the checks ({other}); 1 held still"
    )
    assert plan.causes == (released.id,)


def test_a_suspicion_that_is_over_is_the_cause_of_the_plan(tmp_path: Path) -> None:
    node, dead = Node(tmp_path), ("192.0.2.10", "192.0.2.11", "192.0.2.20", "192.0.2.21")
    node.hear(*dead)
    generation = node.planner.present.plan.generation
    for _ in range(30):
        node.hear(*dead, after_s=5.0)
    first = events(node, EventKind.SAFETY_RELEASED)[0]
    assert (first.subject, first.facts["rule"]) == ("checks", "correlated_failure")
    assert (first.facts["released_count"], first.facts["held_count"]) == (4, 0)
    waiting = first.facts["held_by_others"]
    assert f" {waiting} held by another rule (" in first.message
    later = [plan for plan in events(node, EventKind.PLAN) if int(plan.subject) > generation]
    told = {event.id for kind in (EventKind.SAFETY_RELEASED, EventKind.SAFETY_BLOCKED) for event in events(node, kind)}
    assert first.id in {cause for plan in later for cause in plan.causes}
    assert all(told & set(plan.causes) for plan in later), "no plan without a cause"


HELD = ("192.0.2.10", "192.0.2.11", "192.0.2.20", "192.0.2.21")
NAMES = "api.gtm.example.com eu-west/192.0.2.20, api.gtm.example.com us-east/192.0.2.10"


@pytest.mark.parametrize(
    ("action", "rules", "words"),
    [
        (Action.UP, (), "2 up by what a person said"),
        (Action.DOWN, (SafetyRule.AT_LEAST,), "2 out by what a person said"),
        (
            Action.OBEY,
            (SafetyRule.CORRELATED, SafetyRule.MAX_SHARE, SafetyRule.AT_LEAST),
            "2 counted as down now, by the checks",
        ),
    ],
)
def test_what_became_of_those_that_a_rule_held_is_told(
    tmp_path: Path, action: Action, rules: tuple[SafetyRule, ...], words: str
) -> None:
    node = Node(tmp_path)
    node.hear(*HELD).hear(*HELD, after_s=1.0)
    node.say(action, "service api.gtm.example.com", *rules)
    told = [
        event.message
        for event in events(node, EventKind.SAFETY_RELEASED)
        if event.facts["rule"] == "correlated_failure"
    ]
    assert told[0] == f"safety rule correlated_failure: checks: {words} ({NAMES}); 2 held still"


def test_what_is_up_again_is_not_told_as_taken_out(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.hear(*HELD).hear(*HELD, after_s=1.0).hear(after_s=1.0)
    [told] = [event for event in events(node, EventKind.SAFETY_RELEASED) if event.facts["rule"] == "correlated_failure"]
    assert told.message.startswith("safety rule correlated_failure: checks: 4 not down any more (")
    assert told.facts["down_count"] == 0


def test_a_rule_that_holds_nothing_by_name_is_over_too(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.notices.tell([Refusal(SafetyRule.CORRELATED, "checks", "the probes are to blame")], lambda _: Released.UP)
    node.notices.tell([], lambda _: Released.UP)
    [released] = events(node, EventKind.SAFETY_RELEASED)
    assert released.message == "safety rule correlated_failure: over for checks"


def test_lines_about_rules_have_their_facts_as_fields(tmp_path: Path) -> None:
    with logged(LogChoice(format=LogFormat.JSON)) as log:
        node = Node(tmp_path, PACED).hear("192.0.2.20", "192.0.2.21")
        for _ in range(3):
            node.hear("192.0.2.20", "192.0.2.21", "192.0.2.10", after_s=1.0)
        node.say(Action.DOWN, "endpoint api.gtm.example.com us-east/192.0.2.10")
        for _ in range(3):
            node.hear(after_s=1.0)
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    blocked, *_ = [line for line in found if line.get("event") == "gtm.safety.blocked"]
    held = ["api.gtm.example.com us-east/192.0.2.10"]
    fields = {"rule": "max_share_removed_per_minute", "subject": "zone gtm.example.com"}
    assert blocked.items() >= (fields | {"level": "WARNING", "held": held, "held_count": 1, "joined": held}).items()
    released, *_ = [line for line in found if line.get("event") == "gtm.safety.released"]
    assert released.items() >= (fields | {"level": "INFO", "released": held, "held_count": 0}).items()
