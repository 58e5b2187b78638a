from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.verdict.next_change import Pace, foretold, is_settled, soonest_s
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import NO_VERDICT, Verdict, VerdictPolicy, Window, step

PACE = Pace(interval_s=5.0, recheck_s=1.0)
PLAIN = VerdictPolicy(fall=3, rise=5)


def read(verdict: Verdict, policy: VerdictPolicy, pace: Pace, *, good: bool) -> Verdict:
    """The verdict after one more reading, at its pace."""
    is_quick = verdict.belief is Belief.UP and verdict.bad_run > 0
    now = verdict.read_at + (pace.recheck_s if is_quick else pace.interval_s)
    reading = Reading(Reason.OK if good else Reason.REFUSED, 0.01)
    return foretold(step(verdict, reading, now=now, wall=now, policy=policy), policy, pace)


def after(readings: str, policy: VerdictPolicy = PLAIN, pace: Pace = PACE) -> Verdict:
    """The verdict after readings written as text: `+` good, `-` bad."""
    verdict = NO_VERDICT
    for sign in readings:
        verdict = read(verdict, policy, pace, good=sign == "+")
    return verdict


@pytest.mark.parametrize(
    ("readings", "flip_in_s"),
    [
        ("", 0.0),
        ("--", 0.0),
        ("+", 0.0),  # a first good reading is no proof of anything
        ("+++++", 0.0),
        ("++++++", 7.0),  # 5 s to the next round, and two rechecks
        ("++++++-", 2.0),
        ("++++++--", 1.0),
        ("++++++---", 0.0),  # just changed
        ("++++++---" + "---", 25.0),  # five good rounds
        ("++++++---" + "---++", 15.0),
    ],
)
def test_a_change_takes_as_many_readings_as_are_still_needed_at_their_pace(readings: str, flip_in_s: float) -> None:
    assert after(readings).flip_in_s == flip_in_s


def test_without_rechecks_every_reading_takes_an_interval_as_in_gdnsd() -> None:
    assert after("++++++", pace=Pace(5.0, 5.0)).flip_in_s == 15.0
    assert after("++++++-", pace=Pace(5.0, 5.0)).flip_in_s == 10.0


def test_the_failback_delay_and_the_damping_hold_a_change_up() -> None:
    delayed = replace(PLAIN, failback_delay_s=60.0)
    assert after("+" * 9 + "---" + "---", delayed).flip_in_s == 45.0
    damped = replace(PLAIN, fall=1, damping=True)
    down_again = after("+" * 9 + "-" + "+" * 5 + "-" * 3, damped)
    assert 75.0 <= down_again.flip_in_s <= 100.0, "up to four times five rounds, less for what fades meanwhile"


def test_a_verdict_is_settled_once_it_held_as_long_as_it_took() -> None:
    assert not is_settled(after("+++++"), PLAIN)
    assert is_settled(after("++++++"), PLAIN)
    assert not is_settled(NO_VERDICT, PLAIN)


def test_the_first_of_the_voices_counts_and_silence_promises_nothing() -> None:
    assert soonest_s([7.0, 2.0, 30.0]) == 2.0
    assert soonest_s([]) == 0.0


policies = st.builds(
    VerdictPolicy,
    fall=st.integers(1, 6),
    rise=st.integers(1, 6),
    window=st.none() | st.integers(1, 8).flatmap(lambda bad: st.builds(Window, st.just(bad), st.integers(bad, 12))),
    failback_delay_s=st.sampled_from([0.0, 3.0, 16.0]),
    damping=st.booleans(),
)
paces = st.builds(Pace, interval_s=st.sampled_from([4.0, 8.0]), recheck_s=st.sampled_from([1.0, 4.0]))


@pytest.mark.slow
@given(readings=st.text("+-", max_size=60), policy=policies, pace=paces)
def test_the_belief_changes_at_that_moment_if_all_goes_against_it_and_never_before(
    readings: str, policy: VerdictPolicy, pace: Pace
) -> None:
    told = after(readings, policy, pace)
    assume(is_settled(told, policy))
    verdict = told
    while verdict.belief is told.belief:
        assert verdict.read_at - told.read_at < told.flip_in_s
        verdict = read(verdict, policy, pace, good=told.belief is Belief.DOWN)
    assert verdict.read_at - told.read_at == told.flip_in_s


@given(
    readings=st.text("+-", max_size=40),
    others=st.text("+-", max_size=40),
    policy=policies,
    pace=paces,
)
def test_no_readings_whatever_change_it_sooner(readings: str, others: str, policy: VerdictPolicy, pace: Pace) -> None:
    told = after(readings, policy, pace)
    verdict = told
    for sign in others:
        verdict = read(verdict, policy, pace, good=sign == "+")
        if verdict.belief is not told.belief:
            assert verdict.read_at - told.read_at >= told.flip_in_s
            return
