"""A scene: the endpoints of services that have nothing in common fail within one moment, in more than one region.

More likely it is the probes: what was up is answered on, and somebody is called. If they still say so after two
minutes, it is believed, at the pace of the budget.
"""

from pathlib import Path

import pytest

from gtm.health.override.override import Action, SafetyRule
from gtm.plan.safety.correlated import HOLD_S
from tests.scenes.play import ROUND_S, Play, Probe
from tests.scenes.sites import NOTICED_AFTER, THREE, alerts, in_region, moments, refused

US, EU, AP = (in_region(place) for place in range(3))
HOLD = int(HOLD_S / ROUND_S)
PAID_AFTER = int(80 / ROUND_S)
"""Rounds: 33 % go at once, and 33 % at 25 % a minute."""


def well(tmp_path: Path) -> Play:
    play = Play(THREE, tmp_path, [*map(Probe, ("fra-1", "iad-1", "sin-1"))])
    play.settle()
    return play


@pytest.mark.slow
def test_all_at_once_is_frozen_and_told_and_believed_once_it_is_confirmed(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.dead = US | EU
    assert moments(play.play(NOTICED_AFTER + HOLD - 1)) == [US] * (NOTICED_AFTER + HOLD - 1)
    assert refused(play) == {"correlated_failure"}
    assert alerts(play) == ["correlated_failure"], "told once"
    confirmed = moments(play.play(PAID_AFTER + 10))
    assert confirmed[0] != US, "believed, and the budget pays for the first"
    assert confirmed[PAID_AFTER:] == [AP] * 10
    assert alerts(play) == ["correlated_failure", "max_share_removed_per_minute"]
    assert not refused(play)
    held_s = (HOLD + PAID_AFTER) * ROUND_S
    assert held_s <= max(play.server.longest_hold_s(name) for name in play.names), "as `gtm bound` says"


@pytest.mark.slow
def test_probes_that_lost_their_network_for_a_minute_move_nobody(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.sees = lambda _place, _address: False
    assert moments(play.play(12)) == [US] * 12
    assert alerts(play) == ["correlated_failure"]
    play.sees = lambda _place, _address: True
    assert moments(play.play(30)) == [US] * 30
    assert not refused(play)


@pytest.mark.slow
def test_a_person_who_knows_better_lifts_both_rules_by_their_names(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.dead = US | EU
    assert moments(play.play(NOTICED_AFTER)) == [US] * NOTICED_AFTER
    play.say(Action.OBEY, "zone gtm.example.com", SafetyRule.CORRELATED, SafetyRule.MAX_SHARE)
    assert moments(play.play(3)) == [AP] * 3
