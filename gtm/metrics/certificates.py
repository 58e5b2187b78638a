"""Readings -> when the certificates of endpoints expire, as this node's probe saw them: a metric family, and notices.

What comes in: every reading of this node's probe. What goes out: the last certificate of each check that shows one, and
once for each certificate the notice that it will expire soon. Checks that are no longer watched are removed.
"""

from collections.abc import Iterable

from gtm.checks.model import Check
from gtm.health.certificate import Certificate
from gtm.health.verdict.reading import Reading
from gtm.ids import CheckId
from gtm.metrics.model import Family, Metric, MetricKind, Point
from gtm.zone.monitors.settings import Settings

ENDS = Metric(
    "gtm_endpoint_certificate_expiry_timestamp_seconds",
    "gtm.endpoint.certificate.expiry.timestamp",
    MetricKind.GAUGE,
    "Unix time at which the certificate of an endpoint expires, as this probe saw it last, by check.",
    "s",
    labels=("check",),
)


class SeenCertificates:
    """Stores the last certificate of each check. It has state: each node has one object, which gets every reading."""

    def __init__(self) -> None:
        self._last: dict[CheckId, Certificate] = {}
        self._told: dict[CheckId, Certificate] = {}

    def watch(self, checks: Iterable[Check]) -> None:
        """Removes the certificates of all checks that are not among these."""
        wanted = {check.id for check in checks}
        self._last = {check: certificate for check, certificate in self._last.items() if check in wanted}
        self._told = {check: certificate for check, certificate in self._told.items() if check in wanted}

    def take(self, check: Check, reading: Reading, *, wall: float) -> Certificate | None:
        """Stores the certificate of a reading; returns it once if it will expire soon, else None.

        `wall` is Unix time in seconds.
        """
        seen = reading.certificate
        if seen is None:
            return None
        self._last[check.id] = seen
        is_told = self._told.get(check.id) == seen
        if is_told or not seen.is_expiring(wall, min_days=min_days(check.monitor.settings)):
            return None
        self._told[check.id] = seen
        return seen

    def family(self) -> Family:
        """Returns the expiry times of the last certificates. It may be called from any thread."""
        return Family(
            ENDS, tuple(Point({"check": check}, certificate.ends_at) for check, certificate in list(self._last.items()))
        )


def min_days(settings: Settings) -> int:
    """Returns the number of days for which a monitor requires a certificate to be valid; 0 for no requirement."""
    return 0 if settings.used_tls is None else settings.used_tls.min_days
