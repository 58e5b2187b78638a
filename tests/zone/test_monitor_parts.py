"""Calculated monitors that share their parts: everything that is done with them takes as long as there are monitors."""

import pytest

from gtm.checks.model import checks
from gtm.errors import MAX_PROBLEMS, ZoneInvalid
from gtm.metrics.zero_counters import _kinds
from gtm.plan.bound.bound import Delays, bound
from gtm.plan.safety.shares import shares_of
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, Shared, parse, parse_shared
from tests.fakes import world
from tests.fakes.vocabulary import FAKE_VOCABULARY
from tests.zone.nested import HEAD, chain, rows, zone

DELAYS = Delays(jitter=0.1, beat_s=1.0, publish_s=0.05, poll_s=1.0, merge_s=0.5, swap_s=0.5)


def read(text: str, shared: Shared = NO_SHARED) -> Zone:
    return parse(text, "zone.yaml", shared, FAKE_VOCABULARY)


def messages(text: str) -> list[str]:
    with pytest.raises(ZoneInvalid) as raised:
        read(text)
    return [problem.message for problem in raised.value.problems]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "monitors"), [(rows(40), 80), (chain(1_500), 1_500)], ids=["rows", "chain"])
def test_a_zone_of_nested_monitors_is_read_compared_and_checked(text: str, monitors: int) -> None:
    made, again = read(text), read(text)
    (service,) = made.services
    assert service.monitor is not None
    assert service.monitor == again.services[0].monitor
    assert hash(made.services) == hash(again.services)
    found = checks((made,))
    assert len(found) == monitors - (monitors == 80)
    assert [check.parts for check in found] == [check.parts for check in checks((again,))]
    assert len(repr(service.monitor)) < 2_000
    assert service.awaits == ()


@pytest.mark.slow
@pytest.mark.parametrize("text", [rows(40), chain(1_500)], ids=["rows", "chain"])
def test_a_zone_of_nested_monitors_is_compiled_and_has_a_bound(text: str) -> None:
    made = read(text)
    plan = world.plan(made)
    assert _kinds(plan)[0] == "calculated"
    assert shares_of(plan.services).felling
    found = bound(made.services[0], {check.id: check for check in checks((made,))}, DELAYS)
    assert found is not None
    assert found.seconds < 100
    assert max(len(term.why) for term in found.terms) < 400


def test_monitors_differ_when_a_part_of_a_part_does() -> None:
    first, second = read(chain(20)), read(chain(20).replace("a0: {type: http}", "a0: {type: http, interval: 7s}"))
    assert first.services[0].monitor != second.services[0].monitor


@pytest.mark.slow
def test_a_zone_that_uses_shared_nested_monitors_follows_each_change_of_a_part() -> None:
    def with_interval(seconds: int) -> Zone:
        text = rows(40).partition("monitors:")[2].partition("services:")[0]
        text = text.replace("a0: {type: http}", f"a0: {{type: http, interval: {seconds}s}}")
        shared = parse_shared(f"monitors:{text}", "_shared.yaml")
        return read(f"{HEAD}services: {rows(40).partition('services: ')[2]}", shared)

    assert with_interval(5).digest == with_interval(5).digest
    assert with_interval(5).digest != with_interval(6).digest


@pytest.mark.slow
def test_a_circle_is_told_once_and_shortly_however_long_it_is() -> None:
    ring = "".join(f"  r{place}: {{type: calculated, all: [r{(place + 1) % 5000}]}}\n" for place in range(5_000))
    (message,) = messages(zone(ring, "r7"))
    assert message.startswith("this monitor combines itself: r0 -> r1 -> r2 -> r3 -> (4993 more) -> r4997")


@pytest.mark.slow
def test_many_unknown_parts_are_some_problems_and_a_number() -> None:
    many = "".join(f"  r{place}: {{type: calculated, all: [q{place}]}}\n" for place in range(3_000))
    found = messages(zone(many, "r7"))
    assert len(found) == MAX_PROBLEMS + 2
    assert found[-2:] == [
        f"and {3_000 - MAX_PROBLEMS} more problems",
        "not all of this file was looked at: mend these first",
    ]


def test_a_monitor_combines_as_many_as_anybody_needs() -> None:
    leaves = "".join(f"  r{place}: {{type: http}}\n" for place in range(257))
    names = ", ".join(f"r{place}" for place in range(257))
    (message,) = messages(zone(f"{leaves}  top: {{type: calculated, all: [{names}]}}\n", "top"))
    assert message == "combines 257 parts; 256 are the limit"


@pytest.mark.slow
def test_a_zone_asks_for_no_more_checks_than_anybody_makes() -> None:
    ends = ", ".join(f"{{region: one, address: 10.0.{place // 250}.{place % 250}}}" for place in range(200))
    text = chain(2_000).replace("{region: one, address: 192.0.2.1}", ends)
    (message,) = messages(text)
    assert message == (
        "up to here the zone asks for more than 250000 checks, with all that they are calculated from; combine less in "
        "its monitors, or split the zone"
    )
