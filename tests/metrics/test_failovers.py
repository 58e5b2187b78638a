from dataclasses import replace

import pytest

from gtm.checks.model import checks
from gtm.health.belief import Belief
from gtm.health.consensus.delta import Change
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import EMPTY_BOOK, Book, hear
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import Verdict
from gtm.metrics.failovers import Failovers
from gtm.metrics.model import Distribution
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.zone.model import PLAIN_HTTP
from tests.fakes import world
from tests.fakes.checks import check_of
from tests.fakes.deltas import delta_of
from tests.health.examples import report, vote
from tests.node.present import SMALL, believing

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
CHECK = check_of(PLAIN_HTTP, fall=3, window=(6, 10))
GOOD, BAD = Reading(Reason.OK, 0.1), Reading(Reason.TIMEOUT, 2.0)


def measured(failovers: Failovers) -> tuple[list[float], list[float]]:
    """Count and sum of each histogram: detection, convergence."""
    found = []
    for family in failovers.families():
        [point] = family.points
        assert isinstance(point.value, Distribution)
        found.append([point.value.count, point.value.sum])
    return found[0], found[1]


class Probe:
    """A probe's side: a reading every five seconds."""

    def __init__(self) -> None:
        self.failovers, self.now = Failovers(), 0.0
        self.judge(UP)

    def read(self, *readings: Reading) -> "Probe":
        for reading in readings:
            self.now += 5.0
            self.failovers.read(CHECK, reading, now=self.now)
        return self

    def judge(self, belief: Belief, *, bad_run: int = 0) -> "Probe":
        before = self.detection
        took_s = self.failovers.judged(CHECK, Verdict(belief, bad_run=bad_run), now=self.now)
        count, total = self.detection
        assert (count - before[0], total - before[1]) == ((0, 0.0) if took_s is None else (1, took_s))
        return self

    @property
    def detection(self) -> list[float]:
        return measured(self.failovers)[0]


def test_before_the_first_failover_both_are_there_and_empty() -> None:
    assert measured(Failovers()) == ([0, 0.0], [0, 0.0])


def test_detection_is_from_the_start_of_the_first_bad_reading_in_a_row_to_the_verdict() -> None:
    probe = Probe().read(GOOD, BAD, GOOD, BAD, BAD, BAD).judge(DOWN, bad_run=3)
    assert probe.detection == [1, 12.0], "two rounds of 5 s, and the 2 s that the first took"


def test_with_fall_1_it_is_from_the_reading_that_the_recheck_confirmed() -> None:
    check, failovers = check_of(PLAIN_HTTP, fall=1, window=None), Failovers()
    failovers.judged(check, Verdict(UP), now=0.0)
    failovers.read(check, BAD, now=10.0)
    failovers.read(check, BAD, now=11.0)
    failovers.judged(check, Verdict(DOWN, bad_run=2), now=11.0)
    assert measured(failovers)[0] == [1, 3.0]


def test_where_the_window_decides_it_is_from_the_first_bad_reading_in_it() -> None:
    probe = Probe().read(*[BAD] * 2, *[GOOD] * 8, *[BAD, GOOD] * 4, BAD, BAD).judge(DOWN, bad_run=2)
    assert probe.detection == [1, 9 * 5.0 + 2.0]


@pytest.mark.parametrize("before", [DOWN, UNKNOWN])
def test_only_what_was_up_fails_over(before: Belief) -> None:
    assert Probe().judge(before).read(BAD, BAD, BAD).judge(DOWN, bad_run=3).detection == [0, 0.0]


def test_a_probes_own_fault_is_no_bad_reading() -> None:
    unread = Reading(Reason.UNREAD, 2.0)
    probe = Probe().read(unread, unread, BAD, unread, BAD, BAD).judge(DOWN, bad_run=3)
    assert probe.detection == [1, 17.0]


def test_a_check_that_is_watched_no_longer_is_forgotten() -> None:
    probe = Probe().read(BAD, BAD, BAD)
    probe.failovers.watch([])
    assert probe.judge(DOWN, bad_run=3).detection == [0, 0.0]


ZONE = world.zone(SMALL)
ONE = checks((ZONE,))[0].id
BEFORE = world.plan(ZONE, believed=believing(ZONE, _1=UP, _2=UP))


def fallen(*since: float) -> tuple[Book, tuple[Change, ...], Plan]:
    """What is heard, changes and follows when probes say at these times that one endpoint is down."""
    book = EMPTY_BOOK
    for number, at in enumerate(since):
        book = hear(book, report(f"p{number}", {ONE: replace(vote(DOWN), since=at)}), heard_at=0.0) or book
    was = believing(ZONE, _1=UP, _2=UP)
    fresh = {check.id: Freshness(5.0, 2.0) for check in checks((ZONE,))}
    quorum = Quorum(voters=len(since), vantages=len(since))
    now = Status({**was.checks, ONE: merge(was, book, fresh, quorum, now=0.0, wall=0.0).checks[ONE]})
    plan = apply(BEFORE, now, frozenset({ONE}))
    assert plan is not None
    return book, delta_of(was, now).changes, plan


def converged(*since: float, plan: Plan | None = None, wall: float = 100.0) -> list[float]:
    failovers = Failovers()
    book, changed, after = fallen(*since)
    failovers.changed(changed, book, wall=wall)
    failovers.swapped(BEFORE, plan or after, wall=wall)
    return measured(failovers)[1]


def test_convergence_is_from_the_first_verdict_that_says_so_to_the_plan() -> None:
    assert converged(97.0, 98.5) == [1, 3.0]


def test_a_clock_that_is_ahead_makes_no_time_of_less_than_nothing() -> None:
    assert converged(105.0) == [1, 0.0]


def test_a_probe_that_says_it_was_down_for_years_does_not_spoil_the_figure() -> None:
    assert converged(0.0, 1e9 - 3.0, wall=1e9) == [1, 3.0]
    assert converged(0.0, wall=1e9) == [1, 0.0]


def test_what_changes_no_plan_is_no_failover() -> None:
    assert converged(97.0, plan=BEFORE) == [0, 0.0]
    held = replace(BEFORE, services=dict(BEFORE.services))
    assert converged(97.0, plan=held) == [0, 0.0], "another plan, which answers the same"
    decided = {name: replace(one, ttls=tuple(ttl - 1 for ttl in one.ttls)) for name, one in BEFORE.decisions.items()}
    assert converged(97.0, plan=replace(BEFORE, decisions=decided)) == [0, 0.0], "only for a shorter time"


def test_what_comes_up_is_no_failover() -> None:
    book, [change], after = fallen(97.0)
    failovers = Failovers()
    for other in (replace(change, before=UNKNOWN), replace(change, after=replace(change.after, belief=UP))):
        failovers.changed([other], book, wall=100.0)
        failovers.swapped(BEFORE, after, wall=100.0)
    assert measured(failovers)[1] == [0, 0.0]


def test_what_is_up_again_before_the_plan_follows_is_no_failover() -> None:
    book, [change], after = fallen(97.0)
    failovers = Failovers()
    failovers.changed([change], book, wall=98.0)
    failovers.changed([replace(change, before=DOWN, after=replace(change.after, belief=UP))], book, wall=99.0)
    failovers.swapped(BEFORE, after, wall=100.0)
    assert measured(failovers)[1] == [0, 0.0]


def test_what_a_rule_has_held_is_none_when_the_rule_ends() -> None:
    book, changed, after = fallen(97.0)
    failovers = Failovers()
    failovers.changed(changed, book, wall=98.0)
    failovers.followed()
    failovers.swapped(BEFORE, after, wall=100.0)
    assert measured(failovers)[1] == [0, 0.0]
