"""Why a node should get no queries."""

import asyncio
from pathlib import Path

import pytest

from gtm.node.planner import Planner
from gtm.node.readiness import Readiness
from tests.fakes import world
from tests.node.present import catalogue, make_planner


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    made = make_planner(tmp_path_factory.mktemp("state"))
    asyncio.run(made.take_zones(catalogue(world.zone())))
    return made


@pytest.mark.parametrize(
    ("is_warm", "is_stopping", "is_blind", "words"),
    [
        (True, False, False, ""),
        (False, False, False, "it waits for the first health: nothing is known of 40 of 40 checks yet"),
        (True, False, True, "it is blind: no vote of any probe counts here, and listen.readyz.when_blind says unready"),
        (True, True, True, "it is stopping"),
        (False, True, False, "it is stopping"),
    ],
)
def test_each_reason_is_one_line(
    planner: Planner, words: str, *, is_warm: bool, is_stopping: bool, is_blind: bool
) -> None:
    readiness = Readiness(
        planner,
        is_warm=lambda: is_warm,
        is_stopping=lambda: is_stopping,
        is_blind=lambda: is_blind,
    )
    assert readiness.why_not() == words
    assert readiness.is_ready is (not words)
    assert "\n" not in words


def test_a_node_that_serves_no_zone_is_not_ready(tmp_path: Path) -> None:
    readiness = Readiness(make_planner(tmp_path), is_warm=lambda: True)
    assert readiness.why_not() == "it serves no zone: no zone file was good yet, or there is none"
