from gtm.health.belief import Belief
from gtm.health.report.report import NEVER_READ_AGE_S, Vote, votes_of
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import NO_VERDICT, Verdict, VerdictState
from gtm.ids import CheckId

A, B = CheckId("a"), CheckId("b")


def test_a_verdict_becomes_a_vote_with_the_age_of_its_reading() -> None:
    verdict = Verdict(Belief.DOWN, 0, 3, 77.0, Reason.STATUS, "HTTP 503", read_at=10.0)
    vote = Vote(Belief.DOWN, Reason.STATUS, "HTTP 503", 2.346, 77.0, VerdictState.DOWN)
    assert votes_of({A: verdict}, now=12.3456) == {A: vote}


def test_a_vote_tells_how_the_endpoint_does_and_how_soon_that_could_change() -> None:
    verdict = Verdict(Belief.UP, reason=Reason.OK, recent=(True, False, True), flip_in_s=7.00049)
    vote = votes_of({A: verdict}, now=0.0)[A]
    assert (vote.state, vote.flip_in_s) == (VerdictState.DEGRADED, 7.0)


def test_a_check_without_a_reading_has_no_vote() -> None:
    assert votes_of({A: NO_VERDICT}, now=1.0) == {}


def test_votes_are_sorted_whatever_the_order_of_the_checks() -> None:
    verdict = Verdict(Belief.UP, reason=Reason.OK)
    assert list(votes_of({B: verdict, A: verdict}, now=0.0)) == [A, B]


def test_what_was_never_read_says_why_with_a_vote_that_never_counts() -> None:
    [vote] = votes_of({A: Verdict(unread="no secret")}, now=10.0).values()
    assert (vote.belief, vote.reason, vote.detail) == (Belief.UNKNOWN, Reason.UNREAD, "no secret")
    assert vote.age_s == NEVER_READ_AGE_S
    assert not vote.is_cast
    assert votes_of({A: Verdict()}, now=10.0) == {}


def test_what_is_read_no_more_says_why_and_is_as_old_as_it_is() -> None:
    last = Verdict(Belief.DOWN, 0, 3, 77.0, Reason.STATUS, "HTTP 503", read_at=10.0, unread="no secret")
    [vote] = votes_of({A: last}, now=40.0).values()
    assert (vote.belief, vote.reason, vote.detail, vote.age_s) == (Belief.DOWN, Reason.UNREAD, "no secret", 30.0)
