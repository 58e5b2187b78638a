"""The merger gives what a merge of everything gives, after any history."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.merger import Merger
from gtm.health.consensus.outliers import quarantined
from gtm.health.consensus.quorum import AllUp, AnyUp, AtLeast, Quorum, Rule, Share
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import EMPTY_BOOK, Book, hear, leave
from gtm.health.report.report import Report, Vote
from gtm.ids import CheckId, NodeName
from tests.fakes.deltas import delta_of
from tests.health.examples import report, vote

CHECKS = [CheckId(f"gtm.example.com/api/192.0.2.{number}") for number in range(3)]
ALL = {check: Freshness(interval_s=5.0, timeout_s=2.0) for check in CHECKS}
FEW = {CHECKS[0]: Freshness(interval_s=1.0, timeout_s=0.5)}
NODES = ("a", "b", "c", "d")
QUORUM = Quorum(voters=2, stale_hold_s=60.0, vantages=2)

casts = st.dictionaries(
    st.sampled_from(CHECKS),
    st.builds(vote, st.sampled_from(Belief), age_s=st.sampled_from((0.0, 1.0, 5.0, 16.9, 17.0, 17.1))),
)
Step = tuple[str, str, dict[CheckId, Vote]]
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("hear"), st.sampled_from(NODES), casts),
    st.tuples(st.just("move"), st.sampled_from(NODES), casts),
    st.tuples(st.just("leave"), st.sampled_from(NODES), st.just({})),
    st.tuples(st.just("watch"), st.sampled_from(("all", "few")), st.just({})),
    st.tuples(st.just("wait"), st.sampled_from(("0.5", "6", "17", "61")), st.just({})),
)


def without_ages(status: Status) -> Mapping[CheckId, CheckStatus]:
    return {
        check: replace(one, votes=tuple(replace(voice, age_s=0.0) for voice in one.votes))
        for check, one in status.checks.items()
    }


@pytest.mark.slow
def merged(
    merger: Merger, before: Status, book: Book, watched: Mapping[CheckId, Freshness], *, now: float, wall: float
) -> Status:
    """The status after a merge, whose delta tells what a walk over all checks would."""
    delta = merger.merge(before, book, watched, now=now, wall=wall)
    if delta is None:
        return before
    walked = delta_of(before, delta.after)
    assert (delta.flipped, delta.local, delta.retimed) == (walked.flipped, walked.local, walked.retimed)
    assert (delta.changes, delta.local_changes) == (walked.changes, walked.local_changes)
    assert delta.turned_odd == walked.turned_odd
    return delta.after


@pytest.mark.slow
@settings(max_examples=300)
@given(st.lists(steps, max_size=30))
def test_after_any_history_it_gives_what_a_merge_of_everything_gives(
    history: list[Step],
) -> None:
    merger, book, watched, now = Merger(QUORUM), EMPTY_BOOK, ALL, 1000.0
    places: dict[str, Coordinates | None] = dict.fromkeys(NODES, Coordinates(0.0, 0.0))
    mine = full = NO_STATUS
    for serial, (what, who, cast) in enumerate(history):
        match what:
            case "hear":
                vantage = "east" if who in "ab" else who
                said = replace(report(who, cast, vantage=vantage, serial=serial), at=places.get(who))
                book = hear(book, said, heard_at=now) or book
            case "move":
                places[who] = Coordinates(0.0, float(len(cast)) * 20) if cast else None
            case "leave":
                book = leave(book, NodeName(who))
            case "watch":
                watched = ALL if who == "all" else FEW
            case _:
                now += float(who)
        out = quarantined(merger.standings)
        mine = merged(merger, mine, book, watched, now=now, wall=now + 1e9)
        full = merge(full, book, watched, QUORUM, now=now, wall=now + 1e9, quarantined=out)
        assert without_ages(mine) == without_ages(full)


def test_a_probe_may_leave_with_the_checks_that_it_voted_on() -> None:
    merger, said = Merger(QUORUM), dict.fromkeys(CHECKS, vote(Belief.UP))
    book, _ = hearing(merger, EMPTY_BOOK, NO_STATUS, 1000.0, *(report(node, said, vantage=node) for node in "abc"))
    rest = leave(book, NodeName("a"))
    status = merged(merger, NO_STATUS, rest, FEW, now=1001.0, wall=1001.0)
    status = merged(merger, status, rest, FEW, now=1030.0, wall=1030.0)
    assert [voice.vantage for voice in status.checks[CHECKS[0]].votes] == ["b", "c"]


def test_of_probes_that_all_left_nothing_is_judged() -> None:
    merger, said = Merger(QUORUM), dict.fromkeys(CHECKS, vote(Belief.UP))
    hearing(merger, EMPTY_BOOK, NO_STATUS, 1000.0, *(report(node, said, vantage=node) for node in "abc"))
    before = merger.standings
    assert before
    merged(merger, NO_STATUS, EMPTY_BOOK, FEW, now=1001.0, wall=1001.0)
    assert merger.standings == before, "who comes back stands as it did"


def hearing(merger: Merger, book: Book, status: Status, now: float, *reports: Report) -> tuple[Book, Status]:
    for one in reports:
        book = hear(book, one, heard_at=now) or book
    return book, merged(merger, status, book, ALL, now=now, wall=now)


def test_news_that_say_nothing_new_give_the_same_status() -> None:
    merger = Merger(QUORUM)
    up = {check: vote(Belief.UP) for check in CHECKS}
    book, status = hearing(merger, EMPTY_BOOK, NO_STATUS, 100.0, report("a", up), report("b", up))
    assert {one.belief for one in status.checks.values()} == {Belief.UP}
    book, again = hearing(merger, book, status, 105.0, report("a", up, serial=2))
    assert again is status
    assert merged(merger, again, book, ALL, now=106.0, wall=106.0) is status


def test_a_frozen_belief_is_held_for_so_long_and_then_unknown() -> None:
    merger = Merger(QUORUM)
    down = {check: vote(Belief.DOWN) for check in CHECKS}
    book, status = hearing(merger, EMPTY_BOOK, NO_STATUS, 100.0, report("a", down), report("b", down))
    frozen = merged(merger, status, book, ALL, now=120.0, wall=120.0)
    assert all(one.frozen and one.belief is Belief.DOWN for one in frozen.checks.values())
    held = merged(merger, frozen, book, ALL, now=179.9, wall=179.9)
    assert all(one.belief is Belief.DOWN for one in held.checks.values())
    given_up = merged(merger, held, book, ALL, now=180.0, wall=180.0)
    assert all(one.frozen and one.belief is Belief.UNKNOWN for one in given_up.checks.values())
    assert given_up.checks[CHECKS[0]].detail == "no quorum for 60 s"
    _, back = hearing(merger, book, given_up, 181.0, report("a", down, serial=2), report("b", down, serial=2))
    assert all(not one.frozen and one.belief is Belief.DOWN for one in back.checks.values())


@pytest.mark.parametrize("rule", [AllUp(), AnyUp(), Share(0.18), AtLeast(1)], ids=str)
@pytest.mark.parametrize("liar_says", [Belief.UP, Belief.DOWN])
def test_under_every_rule_the_liar_is_out_within_ten_rounds_and_then_the_truth_is_believed(
    liar_says: Belief, rule: Rule
) -> None:
    truth = Belief.DOWN if liar_says is Belief.UP else Belief.UP
    merger, book, status = Merger(replace(QUORUM, rule=rule)), EMPTY_BOOK, NO_STATUS
    for number in range(1, 12):
        reports = [report(node, dict.fromkeys(CHECKS, vote(truth)), serial=number) for node in "abcd"]
        reports.append(report("liar", dict.fromkeys(CHECKS, vote(liar_says)), serial=number))
        book, status = hearing(merger, book, status, 100.0 + 5 * number, *reports)
        assert quarantined(merger.standings) <= {"liar"}
    assert quarantined(merger.standings) == {"liar"}
    assert {check.belief for check in status.checks.values()} == {truth}


@pytest.mark.parametrize("liar_says", [Belief.UP, Belief.DOWN])
def test_a_probe_that_always_lies_is_quarantined_within_ten_rounds_and_never_believed(liar_says: Belief) -> None:
    truth = Belief.DOWN if liar_says is Belief.UP else Belief.UP
    merger, book, status = Merger(QUORUM), EMPTY_BOOK, NO_STATUS
    seen: list[bool] = []
    for number in range(1, 11):
        reports = [report(node, dict.fromkeys(CHECKS, vote(truth)), serial=number) for node in "abcd"]
        reports.append(report("liar", dict.fromkeys(CHECKS, vote(liar_says)), serial=number))
        book, status = hearing(merger, book, status, 100.0 + 5 * number, *reports)
        assert {check.belief for check in status.checks.values()} == {truth}
        seen.append(NodeName("liar") in quarantined(merger.standings))
    assert seen.index(True) < 9
    assert quarantined(merger.standings) == {"liar"}
    [voice] = [voice for voice in status.checks[CHECKS[0]].votes if voice.vantage == "at-liar"]
    assert voice.quarantined
    assert not voice.counts


def test_beside_a_fast_monitor_who_sees_an_outage_of_slow_ones_first_or_last_is_no_liar() -> None:
    fast = CheckId("gtm.example.com/fast/192.0.2.99")
    watched = {**{check: Freshness(60.0, 5.0) for check in CHECKS}, fast: Freshness(1.0, 0.5)}
    merger, book, status = Merger(QUORUM), EMPTY_BOOK, NO_STATUS
    sees_at = {"first": 5, "second": 40, "last": 62}
    for second in range(120):
        for node, turns_at in sees_at.items():
            slow = vote(Belief.DOWN if second >= turns_at else Belief.UP)
            cast = {**dict.fromkeys(CHECKS, slow), fast: vote(Belief.UP)}
            book = hear(book, report(node, cast, serial=second), heard_at=100.0 + second) or book
        status = merged(merger, status, book, watched, now=100.0 + second, wall=0.0)
        assert not quarantined(merger.standings)
        believed = Belief.DOWN if second >= 40 else Belief.UP
        assert [status.belief(check) for check in CHECKS] == [believed] * 3


def test_beside_a_fast_monitor_who_always_lies_about_slow_ones_is_out_within_ten_of_their_rounds() -> None:
    fast = CheckId("gtm.example.com/fast/192.0.2.99")
    watched = {**{check: Freshness(60.0, 5.0) for check in CHECKS}, fast: Freshness(1.0, 0.5)}
    merger, book, status = Merger(QUORUM), EMPTY_BOOK, NO_STATUS
    for second in range(0, 600, 5):
        for node in ("a", "b", "c", "liar"):
            cast = {**dict.fromkeys(CHECKS, vote(Belief.DOWN if node == "liar" else Belief.UP)), fast: vote(Belief.UP)}
            book = hear(book, report(node, cast, serial=second), heard_at=100.0 + second) or book
        status = merged(merger, status, book, watched, now=100.0 + second, wall=0.0)
    assert quarantined(merger.standings) == {"liar"}


def test_who_agrees_again_is_released() -> None:
    merger, book, status = Merger(QUORUM), EMPTY_BOOK, NO_STATUS
    up, down = dict.fromkeys(CHECKS, vote(Belief.UP)), dict.fromkeys(CHECKS, vote(Belief.DOWN))
    for number in range(1, 40):
        said = down if number < 10 else up
        reports = [report(node, up, serial=number) for node in "abc"] + [report("d", said, serial=number)]
        book, status = hearing(merger, book, status, 100.0 + 5 * number, *reports)
        if number == 9:
            assert quarantined(merger.standings) == {"d"}
    assert not quarantined(merger.standings)


@pytest.mark.slow
@settings(max_examples=40)
@given(
    st.lists(st.booleans(), min_size=15, max_size=40),
    st.lists(st.sets(st.sampled_from(CHECKS)), min_size=40, max_size=40),
)
def test_quarantine_changes_what_both_give_alike(lies: list[bool], down: list[set[CheckId]]) -> None:
    merger, book, mine, full = Merger(QUORUM), EMPTY_BOOK, NO_STATUS, NO_STATUS
    for number, (is_lie, failed) in enumerate(zip(lies, down, strict=False), start=1):
        now = 100.0 + 5 * number
        truth = {check: vote(Belief.DOWN if check in failed else Belief.UP) for check in CHECKS}
        lie = {check: vote(Belief.UP if check in failed else Belief.DOWN) for check in CHECKS}
        for node in "abcx":
            said = lie if is_lie and node == "x" else truth
            book = hear(book, report(node, said, serial=number), heard_at=now) or book
        out = quarantined(merger.standings)
        mine = merged(merger, mine, book, ALL, now=now, wall=now)
        full = merge(full, book, ALL, QUORUM, now=now, wall=now, quarantined=out)
        assert without_ages(mine) == without_ages(full)
        assert {check for check, one in mine.checks.items() if one.belief is Belief.DOWN} == failed, "never a lie"
        assert quarantined(merger.standings) <= {NodeName("x")}
