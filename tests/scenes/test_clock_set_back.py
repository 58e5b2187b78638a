"""A scene: the clock of a probe is 20 s ahead, and is set back by 40 s; the probe is restarted before and after that.

A start is an epoch, the time on the wall. So the reports of the last start are of an older epoch than those before it,
and look like replays of them, for as long as those could be replayed: the probe must be heard after that, and sooner
where it hears its own old report. That it is in quarantine meanwhile must not make that longer, nor be forgotten.
"""

from pathlib import Path

import pytest

from gtm.health.belief import Belief
from gtm.health.consensus.quorum import DEFAULT_STALE_HOLD_S
from gtm.health.report.envelope import MAX_SKEW_S
from gtm.ids import NodeName
from tests.fakes.world import EU
from tests.scenes.play import FIRST, PAIR, ROUND_S, SECOND, Play, Probe, given

AHEAD_S, BACK_S = 20.0, 40.0
SIN = NodeName("sin-1")
OTHERS = ("fra-1", "iad-1", "gru-1")
SILENT_S = AHEAD_S + MAX_SKEW_S
"""What was said with the clock ahead can be replayed for so long."""
ROUNDS = 100
ROUNDS_TO_RELEASE = 10
"""Eight rounds of nothing but agreement, and the first two, in which its new verdicts settle."""


def started(probe: Probe) -> None:
    """Starts a probe anew; of its verdicts nothing is left."""
    probe.report_store = probe.claiming(probe.vantage, epoch=int(probe.clock.wall() * 1000))
    probe.verdicts.clear()


def well(tmp_path: Path, *others: str, lies: bool = False) -> Play:
    """Everything is well, but that the clock is ahead, and the probe may lie."""
    play = Play(PAIR, tmp_path, [*map(Probe, others), Probe(SIN, lies=lies)])
    play.probe(SIN).clock.step_wall(AHEAD_S)
    for probe in play.probes:
        started(probe)
    play.settle()
    return play


def set_back(play: Play) -> None:
    """Starts the probe, sets its clock back, and starts it once more; from then on it tells the truth."""
    probe = play.probe(SIN)
    probe.lies = False
    started(probe)
    play.play(1)
    probe.clock.step_wall(-BACK_S)
    started(probe)


def silent_s(play: Play, *, hears_itself: bool = False) -> float:
    """Plays until the probe is heard again; returns how long that took."""
    for number in range(ROUNDS):
        if hears_itself:
            play.probe(SIN).report_store.take(play.server.report_store.offer().body, giver=NodeName("ns1"))
        play.play(1)
        if play.server.report_store.book.by_node[SIN].heard_at == play.server.clock.monotonic():
            return number * ROUND_S
    raise AssertionError("it is not heard any more")


@pytest.mark.slow
def test_it_is_heard_as_soon_as_what_it_said_before_can_be_no_replay(tmp_path: Path) -> None:
    play = well(tmp_path, *OTHERS)
    set_back(play)
    assert silent_s(play) <= SILENT_S
    assert not play.server.quarantined
    assert play.server.report_store.refused.keys() == {(SIN, "replayed")}


@pytest.mark.slow
def test_it_is_heard_as_soon_as_its_own_old_report_comes_back_with_a_time_that_it_takes(tmp_path: Path) -> None:
    play = well(tmp_path, *OTHERS)
    set_back(play)
    assert silent_s(play, hears_itself=True) <= BACK_S - MAX_SKEW_S


@pytest.mark.slow
def test_one_that_lied_before_is_in_quarantine_as_long_as_if_it_had_been_heard(tmp_path: Path) -> None:
    play = well(tmp_path, *OTHERS, lies=True)
    assert play.server.quarantined == {SIN}
    set_back(play)
    silent_s(play)
    for _ in play.run(ROUNDS_TO_RELEASE):
        pass
    assert play.server.quarantined == frozenset()


@pytest.mark.slow
def test_beliefs_are_held_meanwhile_though_the_others_are_too_few(tmp_path: Path) -> None:
    play = well(tmp_path, "fra-1")
    play.dead = {SECOND}
    play.play(4)
    set_back(play)
    first = len(play.answers)
    assert silent_s(play) <= SILENT_S < DEFAULT_STALE_HOLD_S
    assert play.belief(SECOND) is Belief.DOWN
    play.dead = {FIRST}
    play.play(10)
    assert play.belief(FIRST) is Belief.DOWN
    assert given(play.answers[first:], "api", "eu")[0] == FIRST
    assert play.server.ask("api", EU) == SECOND
