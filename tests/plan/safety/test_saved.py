"""What the rules of safety remember over a restart: what went down, and when, says it."""

import pytest

from gtm.checks.model import checks
from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.verdict.reading import Reason
from gtm.plan.safety.rules import NO_HISTORY, History
from gtm.plan.safety.saved import recalled
from gtm.plan.safety.shares import shares_of
from tests.fakes import world

WALL, NOW = 1_700_000_000.0, 500.0
ENDS = [
    f"      - {{region: {region}, address: 192.0.2.{number}}}\n"
    for number, region in enumerate(("us-east", "eu-west", "ap-southeast"), 1)
]
NAME = "api.gtm.example.com"


def after_restart(ages_s: dict[str, float], *, more: str = "") -> History:
    """The history of a node that begins when these addresses have been down for so long."""
    zone = world.services(f"  api:\n    monitor: web\n    steer: nearest\n{more}    endpoints:\n{''.join(ENDS)}")
    shares = shares_of(world.plan(zone).services)
    status = {
        check.id: CheckStatus(Belief.DOWN, WALL - ages_s[check.target], Reason.STATUS, "HTTP 404", frozen=True)
        if check.target in ages_s
        else CheckStatus(Belief.UP, 0.0, frozen=True)
        for check in checks((zone,))
    }
    return recalled(shares, Status(status), now=NOW, wall=WALL)


def spent(history: History) -> float:
    return sum(sum(one.after(NOW, 0.25).values()) for one in history.spent.values())


def test_nothing_where_all_is_up() -> None:
    assert after_restart({}) == NO_HISTORY


@pytest.mark.parametrize(
    ("age_s", "left", "is_recent"), [(0.0, 1 / 3, True), (6.0, 1 / 3 - 0.025, True), (40.0, 1 / 6, False)]
)
def test_what_went_down_lately_is_paid_for_since_then(age_s: float, left: float, is_recent: bool) -> None:  # noqa: FBT001  # parametrized
    history = after_restart({"192.0.2.1": age_s})
    assert spent(history) == pytest.approx(left)
    assert [*history.fallen.values()] == ([NOW - age_s] if is_recent else [])
    assert not history.open


def test_two_are_paid_for_one_after_the_other() -> None:
    assert spent(after_restart({"192.0.2.1": 50.0, "192.0.2.2": 10.0})) == pytest.approx(2 / 3 - 50 / 240)


@pytest.mark.parametrize("age_s", [80.0, 1e9, -1.0])
def test_what_went_down_long_ago_or_in_the_future_costs_nothing(age_s: float) -> None:
    history = after_restart({"192.0.2.1": age_s})
    assert spent(history) == pytest.approx(0.0)
    assert not history.fallen


@pytest.mark.parametrize(("policy", "is_open"), [("serve_all", True), ("serve_last_good", True), ("nodata", False)])
def test_what_is_answered_because_nothing_is_up_is_open_and_costs_nothing(policy: str, is_open: bool) -> None:  # noqa: FBT001  # parametrized
    ages_s = {f"192.0.2.{number}": 30.0 for number in (1, 2, 3)}
    history = after_restart(ages_s, more=f"    on_all_down: {policy}\n")
    assert {service for service, _ in history.open} == ({NAME} if is_open else set())
    assert len(history.open) == len(history.lost) == (3 if is_open else 0)
    assert spent(history) == pytest.approx(0.0 if is_open else 1 - 30 / 240)
