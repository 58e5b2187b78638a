"""Whose check is blamed for what fails, and for how long."""

from dataclasses import replace

import pytest

from gtm.health.override.override import SafetyRule
from gtm.health.verdict.reading import Reason
from gtm.plan.safety.correlated import HOLD_S
from tests.scenes.shares import NOT_FOUND, TIMEOUT, Failed, Stage, address, region_of, service_text, zone_of

API = "service api.gtm.example.com"
MAIL = service_text("mail", 1, regions=4, each=1)


def site(*, regions: int = 4, each: int = 1, beside: str = "", more: str = "") -> Stage:
    return Stage(zone_of(service_text("api", 0, regions=regions, each=each, more=more) + beside))


def all_of(stage: Stage) -> dict[str, Failed]:
    return {target: NOT_FOUND for target in stage.checks.values() if target.startswith("192.0.0.")}


def after(stage: Stage, failed: dict[str, Failed], *, seconds: float = 1.0) -> list[tuple[SafetyRule, str]]:
    """What is refused after these checks have failed for so long."""
    moments = stage.play(lambda target, _now: failed.get(target), until=stage.now + seconds)
    return [(refusal.rule, refusal.subject) for refusal in moments[-1].refusals]


DOUBTED = [(SafetyRule.CORRELATED, API)]


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        (Reason.STATUS, "HTTP 404"),
        (Reason.STATUS, "HTTP 301"),
        (Reason.STATUS, "HTTP 403"),
        (Reason.BODY, "HTTP 200 without the expected text in the body"),
        (Reason.HEADER, "HTTP 200 without the expected header x"),
        (Reason.ALLOWED, "HTTP 200 to a request without credentials"),
        (Reason.TLS_CLIENT, ""),
        (Reason.CERT_EXPIRING, ""),
    ],
)
def test_most_of_a_service_answers_what_its_monitor_does_not_want(reason: Reason, detail: str) -> None:
    failed = {address(0, place, 0): Failed(reason, detail) for place in range(3)}
    assert after(site(), failed) == DOUBTED
    assert after(site(beside=MAIL), failed) == DOUBTED


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        (Reason.TIMEOUT, ""),
        (Reason.REFUSED, ""),
        (Reason.RESET, ""),
        (Reason.DNS, ""),
        (Reason.TLS, ""),
        (Reason.CERT_EXPIRED, ""),
        (Reason.SLOW, ""),
        (Reason.STATUS, "HTTP 500"),
        (Reason.STATUS, "HTTP 503"),
        (Reason.STATUS, "RCODE SERVFAIL"),
        (Reason.STATUS, "it says that it is not ok"),
    ],
)
def test_what_clients_get_as_well_is_believed(reason: Reason, detail: str) -> None:
    three = {address(0, place, 0): Failed(reason, detail) for place in range(3)}
    assert SafetyRule.CORRELATED not in [rule for rule, _ in after(site(), three)]
    every = {address(0, place, 0): Failed(reason, detail) for place in range(4)}
    assert after(site(beside=MAIL), every) == [], "another service is up: the probes see it"


def test_where_nothing_at_all_is_up_the_probes_may_have_lost_their_network() -> None:
    every = {address(0, place, 0): TIMEOUT for place in range(4)}
    stage = site()
    assert after(stage, every) == DOUBTED
    [refusal] = stage.history.doubts.values()
    assert not refusal.is_misfit
    every.pop(address(0, 0, 0))
    assert SafetyRule.CORRELATED not in [rule for rule, _ in after(stage, every)], "something is up: they see"


def test_half_is_not_more_than_half() -> None:
    failed = {address(0, place, 0): NOT_FOUND for place in range(2)}
    assert SafetyRule.CORRELATED not in [rule for rule, _ in after(site(), failed)]


def test_different_reasons_are_no_common_mistake() -> None:
    failed = {address(0, place, 0): NOT_FOUND if place else TIMEOUT for place in range(3)}
    assert SafetyRule.CORRELATED not in [rule for rule, _ in after(site(), failed)]


def test_one_region_with_most_of_the_endpoints_is_a_region() -> None:
    lines = service_text("api", 0, regions=1, each=5) + service_text("x", 0, regions=2, each=1).splitlines()[-1] + "\n"
    stage = Stage(zone_of(lines))
    failed = {target: NOT_FOUND for target in stage.checks.values() if region_of(target) == 0}
    assert after(stage, failed) == []


def test_only_what_failed_within_an_interval_is_given_back() -> None:
    stage = site()
    first = {address(0, 0, 0): NOT_FOUND}
    assert after(stage, first, seconds=30.0) == []
    failed = {address(0, place, 0): NOT_FOUND for place in range(3)}
    assert after(stage, failed) == [(SafetyRule.CORRELATED, API)], "two of the three that were up"
    assert "us-east" not in {endpoint.partition("/")[0] for _, _, endpoint in stage.shares()}


def test_it_is_over_when_half_is_up_again() -> None:
    stage = site()
    failed = all_of(stage)
    assert after(stage, failed, seconds=30.0) == DOUBTED
    failed.pop(address(0, 0, 0))
    assert after(stage, failed) == DOUBTED
    failed.pop(address(0, 1, 0))
    assert after(stage, failed) == [(SafetyRule.MAX_SHARE, "zone gtm.example.com")], "an interval more"
    assert set(stage.shares().values()) == {0.25}


def test_it_is_believed_once_it_is_confirmed_and_then_on_all_down_decides() -> None:
    stage = site()
    assert after(stage, all_of(stage), seconds=HOLD_S) == DOUBTED
    assert after(stage, all_of(stage)) == []
    assert {state.value for decision in stage.plan.decisions.values() for state in decision.states} == {"fail_open"}


@pytest.mark.parametrize("frozen", [1, 2])
def test_checks_that_cannot_be_read_any_more_do_not_hold_the_others(frozen: int) -> None:
    stage = site()
    unread = {address(0, place, 0): replace(NOT_FOUND, frozen=place < frozen) for place in range(4)}
    assert after(stage, unread, seconds=HOLD_S) == DOUBTED
    assert after(stage, unread) == [], "half of the voices say it for two minutes"


def test_where_most_cannot_be_read_nothing_is_confirmed() -> None:
    stage = site()
    unread = {address(0, place, 0): replace(NOT_FOUND, frozen=place < 3) for place in range(4)}
    assert after(stage, unread, seconds=5 * HOLD_S) == DOUBTED, "the probes may be cut off"


@pytest.mark.parametrize(
    ("reason", "detail", "told"),
    [
        (Reason.BODY, 'HTTP 200 with status "{}" in the body, wanted "ok"', "body"),
        (Reason.HEADER, 'HTTP 200 with the header x: "{}"', "header"),
        (Reason.STATUS, "HTTP 404 {}", None),
        (Reason.STATUS, "HTTP 404, wanted 200-299 or 401", "HTTP 404, wanted 200-299 or 401"),
    ],
)
def test_what_is_told_quotes_no_endpoint_and_stays_the_same(reason: Reason, detail: str, told: str | None) -> None:
    stage = site()
    moments = stage.play(lambda _target, now: Failed(reason, detail.format(int(now))), until=20.0)
    says = {refusal.says for moment in moments for refusal in moment.refusals}
    (one,) = says
    assert one.partition(", ")[2] == f"all {told or reason.value}: suspect the check"


def test_a_service_without_the_rule_is_never_doubted() -> None:
    assert after(site(more="    safety: {correlated_failure: false}\n"), all_of(site())) == []


def test_each_service_is_doubted_by_itself() -> None:
    stage = site(beside=MAIL)
    failed = all_of(stage)
    assert after(stage, failed, seconds=60.0) == DOUBTED
    failed |= {address(1, place, 0): NOT_FOUND for place in range(4)}
    assert {subject for _, subject in after(stage, failed)} == {API, "service mail.gtm.example.com"}
    assert {subject for _, subject in after(stage, failed, seconds=HOLD_S - 60.0)} == {"service mail.gtm.example.com"}
