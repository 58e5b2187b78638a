"""Zones count alike where it is asked which probe is always against the others."""

from collections.abc import Sequence
from dataclasses import replace

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import neighbours, positions
from gtm.health.consensus.outliers import Standings, judged, quarantined
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import NO_STATUS, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import Book, Heard
from gtm.ids import CheckId, NodeName
from tests.health.examples import report, vote

UP, DOWN = Belief.UP, Belief.DOWN
THEIRS = [CheckId(f"gtm.example.com/api/192.0.2.{n}") for n in range(6)]
CROWD = [CheckId(f"crowd.example.com/m/198.51.100.{n}") for n in range(60)]
SLASHED = [CheckId(f"crowd.example.com/m/{n}/a/x.example.net") for n in range(60)]
"""Targets may be names with slashes."""
WATCHED = {check: Freshness(5.0, 2.0) for check in (*THEIRS, *CROWD, *SLASHED)}
QUORUM = Quorum(voters=2, vantages=2)


def quarantined_when(theirs: Belief, crowd: Belief, *, crowd_checks: Sequence[CheckId] = CROWD) -> frozenset[NodeName]:
    """Who is in quarantine after ten rounds in which one probe of four sees these, and the others all up."""

    def seen(node: str, theirs: Belief, crowd: Belief) -> Heard:
        cast = {check: vote(theirs) for check in THEIRS} | {check: vote(crowd) for check in crowd_checks}
        return Heard(report(node, cast), 100.0)

    everyone = [*(seen(node, UP, UP) for node in "abc"), seen("other", theirs, crowd)]
    status = merge(NO_STATUS, Book({one.report.node: one for one in everyone}), WATCHED, QUORUM, now=100.0, wall=0.0)
    standings: Standings = {}
    for number in range(10):
        now = 100.0 + 5.0 * number
        anew = [replace(one, heard_at=now) for one in everyone]
        near = neighbours(positions(anew))
        standings = judged(standings, anew, status, WATCHED, near, now=now, round_s=5.0, quorum=QUORUM)
    return quarantined(standings)


def test_endpoints_of_one_zone_that_answer_one_vantage_badly_have_it_quarantined_for_no_zone() -> None:
    assert quarantined_when(UP, DOWN) == frozenset()


def test_a_zone_with_many_targets_that_hold_slashes_is_one_zone() -> None:
    assert quarantined_when(UP, DOWN, crowd_checks=SLASHED) == frozenset()


def test_who_is_against_the_others_in_every_zone_is_found() -> None:
    assert quarantined_when(DOWN, DOWN) == {"other"}
