"""A scene: the clock of one probe goes 3 % slow, until its reports look half a minute old; then somebody sets it.

Reports more than 30 s off are refused, so that nobody can replay old ones. So the probe falls silent for the others, as
if it were dead, and its last votes grow old; it must not hold up what the others see.
"""

from pathlib import Path

import pytest

from gtm.health.belief import Belief
from gtm.health.report.envelope import MAX_SKEW_S
from gtm.ids import NodeName
from tests.scenes.play import FIRST, PAIR, ROUND_S, SECOND, Play, Probe, given

RATE = 0.97
SLOW = "sin-1"
HEARD_ROUNDS = int(MAX_SKEW_S / (ROUND_S * (1 - RATE)))
"""For so long it is heard: 200 rounds."""


def well(tmp_path: Path) -> Play:
    play = Play(PAIR, tmp_path, [Probe("fra-1"), Probe("iad-1"), Probe(SLOW, rate=RATE)])
    play.settle()
    return play


def skewed(play: Play) -> int:
    return play.server.report_store.refused.get((NodeName(SLOW), "skewed"), 0)


@pytest.mark.slow
def test_it_is_heard_until_it_is_half_a_minute_off_and_then_refused_by_name(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.play(HEARD_ROUNDS - 12 - 5)
    assert skewed(play) == 0
    play.play(30)
    assert skewed(play) > 20
    votes = {
        voice.vantage: voice for check in play.server.planner.present.status.checks.values() for voice in check.votes
    }
    assert (votes["sin"].fresh, votes["fra"].fresh, votes["iad"].fresh) == (False, True, True)  # type: ignore[index]
    assert not play.server.quarantined, "silence is no lie"


@pytest.mark.slow
def test_deaths_are_noticed_in_time_before_and_after(tmp_path: Path) -> None:
    play = well(tmp_path)
    for _ in range(6):
        play.dead = {FIRST}
        assert set(given(play.play(30), "api", "us")[3:]) == {SECOND}
        play.dead = set()
        assert given(play.play(100), "api", "us")[-1] == FIRST
    assert skewed(play) > 0, "it went silent on the way"


@pytest.mark.slow
def test_once_its_clock_is_set_it_is_heard_again(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.play(HEARD_ROUNDS + 20)
    clock = play.probe(SLOW).clock
    clock.rate = 1.0
    clock.step_wall(play.server.clock.wall() - clock.wall())
    before = skewed(play)
    play.dead = {SECOND}
    play.play(10)
    assert skewed(play) == before
    [check] = [one for check, one in play.server.planner.present.status.checks.items() if check.endswith(SECOND)]
    assert [voice.belief for voice in check.votes if voice.fresh] == [Belief.DOWN] * 3
