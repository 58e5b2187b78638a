"""The bound, against deaths in simulated time."""

import math
from dataclasses import replace
from random import Random

import pytest

from gtm.checks.model import checks
from gtm.checks.policy import verdict_policy
from gtm.health.belief import Belief
from gtm.ids import MonitorName
from gtm.plan.bound.bound import Bound, Delays, bads_to_fall, bound
from gtm.zone.model import Monitor
from gtm.zone.monitors.kinds.calculated import CalculatedSettings, Combine
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Secret
from tests.plan.dying import (
    ALONE,
    CALCULATED,
    GUARDED,
    UNSUSPECTED,
    Chance,
    Death,
    Site,
    WorstCase,
    delays_of,
)

BATCHES, DEATHS = 20, 50
PLAIN = Monitor("gtm.example.com", MonitorName("web"), MonitorType.HTTP, 80, interval_s=5.0, timeout_s=2.0, fall=3)


def random_monitor(random: Random) -> Monitor:
    interval_s = random.choice([0.5, 1.0, 5.0, 10.0, 30.0])
    bad = random.randint(1, 6)
    return replace(
        PLAIN,
        interval_s=interval_s,
        timeout_s=random.uniform(0.05, 1) * interval_s,
        fall=random.randint(1, 5),
        rise=random.randint(1, 4),
        recheck_s=random.choice([interval_s, random.uniform(0.1, 1) * interval_s]),
        window=random.choice([None, (bad, random.randint(bad, 10))]),
    )


def random_site(random: Random, site: Site = ALONE) -> Site:
    checked = site.with_monitor(random_monitor(random))
    least = random.randint(0, 60)
    if random.random() < 0.5:
        return checked.with_ttl(random.randint(0, 300), None)
    return checked.with_ttl(least + random.randint(0, 300), least)


def warmed_up(death: Death) -> float:
    """Runs until every verdict has long settled and is known; returns the time."""
    until = (death.monitor.rise + 4) * death.monitor.interval_s * 1.3 + 4 * death.delays.beat_s + 10
    death.run_until(until)
    return until


def cached_s(random: Random, site: Site, delays: Delays) -> float:
    """How long a death at a random moment is cached."""
    death = Death(site, delays, Chance(random), probes=random.choice([1, 2, 3]), beat_phase=random.random())
    death.dies_at = warmed_up(death) + random.random() * site.monitor.interval_s
    assert death.is_answered
    return death.run()


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_death_is_cached_longer_than_the_bound_says(batch: int) -> None:
    for number in range(DEATHS):
        random = Random(batch * DEATHS + number)
        site = random_site(random)
        delays = delays_of(site.monitor, poll_s=random.choice([0.0, 1.55]))
        assert cached_s(random, site, delays) <= site.bound(delays).seconds + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_the_worst_death_comes_within_an_interval_of_the_bound(batch: int) -> None:
    for number in range(25):
        random = Random(batch * 25 + number)
        site = random_site(random)
        delays = delays_of(site.monitor, poll_s=random.choice([0.0, 1.55]))
        observed = max(_worst_s(site, delays, beat_phase=eighth / 8) for eighth in range(8))
        promised = site.bound(delays).seconds
        assert promised - site.monitor.interval_s <= observed <= promised + 1e-6


HELD = {"unsuspected": UNSUSPECTED, "calculated": CALCULATED}
"""Where one fault alone is more than a rule lets go at once."""


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
@pytest.mark.parametrize("scene", HELD)
def test_no_death_that_a_rule_holds_is_cached_longer_than_the_bound_says(scene: str, batch: int) -> None:
    for number in range(10):
        random = Random(batch * 10 + number)
        site = random_site(random, HELD[scene])
        delays = delays_of(site.monitor, poll_s=random.choice([0.0, 1.55]))
        assert cached_s(random, site, delays) <= site.bound(delays).seconds + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("scene", HELD)
def test_the_worst_death_that_a_rule_holds_comes_within_an_interval_and_a_merge_of_the_bound(scene: str) -> None:
    for number in range(10):
        random = Random(number)
        site = random_site(random, HELD[scene])
        delays = delays_of(site.monitor, poll_s=random.choice([0.0, 1.55]))
        observed = max(_worst_s(site, delays, beat_phase=half / 2) for half in range(2))
        promised = site.bound(delays).seconds
        least = promised - site.monitor.interval_s - len(site.holds()) * delays.merge_s
        assert least <= observed <= promised + 1e-6


def test_a_death_that_leaves_too_few_regions_is_cached_for_as_long_as_it_lasts() -> None:
    site = GUARDED.with_monitor(PLAIN)
    assert site.bound(DELAYS).seconds == math.inf
    death = Death(site, DELAYS, Chance(Random(1)), probes=1, beat_phase=0.0)
    death.dies_at = warmed_up(death)
    death.run_until(death.dies_at + 300)
    assert death.status.belief(next(iter(death.dying))) is Belief.DOWN
    assert death.is_answered


def _worst_s(site: Site, delays: Delays, *, beat_phase: float) -> float:
    """How long a death is cached that comes just after a round began."""
    death = Death(site, delays, WorstCase(Random(0)), probes=2, beat_phase=beat_phase)
    until = warmed_up(death)
    rounds = len(death.probes[0].begun)
    while len(death.probes[0].begun) == rounds:
        death.run_until(until := until + 0.01)
    death.dies_at = death.probes[0].begun[-1] + 1e-9
    return death.run()


DELAYS = delays_of(PLAIN, poll_s=1.55)


def bound_of(monitor: Monitor, delays: Delays = DELAYS, *, ttl: int = 30, ttl_min: int | None = None) -> Bound:
    """The bound of a service that nothing holds, checked like this."""
    service = replace(ALONE.service, monitor=monitor, ttl=ttl, ttl_min=ttl_min)
    zone = replace(ALONE.zone, services=(service,))
    found = bound(service, {check.id: check for check in checks((zone,))}, delays)
    assert found is not None
    return found


def test_the_terms_of_the_defaults_with_rechecks() -> None:
    found = bound_of(PLAIN)
    assert [(term.name, term.seconds) for term in found.terms] == [
        ("round", 6.0),
        ("rechecks", 4.0),
        ("timeout", 2.0),
        ("publish", 0.05),
        ("poll", 1.55),
        ("merge", 0.5),
        ("swap", 0.5),
        ("ttl", 30),
    ]
    assert found.seconds == pytest.approx(44.6)


def test_without_rechecks_every_reading_waits_for_its_round() -> None:
    monitor = replace(PLAIN, recheck_s=5.0)
    found = bound_of(monitor)
    assert [term.seconds for term in found.terms][:3] == [6.0, 10.0, 2.0]


def test_one_bad_reading_is_confirmed_by_another() -> None:
    terms = bound_of(replace(PLAIN, fall=1, window=None), replace(DELAYS, poll_s=0.0)).terms
    assert [(term.name, term.seconds) for term in terms][:3] == [("round", 6.0), ("rechecks", 2.0), ("timeout", 2.0)]


def test_one_bad_reading_needs_no_other_where_the_monitor_has_no_recheck() -> None:
    monitor = replace(PLAIN, fall=1, recheck_s=PLAIN.interval_s)
    found = bound_of(monitor, replace(DELAYS, poll_s=0.0))
    assert [term.name for term in found.terms] == ["round", "timeout", "publish", "merge", "swap", "ttl"]


def test_a_ttl_that_follows_health_is_shorter_once_bad_readings_are_known() -> None:
    monitor = replace(PLAIN, interval_s=30.0, recheck_s=30.0)
    delays = replace(DELAYS, beat_s=10.0)
    found = bound_of(monitor, delays, ttl=300, ttl_min=20)
    assert [(term.name, term.seconds) for term in found.terms] == [
        ("round", 36.0),
        ("timeout", 2.0),
        ("beat", 10.0),
        ("poll", 1.55),
        ("merge", 0.5),
        ("swap", 0.5),
        ("ttl", 90),
    ]
    assert "0 of 3 bad readings" in found.terms[-1].why
    as_long = bound_of(monitor, delays, ttl=90)
    assert found.seconds == pytest.approx(as_long.seconds - 50.05), "a plain ttl of 90 s is not shortened in time"


def test_a_window_that_is_full_sooner_than_fall_decides() -> None:
    assert bads_to_fall(verdict_policy(replace(PLAIN, fall=5, window=(3, 10)))) == 3
    assert bads_to_fall(verdict_policy(replace(PLAIN, fall=2, window=(3, 10)))) == 2


def test_a_heartbeat_that_stays_away_is_missed_only_after_its_ttl() -> None:
    push = replace(PLAIN, type=MonitorType.PUSH, settings=PushSettings(20.0, Secret("TOKEN")), fall=1)
    terms = bound_of(push).terms
    assert [(term.name, term.seconds) for term in terms][:3] == [("heartbeat", 20.0), ("round", 6.0), ("publish", 0.05)]


def test_what_is_calculated_falls_after_the_slowest_of_its_parts() -> None:
    slow = replace(PLAIN, name=MonitorName("slow"), interval_s=30.0)
    settings = CalculatedSettings(Combine.ALL, 0, ("web", "slow"))
    both = replace(
        PLAIN,
        name=MonitorName("both"),
        type=MonitorType.CALCULATED,
        settings=settings,
        parts=(PLAIN, slow),
        fall=1,
    )
    terms = bound_of(both).terms
    assert [(term.name, term.seconds) for term in terms][:4] == [
        ("round", 36.0),
        ("rechecks", 4.0),
        ("timeout", 2.0),
        ("publish", 0.05),
    ]
    twice = replace(both, fall=2)
    again = bound_of(twice)
    assert again.seconds == pytest.approx(sum(term.seconds for term in terms) + 6.0), "and its own next round"
    follows = bound_of(both, ttl=300, ttl_min=1)
    assert follows.terms[-1].seconds == 7, "the quickest part could change it so soon"
