"""A scene: the cables under the Atlantic are cut. Nothing is down, but for twenty minutes neither side sees the other.

Two probes each in Ashburn, Portland, Frankfurt and Singapore. Singapore sees everything, and relays what all say.
"""

from pathlib import Path

import pytest

from gtm.health.belief import Belief
from tests.scenes.play import Answered, Play, Probe, given

US_EAST, EU_WEST, AP = "192.0.2.10", "192.0.2.20", "192.0.2.30"
SERVICES = f"""
  shop:
    monitor: web
    steer: failover
    endpoints:
      - {{region: us-east, address: {US_EAST}}}
      - {{region: eu-west, address: {EU_WEST}}}
  copy:
    monitor: web
    steer: failover
    health_view: global
    endpoints:
      - {{region: us-east, address: {US_EAST}}}
      - {{region: eu-west, address: {EU_WEST}}}
  media:
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: {US_EAST}}}
      - {{region: ap-southeast, address: {AP}}}
  single:
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: {US_EAST}}}
"""
VANTAGES = ("fra", "iad", "pdx", "sin")
AMERICA, EUROPE = {"iad", "pdx", "us"}, {"fra", "eu"}
NOTICED_AFTER = 3
"""Rounds: as many bad readings in a row take an endpoint down."""
BACK_AFTER = 13
"""Rounds: the failback delay of a minute."""


def is_cut(place: str, address: str) -> bool:
    """Whether a place sees an address while the Atlantic is cut."""
    return not (place in AMERICA and address == EU_WEST) and not (place in EUROPE and address == US_EAST)


def well(tmp_path: Path) -> Play:
    play = Play(SERVICES, tmp_path, [Probe(f"{vantage}-{number}") for vantage in VANTAGES for number in (1, 2)])
    play.settle()
    return play


def require_calm_elsewhere(answers: list[Answered]) -> None:
    """Whoever is not in Europe is answered as if nothing had happened."""
    for client in ("us", "ap", "nowhere"):
        assert set(given(answers, "shop", client)) == {US_EAST}
        assert set(given(answers, "single", client)) == {US_EAST}
    assert set(given(answers, "media", "us")) == {US_EAST}
    assert set(given(answers, "media", "ap")) == {AP}


@pytest.mark.slow
def test_europe_leaves_what_it_cannot_see_and_nobody_else_is_moved(tmp_path: Path) -> None:
    play = well(tmp_path)
    require_calm_elsewhere(play.play(60))
    play.sees = is_cut
    cut = play.play(240)
    require_calm_elsewhere(cut)
    assert given(cut, "shop", "eu")[NOTICED_AFTER:] == [EU_WEST] * (240 - NOTICED_AFTER)
    assert given(cut, "media", "eu")[NOTICED_AFTER:] == [AP] * (240 - NOTICED_AFTER)
    assert set(given(cut, "single", "eu")) == {US_EAST}, "there is nothing else"
    assert set(given(cut, "copy", "eu")) == {US_EAST}, "its zone file says so"
    assert (play.belief(US_EAST), play.belief(EU_WEST)) == (Belief.UP, Belief.UP), "nothing is down for the world"
    assert not play.server.quarantined
    play.sees = lambda _place, _address: True
    healed = play.play(60)
    require_calm_elsewhere(healed)
    assert set(given(healed, "shop", "eu")[BACK_AFTER:]) == {US_EAST}


@pytest.mark.slow
def test_a_death_behind_the_cut_is_noticed_by_all(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.sees = is_cut
    play.play(30)
    play.dead = {US_EAST}
    answers = play.play(60)
    for client in ("us", "ap", "nowhere", "eu"):
        assert set(given(answers, "shop", client)[NOTICED_AFTER:]) == {EU_WEST}
        assert set(given(answers, "media", client)[NOTICED_AFTER:]) == {AP}


@pytest.mark.slow
def test_a_server_that_hears_its_own_side_alone_does_the_same_for_its_clients(tmp_path: Path) -> None:
    """This one is in Europe, and the reports of America are cut off from it too."""
    play = well(tmp_path)
    play.sees = is_cut
    play.hears = lambda probe: probe.partition("-")[0] not in AMERICA
    answers = play.play(120)
    assert set(given(answers, "shop", "eu")[NOTICED_AFTER:]) == {EU_WEST}
    assert set(given(answers, "media", "eu")[NOTICED_AFTER:]) == {AP}
    require_calm_elsewhere(answers)
