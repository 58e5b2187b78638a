"""A scene: a probe gets a new key, as docs/guides/peers.md has it, and its vantage is heard in every round.

    both keys in the list of the server -> the probe restarts with the new one -> the new one alone in the list

The rule needs all three vantages: were one not heard, nothing would be believed anew.
"""

from pathlib import Path

import pytest

from gtm.health.belief import Belief
from gtm.health.consensus.quorum import Quorum
from gtm.ids import NodeName
from tests.scenes.play import API, FIRST, SECOND, Play, Probe

FRA = "fra-1"
ALL = {"fra", "iad", "sin"}


def started(tmp_path: Path, *, is_listed: bool = True) -> Play:
    probes = [Probe(name, is_listed=is_listed) for name in (FRA, "iad-1", "sin-1")]
    play = Play(API, tmp_path, probes, quorum=Quorum(voters=3, vantages=3))
    play.settle()
    return play


def trust(play: Play, *keys: str) -> None:
    """Lists these keys for the probe, and restarts the server."""
    play.probe(FRA).trusted = keys
    play.restart()


def sign_with(play: Play, key: str, *, epoch: int) -> None:
    """Restarts the probe with another key."""
    probe = play.probe(FRA)
    probe.key = key
    probe.report_store = probe.claiming(probe.vantage, epoch=epoch)


def heard(play: Play) -> set[str]:
    votes = [check.votes for check in play.server.planner.present.status.checks.values()]
    return set.intersection(*({str(voice.vantage) for voice in vote if voice.fresh} for vote in votes))


def all_heard(play: Play, rounds: int) -> bool:
    return all(heard(play) == ALL for _ in play.run(rounds))


@pytest.mark.slow
@pytest.mark.parametrize("is_listed", [True, False])
def test_no_round_is_without_its_vote_and_an_endpoint_that_dies_meanwhile_is_found_out(
    tmp_path: Path, *, is_listed: bool
) -> None:
    play = started(tmp_path, is_listed=is_listed)
    trust(play, FRA, "new")
    assert all_heard(play, 4)
    play.dead = {FIRST}
    sign_with(play, "new", epoch=2)
    assert all_heard(play, 6)
    assert play.belief(FIRST) is Belief.DOWN
    assert {answer.address for answer in play.answers[-4:]} == {SECOND}
    trust(play, "new")
    assert all_heard(play, 4)
    assert play.server.report_store.refused == {}


@pytest.mark.slow
def test_what_the_old_key_says_late_is_a_replay_and_once_it_is_not_listed_nothing(tmp_path: Path) -> None:
    play = started(tmp_path)
    old = play.probe(FRA).report_store
    trust(play, FRA, "new")
    sign_with(play, "new", epoch=2)
    play.play(2)
    giver = NodeName(FRA)
    old.publish(play.probe(FRA).verdicts)
    assert not play.server.report_store.take(old.offer().body, giver=giver)
    assert play.server.report_store.refused == {(giver, "replayed"): 1}
    trust(play, "new")
    play.play(1)
    assert not play.server.report_store.take(old.offer().body, giver=giver)
    assert play.server.report_store.refused == {(giver, "unknown_reporter"): 1}


@pytest.mark.slow
def test_two_reports_of_one_edition_are_told_whichever_keys_signed_them(tmp_path: Path) -> None:
    play = started(tmp_path)
    trust(play, FRA, "new")
    play.play(1)
    probe = play.probe(FRA)
    twin, edition = Probe(FRA, key="new"), play.server.report_store.editions[NodeName(FRA)]
    twin.clock.advance(probe.clock.monotonic() - twin.clock.monotonic())
    twin.report_store = twin.claiming("fra", epoch=edition.epoch)
    for _ in range(edition.serial):
        twin.report_store.publish({})
    assert not play.server.report_store.take(twin.report_store.offer().body, giver=NodeName(FRA))
    assert play.server.report_store.refused == {(NodeName(FRA), "equivocated"): 1}


@pytest.mark.slow
def test_to_replace_the_key_at_once_leaves_the_vantage_unheard(tmp_path: Path) -> None:
    play = started(tmp_path)
    trust(play, "new")
    assert [heard(play) for _ in play.run(6)][-1] == ALL - {"fra"}
