"""Failures of unrelated services at once are blamed on the probes, and those of a region are not."""

from dataclasses import replace

from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import NOTHING_IN_FORCE, SafetyRule
from gtm.plan.safety.correlated import HOLD_S
from gtm.plan.safety.rules import NO_HISTORY, allow
from gtm.zone.model import Safety
from tests.fakes.deltas import delta_of
from tests.plan.site import DEPENDENT, REGIONS, Site, address, region, text


def test_failures_everywhere_at_once_are_blamed_on_the_probes() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).see(*dead)
    assert site.out == set()
    assert site.rules == {SafetyRule.CORRELATED}
    assert site.allowed.refusals[0].facts == {
        "failed": 8,
        "watched": 12,
        "regions": 2,
        "within_s": 1,
        "reason": "unread",
        "suspect": "the probes or their network",
        "held_s": 0.0,
    }


def test_what_failed_a_moment_before_is_given_back() -> None:
    site = Site(text(4)).see(*region(1, 4))
    assert site.out == region(1, 4)
    assert site.see(*region(0, 4), *region(1, 4), after_s=3.0).out == set()
    assert site.rules == {SafetyRule.CORRELATED}


def test_what_failed_long_before_is_no_coincidence() -> None:
    site = Site(text(4)).see(*region(1, 4)).see(*region(0, 4), *region(1, 4), after_s=30.0)
    assert SafetyRule.CORRELATED not in site.rules


def test_suspicion_ends_when_half_is_back() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).see(*dead).see(*region(1, 4), *sorted(region(0, 4))[:1], after_s=5.0)
    assert site.rules == {SafetyRule.CORRELATED}
    assert site.see(*region(1, 4), after_s=5.0).out == set(), "what is mended with it is up within an interval"
    assert site.see(*region(1, 4), after_s=6.0).out == region(1, 4)
    assert not site.allowed.refusals


def test_suspicion_ends_after_a_while_when_fresh_voices_confirm_it() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).see(*dead)
    assert site.see(*dead, after_s=HOLD_S - 1).out == set()
    assert len(site.see(*dead, after_s=1.0).out) == 4, "at the pace of the budget: the largest region first"
    assert site.rules == {SafetyRule.MAX_SHARE}
    assert site.see(*dead, after_s=80.0).out == dead


def test_suspicion_is_not_confirmed_by_voices_that_are_not_heard() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).see(*dead)
    site.truth = Status({name: replace(one, frozen=True) for name, one in site.truth.checks.items()})
    later = allow(site.shares, site.history, site.truth, None, site.said, now=site.now + 2 * HOLD_S)
    assert {refusal.rule for refusal in later.refusals} == {SafetyRule.CORRELATED}


def test_suspicion_is_confirmed_although_one_check_cannot_be_read_any_more() -> None:
    dead = region(0, 4) | region(1, 4)
    site = Site(text(4)).see(*dead)
    first = next(name for name, one in site.truth.checks.items() if one.belief is Belief.DOWN)
    site.truth = Status({**site.truth.checks, first: replace(site.truth.checks[first], frozen=True)})
    later = allow(site.shares, site.history, site.truth, None, site.said, now=site.now + HOLD_S)
    assert {refusal.rule for refusal in later.refusals} == {SafetyRule.MAX_SHARE}


def test_a_region_that_takes_more_than_half_along_is_a_region() -> None:
    services = "\n".join(
        f"  s{number}:\n    monitor: web\n    steer: nearest\n    endpoints:\n"
        f"      - {{region: eu-west, address: {address(number, 1)}}}\n"
        for number in range(4)
    )
    lone = "  us:\n    monitor: web\n    steer: nearest\n    endpoints: [{region: us-east, address: 192.0.9.1}]\n"
    site = Site(services + lone)
    assert SafetyRule.CORRELATED not in site.see(*region(1, 4)).rules
    assert site.out == region(1, 4)


def test_a_region_takes_along_what_is_calculated_from_it_and_the_probes_are_not_to_blame() -> None:
    """A database in one region, and two services in the others that are nothing without it."""
    site = Site(DEPENDENT, monitors="  on-db: {type: calculated, all: [service db.gtm.example.com]}\n")
    dead = {"192.0.2.1", "192.0.2.2", "192.0.2.3"}
    assert site.see(*dead).out == dead
    assert not site.allowed.refusals


def test_a_region_takes_its_machines_along_under_any_name() -> None:
    site = Site("""
  one:
    monitor: web
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.1}, {region: eu-west, address: 192.0.2.2}]
  two:
    monitor: web
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.3}, {region: eu-west, address: 192.0.2.3}]
""")
    assert site.see("192.0.2.1", "192.0.2.3").out == {"192.0.2.1", "192.0.2.3"}
    assert not site.allowed.refusals, "all of us-east, and nothing else"


def test_a_region_that_dies_with_a_few_endpoints_elsewhere_is_a_region() -> None:
    """Of two regions, so that it takes half along: some service of the other asked something in it."""
    two = "".join(line for line in text(4).splitlines(keepends=True) if "ap-southeast" not in line)
    dead = region(0, 4) | {address(2, 1)}
    site = Site(two).see(*dead)
    assert SafetyRule.CORRELATED not in site.rules
    assert site.out == dead, "of one service nothing is up, and it is answered as if all were"
    half = region(0, 4) | {address(2, 1), address(3, 1)}
    assert Site(two).see(*half).rules == {SafetyRule.CORRELATED}, "half of the other one too"


def test_parts_of_calculated_checks_that_are_up_do_not_outvote_what_failed() -> None:
    """Each endpoint has three checks, and all three may be wrong; services are known by one of them."""
    both = "  both: {type: calculated, all: [web, tcp]}\n  tcp: {type: tcp, port: 22}\n"
    site = Site(text(4).replace("monitor: web", "monitor: both"), monitors=both)
    failed = [
        check for check in site.checks if check.target in region(0, 4) | region(1, 4) and check.monitor.port != 22
    ]
    down = {check.id: CheckStatus(Belief.DOWN, 0.0) for check in failed}
    before, after = site.truth, Status({**site.truth.checks, **down})
    allowed = allow(site.shares, NO_HISTORY, after, delta_of(before, after), NOTHING_IN_FORCE, now=site.now)
    assert {refusal.rule for refusal in allowed.refusals} == {SafetyRule.CORRELATED}


def test_services_that_share_targets_are_related() -> None:
    ends = "".join(f"\n      - {{region: {name}, address: {address(0, n)}}}" for n, name in enumerate(REGIONS))
    two = "".join(f"  s{n}:\n    monitor: web\n    steer: nearest\n    endpoints:{ends}\n" for n in range(2))
    site = Site(two).see(*(address(0, place) for place in range(2)))
    assert site.rules == {SafetyRule.MAX_SHARE}, "one machine room with two names says nothing of the probes"


def test_a_service_can_be_left_out_of_suspicion() -> None:
    site = Site(text(4), Safety(correlated_failure=False, max_share=1.0))
    dead = region(0, 4) | region(1, 4)
    assert site.see(*dead).out == dead
