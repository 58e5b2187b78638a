"""A restart is no way around a failback delay, `rise` and damping."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import StateInvalid
from gtm.health.belief import Belief
from gtm.health.report.report import votes_of
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.saved import compose_verdicts, parse_verdicts
from gtm.health.verdict.verdict import FLAPPING_FROM, NO_VERDICT, Verdict, VerdictPolicy, VerdictState, step
from gtm.ids import CheckId

CHECK = CheckId("gtm.example.com/api/192.0.2.20")
UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
GOOD, BAD = Reading(Reason.OK, 0.01), Reading(Reason.TIMEOUT, 2.0)
POLICY = VerdictPolicy(fall=2, rise=3, failback_delay_s=60.0, damping=True)
BOOT = 1e9
"""When the machine started, by the clock on the wall."""


def read(verdict: Verdict, signs: str, *, at: float, gap_s: float = 1.0, boot: float = BOOT) -> Verdict:
    """The verdict after readings written as text, the first of them at so many seconds since the machine started."""
    for number, sign in enumerate(signs):
        now = at + gap_s * number
        verdict = step(verdict, GOOD if sign == "+" else BAD, now=now, wall=boot + now, policy=POLICY)
    return verdict


def restarted(verdict: Verdict, *, before: float, now: float, wall: float) -> Verdict:
    """What the next run begins with."""
    text = compose_verdicts({CHECK: verdict}, now=before)
    return parse_verdicts(text, now=now, wall=wall).get(CHECK, NO_VERDICT)


def test_what_is_down_begins_down_and_needs_as_many_good_readings_and_the_rest_of_the_delay() -> None:
    down = read(NO_VERDICT, "+--", at=1000.0)
    again = restarted(down, before=1010.0, now=1020.0, wall=BOOT + 1020.0)
    assert (again.belief, again.since) == (DOWN, BOOT + 1002.0)
    soon = read(again, "+++++", at=1020.0)
    assert soon.belief is DOWN, "five are enough, and the minute is not over"
    assert (soon.since, soon.changed_at) == (BOOT + 1002.0, 1002.0)
    assert read(again, "++", at=1100.0).belief is DOWN
    assert read(again, "+++", at=1100.0).belief is UP


def test_another_machine_clock_that_started_anew_counts_the_same_time() -> None:
    down = read(NO_VERDICT, "+--", at=1000.0)
    again = restarted(down, before=1010.0, now=5.0, wall=BOOT + 1020.0)
    assert again.changed_at == pytest.approx(5.0 - 18.0)
    assert read(again, "+++", at=46.0, boot=BOOT + 1015.0).belief is UP
    assert read(again, "+++", at=44.0, boot=BOOT + 1015.0).belief is DOWN


def test_a_wall_clock_that_went_back_starts_the_delay_anew() -> None:
    down = read(NO_VERDICT, "+--", at=1000.0)
    again = restarted(down, before=1010.0, now=5.0, wall=BOOT - 1e6)
    assert again.changed_at == 5.0


def flapping() -> Verdict:
    """One that is up and was down again and again."""
    verdict = NO_VERDICT
    for number in range(4):
        verdict = read(verdict, "+--", at=1000.0 + 200 * number)
        verdict = read(verdict, "+" * 60, at=1100.0 + 200 * number)
    return verdict


def test_what_flapped_is_still_damped() -> None:
    before = flapping()
    assert before.belief is UP
    now = before.read_at
    again = restarted(before, before=now, now=now, wall=BOOT + now)
    assert (again.belief, again.state_at(now)) == (UNKNOWN, VerdictState.UNKNOWN), "nobody has looked yet"
    assert again.penalty_at(now) == pytest.approx(before.penalty_at(now))
    up = read(again, "+", at=now + 1)
    assert (up.belief, up.state_at(now + 1)) == (UP, VerdictState.FLAPPING)
    assert up.penalty_at(now + 1) == pytest.approx(before.penalty_at(now + 1)), "to be found up is no flip"
    fell = read(again, "--", at=now + 1)
    assert fell.belief is DOWN
    assert fell.penalty_at(now + 2) >= FLAPPING_FROM


def test_what_is_up_and_calm_or_not_known_is_not_remembered() -> None:
    for verdict in (read(NO_VERDICT, "++++", at=1.0), read(NO_VERDICT, "-", at=1.0), NO_VERDICT):
        assert restarted(verdict, before=10.0, now=10.0, wall=BOOT) == NO_VERDICT
    forgotten = replace(flapping(), changed_at=0.0)
    assert restarted(forgotten, before=1e5, now=1e5, wall=BOOT) == NO_VERDICT


def test_it_is_no_vote_before_the_first_reading() -> None:
    again = restarted(read(NO_VERDICT, "+--", at=1000.0), before=1010.0, now=1020.0, wall=BOOT + 1020.0)
    assert votes_of({CHECK: again}, now=1020.0) == {}
    [vote] = votes_of({CHECK: read(again, "+", at=1021.0)}, now=1021.0).values()
    assert (vote.belief, vote.reason, vote.since) == (DOWN, Reason.OK, BOOT + 1002.0)


@given(st.text("+-", max_size=60), st.text("+-", max_size=40), st.integers(0, 40))
def test_no_endpoint_comes_back_sooner_for_a_restart(before: str, after: str, off_s: int) -> None:
    verdict = read(NO_VERDICT, before, at=1000.0, gap_s=5.0)
    now = 1000.0 + 5 * len(before) + off_s
    kept = verdict
    again = restarted(verdict, before=now, now=now, wall=BOOT + now)
    for number, sign in enumerate(after):
        kept = read(kept, sign, at=now + 5 * number)
        again = read(again, sign, at=now + 5 * number)
        if verdict.belief is not DOWN or kept.belief is not DOWN:
            break  # what was up, and falls, has a failback delay of its own from then on
        assert again.belief is DOWN


@given(st.text(max_size=200))
def test_any_other_text_raises_nothing_but_state_invalid(text: str) -> None:
    with pytest.raises(StateInvalid):
        parse_verdicts(text, now=0.0, wall=0.0)


@pytest.mark.parametrize(
    "change", [{"belief": "maybe"}, {"since": float("nan")}, {"penalty": -1.0}, {"penalty": 1e9}, {"more": 1}]
)
def test_damage_is_refused(change: dict[str, object]) -> None:
    content = json.loads(compose_verdicts({CHECK: Verdict(DOWN, since=1.0)}, now=0.0))
    content["verdicts"][CHECK].update(change)
    with pytest.raises(StateInvalid, match="the saved verdicts cannot be read"):
        parse_verdicts(json.dumps(content), now=0.0, wall=0.0)
