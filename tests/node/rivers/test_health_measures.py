"""What the health river measures of what passes through it."""

from pathlib import Path

from gtm.health.override.override import Action
from gtm.metrics.model import Distribution
from tests.node.guided import Node

TWO_HOURS_S = 7200.0


def converged(node: Node) -> tuple[int, float]:
    """How many failovers were measured, and the seconds of all."""
    _, convergence = node.tallies.failovers.families()
    [point] = convergence.points
    assert isinstance(point.value, Distribution)
    return point.value.count, point.value.sum


def test_a_failover_is_measured_from_the_verdict_to_the_plan(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.hear("192.0.2.20", after_s=4.0)
    assert converged(node) == (1, 0.0), "its probe says so at the same moment"
    node.hear("192.0.2.20", after_s=4.0)
    node.hear(after_s=4.0)
    assert converged(node) == (1, 0.0), "what goes on, and what comes back, is none"


def test_what_a_person_keeps_in_the_answers_does_not_fail_over(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.say(Action.UP, span_s=TWO_HOURS_S)
    node.hear("192.0.2.20", after_s=4.0)
    assert converged(node) == (0, 0.0)


def test_what_is_watched_no_longer_is_measured_no_longer(tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert node.tallies.transitions.family().points
    node.river.watch(())
    assert not node.tallies.transitions.family().points


def test_each_change_of_mind_is_counted_by_check(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.hear("192.0.2.20")
    moved = {
        point.labels["check"]: point.value
        for point in node.tallies.transitions.family().points
        if point.labels["to"] == "down" and point.value
    }
    assert moved == {"gtm.example.com/web/192.0.2.20": 1}
