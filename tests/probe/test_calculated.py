"""Calculated monitors over monitors and services; the rule itself is in tests/checks/test_combine.py."""

import pytest

from gtm.checks.model import Part
from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId
from gtm.probe.calculated import outcome_of_parts
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.zone.monitors.kinds.calculated import CalculatedSettings, Combine
from tests.fakes.checks import check_of, reading_of

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
ALL = CalculatedSettings(Combine.ALL, 0)
ANY = CalculatedSettings(Combine.ANY, 0)
TWO = CalculatedSettings(Combine.AT_LEAST, 2)


def part(name: str, *checks: str, is_unchecked: bool = False) -> Part:
    return Part(name, tuple(CheckId(check) for check in checks), is_unchecked)


WEB, DATABASE, CACHE = part("web", "web"), part("database", "database"), part("cache", "cache")
THREE = (WEB, DATABASE, CACHE)


def outcome(settings: CalculatedSettings, parts: tuple[Part, ...] = THREE, **beliefs: Belief) -> CheckOutcome:
    return outcome_of_parts(parts, settings, lambda check: beliefs.get(check, UNKNOWN))


def test_all_must_be_up() -> None:
    assert outcome(ALL, web=UP, database=UP, cache=UP) == PASSED
    one = outcome(ALL, web=UP, database=DOWN, cache=UP)
    assert one == CheckOutcome(Reason.STATUS, "2 of 3 up, and 3 needed; down: database")
    assert outcome(ALL, web=UP, database=UP) == CheckOutcome(Reason.UNREAD, "2 of 3 up, and 3 needed; not known: cache")


def test_any_is_enough() -> None:
    assert outcome(ANY, web=DOWN, database=UP) == PASSED
    assert outcome(ANY, web=DOWN, database=DOWN).reason is Reason.UNREAD
    none = outcome(ANY, web=DOWN, database=DOWN, cache=DOWN)
    assert none == CheckOutcome(Reason.STATUS, "0 of 3 up, and 1 needed; down: web, database, cache")


def test_at_least_so_many() -> None:
    assert outcome(TWO, web=UP, database=UP, cache=DOWN) == PASSED
    assert outcome(TWO, web=UP, database=DOWN, cache=DOWN).reason is Reason.STATUS
    assert outcome(TWO, web=UP, database=DOWN).reason is Reason.UNREAD


def test_a_service_is_up_while_one_of_its_endpoints_is() -> None:
    search = (part("search.gtm.example.com", "a", "b"),)
    assert outcome(ALL, search, a=DOWN, b=UP) == PASSED
    assert outcome(ALL, search, a=DOWN).reason is Reason.UNREAD
    down = outcome(ALL, search, a=DOWN, b=DOWN)
    assert down == CheckOutcome(Reason.STATUS, "0 of 1 up, and 1 needed; down: search.gtm.example.com")


def test_a_service_with_an_endpoint_that_nobody_checks_is_up() -> None:
    assert outcome(ALL, (part("static", "a", is_unchecked=True),), a=DOWN) == PASSED


def test_a_service_that_is_not_there_is_not_known() -> None:
    assert outcome(ALL, (part("gone.gtm.example.com"),)).reason is Reason.UNREAD


@pytest.mark.parametrize("settings", [ALL, ANY, TWO])
def test_where_nothing_is_known_this_probe_has_no_say(settings: CalculatedSettings) -> None:
    assert outcome(settings).reason is Reason.UNREAD


def test_a_monitor_reads_what_this_probe_believes() -> None:
    check = check_of(ALL, parts=(WEB, DATABASE))
    assert reading_of(check, believed=lambda _: UP).ok
    down = reading_of(check, believed=lambda one: DOWN if one == "web" else UP)
    assert (down.reason, down.detail) == (Reason.STATUS, "1 of 2 up, and 2 needed; down: web")
    assert reading_of(check).reason is Reason.UNREAD
