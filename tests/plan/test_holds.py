"""What rules may hold, against the rules themselves in simulated time."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.override import NOTHING_IN_FORCE
from gtm.health.status import Status
from gtm.ids import CheckId, ServiceId
from gtm.plan.faults import Watched
from gtm.plan.holds import Hold, holds_of_one_fault, possible_holds
from gtm.plan.model import SteeredService
from gtm.plan.safety import NO_HISTORY, allow
from gtm.plan.shares import Shares, shares_of
from gtm.zone.model import Zone, checks
from tests.fakes import world
from tests.plan.dying import ALONE, CALCULATED, GUARDED, TWICE

REGIONS = ("us-east", "eu-west", "ap-southeast")
TICK_S = 1.0


def service(name: str, *ends: tuple[str, str, int], more: str = "") -> str:
    lines = "".join(f"      - {{region: {region}, address: {to}, weight: {weight}}}\n" for region, to, weight in ends)
    return f"  {name}:\n    monitor: web\n    steer: nearest\n{more}    endpoints:\n{lines}"


class Known:
    """What the zone files say of safety, and of one service."""

    def __init__(self, zone: Zone, name: str = "s") -> None:
        self.zone = zone
        self.shares: Shares = shares_of(world.plan(zone, geography=world.geography()).services)
        self.watched: Watched = {check.id: check for check in checks((zone,))}
        self.steered: SteeredService = self.shares.services[ServiceId(f"{name}.gtm.example.com")]

    def of_one_fault(self) -> dict[str, float]:
        return seconds(holds_of_one_fault(self.steered, self.shares, self.watched))

    def possible(self) -> dict[str, float]:
        return seconds(possible_holds(self.steered, self.shares, self.watched))


def seconds(holds: tuple[Hold, ...]) -> dict[str, float]:
    """By rule, to the millisecond."""
    return {hold.rule: round(hold.seconds, 3) for hold in holds}


def three(*, more: str = "") -> str:
    return service("s", *((name, f"192.0.2.{n}", 1) for n, name in enumerate(REGIONS, 1)), more=more)


def other(number: int = 0) -> str:
    """A service that shares nothing with `s`."""
    ends = ((name, f"198.51.{number}.{n}", 1) for n, name in enumerate(REGIONS, 1))
    return service(f"t{number}", *ends)


def test_one_region_of_three_is_never_held_and_a_second_one_may_be() -> None:
    known = Known(world.services(three()))
    assert known.of_one_fault() == {}
    assert known.possible() == {"max_share_removed_per_minute": 160.0, "on_all_down": math.inf}


def test_unrelated_services_may_be_blamed_on_the_probes() -> None:
    known = Known(world.services(three() + other()))
    assert known.of_one_fault() == {}
    assert known.possible()["correlated_failure"] == 126.0, "what went down an interval and a second before comes back"


def test_what_several_monitors_see_of_one_fault_may_be_given_back_too() -> None:
    one, two = (service(name, ("us-east", f"192.0.2.{n}", 1)) for n, name in enumerate("st"))
    text = f"{world.HEAD}  tcp: {{type: tcp, port: 22}}\nservices:\n{one}{two.replace('web', 'tcp')}records:{world.NS1}"
    assert Known(world.zone(text)).of_one_fault() == {"correlated_failure": 126.0}


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ("    safety: {max_share_removed_per_minute: 100}\n", "max_share_removed_per_minute"),
        ("    safety: {correlated_failure: false}\n", "correlated_failure"),
        ("    on_all_down: nodata\n", "on_all_down"),
    ],
)
def test_what_the_zone_switches_off_holds_nothing(more: str, missing: str) -> None:
    everything = {"max_share_removed_per_minute", "correlated_failure", "on_all_down"}
    assert set(Known(world.services(three(more=more) + other())).possible()) == everything - {missing}


def test_a_limit_of_its_own_counts_the_service_by_itself() -> None:
    own = three(more="    safety: {max_share_removed_per_minute: 10}\n")
    assert Known(world.services(own + other())).possible()["max_share_removed_per_minute"] == 400.0


def test_regions_that_must_stay_hold_without_a_limit() -> None:
    two_of_three = Known(world.services(three(more="    safety: {at_least: 2}\n")))
    assert two_of_three.of_one_fault() == {}
    assert two_of_three.possible()["at_least"] == math.inf
    assert Known(GUARDED.zone).of_one_fault() == {"at_least": math.inf}


def test_a_machine_under_the_names_of_two_regions_is_more_than_a_region() -> None:
    known = Known(TWICE.zone)
    assert known.of_one_fault() == {"max_share_removed_per_minute": 90.0}
    [hold] = holds_of_one_fault(known.steered, known.shares, known.watched)
    share, pace = "75% of zone gtm.example.com at once", "38% may go at once, the rest at 25% a minute"
    assert hold.when == f"where all of us-east dies: {share}, and {pace}"


def test_a_service_that_takes_others_along_looks_like_a_mistake_of_the_probes() -> None:
    assert Known(CALCULATED.zone).of_one_fault() == {"correlated_failure": 120.0, "max_share_removed_per_minute": 120.0}


def test_only_one_region_for_unrelated_services_is_suspicious_in_itself() -> None:
    alone = service("s", ("us-east", "192.0.2.1", 1)) + service("t", ("us-east", "192.0.2.2", 1))
    assert Known(world.services(alone)).of_one_fault() == {"correlated_failure": 120.0}


def test_what_one_fault_is_enough_for_is_told() -> None:
    def told(zone: Zone) -> list[str]:
        known = Known(zone)
        holds = possible_holds(known.steered, known.shares, known.watched)
        return [hold.when for hold in holds if hold.rule == "on_all_down"]

    assert told(ALONE.zone) == ["nothing of it is up: serve_all"]
    lone = world.services(service("s", ("us-east", "192.0.2.1", 1)))
    assert told(lone) == ["nothing of it is up, as where all of us-east dies: serve_all"]


ADDRESSES = st.integers(1, 8).map(lambda number: f"192.0.2.{number}")
ENDS = st.lists(
    st.tuples(st.sampled_from(REGIONS), ADDRESSES, st.integers(1, 5)),
    min_size=1,
    max_size=4,
    unique_by=lambda end: end[:2],
)


@pytest.mark.slow
@given(st.lists(ENDS, min_size=1, max_size=4), st.lists(st.integers(0, 100), min_size=8, max_size=8))
@settings(deadline=None, max_examples=60)
def test_whatever_fails_and_stays_down_is_held_no_longer_than_said(
    services: list[list[tuple[str, str, int]]], dies_at: list[int]
) -> None:
    text = "".join(service("s" if not n else f"t{n}", *ends) for n, ends in enumerate(services))
    known = Known(world.services(text))
    limit_s = sum(one for rule, one in known.possible().items() if rule != "on_all_down")
    dying = {check: dies_at[int(each.target.rpartition(".")[2]) - 1] for check, each in known.watched.items()}
    assert held_s(known, dying) <= limit_s + TICK_S + 0.001


def held_s(known: Known, dies_at: Mapping[CheckId, int]) -> float:
    """For how long the service's endpoints were held at the most, looking once a tick."""
    history, before, longest, now = NO_HISTORY, status(known, dies_at, at=-1.0), 0.0, 0.0
    while now <= 100.0 or not history.is_calm:
        after = status(known, dies_at, at=now)
        allowed = allow(known.shares, history, before, after, NOTHING_IN_FORCE, now=now)
        held = allowed.held.get(known.steered.id, {})
        for spot, check in zip(known.steered.spots, known.steered.checks, strict=True):
            if check is not None and spot.endpoint in held:
                longest = max(longest, now + TICK_S - dies_at[check])
        history, before, now = allowed.history, after, now + TICK_S
        assert now < 10_000
    return longest


def status(known: Known, dies_at: Mapping[CheckId, int], *, at: float) -> Status:
    dead = [check for check, when in dies_at.items() if when <= at]
    return world.status(
        {known.watched[check].target: Belief.DOWN for check in known.watched if check in dead}, known.zone
    )
