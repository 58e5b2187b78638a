"""A scene: one of five probes says the opposite of what it sees, while endpoints die and come back."""

from itertools import cycle
from pathlib import Path

import pytest

from gtm.health.belief import Belief
from gtm.ids import NodeName
from tests.scenes.play import API, CLIENTS, FIRST, SECOND, THIRD, Play, Probe, given

HONEST = ("fra-1", "gru-1", "pdx-1", "sin-1")
LIAR = NodeName("iad-1")
DOWN_AFTER, UP_AFTER = 3, 13
"""Rounds: three bad readings in a row; a minute of failback delay."""


def well(tmp_path: Path) -> Play:
    play = Play(API, tmp_path, [*map(Probe, HONEST), Probe(LIAR)])
    play.settle()
    return play


@pytest.mark.slow
def test_it_is_quarantined_within_ten_rounds_and_decides_nothing_before_or_after(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.probe(LIAR).lies = True
    rounds_of_lies = 0
    for _ in play.run(12):
        rounds_of_lies += LIAR not in play.server.quarantined
        assert play.belief(FIRST) is Belief.UP
    assert DOWN_AFTER < rounds_of_lies < DOWN_AFTER + 10, "its verdict takes three rounds to be a lie"
    assert play.server.quarantined == {LIAR}
    [line] = [line for line in play.server.planner.present.status.checks.values() if line.votes[0].vantage == "fra"][:1]
    [lie] = [voice for voice in line.votes if voice.vantage == "iad"]
    assert (lie.belief, lie.quarantined, lie.counts) == (Belief.DOWN, True, False), "it is shown, and does not count"


@pytest.mark.slow
def test_deaths_and_repairs_are_believed_as_if_it_were_not_there(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.probe(LIAR).lies = True
    for dead in [address for _, address in zip(range(5), cycle((FIRST, SECOND, THIRD)), strict=False)]:
        play.dead = {dead}
        fell = play.play(20)
        right = SECOND if dead == FIRST else FIRST
        for client in CLIENTS:
            assert set(given(fell, "api", client)[DOWN_AFTER:]) == {right}
        beliefs = {address: play.belief(address) for address in (FIRST, SECOND, THIRD)}
        assert beliefs == {belief: Belief.DOWN if belief == dead else Belief.UP for belief in beliefs}
        play.dead = set()
        play.play(20)
        assert play.belief(dead) is Belief.UP, "the failback delay is a minute"
    assert play.server.quarantined == {LIAR}


@pytest.mark.slow
def test_it_is_released_once_it_has_told_the_truth_for_long_enough(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.probe(LIAR).lies = True
    play.play(40)
    play.probe(LIAR).lies = False
    still = sum(LIAR in play.server.quarantined for _ in play.run(60))
    assert UP_AFTER < still < 40, "its verdicts turn after a minute, and then it agrees for eight rounds and more"


@pytest.mark.slow
def test_two_of_five_that_lie_alike_take_nothing_down(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.probe(LIAR).lies = play.probe("gru-1").lies = True
    for one in play.play(100):
        assert one.address == FIRST
    assert play.server.quarantined == {LIAR, NodeName("gru-1")}


@pytest.mark.slow
def test_who_leaves_and_comes_back_is_still_in_quarantine(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.probe(LIAR).lies = True
    play.play(20)
    for _ in range(5):
        play.server.report_store.forget(LIAR)  # as when its lease in etcd is over
        play.server.merge()
        for _ in play.run(1):
            assert play.server.quarantined == {LIAR}
    assert [line for line in play.server.events.kinds if line.startswith("probe.quar")] == ["probe.quarantined"]
