import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.reading import Reading, Reason
from gtm.health.verdict import NO_VERDICT, Verdict, step

GOOD = Reading(Reason.OK, 0.01)
BAD = Reading(Reason.TIMEOUT, 2.0, "no answer in 2 s")


def after(readings: str, *, fall: int = 3, rise: int = 5) -> Verdict:
    """The verdict after readings written as text: `+` good, `-` bad, one a second."""
    verdict = NO_VERDICT
    for second, sign in enumerate(readings):
        reading = GOOD if sign == "+" else BAD
        verdict = step(verdict, reading, now=float(second), wall=1e9 + second, fall=fall, rise=rise)
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


def test_since_is_the_moment_of_the_change_and_not_of_the_last_reading() -> None:
    assert after("+++").since == 1e9
    assert after("+++---").since == 1e9 + 5
    assert after("+++---------").since == 1e9 + 5


def test_a_verdict_tells_of_its_last_reading() -> None:
    verdict = after("+-")
    assert (verdict.reason, verdict.detail, verdict.read_at) == (Reason.TIMEOUT, "no answer in 2 s", 1.0)


def test_a_first_reading_that_decides_nothing_starts_the_time_of_not_knowing() -> None:
    assert after("-").since == 1e9
    assert after("--").since == 1e9


thresholds = st.integers(1, 10)
signs = st.text("+-", max_size=40)


@given(readings=signs, fall=thresholds, rise=thresholds)
def test_the_belief_follows_from_the_runs_alone(readings: str, fall: int, rise: int) -> None:
    expected = Belief.UNKNOWN
    for end in range(1, len(readings) + 1):
        head = readings[:end]
        if expected is Belief.DOWN:
            expected = Belief.UP if head.endswith("+" * rise) else Belief.DOWN
        elif head.endswith("-" * fall):
            expected = Belief.DOWN
        elif head.endswith("+"):
            expected = Belief.UP
    verdict = after(readings, fall=fall, rise=rise)
    assert verdict.belief is expected
    assert verdict.good_run == len(readings) - len(readings.rstrip("+"))
    assert verdict.bad_run == len(readings) - len(readings.rstrip("-"))


@given(
    belief=st.sampled_from(Belief),
    reason=st.sampled_from(Reason),
    runs=st.integers(0, 20),
    fall=thresholds,
    rise=thresholds,
)
def test_every_state_takes_every_reading_and_moves_only_towards_it(
    belief: Belief, reason: Reason, runs: int, fall: int, rise: int
) -> None:
    reading = Reading(reason, 0.1, "x")
    before = Verdict(belief, bad_run=runs, since=1.0) if reading.ok else Verdict(belief, good_run=runs, since=1.0)
    then = step(before, reading, now=5.0, wall=9.0, fall=fall, rise=rise)
    assert then.belief in {belief, Belief.UP if reading.ok else Belief.DOWN}
    assert then.since == (1.0 if then.belief is belief else 9.0)
    assert (then.good_run, then.bad_run) == ((1, 0) if reading.ok else (0, 1))
