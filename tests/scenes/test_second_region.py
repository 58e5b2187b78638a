"""A scene: one region of three dies, and a second one within the minute. The third is well, and serves everybody.

The first goes at once: no rule is about one region. The second goes at 25 % of the zone a minute; a person who knows
that it is dead need not wait for that.
"""

from pathlib import Path

import pytest

from gtm.health.override.override import Action, SafetyRule
from tests.scenes.play import ROUND_S, Play, Probe
from tests.scenes.sites import NOTICED_AFTER, THREE, alerts, in_region, moments, refused

US, EU, AP = (in_region(place) for place in range(3))
LATER = 8
"""Rounds: 40 s."""
REFILLED_AFTER = int(80 / ROUND_S)
"""Rounds until 33 % are refilled at 25 % a minute."""


def dying(tmp_path: Path) -> Play:
    """Both regions are dead, and believed so; the second one waits."""
    play = Play(THREE, tmp_path, [*map(Probe, ("fra-1", "iad-1", "sin-1"))])
    play.settle()
    play.dead = set(US)
    first = moments(play.play(LATER))
    assert first == [US] * (NOTICED_AFTER - 1) + [EU] * (LATER - NOTICED_AFTER + 1), "one region goes at once"
    assert not alerts(play)
    play.dead = US | EU
    assert moments(play.play(NOTICED_AFTER - 1)) == [EU] * (NOTICED_AFTER - 1)
    return play


@pytest.mark.slow
def test_the_second_region_within_the_minute_goes_at_the_pace_of_the_budget_and_no_later(tmp_path: Path) -> None:
    play = dying(tmp_path)
    waited = REFILLED_AFTER - LATER
    rounds = moments(play.play(waited + 10))
    assert all(one <= EU | AP for one in rounds), "what is out stays out"
    left = [len(one & EU) for one in rounds]
    assert left == sorted(left, reverse=True), "one after the other"
    assert left[0] > 0
    assert left[waited:] == [0] * 10, "80 s after the first"
    assert alerts(play) == ["max_share_removed_per_minute"], "told once"
    assert not refused(play)
    held_s = waited * ROUND_S
    assert held_s <= max(play.server.longest_hold_s(name) for name in play.names), "as `gtm bound` says"


@pytest.mark.slow
def test_an_override_that_names_the_rule_lifts_the_hold_at_once(tmp_path: Path) -> None:
    play = dying(tmp_path)
    assert any(moment & EU for moment in moments(play.play(1)))
    play.say(Action.OBEY, "region gtm.example.com/eu-west", SafetyRule.MAX_SHARE)
    assert moments(play.play(4)) == [AP] * 4
    assert not refused(play)


@pytest.mark.slow
def test_an_override_that_names_another_rule_lifts_nothing(tmp_path: Path) -> None:
    play = dying(tmp_path)
    play.say(Action.OBEY, "region gtm.example.com/eu-west", SafetyRule.CORRELATED)
    assert any(moment & EU for moment in moments(play.play(4)))
    assert refused(play) == {"max_share_removed_per_minute"}
