"""A scene: an endpoint that is well for a minute and ill for a minute, for two hours, and then well for good."""

from dataclasses import replace
from itertools import pairwise

from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import NO_VERDICT, Verdict, VerdictPolicy, VerdictState, Window, step

INTERVAL_S = 5.0
MINUTE_S = 60.0
ILL_UNTIL_S = 7200.0
DEFAULTS = VerdictPolicy(fall=3, rise=5, window=Window(6, 10), failback_delay_s=60.0, damping=True)
PLAIN = replace(DEFAULTS, window=None, failback_delay_s=0.0, damping=False)


def played(policy: VerdictPolicy) -> list[Verdict]:
    """The verdict after each reading of the scene."""
    verdicts = [NO_VERDICT]
    for number in range(int((ILL_UNTIL_S + 1200.0) / INTERVAL_S)):
        now = number * INTERVAL_S
        is_well = now >= ILL_UNTIL_S or int(now / MINUTE_S) % 2 == 0
        reading = Reading(Reason.OK if is_well else Reason.TIMEOUT, 0.1)
        verdicts.append(step(verdicts[-1], reading, now=now, wall=now, policy=policy))
    return verdicts


def returns(verdicts: list[Verdict]) -> int:
    return sum(before.belief is Belief.DOWN and after.belief is Belief.UP for before, after in pairwise(verdicts))


def test_it_comes_and_goes_every_minute_where_nothing_is_damped() -> None:
    assert returns(played(PLAIN)) == ILL_UNTIL_S / MINUTE_S / 2


def test_it_comes_back_a_quarter_as_often_where_it_is_damped_and_soon_once_it_is_well_for_good() -> None:
    verdicts = played(DEFAULTS)
    assert returns(verdicts) <= returns(played(PLAIN)) / 4
    [*_, came_back] = [verdict for verdict in verdicts if verdict.belief is Belief.DOWN]
    assert verdicts[-1].belief is Belief.UP
    assert came_back.read_at - ILL_UNTIL_S <= 16 * 5 * INTERVAL_S


def test_people_see_that_it_flaps() -> None:
    states = {verdict.state_at(verdict.read_at) for verdict in played(DEFAULTS)}
    assert VerdictState.FLAPPING in {verdict.state_at(verdict.read_at) for verdict in played(PLAIN)}
    assert states >= {VerdictState.UP, VerdictState.DOWN, VerdictState.DEGRADED}
