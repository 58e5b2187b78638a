"""Kind `deny`: a request without credentials that must be refused."""

from dataclasses import dataclass

from gtm.config.fields import error
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.kinds.http import HttpSettings, TlsRequestKeys, check_request, request_settings, with_tls
from gtm.zone.monitors.settings import Secret, Settings, TlsSettings
from gtm.zone.monitors.tls import refuses_tls

DENIED = ((401, 401), (403, 403))
"""What a refusal looks like, where the file names nothing else (RFC 9110 15.5.2 and 15.5.4)."""


@dataclass(frozen=True, slots=True)
class DenySettings(Settings):
    """Kind `deny`: a request without credentials must be refused, so that a backup region never opens the API."""

    request: HttpSettings
    """Its statuses are what a refusal looks like: 401 and 403."""

    @property
    def used_secrets(self) -> tuple[Secret, ...]:
        """Returns the secrets of the request."""
        return self.request.used_secrets

    @property
    def used_tls(self) -> TlsSettings | None:
        """Returns the TLS that the request must get."""
        return self.request.used_tls


def _settings(keys: TlsRequestKeys) -> DenySettings:
    request = request_settings(keys, statuses=DENIED)
    return DenySettings(request if refuses_tls(keys, keys.tls) else with_tls(request, keys))


def _port(keys: TlsRequestKeys) -> int:
    return keys.port or (80 if refuses_tls(keys, keys.tls) else 443)


def _check(keys: TlsRequestKeys, common: CommonKeys) -> None:
    check_request(keys, common)
    if any(not 400 <= end <= 499 for ends in keys.expect.status or () for end in ends):
        raise error("a deny monitor expects a refusal: statuses of 400 to 499")


DENY = MonitorKind(TlsRequestKeys, _settings, port=_port, rule=_check, left_out=("redirects", "response_time"))
