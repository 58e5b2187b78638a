import pytest

from gtm.health.certificate import DAY_S, Certificate
from gtm.health.verdict.reading import Reading, Reason
from gtm.metrics.certificates import SeenCertificates, min_days
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.dns import DnsSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.settings import Settings, TlsSettings
from tests.fakes.checks import check_of

CHECK = check_of(HttpSettings(secure=True))
WALL = 1_700_000_000.0


def seen(days: float) -> Reading:
    ends_at = WALL + days * DAY_S
    return Reading(Reason.OK, 0.1, certificate=Certificate(ends_at - 90 * DAY_S, ends_at))


def ends(certificates: SeenCertificates) -> dict[str, object]:
    return {point.labels["check"]: point.value for point in certificates.family().points}


def test_the_last_certificate_of_each_check_is_shown() -> None:
    certificates, other = SeenCertificates(), check_of(HttpSettings(secure=True), target="127.0.0.2")
    for check, days in ((CHECK, 20.0), (other, 30.0), (CHECK, 80.0)):
        certificates.take(check, seen(days), wall=WALL)
    assert ends(certificates) == {CHECK.id: WALL + 80 * DAY_S, other.id: WALL + 30 * DAY_S}


def test_what_shows_no_certificate_changes_nothing() -> None:
    certificates = SeenCertificates()
    assert certificates.take(CHECK, Reading(Reason.OK, 0.1), wall=WALL) is None
    assert ends(certificates) == {}
    certificates.take(CHECK, seen(20.0), wall=WALL)
    certificates.take(CHECK, Reading(Reason.CERT_EXPIRED, 0.1), wall=WALL)
    assert ends(certificates) == {CHECK.id: WALL + 20 * DAY_S}


def test_that_one_is_about_to_end_is_news_once() -> None:
    certificates, last = SeenCertificates(), seen(14.0)
    assert certificates.take(CHECK, last, wall=WALL) is None
    assert certificates.take(CHECK, last, wall=WALL + 1) == last.certificate
    assert certificates.take(CHECK, last, wall=WALL + DAY_S) is None
    assert certificates.take(CHECK, seen(90.0), wall=WALL + DAY_S) is None
    assert certificates.take(CHECK, seen(3.0), wall=WALL + DAY_S) == seen(3.0).certificate


def test_a_monitor_that_asks_for_days_is_told_when_there_are_fewer() -> None:
    strict = check_of(HttpSettings(secure=True, tls=TlsSettings(min_days=30)))
    assert SeenCertificates().take(strict, seen(29.0), wall=WALL) == seen(29.0).certificate
    assert SeenCertificates().take(CHECK, seen(29.0), wall=WALL) is None


def test_a_check_that_is_watched_no_longer_is_forgotten() -> None:
    certificates = SeenCertificates()
    certificates.take(CHECK, seen(3.0), wall=WALL)
    certificates.watch([CHECK])
    assert ends(certificates) != {}
    certificates.watch([])
    assert ends(certificates) == {}
    assert certificates.take(CHECK, seen(3.0), wall=WALL) == seen(3.0).certificate


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        (HttpSettings(secure=True, tls=TlsSettings(min_days=9)), 9),
        (DenySettings(HttpSettings(secure=True, tls=TlsSettings(min_days=8))), 8),
        (TcpSettings(tls=TlsSettings(min_days=7)), 7),
        (GrpcSettings(tls=TlsSettings(min_days=6)), 6),
        (TcpSettings(), 0),
        (GrpcSettings(), 0),
        (DnsSettings("example.com."), 0),
    ],
)
def test_each_kind_with_tls_may_ask_for_days(settings: Settings, days: int) -> None:
    assert min_days(settings) == days
