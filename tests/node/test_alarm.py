"""What the rules of safety refuse, as events and counts, through the whole river of a node."""

from pathlib import Path

import pytest

from gtm.errors import OverrideRefused
from gtm.health.event import EventKind
from gtm.health.override import Action
from tests.node.guided import Node


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
