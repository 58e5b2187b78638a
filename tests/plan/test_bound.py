"""The bound, against deaths in simulated time."""

from dataclasses import replace
from random import Random

import pytest

from gtm.ids import MonitorName
from gtm.plan.bound import bads_to_fall, bound
from gtm.plan.policy import verdict_policy
from gtm.zone.model import Monitor, MonitorType, Service
from gtm.zone.settings import CalculatedSettings, Combine, PushSettings, Secret
from tests.plan.dying import Chance, Death, WorstCase, delays_of, service_of

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


def random_service(random: Random) -> Service:
    monitor = random_monitor(random)
    least = random.randint(0, 60)
    if random.random() < 0.5:
        return service_of(monitor, ttl=random.randint(0, 300), ttl_min=None)
    return service_of(monitor, ttl=least + random.randint(0, 300), ttl_min=least)


def warmed_up(death: Death) -> float:
    """Runs until every verdict has long settled and is known; returns the time."""
    until = (death.monitor.rise + 4) * death.monitor.interval_s * 1.3 + 4 * death.delays.beat_s + 10
    death.run_until(until)
    return until


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_death_is_cached_longer_than_the_bound_says(batch: int) -> None:
    for number in range(DEATHS):
        random = Random(batch * DEATHS + number)
        service = random_service(random)
        assert service.monitor is not None
        delays = delays_of(service.monitor, poll_s=random.choice([0.0, 1.55]))
        death = Death(service, delays, Chance(random), probes=random.choice([1, 2, 3]), beat_phase=random.random())
        death.dies_at = warmed_up(death) + random.random() * service.monitor.interval_s
        assert death.is_answered
        assert death.run() <= bound(service, service.monitor, delays).seconds + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_the_worst_death_comes_within_an_interval_of_the_bound(batch: int) -> None:
    for number in range(25):
        random = Random(batch * 25 + number)
        service = random_service(random)
        assert service.monitor is not None
        monitor, delays = service.monitor, delays_of(service.monitor, poll_s=random.choice([0.0, 1.55]))
        observed = max(_worst(service, probes=2, beat_phase=eighth / 8, poll_s=delays.poll_s) for eighth in range(8))
        promised = bound(service, monitor, delays).seconds
        assert promised - monitor.interval_s <= observed <= promised + 1e-6


def _worst(service: Service, *, probes: int, beat_phase: float, poll_s: float) -> float:
    """How long a death is cached that comes just after a round began."""
    assert service.monitor is not None
    death = Death(
        service, delays_of(service.monitor, poll_s=poll_s), WorstCase(Random(0)), probes=probes, beat_phase=beat_phase
    )
    until = warmed_up(death)
    rounds = len(death.probes[0].begun)
    while len(death.probes[0].begun) == rounds:
        death.run_until(until := until + 0.01)
    death.dies_at = death.probes[0].begun[-1] + 1e-9
    return death.run()


DELAYS = delays_of(PLAIN, poll_s=1.55)


def test_the_terms_of_the_defaults_with_rechecks() -> None:
    found = bound(service_of(PLAIN, ttl=30, ttl_min=None), PLAIN, DELAYS)
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
    found = bound(service_of(monitor, ttl=30, ttl_min=None), monitor, DELAYS)
    assert [term.seconds for term in found.terms][:3] == [6.0, 10.0, 2.0]


def test_one_bad_reading_needs_no_other() -> None:
    monitor = replace(PLAIN, fall=1)
    found = bound(service_of(monitor, ttl=30, ttl_min=None), monitor, replace(DELAYS, poll_s=0.0))
    assert [term.name for term in found.terms] == ["round", "timeout", "publish", "merge", "swap", "ttl"]


def test_a_ttl_that_follows_health_is_shorter_once_bad_readings_are_known() -> None:
    monitor = replace(PLAIN, interval_s=30.0, recheck_s=30.0)
    delays = replace(DELAYS, beat_s=10.0)
    found = bound(service_of(monitor, ttl=300, ttl_min=20), monitor, delays)
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
    as_long = bound(service_of(monitor, ttl=90, ttl_min=None), monitor, delays)
    assert found.seconds == pytest.approx(as_long.seconds - 50.05), "a plain ttl of 90 s is not shortened in time"


def test_a_window_that_is_full_sooner_than_fall_decides() -> None:
    assert bads_to_fall(verdict_policy(replace(PLAIN, fall=5, window=(3, 10)))) == 3
    assert bads_to_fall(verdict_policy(replace(PLAIN, fall=2, window=(3, 10)))) == 2


def test_a_heartbeat_that_stays_away_is_missed_only_after_its_ttl() -> None:
    push = replace(PLAIN, type=MonitorType.PUSH, settings=PushSettings(20.0, Secret("env", "TOKEN")), fall=1)
    terms = bound(service_of(push, ttl=30, ttl_min=None), push, DELAYS).terms
    assert [(term.name, term.seconds) for term in terms][:3] == [("heartbeat", 20.0), ("round", 6.0), ("publish", 0.05)]


def test_what_is_calculated_falls_after_the_slowest_of_its_parts() -> None:
    slow = replace(PLAIN, name=MonitorName("slow"), interval_s=30.0)
    settings = CalculatedSettings(Combine.ALL, 0, ("web", "slow"))
    both = replace(PLAIN, type=MonitorType.CALCULATED, settings=settings, parts=(PLAIN, slow), fall=1)
    terms = bound(service_of(both, ttl=30, ttl_min=None), both, DELAYS).terms
    assert [(term.name, term.seconds) for term in terms][:4] == [
        ("round", 36.0),
        ("rechecks", 4.0),
        ("timeout", 2.0),
        ("publish", 0.05),
    ]
    twice = replace(both, fall=2)
    again = bound(service_of(twice, ttl=30, ttl_min=None), twice, DELAYS)
    assert again.seconds == pytest.approx(sum(term.seconds for term in terms) + 6.0), "and its own next round"
    follows = bound(service_of(both, ttl=300, ttl_min=1), both, DELAYS)
    assert follows.terms[-1].seconds == 7, "the quickest part could change it so soon"
