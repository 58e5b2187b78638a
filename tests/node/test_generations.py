"""Generations only grow, and no answer is ever empty, whatever zones, checks, people and rules do."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gtm.errors import OverrideRefused
from gtm.health.override.override import Action, SafetyRule
from gtm.plan.override_effects import TakesNothing
from tests.fakes import world
from tests.node.guided import TEXT, Node
from tests.node.present import catalogue

ADDRESSES = ["192.0.2.10", "192.0.2.20", "192.0.2.30", "192.0.2.11", "192.0.2.21", "192.0.2.31"]
SCOPES = ["region */us-east", "region gtm.example.com/eu-west", "service api.gtm.example.com", "zone gtm.example.com"]

Step = Callable[[Node], object]


def hear(down: set[str], after_s: float) -> Step:
    return lambda node: node.hear(*down, after_s=after_s)


def say(action: Action, scope: str, rules: tuple[SafetyRule, ...]) -> Step:
    def step(node: Node) -> None:
        try:
            node.say(action, scope, *rules, span_s=30.0)
        except TakesNothing:
            assert action is not Action.CLEAR
        except OverrideRefused as refused:
            if refused.is_unknown:
                assert action is Action.CLEAR, "of what nobody said"
            else:
                assert action in {Action.DOWN, Action.DRAIN, Action.CLEAR}
                assert SafetyRule.AT_LEAST not in rules

    return step


def edit(ttl: int) -> Step:
    zone = world.zone(TEXT.replace("ttl: 60", f"ttl: {ttl}"))
    return lambda node: asyncio.run(node.planner.take_zones(catalogue(zone)))


steps = st.lists(
    st.one_of(
        st.builds(hear, st.sets(st.sampled_from(ADDRESSES)), st.floats(0, 100)),
        st.builds(
            say,
            st.sampled_from(Action),
            st.sampled_from(SCOPES),
            st.lists(st.sampled_from(SafetyRule), unique=True).map(tuple),
        ),
        st.builds(edit, st.integers(60, 63)),
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@given(steps)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_generations_only_grow_and_no_answer_is_empty(
    tmp_path_factory: pytest.TempPathFactory, script: list[Step]
) -> None:
    node = Node(Path(tmp_path_factory.mktemp("node")))
    for step in script:
        step(node)
        assert node.answer, "an empty answer"
    generations = [plan.generation for plan in node.engine.plans]
    assert all(before < after for before, after in pairwise(generations))
    for plan in node.engine.plans:
        for decided in plan.decisions.values():
            assert all(one.outcomes[1].answers for one in decided.different)
