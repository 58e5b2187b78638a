"""What the rules of safety refuse, as events and counts, through the whole river of a node."""

from pathlib import Path

import pytest

from gtm.errors import OverrideRefused
from gtm.health.event import EventKind, Recorded
from gtm.health.override import Action
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
