from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import (
    FLAPPING_FROM,
    HALF_LIFE_S,
    MAX_DAMPING,
    MAX_PENALTY,
    NO_VERDICT,
    Verdict,
    VerdictPolicy,
    VerdictState,
    Window,
    bads_needed,
    goods_needed,
    step,
)

GOOD = Reading(Reason.OK, 0.01)
BAD = Reading(Reason.TIMEOUT, 2.0, "no answer in 2 s")
PLAIN = VerdictPolicy(fall=3, rise=5)
WINDOW = VerdictPolicy(fall=3, rise=2, window=Window(6, 10))
DAMPED = VerdictPolicy(fall=1, rise=2, damping=True)


def after(readings: str, policy: VerdictPolicy = PLAIN, *, gap_s: float = 1.0, first: Verdict = NO_VERDICT) -> Verdict:
    """The verdict after readings written as text: `+` good, `-` bad, one a second unless told otherwise."""
    verdict = first
    for sign in readings:
        now = verdict.read_at + gap_s
        verdict = step(verdict, GOOD if sign == "+" else BAD, now=now, wall=1e9 + now, policy=policy)
    return verdict


@pytest.mark.parametrize(
    ("readings", "belief"),
    [
        ("", Belief.UNKNOWN),
        ("+", Belief.UP),
        ("-", Belief.UNKNOWN),
        ("--", Belief.UNKNOWN),
        ("--+", Belief.UP),
        ("---", Belief.DOWN),
        ("+-", Belief.UP),
        ("+--", Belief.UP),
        ("+--+--", Belief.UP),
        ("+---", Belief.DOWN),
        ("---+", Belief.DOWN),
        ("---++++", Belief.DOWN),
        ("---++++-++++", Belief.DOWN),
        ("---+++++", Belief.UP),
    ],
)
def test_readings_in_a_row_make_the_belief(readings: str, belief: Belief) -> None:
    assert after(readings).belief is belief


@pytest.mark.parametrize(
    ("readings", "belief"),
    [
        ("+--+--+--", Belief.DOWN),
        ("+-+-+-+-+-+-", Belief.UP),
        ("+--+--+-", Belief.UP),
        ("--+--", Belief.UP),
    ],
)
def test_bad_readings_among_good_ones_take_an_endpoint_down_too(readings: str, belief: Belief) -> None:
    assert after(readings, WINDOW).belief is belief


def test_what_took_an_endpoint_down_does_not_do_so_again_on_its_way_back() -> None:
    assert after("+--+--+--" + "++" + "--", WINDOW).belief is Belief.UP


def test_since_is_the_moment_of_the_change_and_not_of_the_last_reading() -> None:
    assert after("+++").since == 1e9 + 1
    assert after("+++---").since == 1e9 + 6
    assert after("+++---------").since == 1e9 + 6


def test_a_verdict_tells_of_its_last_reading() -> None:
    verdict = after("+-")
    assert (verdict.reason, verdict.detail, verdict.read_at) == (Reason.TIMEOUT, "no answer in 2 s", 2.0)


def test_a_first_reading_that_decides_nothing_starts_the_time_of_not_knowing() -> None:
    assert after("-").since == 1e9 + 1
    assert after("--").since == 1e9 + 1


def test_an_endpoint_that_went_down_stays_down_for_the_failback_delay() -> None:
    policy = replace(PLAIN, rise=2, failback_delay_s=60.0)
    down = after("+---", policy)
    assert after("+" * 59, policy, first=down).belief is Belief.DOWN
    assert after("+" * 60, policy, first=down).belief is Belief.UP


def test_a_long_outage_has_served_its_failback_delay() -> None:
    policy = replace(PLAIN, rise=2, failback_delay_s=60.0)
    assert after("+---" + "-" * 100 + "++", policy).belief is Belief.UP


def test_one_outage_is_not_flapping() -> None:
    down = after("+-", DAMPED)
    assert goods_needed(down, DAMPED, now=down.read_at) == 2
    assert down.state_at(down.read_at) is VerdictState.DOWN
    up = after("++", DAMPED, first=down)
    assert (up.belief, up.state_at(up.read_at)) == (Belief.UP, VerdictState.UP)


def test_every_flip_doubles_the_good_readings_that_the_way_back_takes() -> None:
    verdict = after("+", DAMPED)
    asked = []
    for _ in range(5):
        verdict = after("-", DAMPED, first=verdict, gap_s=1e-6)
        asked.append(goods_needed(verdict, DAMPED, now=verdict.read_at))
        verdict = after("+" * asked[-1], DAMPED, first=verdict, gap_s=1e-6)
        assert verdict.belief is Belief.UP
    assert asked == [2, 8, 32, 32, 32], "each way back follows two flips; 16 times 2 is the most"


def test_the_penalty_halves_with_its_half_life_and_is_forgotten() -> None:
    verdict = after("+-+++-", replace(DAMPED, rise=1), gap_s=1e-6)
    assert verdict.penalty == pytest.approx(3.0)
    assert goods_needed(verdict, DAMPED, now=verdict.changed_at + HALF_LIFE_S) == pytest.approx(3)
    assert goods_needed(verdict, DAMPED, now=verdict.changed_at + 10 * HALF_LIFE_S) == 2
    assert verdict.state_at(verdict.changed_at) is VerdictState.FLAPPING
    assert verdict.state_at(verdict.changed_at + HALF_LIFE_S) is VerdictState.DOWN


def test_flapping_shows_where_nothing_is_damped_too() -> None:
    policy = VerdictPolicy(fall=1, rise=1)
    verdict = after("+-+-", policy)
    assert verdict.state_at(verdict.read_at) is VerdictState.FLAPPING
    assert after("+", policy, first=verdict).belief is Belief.UP


def test_up_with_bad_readings_of_late_is_degraded_until_they_are_out_of_the_window() -> None:
    verdict = after("+++-", WINDOW)
    assert verdict.state_at(4.0) is VerdictState.DEGRADED
    assert after("+" * 9, WINDOW, first=verdict).state_at(13.0) is VerdictState.DEGRADED
    assert after("+" * 10, WINDOW, first=verdict).state_at(14.0) is VerdictState.UP


def test_before_the_first_reading_nothing_is_known() -> None:
    assert NO_VERDICT.state_at(0.0) is VerdictState.UNKNOWN


thresholds = st.integers(1, 10)
signs = st.text("+-", max_size=60)
windows = st.none() | st.integers(1, 12).flatmap(lambda bad: st.builds(Window, st.just(bad), st.integers(bad, 20)))
policies = st.builds(
    VerdictPolicy,
    fall=thresholds,
    rise=thresholds,
    window=windows,
    failback_delay_s=st.sampled_from([0.0, 3.0, 30.0]),
    damping=st.booleans(),
)
verdicts = st.builds(
    Verdict,
    belief=st.sampled_from(Belief),
    since=st.just(1.0),
    reason=st.sampled_from(Reason),
    changed_at=st.floats(0, 100),
    held=st.integers(0, 100),
    recent=st.lists(st.booleans(), max_size=20).map(tuple),
    penalty=st.floats(0, MAX_PENALTY),
)


@given(readings=signs, policy=policies)
def test_the_belief_follows_from_the_readings_since_the_last_change(readings: str, policy: VerdictPolicy) -> None:
    """The table again, written as a search in the text of all readings."""
    policy = replace(policy, damping=False)
    expected, changed_at, since_change = Belief.UNKNOWN, 0, ""
    verdict = NO_VERDICT
    for end in range(1, len(readings) + 1):
        head, since_change = readings[:end], since_change + readings[end - 1]
        if not changed_at:
            changed_at = end  # not knowing began with the first reading
        row = len(head) - len(head.rstrip(head[-1]))
        is_full = policy.window is not None and since_change[-policy.window.of :].count("-") >= policy.window.bad
        falls = head.endswith("-") and (row >= policy.fall or is_full)
        rises = head.endswith("+") and row >= policy.rise and end - changed_at >= policy.failback_delay_s
        before = expected
        if expected is Belief.DOWN:
            expected = Belief.UP if rises else Belief.DOWN
        elif falls:
            expected = Belief.DOWN
        elif head.endswith("+"):
            expected = Belief.UP
        if expected is not before:
            changed_at, since_change = end, ""
        verdict = after(readings[end - 1], policy, first=verdict)
        assert verdict.belief is expected
        assert max(verdict.good_run, verdict.bad_run) == row
        assert min(verdict.good_run, verdict.bad_run) == 0


@given(verdict=verdicts, reason=st.sampled_from(Reason), runs=st.integers(0, 20), policy=policies)
def test_every_state_takes_every_reading_and_moves_only_towards_it(
    verdict: Verdict, reason: Reason, runs: int, policy: VerdictPolicy
) -> None:
    reading = Reading(reason, 0.1, "x")
    before = replace(verdict, bad_run=runs) if reading.ok else replace(verdict, good_run=runs)
    then = step(before, reading, now=200.0, wall=9.0, policy=policy)
    assert then.belief in {before.belief, Belief.UP if reading.ok else Belief.DOWN}
    is_changed = then.belief is not before.belief
    is_first = before.reason is Reason.UNREAD and before.belief is Belief.UNKNOWN
    assert then.since == (9.0 if is_changed or is_first else 1.0)
    assert then.held == (0 if is_changed else before.held + 1)
    assert (then.good_run, then.bad_run) == ((1, 0) if reading.ok else (0, 1))
    assert then.state_at(200.0) in VerdictState


@pytest.mark.slow
@given(readings=signs, policy=policies)
def test_no_endpoint_comes_back_with_fewer_readings_or_sooner_than_promised(
    readings: str, policy: VerdictPolicy
) -> None:
    verdict = NO_VERDICT
    for sign in readings:
        before, verdict = verdict, after(sign, policy, first=verdict)
        if before.belief is Belief.DOWN and verdict.belief is Belief.UP:
            assert verdict.good_run >= policy.rise
            assert verdict.read_at - before.changed_at >= policy.failback_delay_s
        if before.belief is not Belief.DOWN and verdict.belief is Belief.DOWN:
            assert bads_needed(before, policy) == 1


@given(readings=signs, policy=policies)
def test_an_endpoint_that_is_well_for_good_comes_back_in_the_end(readings: str, policy: VerdictPolicy) -> None:
    enough = MAX_DAMPING * policy.rise + int(policy.failback_delay_s) + 1
    assert after(readings + "+" * enough, policy).belief is Belief.UP


@given(readings=signs, policy=policies)
def test_an_endpoint_that_is_dead_for_good_is_down_after_as_many_readings_as_fall(
    readings: str, policy: VerdictPolicy
) -> None:
    assert after(readings + "-" * policy.fall, policy).belief is Belief.DOWN


@settings(max_examples=50)
@given(st.lists(st.sampled_from("+-"), min_size=60, max_size=200))
def test_whatever_flaps_is_asked_for_no_more_than_the_most_and_forgiven_within_half_an_hour(signs: list[str]) -> None:
    policy = VerdictPolicy(fall=1, rise=1, damping=True)
    verdict = after("".join(signs), policy)
    assert 1 <= goods_needed(verdict, policy, now=verdict.read_at) <= MAX_DAMPING
    assert verdict.penalty_at(verdict.read_at + 1800) < FLAPPING_FROM
