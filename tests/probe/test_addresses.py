"""Which address of a target is looked at next, and what was seen at all of them says together."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.certificate import Certificate
from gtm.health.verdict.reading import Phases, Reason
from gtm.ids import Address
from gtm.probe.addresses import MAX_ADDRESSES, Seen, combined, decides, in_turn
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.zone.monitors.addresses import Addresses

FIRST, SECOND, THIRD = (ip_address(f"192.0.2.{number}") for number in (1, 2, 3))
NEXT, ANY, ALL = Addresses


def seen(
    reason: Reason,
    detail: str = "",
    *,
    at: Address = FIRST,
    connected: bool = False,
    passed_over: bool = False,
    withheld: bool = False,
) -> Seen:
    phases = Phases(connect_s=0.1 if connected else None)
    return Seen(CheckOutcome(reason, detail, withheld), phases, None, at, passed_over)


def good(at: Address = SECOND, *, ends_at: float | None = None) -> Seen:
    certificate = None if ends_at is None else Certificate(0.0, ends_at)
    return Seen(PASSED, Phases(connect_s=0.1), certificate, at)


def addresses(*texts: str) -> tuple[Address, ...]:
    return tuple(ip_address(text) for text in texts)


def test_families_take_turns_and_each_keeps_the_order_of_the_resolver() -> None:
    found = addresses("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2")
    assert in_turn(found) == addresses("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3")
    assert in_turn(found[3:] + found[:1]) == addresses("192.0.2.1", "2001:db8::1", "192.0.2.2")


@pytest.mark.slow
@given(st.lists(st.ip_addresses(), min_size=1, max_size=30))
def test_each_address_comes_once_and_only_so_many(found: list[Address]) -> None:
    turns = in_turn(found)
    assert turns[0] == found[0]
    assert len(turns) == len(set(turns)) == min(MAX_ADDRESSES, len(set(found)))
    assert set(turns) <= set(found)


@pytest.mark.parametrize(
    ("one", "deciding"),
    [
        (good(), {NEXT, ANY}),
        (seen(Reason.REFUSED), {ALL}),
        (seen(Reason.TIMEOUT), {ALL}),
        (seen(Reason.RESET), {ALL}),
        (seen(Reason.TIMEOUT, connected=True), {NEXT, ALL}),
        (seen(Reason.RESET, connected=True), {NEXT, ALL}),
        (seen(Reason.STATUS), {NEXT, ALL}),
        (seen(Reason.CERT_NAME, connected=True), {NEXT, ALL}),
        (seen(Reason.SLOW, connected=True), {NEXT, ALL}),
        (seen(Reason.ALLOWED, connected=True), {NEXT, ANY, ALL}),
        (seen(Reason.UNREAD), set()),
        (seen(Reason.UNREAD, passed_over=True), set()),
    ],
)
def test_one_address_decides_as_its_clients_would(one: Seen, deciding: set[Addresses]) -> None:
    assert {rule for rule in Addresses if decides(one, rule)} == deciding


def test_a_good_reading_says_which_address_it_was_and_what_was_wrong_before() -> None:
    assert combined([good()], NEXT, of=3).outcome == CheckOutcome(Reason.OK, "192.0.2.2, of 3 addresses")
    after = combined([seen(Reason.REFUSED, "Connection refused"), good()], NEXT, of=2)
    assert after.outcome == CheckOutcome(Reason.OK, "192.0.2.2, after 192.0.2.1: Connection refused")
    assert after.address == SECOND


def test_a_bad_reading_says_at_which_address() -> None:
    bad = seen(Reason.STATUS, "HTTP 503", at=SECOND)
    for rule in (NEXT, ALL):
        found = combined([seen(Reason.UNREAD), bad], rule, of=2)
        assert (found.outcome, found.address) == (CheckOutcome(Reason.STATUS, "192.0.2.2: HTTP 503"), SECOND)


def test_where_none_is_reached_all_are_told() -> None:
    tried = [seen(Reason.REFUSED, "Connection refused"), seen(Reason.REFUSED, at=SECOND)]
    found = combined(tried, NEXT, of=2)
    assert found.outcome == CheckOutcome(Reason.REFUSED, "192.0.2.1: Connection refused; 192.0.2.2: refused")


def test_the_address_that_gave_the_reason_is_told_first() -> None:
    tried = [seen(Reason.REFUSED), seen(Reason.TIMEOUT, at=SECOND), seen(Reason.TIMEOUT, at=THIRD)]
    found = combined(tried, NEXT, of=3)
    assert found.outcome == CheckOutcome(Reason.TIMEOUT, "192.0.2.2: timeout; 192.0.2.1: refused; 192.0.2.3: timeout")


def test_a_timeout_is_the_reason_where_there_is_one_for_the_probe_may_have_been_late() -> None:
    for rule in (NEXT, ANY):
        found = combined([seen(Reason.REFUSED), seen(Reason.TIMEOUT, at=SECOND)], rule, of=2)
        assert found.outcome.reason is Reason.TIMEOUT


@pytest.mark.parametrize("rule", [NEXT, ANY])
def test_what_this_probe_has_no_way_to_does_not_count_beside_what_it_has(rule: Addresses) -> None:
    no_way = seen(Reason.UNREAD, "no route", passed_over=True)
    assert combined([no_way, seen(Reason.REFUSED, at=SECOND)], rule, of=2).outcome.reason is Reason.REFUSED
    assert combined([no_way, no_way], rule, of=2).outcome.reason is Reason.UNREAD


@pytest.mark.parametrize("rule", [NEXT, ANY])
def test_a_fault_of_this_probe_takes_nobody_down(rule: Addresses) -> None:
    for tried in ([seen(Reason.UNREAD), seen(Reason.REFUSED)], [seen(Reason.TIMEOUT), seen(Reason.UNREAD)]):
        assert combined(tried, rule, of=2).outcome.reason is Reason.UNREAD


class TestAll:
    """Every address has to pass."""

    def test_all_good_is_good_with_the_certificate_that_ends_first(self) -> None:
        found = combined([good(FIRST, ends_at=9.0), good(SECOND, ends_at=3.0), good(THIRD)], ALL, of=3)
        assert found.outcome == CheckOutcome(Reason.OK, "all 3 addresses")
        assert found.certificate == Certificate(0.0, 3.0)

    def test_a_family_without_a_route_is_left_out(self) -> None:
        no_way = seen(Reason.UNREAD, "no route", passed_over=True)
        assert combined([no_way, good()], ALL, of=2).outcome == CheckOutcome(Reason.OK, "1 of 2 addresses")
        assert combined([no_way], ALL, of=1).outcome.reason is Reason.UNREAD

    @pytest.mark.parametrize(
        "missing",
        [seen(Reason.UNREAD, "not allowed", passed_over=True, withheld=True), seen(Reason.UNREAD, "no descriptor")],
    )
    def test_one_that_was_not_looked_at_is_no_reading(self, missing: Seen) -> None:
        found = combined([good(), missing], ALL, of=2)
        assert found.outcome == missing.outcome._replace(detail=f"192.0.2.1: {missing.outcome.detail}")
