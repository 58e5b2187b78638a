"""A scene: the first of two endpoints is well and ill by turns, a minute each, for an hour, and then well for good."""

from itertools import pairwise
from pathlib import Path

import pytest

from gtm.health.verdict.verdict import VerdictState
from tests.scenes.play import CLIENTS, FIRST, PAIR, SECOND, Play, Probe, given

MINUTE_ROUNDS = 12
HOUR_ROUNDS = 720


def ill_for_an_hour(play: Play) -> list[str]:
    """Plays the hour; returns what the client of us-east was answered, round by round."""
    first = len(play.answers)
    for number in play.run(HOUR_ROUNDS):
        play.dead = {FIRST} if number // MINUTE_ROUNDS % 2 else set()
    return given(play.answers[first:], "api", "us")


def moves(answers: list[str]) -> int:
    return sum(before != after for before, after in pairwise(answers))


@pytest.mark.slow
def test_clients_are_moved_a_few_times_and_not_every_minute(tmp_path: Path) -> None:
    play = Play(PAIR, tmp_path, [Probe("fra-1"), Probe("iad-1"), Probe("sin-1")])
    play.settle()
    answers = ill_for_an_hour(play)
    assert 1 <= moves(answers) <= 60 / 4, "undamped it would be every minute"
    assert {answer.address for answer in play.answers} == {FIRST, SECOND}, "and somebody answers at any time"
    assert any(
        status.state is VerdictState.FLAPPING or status.votes[0].state is VerdictState.FLAPPING
        for check, status in play.server.planner.present.status.checks.items()
        if check.endswith(FIRST)
    ), "people see that it flaps"
    play.dead = set()
    well = play.play(16 * 5 + 20)
    assert set(given(well, "api", "us")[-5:]) == {FIRST}, "sixteen times the good readings, and no more"


@pytest.mark.slow
def test_nobody_is_answered_an_endpoint_that_has_been_ill_for_three_rounds(tmp_path: Path) -> None:
    play = Play(PAIR, tmp_path, [Probe("fra-1"), Probe("iad-1"), Probe("sin-1")])
    play.settle()
    ill = 0
    for number in play.run(HOUR_ROUNDS // 3):
        play.dead = {FIRST} if number // MINUTE_ROUNDS % 2 else set()
        ill = ill + 1 if play.dead else 0
        if ill > 4:  # what is set in a round is seen in the next
            newest = play.answers[-len(CLIENTS) :]
            assert {one.address for one in newest} == {SECOND}
