from collections.abc import Iterable
from dataclasses import replace

import pytest

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.local_view import positions
from gtm.health.consensus.quorum import AllUp, Quorum
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status, merge
from gtm.health.consensus.voices import Freshness, in_order
from gtm.health.report.book import EMPTY_BOOK, Book, hear
from gtm.health.report.report import Report, Vote, votes_of
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict, VerdictState, state_among
from gtm.ids import CheckId, NodeName
from tests.fakes.deltas import delta_of
from tests.health.examples import report, vote

CHECK = CheckId("gtm.example.com/api/192.0.2.20")
WATCHED = {CHECK: Freshness(interval_s=5.0, timeout_s=2.0)}
UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
QUORUM = Quorum(voters=2, vantages=2)


def book(*reports: Report, heard_at: float = 100.0) -> Book:
    found = EMPTY_BOOK
    for one in reports:
        found = hear(found, one, heard_at=heard_at) or found
    return found


def says(node: str, belief: Belief | Vote, vantage: str | None = None) -> Report:
    cast = belief if isinstance(belief, Vote) else vote(belief)
    return report(node, {CHECK: cast}, vantage=vantage)


def merged(
    *reports: Report, last: Status = NO_STATUS, now: float = 100.0, wall: float = 2000.0, quorum: Quorum = QUORUM
) -> CheckStatus:
    return merge(last, book(*reports), WATCHED, quorum, now=now, wall=wall).checks[CHECK]


def believed(belief: Belief, since: float = 1000.0) -> Status:
    return Status({CHECK: CheckStatus(belief, since)})


def test_a_check_never_heard_of_is_unknown() -> None:
    assert NO_STATUS.belief(CHECK) is UNKNOWN


@pytest.mark.parametrize(
    ("beliefs", "belief"), [([UP, UP, DOWN], UP), ([UP, DOWN, DOWN], DOWN), ([UP, UP], UP), ([DOWN, DOWN], DOWN)]
)
def test_the_majority_of_the_vantages_decides(beliefs: Iterable[Belief], belief: Belief) -> None:
    status = merged(*(says(f"probe-{number}", each) for number, each in enumerate(beliefs)))
    assert status.belief is belief
    assert not status.frozen


def test_a_tie_leaves_what_was_believed() -> None:
    for last in (UP, DOWN, UNKNOWN):
        status = merged(says("a", UP), says("b", DOWN), last=believed(last))
        assert (status.belief, status.since, status.frozen) == (last, 1000.0, False)


def test_many_probes_in_one_vantage_are_one_voice() -> None:
    crowd = [says(f"crowd-{number}", DOWN, "eu-central") for number in range(5)]
    status = merged(*crowd, says("b", UP), says("c", UP))
    assert status.belief is UP
    assert [(voice.vantage, len(voice.nodes)) for voice in status.votes] == [
        ("at-b", 1),
        ("at-c", 1),
        ("eu-central", 5),
    ]


def test_a_vantage_at_odds_with_itself_abstains() -> None:
    divided = [says("a1", UP, "a"), says("a2", DOWN, "a")]
    status = merged(*divided, says("b", DOWN), last=believed(UP))
    assert status.frozen, "one voice is left, and two are asked for"
    assert status.belief is UP
    assert merged(*divided, says("b", DOWN), says("c", DOWN), last=believed(UP)).belief is DOWN


def test_probes_that_do_not_know_yet_abstain() -> None:
    assert merged(says("a", UP), says("b", UNKNOWN), last=believed(DOWN)).frozen
    assert merged(says("a1", UP, "a"), says("a2", UNKNOWN, "a"), says("b", UP)).belief is UP


def test_a_vote_counts_for_three_intervals_and_the_timeout() -> None:
    reports = [says("a", DOWN), says("b", DOWN)]
    assert merged(*reports, last=believed(UP), now=117.0).belief is DOWN
    late = merged(*reports, last=believed(UP), now=117.1)
    assert (late.belief, late.frozen) == (UP, True)
    assert not any(voice.fresh for voice in late.votes)


def test_the_age_in_the_report_counts_too() -> None:
    old = vote(DOWN, age_s=10.0)
    assert merged(says("a", old), says("b", old), last=believed(UP), now=107.0).belief is DOWN
    assert merged(says("a", old), says("b", old), last=believed(UP), now=107.1).frozen


def test_a_dead_probe_does_not_silence_its_vantage() -> None:
    status = merged(says("a1", vote(UP, age_s=60.0), "a"), says("a2", DOWN, "a"), says("b", DOWN), last=believed(UP))
    assert status.belief is DOWN
    assert status.votes[0].nodes == (NodeName("a2"),)


def test_without_a_quorum_the_last_belief_stands_with_its_reason() -> None:
    last = Status({CHECK: CheckStatus(DOWN, 7.0, Reason.STATUS, "HTTP 503")})
    status = merged(says("a", UP), last=last)
    assert (status.belief, status.since, status.reason, status.detail) == (DOWN, 7.0, Reason.STATUS, "HTTP 503")
    assert status.frozen
    assert len(status.votes) == 1, "what was heard still shows"


def test_one_voice_decides_where_one_is_enough() -> None:
    assert merged(says("a", UP), quorum=Quorum(voters=1)).belief is UP


def test_another_rule_decides_otherwise() -> None:
    reports = [says("a", UP), says("b", UP), says("c", DOWN)]
    assert merged(*reports).belief is UP
    assert merged(*reports, quorum=Quorum(AllUp(), voters=2)).belief is DOWN


def test_since_moves_only_with_the_belief() -> None:
    assert merged(says("a", UP), says("b", UP), last=believed(UP), wall=2000.0).since == 1000.0
    assert merged(says("a", DOWN), says("b", DOWN), last=believed(UP), wall=2000.0).since == 2000.0


def test_the_reason_is_the_most_common_of_those_who_agree() -> None:
    status = merged(
        says("a", vote(DOWN, reason=Reason.STATUS, detail="HTTP 503")),
        says("b", vote(DOWN, reason=Reason.STATUS, detail="HTTP 503")),
        says("c", vote(DOWN, reason=Reason.TIMEOUT)),
        says("d", UP),
    )
    assert (status.reason, status.detail) == (Reason.STATUS, "HTTP 503")


def test_two_probes_of_one_vantage_are_two_voters_of_one_vantage() -> None:
    same = [says("a", UP, "fra"), says("b", UP, "fra")]
    assert merged(*same, quorum=Quorum(voters=2)).belief is UP
    assert merged(*same, quorum=Quorum(voters=2, vantages=2)).frozen
    assert merged(*same, says("c", UP, "iad"), quorum=Quorum(voters=2, vantages=2)).belief is UP


def test_who_says_otherwise_than_its_vantage_is_no_voter() -> None:
    divided = [says("a", UP, "fra"), says("b", UP, "fra"), says("c", DOWN, "fra"), says("d", UP, "iad")]
    assert merged(*divided, quorum=Quorum(voters=3)).belief is UP
    assert merged(*divided, quorum=Quorum(voters=4)).frozen


def test_what_is_no_longer_watched_leaves_the_status() -> None:
    status = merge(believed(UP), book(says("a", UP)), {}, QUORUM, now=100.0, wall=2000.0)
    assert status == NO_STATUS


def test_votes_on_checks_that_nobody_watches_are_ignored() -> None:
    stray = report("a", {CheckId("other"): vote(UP)})
    assert merge(NO_STATUS, book(stray), WATCHED, QUORUM, now=100.0, wall=2000.0).checks.keys() == {CHECK}


def test_merging_the_same_again_changes_nothing() -> None:
    heard = book(says("a", UP), says("b", DOWN), says("c", UP))
    once = merge(NO_STATUS, heard, WATCHED, QUORUM, now=100.0, wall=2000.0)
    again = merge(once, heard, WATCHED, QUORUM, now=100.0, wall=2001.0)
    assert once == again


def test_only_flips_of_belief_are_a_reason_to_change_a_plan() -> None:
    other = CheckId("other")
    before = Status({CHECK: CheckStatus(UP, 1.0), other: CheckStatus(UP, 1.0)})
    after = Status({CHECK: CheckStatus(DOWN, 2.0), other: CheckStatus(UP, 1.0, detail="other detail", frozen=True)})
    assert delta_of(before, after).flipped == {CHECK}
    assert StatusDelta.between(before, before) is None
    assert delta_of(NO_STATUS, Status({CHECK: CheckStatus(UNKNOWN, 1.0)})).flipped == frozenset()
    assert delta_of(before, NO_STATUS).flipped == {CHECK, other}


def test_a_change_reads_as_one_line() -> None:
    before = believed(UP)
    heard = book(*(says(node, vote(DOWN, detail="no answer in 2 s")) for node in "abc"))
    after = merge(before, heard, WATCHED, QUORUM, now=100.0, wall=2000.0)
    [change] = delta_of(before, after).changes
    assert str(change) == ("check gtm.example.com/api/192.0.2.20: UP -> DOWN (3 of 3 voices: timeout no answer in 2 s)")
    assert StatusDelta.between(after, after) is None
    assert delta_of(before, NO_STATUS).changes == (), "no longer watched is no change of mind"


def in_state(state: VerdictState) -> Status:
    belief = DOWN if state is VerdictState.DOWN else UP
    [voice] = merged(says("fra", belief), quorum=Quorum(voters=1)).votes
    return Status({CHECK: CheckStatus(belief, 0.0, votes=(replace(voice, state=state),))})


@pytest.mark.parametrize("odd", [VerdictState.DEGRADED, VerdictState.FLAPPING])
def test_a_check_turns_odd_once_and_again_after_it_was_well(odd: VerdictState) -> None:
    well, strange = in_state(VerdictState.UP), in_state(odd)
    assert delta_of(NO_STATUS, well).turned_odd == delta_of(well, in_state(VerdictState.DOWN)).turned_odd == ()
    assert delta_of(NO_STATUS, strange).turned_odd == delta_of(well, strange).turned_odd == (CHECK,)
    assert delta_of(strange, in_state(odd)).turned_odd == delta_of(strange, well).turned_odd == ()
    assert StatusDelta.between(strange, strange) is None


def test_what_was_degraded_and_begins_to_flap_is_news() -> None:
    assert delta_of(in_state(VerdictState.DEGRADED), in_state(VerdictState.FLAPPING)).turned_odd == (CHECK,)


def test_the_frozen_checks_are_listed() -> None:
    assert merge(NO_STATUS, EMPTY_BOOK, WATCHED, QUORUM, now=0.0, wall=0.0).frozen == (CHECK,)


def told(state: VerdictState, flip_in_s: float, *, age_s: float = 0.0) -> Vote:
    return replace(vote(UP, age_s=age_s), state=state, flip_in_s=flip_in_s)


def test_a_check_could_change_as_soon_as_the_first_of_its_fresh_voices() -> None:
    status = merged(
        says("a", told(VerdictState.UP, 15.0)),
        says("b", told(VerdictState.DEGRADED, 2.0)),
        says("c", told(VerdictState.UP, 1.0, age_s=1e6)),
    )
    assert (status.flip_in_s, status.state) == (2.0, VerdictState.DEGRADED)


def test_without_a_quorum_nothing_is_promised() -> None:
    status = merged(says("a", told(VerdictState.UP, 15.0)))
    assert (status.frozen, status.flip_in_s, status.state) == (True, 0.0, VerdictState.UNKNOWN)


def test_the_probes_of_one_vantage_could_change_as_soon_as_the_first_of_them() -> None:
    status = merged(
        says("a", told(VerdictState.FLAPPING, 15.0), "fra"),
        says("b", told(VerdictState.FLAPPING, 7.0), "fra"),
        says("c", told(VerdictState.UP, 9.0), "fra"),
        quorum=Quorum(voters=1),
    )
    assert (status.flip_in_s, status.state) == (7.0, VerdictState.FLAPPING)


def test_only_what_could_change_sooner_or_later_than_before_is_retimed() -> None:
    other = CheckId("gtm.example.com/api/192.0.2.30")
    before = Status({CHECK: CheckStatus(UP, 1.0, flip_in_s=15.0), other: CheckStatus(UP, 1.0, flip_in_s=15.0)})
    after = Status({CHECK: CheckStatus(UP, 1.0, flip_in_s=2.0), other: CheckStatus(UP, 2.0, flip_in_s=15.0)})
    assert delta_of(before, after).retimed == {CHECK}
    assert StatusDelta.between(before, before) is None
    assert delta_of(NO_STATUS, after).retimed == {CHECK, other}


@pytest.mark.parametrize(
    ("belief", "states", "said"),
    [
        (Belief.UP, "up up", "up"),
        (Belief.UP, "up down", "degraded"),
        (Belief.UP, "up degraded", "degraded"),
        (Belief.UP, "up unknown", "up"),
        (Belief.DOWN, "down down up", "down"),
        (Belief.UP, "flapping flapping up", "flapping"),
        (Belief.UP, "flapping up", "degraded"),
        (Belief.UNKNOWN, "up down", "unknown"),
        (Belief.UP, "", "up"),
    ],
)
def test_several_verdicts_are_one_word(belief: Belief, states: str, said: str) -> None:
    assert state_among(belief, [VerdictState(state) for state in states.split()]) is VerdictState(said)


def coming(flip_in_s: float) -> Vote:
    """A vote of down whose last reading was good."""
    return replace(vote(DOWN), reason=Reason.OK, detail="", flip_in_s=flip_in_s)


@pytest.mark.parametrize(
    ("votes", "back_in_s"),
    [
        ((coming(40), coming(50), coming(60)), 50.0),
        ((vote(UP), coming(50), vote(DOWN)), 50.0),
        ((coming(50), vote(DOWN), vote(DOWN)), None),
        ((vote(DOWN), vote(DOWN), vote(DOWN)), None),
        ((vote(UP), vote(UP), coming(50)), None),
    ],
)
def test_what_answers_again_has_the_time_until_enough_voices_say_up(
    votes: tuple[Vote, ...], back_in_s: float | None
) -> None:
    reports = [says(f"n{number}", one) for number, one in enumerate(votes)]
    assert merged(*reports, last=believed(DOWN)).back_in_s == back_in_s


@pytest.mark.parametrize("beliefs", [(UP, UP), (DOWN, DOWN), (UP,), (DOWN, UP)])
def test_a_vote_that_says_why_there_is_no_reading_is_shown_and_counts_for_nothing(beliefs: tuple[Belief, ...]) -> None:
    reports = [says(f"n{number}", belief) for number, belief in enumerate(beliefs)]
    [why] = votes_of({CHECK: Verdict(unread="no secret")}, now=50.0).values()
    for one in (why, replace(vote(DOWN, age_s=60.0), reason=Reason.UNREAD)):
        with_it = merged(*reports, says("z", one))
        assert replace(with_it, votes=()) == replace(merged(*reports), votes=())
        assert with_it.votes[-1].reason is Reason.UNREAD
        assert not with_it.votes[-1].says_something


def test_a_probe_that_reads_nothing_has_no_place() -> None:
    at = Coordinates(50.0, 8.0)
    [why] = votes_of({CHECK: Verdict(unread="no secret")}, now=50.0).values()
    found = book(replace(says("a", UP), at=at), replace(says("b", why), at=at))
    assert list(positions(in_order(found.by_node.values()))) == ["at-a"]
