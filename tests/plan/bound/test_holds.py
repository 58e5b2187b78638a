"""What rules may hold, against the rules themselves in simulated time."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.checks.model import Check, checks
from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import NOTHING_IN_FORCE
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId, ServiceId
from gtm.plan.bound.holds import Hold, holds_of_one_fault, possible_holds
from gtm.plan.faults import Watched, fallen
from gtm.plan.model import SteeredService
from gtm.plan.safety.rules import NO_HISTORY, allow
from gtm.plan.safety.shares import Shares, shares_of
from gtm.zone.model import Zone
from tests.fakes import world
from tests.fakes.deltas import delta_of
from tests.plan.dying import ALONE, CALCULATED, GUARDED, TWICE

REGIONS = ("us-east", "eu-west", "ap-southeast")
S = ServiceId("s.gtm.example.com")
TICK_S = 1.0
WATCHED_S = 500.0
"""More than anything may be held for that dies within the first 100 s."""
SINGLE = 6
"""The last of eight addresses that is of IPv4."""


def service(name: str, *ends: tuple[str, str, int], more: str = "") -> str:
    lines = "".join(f'      - {{region: {region}, address: "{to}", weight: {weight}}}\n' for region, to, weight in ends)
    return f"  {name}:\n    monitor: web\n    steer: nearest\n{more}    endpoints:\n{lines}"


class Known:
    """What the zone files say of safety, and of one service."""

    def __init__(self, zone: Zone, name: str = "s", *, reasons: list[tuple[Reason, str]] | None = None) -> None:
        self.zone, self.reasons = zone, reasons or [(Reason.TIMEOUT, "")] * 8
        self.shares: Shares = shares_of(world.plan(zone, geography=world.geography()).services)
        self.watched: Watched = {check.id: check for check in checks((zone,))}
        self.targets = {check.target for check in self.watched.values()}
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
    assert known.possible() == {
        "correlated_failure": 126.0,
        "max_share_removed_per_minute": 86.0,
        "on_all_down": math.inf,
    }


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
    assert Known(world.services(own + other())).possible()["max_share_removed_per_minute"] == 206.0


def test_regions_that_must_stay_hold_without_a_limit() -> None:
    two_of_three = Known(world.services(three(more="    safety: {at_least: 2}\n")))
    assert two_of_three.of_one_fault() == {}
    assert two_of_three.possible()["at_least"] == math.inf
    assert Known(GUARDED.zone).of_one_fault() == {"at_least": math.inf}


def test_a_machine_under_the_names_of_two_regions_is_never_held() -> None:
    assert Known(TWICE.zone).of_one_fault() == {}


def test_a_service_that_takes_others_along_everywhere_looks_like_a_mistake_of_the_probes() -> None:
    known = Known(CALCULATED.zone)
    assert known.of_one_fault() == {"correlated_failure": 120.0, "max_share_removed_per_minute": 120.0}
    [_, hold] = holds_of_one_fault(known.steered, known.shares, known.watched)
    share, pace = "100% of zone gtm.example.com at once", "50% may go at once, the rest at 25% a minute"
    assert hold.when == f"where all of db.gtm.example.com dies: {share}, and {pace}"


def test_a_service_that_takes_others_along_from_one_region_is_never_held() -> None:
    lone = replace(CALCULATED.zone.services[0], endpoints=CALCULATED.zone.services[0].endpoints[:1])
    assert Known(replace(CALCULATED.zone, services=(lone, CALCULATED.zone.services[1]))).of_one_fault() == {}


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


ADDRESSES = st.integers(1, 8).map(lambda number: f"192.0.2.{number}" if number <= SINGLE else f"2001:db8::{number}")
ENDS = st.lists(
    st.tuples(st.sampled_from(REGIONS), ADDRESSES, st.integers(1, 5)),
    min_size=1,
    max_size=4,
    unique_by=lambda end: end[:2],
)


ON_DB = "  on-db: {type: calculated, all: [service db.gtm.example.com]}\n"


def zone_of(services: list[list[tuple[str, str, int]]], calculated: set[int], policy: str) -> Zone:
    """A database, services of which the first is `s`, some calculated from it, and one that is in every region."""
    names = ("db", "s", "t", "u", "v")
    more = f"    on_all_down: {policy}\n"
    text = [service(name, *ends, more=more) for name, ends in zip(names, services, strict=False)]
    text = [one.replace("web", "on-db") if n in calculated else one for n, one in enumerate(text)]
    text.append(service("lone", *((name, f"198.51.100.{n}", 1) for n, name in enumerate(REGIONS, 1))))
    return world.zone(f"{world.HEAD}{ON_DB}\nservices:\n{''.join(text)}records:{world.NS1}")


ZONES = st.builds(
    zone_of,
    st.lists(ENDS, min_size=2, max_size=5),
    st.sets(st.integers(1, 4)),
    st.sampled_from(["serve_all", "serve_last_good", "nodata", "servfail"]),
)
REASONS = st.lists(
    st.sampled_from([(Reason.TIMEOUT, ""), (Reason.STATUS, "HTTP 404"), (Reason.STATUS, "HTTP 503"), (Reason.OK, "")]),
    min_size=8,
    max_size=8,
)
"""For each address, why it is down."""
TIMES = st.lists(st.integers(0, 100), min_size=8, max_size=8)
"""For each address, when it dies."""


def number(target: str) -> int:
    """Of an address, from 0."""
    return int(target.replace(":", ".").rpartition(".")[2]) - 1


@pytest.mark.slow
@given(ZONES, TIMES, REASONS)
@settings(max_examples=40)
def test_whatever_fails_and_stays_down_is_held_no_longer_than_said(
    zone: Zone, dies_at: list[int], reasons: list[tuple[Reason, str]]
) -> None:
    known = Known(zone, reasons=reasons)
    assert held_s(known, lambda target, now: now >= dies_at[number(target)], S) <= limit_s(known) + TICK_S + 0.001


@pytest.mark.slow
@given(ZONES, st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), min_size=8, max_size=8), REASONS)
@settings(max_examples=40)
def test_whatever_fails_again_and_again_is_held_no_longer_than_said(
    zone: Zone, wellness: list[tuple[int, int]], reasons: list[tuple[Reason, str]]
) -> None:
    """Each address is well for so long, then ill for so long, and so on; one that is never well stays down."""

    def is_down(target: str, now: float) -> bool:
        well_s, ill_s = wellness[number(target)]
        return now % (well_s + ill_s) >= well_s

    known = Known(zone, reasons=reasons)
    assert held_s(known, is_down, S) <= limit_s(known) + TICK_S + 0.001


@pytest.mark.slow
@given(ZONES, st.sampled_from(REGIONS), TIMES, REASONS)
@settings(max_examples=40)
def test_one_region_that_dies_is_never_held_by_the_default_rules(
    zone: Zone, region: str, dies_at: list[int], reasons: list[tuple[Reason, str]]
) -> None:
    """In one moment or bit by bit, with all that its machines serve under other names, and all that waits for them."""
    known = Known(zone, reasons=reasons)
    dead = {end.target for one in zone.services for end in one.endpoints if end.region == region}

    def is_down(target: str, now: float) -> bool:
        return target in dead and now >= dies_at[number(target)]

    assert held_s(known, is_down, *known.shares.services) == 0.0


def limit_s(known: Known) -> float:
    return sum(one for rule, one in known.possible().items() if rule != "on_all_down")


def held_s(known: Known, is_down: Callable[[str, float], bool], *services: ServiceId) -> float:
    """For how long what is down was held in these services at the most, looking once a tick for some minutes."""
    history, before, longest, now = NO_HISTORY, status(known, frozenset()), 0.0, 0.0
    down_since: dict[CheckId, float] = {}
    while now <= WATCHED_S:
        after = status(known, frozenset(target for target in known.targets if is_down(target, now)))
        down = [check for check in known.watched if after.belief(check) is Belief.DOWN]
        down_since = {check: down_since.get(check, now) for check in down}
        allowed = allow(known.shares, history, after, delta_of(before, after), NOTHING_IN_FORCE, now=now)
        for _, opened in allowed.history.open:
            down_since[opened] = now + TICK_S  # it is answered by `on_all_down`, and counts from when it no longer is
        for steered in (known.shares.services[name] for name in services):
            for endpoint_ref, check in zip(steered.endpoint_refs, steered.checks, strict=True):
                if check is not None and endpoint_ref.endpoint in allowed.held.get(steered.id, {}):
                    longest = max(longest, now + TICK_S - down_since[check])
        history, before, now = allowed.history, after, now + TICK_S
    return longest


def status(known: Known, dead: frozenset[str]) -> Status:
    down = fallen(dead, known.watched)
    return Status({name: known_as(check, known, is_down=name in down) for name, check in known.watched.items()})


def known_as(check: Check, known: Known, *, is_down: bool) -> CheckStatus:
    if not is_down:
        return CheckStatus(Belief.UP, 0.0, Reason.OK)
    if check.parts:
        return CheckStatus(Belief.DOWN, 0.0, Reason.OTHER)
    return CheckStatus(Belief.DOWN, 0.0, *known.reasons[(number(check.target)) % 8])
