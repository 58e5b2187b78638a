"""Readings -> when the certificates of endpoints end, as this node's probe saw them: a family, and who is to be told.

What comes in: every reading of this node's probe. What goes out: the last certificate of each check that shows one, and
once for each certificate the news that it is about to end. A check that is watched no longer is forgotten.
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
    """Remembers the certificates of endpoints. It has state: one lives in a node, and is given every reading."""

    def __init__(self) -> None:
        self._last: dict[CheckId, Certificate] = {}
        self._told: dict[CheckId, Certificate] = {}

    def watch(self, checks: Iterable[Check]) -> None:
        """Forgets what is not among these checks."""
        wanted = {check.id for check in checks}
        self._last = {check: certificate for check, certificate in self._last.items() if check in wanted}
        self._told = {check: certificate for check, certificate in self._told.items() if check in wanted}

    def take(self, check: Check, reading: Reading, *, wall: float) -> Certificate | None:
        """Returns the certificate of a reading where it is news that it is about to end."""
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
        """Returns the end times of the last certificates; any thread may ask."""
        return Family(
            ENDS, tuple(Point({"check": check}, certificate.ends_at) for check, certificate in list(self._last.items()))
        )


def min_days(settings: Settings) -> int:
    """Returns for how many days a monitor wants the certificate to be good; 0 where it asks for none."""
    return 0 if settings.used_tls is None else settings.used_tls.min_days
