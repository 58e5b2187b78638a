"""A scene: the vantage nearest to some clients says nothing, while the cables under the Atlantic are cut.

London is nearest to the clients of Europe, and Frankfurt next. Frankfurt sees what London would: America is down from
there. A node that has no say must not keep the clients near it from what others say.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.ids import NodeName
from tests.scenes.play import API, Answered, Play, Probe, given

US_EAST, EU_WEST = "192.0.2.10", "192.0.2.20"
VANTAGES = ("fra", "iad", "lon", "pdx", "sin")
AMERICA, EUROPE = {"iad", "pdx", "us"}, {"fra", "lon", "eu"}
NOTICED_AFTER = 8
"""Rounds: three bad readings in a row, and by then the votes of who fell silent are old."""


def is_cut(place: str, address: str) -> bool:
    """Whether a place sees an address while the Atlantic is cut."""
    return not (place in AMERICA and address == EU_WEST) and not (place in EUROPE and address == US_EAST)


def well(tmp_path: Path, *, london: bool = True) -> Play:
    """Everything is well; without `london` there are nodes that check nothing."""
    probes = [Probe(f"{vantage}-{number}") for vantage in VANTAGES for number in (1, 2)]
    play = Play(API, tmp_path, probes)
    for probe in probes:
        probe.votes = london or probe.vantage != "lon"
    play.settle()
    return play


def require_spared(answers: list[Answered]) -> None:
    """Clients in Europe are answered what lives for them; nobody else is moved."""
    assert set(given(answers, "api", "eu")[NOTICED_AFTER:]) == {EU_WEST}
    for client in ("us", "ap", "nowhere"):
        assert set(given(answers, "api", client)) == {US_EAST}


def die(play: Play, name: str) -> None:
    play.probe(name).alive = False


def check_nothing(play: Play, name: str) -> None:
    """Ends its checks: from now on it only carries what people say."""
    play.probe(name).votes = False


@pytest.mark.slow
@pytest.mark.parametrize("fall_silent", [die, check_nothing])
def test_the_clients_near_a_vantage_that_fell_silent_lose_no_local_truth(
    tmp_path: Path, fall_silent: Callable[[Play, str], None]
) -> None:
    play = well(tmp_path)
    fall_silent(play, "lon-1")
    fall_silent(play, "lon-2")
    play.play(10)
    play.sees = is_cut
    require_spared(play.play(40))


@pytest.mark.slow
def test_nor_do_they_when_it_falls_silent_while_it_counts(tmp_path: Path) -> None:
    play = well(tmp_path)
    play.sees = is_cut
    require_spared(play.play(20))
    die(play, "lon-1")
    die(play, "lon-2")
    after = play.play(40)
    assert set(given(after, "api", "eu")) == {EU_WEST}
    play.sees = lambda _place, _address: True
    assert given(play.play(30), "api", "eu")[-1] == US_EAST, "and what stands in for it heals with it"


@pytest.mark.slow
def test_a_node_that_checks_nothing_is_never_a_vantage(tmp_path: Path) -> None:
    play = well(tmp_path, london=False)
    assert {vantage.name for vantage in play.server.planner.present.vantages} == {"fra", "iad", "pdx", "sin"}
    play.sees = is_cut
    require_spared(play.play(40))


@pytest.mark.slow
def test_a_restart_with_one_that_counted_before_changes_nothing(tmp_path: Path) -> None:
    """An earlier run kept it on disk as a vantage."""
    play = well(tmp_path)
    for name in ("lon-1", "lon-2"):
        check_nothing(play, name)
    play.restart()
    assert "lon" in {vantage.name for vantage in play.server.planner.present.vantages}
    play.play(10)
    play.sees = is_cut
    require_spared(play.play(40))


@pytest.mark.slow
def test_who_is_in_quarantine_stands_in_nobodys_way(tmp_path: Path) -> None:
    play = well(tmp_path)
    die(play, "lon-2")
    play.sees = lambda place, _address: place != "lon"
    play.play(60)
    assert play.server.quarantined == {NodeName("lon-1")}, "its own network is gone"
    play.sees = lambda place, address: place != "lon" and is_cut(place, address)
    require_spared(play.play(40))
    assert play.server.quarantined == {NodeName("lon-1")}
