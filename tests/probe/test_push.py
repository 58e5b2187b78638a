"""What a heartbeat, or the want of one, means."""

from pathlib import Path

import pytest

from gtm.health.verdict.reading import Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.heartbeats import Heartbeat, Heartbeats
from gtm.probe.permits import Permits
from gtm.probe.push import outcome_of_heartbeat
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.settings import Secret
from tests.fakes.checks import check_of, reading_of
from tests.fakes.clock import FakeClock
from tests.fakes.permits import permits

SETTINGS = PushSettings(30.0, Secret("TOKEN"))
SILENT = CheckOutcome(Reason.TIMEOUT, "no heartbeat for more than 30 s")


def kept(token: Path) -> Permits:
    return permits(secrets={"TOKEN": token})


NOTHING_YET = CheckOutcome(Reason.UNREAD, "no heartbeat yet")


def outcome(last: Heartbeat | None, *, missed_since: float | None = None) -> CheckOutcome:
    return outcome_of_heartbeat(last, SETTINGS, now=100.0, missed_since=missed_since)


def test_where_there_never_was_a_heartbeat_nothing_is_known() -> None:
    assert outcome(None) == NOTHING_YET


@pytest.mark.parametrize(("since_s", "found"), [(0.0, NOTHING_YET), (30.0, NOTHING_YET), (30.1, SILENT)])
def test_who_was_heard_before_a_restart_and_is_not_after_it_is_dead_a_ttl_after_the_start(
    since_s: float, found: CheckOutcome
) -> None:
    assert outcome(None, missed_since=100.0 - since_s) == found
    assert outcome(Heartbeat(ok=True, detail="", heard_at=99.0), missed_since=100.0 - since_s) == PASSED


@pytest.mark.parametrize(("age_s", "found"), [(0.0, PASSED), (30.0, PASSED), (30.1, SILENT), (9000.0, SILENT)])
def test_silence_longer_than_the_ttl_is_death(age_s: float, found: CheckOutcome) -> None:
    assert outcome(Heartbeat(ok=True, detail="", heard_at=100.0 - age_s)) == found
    if found is SILENT:
        assert outcome(Heartbeat(ok=False, detail="draining", heard_at=100.0 - age_s)) == found


def test_an_endpoint_may_say_that_it_is_not_well() -> None:
    assert outcome(Heartbeat(ok=False, detail="draining", heard_at=99.0)) == CheckOutcome(Reason.STATUS, "draining")
    said = outcome(Heartbeat(ok=False, detail="", heard_at=99.0))
    assert said == CheckOutcome(Reason.STATUS, "it says that it is not ok")


def test_the_detail_of_a_good_one_is_not_repeated() -> None:
    assert outcome(Heartbeat(ok=True, detail="load 0.4", heard_at=99.0)) == PASSED


def test_a_monitor_reads_what_was_heard_of_its_own_check() -> None:
    check, other = check_of(SETTINGS, target="192.0.2.1"), check_of(SETTINGS, target="192.0.2.2")
    heartbeats = Heartbeats()
    heartbeats.watch([check, other], now=FakeClock().monotonic())
    heartbeats.hear(check.id, Heartbeat(ok=True, detail="", heard_at=FakeClock().monotonic()))
    permitted = kept(Path("/nonexistent/token"))
    assert reading_of(check, heartbeats=heartbeats, permitted=permitted).ok
    assert reading_of(other, heartbeats=heartbeats, permitted=permitted).reason is Reason.UNREAD


def test_a_monitor_misses_what_was_heard_before_the_start(tmp_path: Path) -> None:
    check = check_of(SETTINGS, target="192.0.2.1")
    heartbeats = Heartbeats([check.id])
    heartbeats.watch([check], now=FakeClock().monotonic() - 31.0)
    token = tmp_path / "token"
    token.write_text("hunter2")
    assert reading_of(check, heartbeats=heartbeats, permitted=kept(token)).reason is Reason.TIMEOUT


def test_who_cannot_be_heard_is_not_silent(tmp_path: Path) -> None:
    check = check_of(SETTINGS, target="192.0.2.1")
    heartbeats = Heartbeats([check.id])
    heartbeats.watch([check], now=FakeClock().monotonic() - 31.0)
    no_file = reading_of(check, heartbeats=heartbeats, permitted=kept(tmp_path / "gone"))
    assert (no_file.reason, no_file.is_withheld) == (Reason.UNREAD, True)
    not_listed = reading_of(check, heartbeats=heartbeats)
    assert (not_listed.reason, not_listed.is_withheld) == (Reason.UNREAD, True)
    assert not_listed.detail == 'this node has no secret "TOKEN": its file does not list it in probe.secrets'


@pytest.mark.parametrize(("since_s", "reason"), [(0.0, Reason.UNREAD), (30.0, Reason.UNREAD), (30.1, Reason.TIMEOUT)])
def test_whose_heartbeat_was_refused_for_want_of_a_token_has_a_ttl_for_another(
    tmp_path: Path, since_s: float, reason: Reason
) -> None:
    check, now = check_of(SETTINGS, target="192.0.2.1"), FakeClock().monotonic()
    heartbeats = Heartbeats()
    heartbeats.watch([check], now=now - 600.0)
    heartbeats.hear(check.id, Heartbeat(ok=True, detail="", heard_at=now - 600.0))
    heartbeats.leave_unjudged(check.id, now=now - since_s)
    token = tmp_path / "token"
    token.write_text("hunter2")
    reading = reading_of(check, heartbeats=heartbeats, permitted=kept(token))
    assert (reading.reason, reading.is_withheld) == (reason, False)
