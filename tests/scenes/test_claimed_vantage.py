"""A scene: one of three probes speaks for the vantage of another, and says that all is well there, while endpoints die.

If it were believed, that vantage would be split, and so have no voice; and one voice alone decides nothing.
"""

from pathlib import Path

import pytest

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import Vantage
from gtm.ids import NodeName, VantageName
from tests.fakes import world
from tests.scenes.play import API, CLIENTS, FIRST, PLACES, SECOND, Play, Probe, given

LIAR = NodeName("sin-1")
DOWN_AFTER = 3
"""Rounds: bad readings in a row."""


def well(tmp_path: Path, *, is_listed: bool = True) -> Play:
    play = Play(API, tmp_path, [Probe(name, is_listed=is_listed) for name in ("fra-1", "iad-1", LIAR)])
    play.settle()
    return play


def speak_for(play: Play, vantage: str) -> None:
    """Has the liar speak for another vantage from now on."""
    liar = play.probe(LIAR)
    liar.report_store = liar.claiming(vantage, epoch=2)


@pytest.mark.slow
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_failover_is_as_fast_as_without_it(tmp_path: Path, *, is_listed: bool) -> None:
    honest, play = well(tmp_path / "honest"), well(tmp_path / "lies", is_listed=is_listed)
    honest.probe(LIAR).alive = False
    honest.dead = {FIRST}
    plain = honest.play(20)
    speak_for(play, "fra")
    play.probe(LIAR).lies = True
    play.dead = {FIRST}
    found = play.play(20)
    for client in CLIENTS:
        before, after = given(plain, "api", client), given(found, "api", client)
        assert before == after
        assert set(after[DOWN_AFTER:]) == {SECOND}
    assert play.belief(FIRST) is Belief.DOWN
    votes = next(one.votes for check, one in play.server.planner.present.status.checks.items() if check.endswith(FIRST))
    assert {voice.vantage: voice.nodes for voice in votes if voice.fresh} == {"fra": ("fra-1",), "iad": ("iad-1",)}


@pytest.mark.slow
def test_it_is_told_by_name_once_and_shown_until_it_speaks_for_its_own_again(tmp_path: Path) -> None:
    play = well(tmp_path)
    speak_for(play, "fra")
    play.play(5)
    [problem] = play.server.report_store.refusals.problems
    assert problem == "reports of sin-1 do not count: sin-1 speaks for the vantage fra; share.peers lists sin for it"
    assert play.server.report_store.refused == {(LIAR, "vantage"): 5}
    liar = play.probe(LIAR)
    liar.report_store = liar.claiming("sin", epoch=3)
    play.play(5)
    assert play.server.report_store.refusals.problems == ()
    assert play.server.report_store.refused == {(LIAR, "vantage"): 5}


@pytest.mark.slow
@pytest.mark.parametrize("is_listed", [True, False])
def test_who_claims_to_be_elsewhere_takes_no_client_with_it(tmp_path: Path, *, is_listed: bool) -> None:
    play = well(tmp_path, is_listed=is_listed)
    liar = play.probe(LIAR)
    liar.report_store = liar.claiming("sin", at=PLACES["gru"], epoch=2)
    play.play(5)
    assert play.server.report_store.refused == {(LIAR, "vantage"): 5}
    heard = play.server.report_store.book.by_node[LIAR].report
    assert heard.at == world.SINGAPORE, "its last honest report"
    assert Vantage(VantageName("sin"), world.SINGAPORE) in play.server.planner.present.vantages
