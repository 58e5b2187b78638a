import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.consensus.quorum import AllUp, AnyUp, AtLeast, Majority, Rule, Share, decide

UP, DOWN, NOTHING = Belief.UP, Belief.DOWN, Belief.UNKNOWN


@pytest.mark.parametrize(
    ("rule", "ups", "downs", "decision"),
    [
        (Majority(), 2, 1, UP),
        (Majority(), 1, 2, DOWN),
        (Majority(), 2, 2, NOTHING),
        (Majority(), 1, 0, UP),
        (Share(0.18), 3, 13, UP),  # Route 53: 3 of 16 is 18.75 %
        (Share(0.18), 2, 14, DOWN),
        (Share(0.5), 1, 1, DOWN),  # more than, not at least
        (Share(0.0), 1, 99, UP),
        (Share(0.0), 0, 99, DOWN),
        (AllUp(), 3, 0, UP),
        (AllUp(), 99, 1, DOWN),
        (AnyUp(), 1, 99, UP),
        (AnyUp(), 0, 1, DOWN),
        (AtLeast(2), 2, 5, UP),
        (AtLeast(2), 1, 5, DOWN),
        (AtLeast(2), 1, 0, NOTHING),
    ],
)
def test_a_rule_decides(rule: Rule, ups: int, downs: int, decision: Belief) -> None:
    assert decide(ups, downs, rule) is decision


rules = st.one_of(
    st.builds(Majority),
    st.builds(Share, st.floats(0, 0.999)),
    st.builds(AllUp),
    st.builds(AnyUp),
    st.builds(AtLeast, st.integers(1, 9)),
)
counts = st.integers(0, 50)


@given(rules)
def test_no_voice_decides_nothing(rule: Rule) -> None:
    assert decide(0, 0, rule) is NOTHING


@given(rules, st.integers(9, 50))
def test_voices_of_one_mind_decide_so(rule: Rule, voices: int) -> None:
    assert decide(voices, 0, rule) is UP
    assert decide(0, voices, rule) is DOWN


@given(rules, counts, counts)
def test_a_voice_that_turns_up_never_turns_the_decision_down(rule: Rule, ups: int, downs: int) -> None:
    order = [DOWN, NOTHING, UP]
    before, after = decide(ups, downs + 1, rule), decide(ups + 1, downs, rule)
    assert order.index(before) <= order.index(after)
