"""A scene: the node is killed in mid-play, and the newest state on its disk is torn. It goes on from the one before.

The play's disk is real: what is torn was written by the checksummed files, and what it finds is what it makes of the
rest.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gtm.health.belief import Belief
from tests.scenes.play import Play, Probe
from tests.scenes.sites import NOTICED_AFTER, address, moments, one_of

FIRST, SECOND, THIRD = (address(0, place) for place in range(3))


def killed(tmp_path: Path) -> Play:
    """The first endpoint has been dead for a minute, and the last one just died."""
    play = Play(one_of("shop", 0), tmp_path / "state", [*map(Probe, ("fra-1", "iad-1", "sin-1"))])
    play.settle()
    play.dead = {FIRST}
    play.play(12 + NOTICED_AFTER)
    play.dead = {FIRST, THIRD}
    assert moments(play.play(20))[-1] == {SECOND}
    assert (play.belief(FIRST), play.belief(SECOND), play.belief(THIRD)) == (Belief.DOWN, Belief.UP, Belief.DOWN)
    play.hears = lambda _probe: False  # whatever it knows now, it knows from its disk
    return play


def tear(files: Iterator[Path]) -> int:
    """Cuts files in half, as a power cut may leave them; returns how many."""
    torn = 0
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        torn += 1
    return torn


@pytest.mark.slow
def test_a_whole_state_is_what_was_known_last(tmp_path: Path) -> None:
    play = killed(tmp_path)
    play.restart()
    assert moments(play.play(3)) == [{SECOND}] * 3
    assert play.belief(THIRD) is Belief.DOWN


@pytest.mark.slow
def test_a_torn_state_costs_one_change_and_no_dead_address_is_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    play = killed(tmp_path)
    before = play.server.planner.present.plan.generation
    play.restart(before=lambda: require(tear(play.folder.glob("*.json")) >= 3))
    assert moments(play.play(10)) == [{SECOND}] * 10, "the first was dead in the copy before, too"
    assert play.belief(THIRD) is Belief.UP, "which was not in it yet"
    assert play.server.counters.count("state_errors", file="status.json") == 1
    assert "status.json is damaged: its checksum is wrong" in caplog.text
    assert play.server.planner.present.plan.generation > before, "generations only grow, whatever was lost"
    play.hears = lambda _probe: True
    assert moments(play.play(3)) == [{SECOND}] * 3
    assert (play.belief(FIRST), play.belief(THIRD)) == (Belief.DOWN, Belief.DOWN)
    assert play.server.planner.present.status.frozen == ()


@pytest.mark.slow
def test_with_every_copy_torn_it_answers_as_if_nobody_checked_and_then_the_truth(tmp_path: Path) -> None:
    play = killed(tmp_path)
    before = play.server.planner.present.plan.generation
    play.restart(before=lambda: require(tear(play.folder.glob("*.json*")) >= 6))
    assert moments(play.play(2)) == [{FIRST}] * 2, "never nothing"
    assert play.server.planner.present.plan.generation > before
    play.hears = lambda _probe: True
    assert moments(play.play(3)) == [{SECOND}] * 3


def require(is_so: bool) -> None:  # noqa: FBT001  # the one argument is the name
    assert is_so
