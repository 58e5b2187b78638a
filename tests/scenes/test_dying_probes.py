"""A scene: the probes die, one after the other, until there is no quorum; and then endpoints die whom nobody sees.

What is known stays known for a quarter of an hour. After that nothing is known, which is as if all were well.
"""

from pathlib import Path

import pytest

from gtm.health.belief import Belief
from gtm.health.consensus.quorum import Quorum
from tests.scenes.play import API, FIRST, NEAR, SECOND, THIRD, Answered, Play, Probe, given

PROBES = ("fra-1", "gru-1", "iad-1", "pdx-1", "sin-1")
FRESH_ROUNDS = 4
"""Three intervals and the timeout."""
HOLD_ROUNDS = 180
"""A quarter of an hour."""


def well(tmp_path: Path) -> Play:
    play = Play(API + NEAR, tmp_path, [*map(Probe, PROBES)], quorum=Quorum(voters=2, vantages=2))
    play.settle()
    return play


def last(answers: list[Answered]) -> dict[tuple[str, str], str]:
    return {(answer.service, answer.client): answer.address for answer in answers}


def kill(play: Play, *names: str) -> None:
    for name in names:
        play.probe(name).alive = False


@pytest.mark.slow
def test_the_two_that_are_left_of_five_still_decide(tmp_path: Path) -> None:
    play = well(tmp_path)
    for name in PROBES[:3]:
        kill(play, name)
        assert set(given(play.play(20), "api", "us")) == {FIRST}
    play.dead = {FIRST}
    assert set(given(play.play(20), "api", "us")[3:]) == {SECOND}
    assert play.server.planner.present.status.frozen == ()


@pytest.mark.slow
def test_without_a_quorum_what_is_known_stands_and_then_all_count_as_up(tmp_path: Path) -> None:
    play = well(tmp_path)
    all_up = last(play.play(1))
    play.dead = {FIRST}
    known = last(play.play(20))
    assert known["api", "us"] == known["near", "us"] == SECOND
    kill(play, *PROBES[:4])
    play.play(FRESH_ROUNDS)
    assert len(play.server.planner.present.status.frozen) == 3
    play.dead = {FIRST, SECOND}  # the one probe that is left sees it, and does not decide alone
    for answers in (last(play.play(1)) for _ in range(HOLD_ROUNDS - FRESH_ROUNDS)):
        assert answers == known, "nothing changes while it is held"
    given_up = play.play(2 * FRESH_ROUNDS)
    assert {play.belief(address) for address in (FIRST, SECOND, THIRD)} == {Belief.UNKNOWN}
    assert last(given_up) == all_up, "never worse than if nobody checked"


@pytest.mark.slow
def test_probes_that_come_back_bring_the_truth_back(tmp_path: Path) -> None:
    play = well(tmp_path)
    kill(play, *PROBES)
    play.dead = {FIRST}
    held = play.play(HOLD_ROUNDS + 60)
    assert set(given(held, "api", "us")) == {FIRST}, "nobody can know"
    for probe in play.probes:
        probe.alive, probe.verdicts = True, {}
    back = play.play(20)
    assert set(given(back, "api", "us")[3:]) == {SECOND}
    assert all(answer.address for answer in play.answers), "there was an answer at any time"


@pytest.mark.slow
def test_a_lone_survivor_cannot_take_anything_down(tmp_path: Path) -> None:
    play = well(tmp_path)
    kill(play, *PROBES[1:])
    play.play(FRESH_ROUNDS)
    play.probe(PROBES[0]).lies = True
    assert {one.address for one in play.play(HOLD_ROUNDS + 60) if one.service == "api"} == {FIRST}
