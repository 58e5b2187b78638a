"""What each kind of monitor makes of its keys: an entry of the zone file -> the settings of its kind.

In comes an entry that is right (schema.py), out go settings (settings.py). One function for each kind, and one
table of them.
"""

from collections.abc import Callable, Mapping

from gtm.zone.model import MonitorType
from gtm.zone.monitors import values as own
from gtm.zone.monitors.schema import LEGACY, MonitorEntry, TlsEntry
from gtm.zone.monitors.settings import (
    CalculatedSettings,
    Combine,
    DenySettings,
    DnsSettings,
    ExecSettings,
    GrpcSettings,
    HttpSettings,
    IcmpSettings,
    JsonExpectation,
    PushSettings,
    Settings,
    TcpSettings,
    TlsSettings,
)

DENIED = ((401, 401), (403, 403))
"""What a refusal looks like, where the file names nothing else (RFC 9110 15.5.2 and 15.5.4)."""


def settings_of(entry: MonitorEntry) -> Settings:
    """Returns the settings of a monitor's kind."""
    return SETTINGS[entry.type](entry)


def _http(entry: MonitorEntry) -> HttpSettings:
    return _request(entry, secure=False, statuses=((200, 299),))


def _https(entry: MonitorEntry) -> HttpSettings:
    return _request(entry, secure=True, statuses=((200, 299),))


def _deny(entry: MonitorEntry) -> DenySettings:
    return DenySettings(_request(entry, secure=not entry.refuses_tls, statuses=DENIED))


def _request(entry: MonitorEntry, *, secure: bool, statuses: tuple[tuple[int, int], ...]) -> HttpSettings:
    expect = entry.expect
    return HttpSettings(
        secure=secure,
        method=entry.method,
        path=entry.path,
        host=entry.host.removesuffix("."),
        headers=tuple(entry.headers.items()),
        statuses=statuses if expect.status is None else tuple(expect.status),
        body=expect.body,
        body_regex=expect.body_regex,
        body_json=tuple(JsonExpectation(own.json_path(path), value) for path, value in expect.body_json.items()),
        expected_headers=tuple(expect.headers.items()),
        max_redirects=entry.redirects,
        response_time_s=entry.response_time,
        strict=entry.strict,
        tls=TlsSettings() if entry.tls is None else _tls(entry.tls),
    )


def _tls(entry: TlsEntry) -> TlsSettings:
    return TlsSettings(
        entry.verify,
        entry.min_version,
        entry.min_days,
        entry.server_name.removesuffix("."),
        entry.client_certificate,
        entry.ca,
        strict=entry.strict,
        takes_common_name=entry.common_name,
        takes_legacy_ciphers=entry.ciphers == LEGACY,
    )


def _tcp(entry: MonitorEntry) -> TcpSettings:
    tls = None if entry.tls is None else _tls(entry.tls)
    return TcpSettings(entry.send.encode(), entry.receive.encode(), tls)


def _icmp(entry: MonitorEntry) -> IcmpSettings:
    return IcmpSettings(entry.count, entry.size)


def _dns(entry: MonitorEntry) -> DnsSettings:
    rcodes, answers = tuple(entry.rcode), tuple(entry.answers)
    return DnsSettings(entry.name, entry.rtype, entry.transport, rcodes, answers, entry.recursion)


def _grpc(entry: MonitorEntry) -> GrpcSettings:
    return GrpcSettings(entry.service, entry.host.removesuffix("."), None if entry.tls is None else _tls(entry.tls))


def _exec(entry: MonitorEntry) -> ExecSettings:
    return ExecSettings(tuple(entry.command))


def _push(entry: MonitorEntry) -> PushSettings:
    assert entry.ttl is not None  # the entry wants both
    assert entry.token is not None
    return PushSettings(entry.ttl, entry.token)


def _calculated(entry: MonitorEntry) -> CalculatedSettings:
    combine = Combine.ALL if entry.all else Combine.ANY if entry.any else Combine.AT_LEAST
    monitors = tuple(part for part in entry.parts if not own.is_service(part))
    services = tuple(own.service_of(part) for part in entry.parts if own.is_service(part))
    return CalculatedSettings(combine, entry.at_least or 0, monitors, services)


SETTINGS: Mapping[MonitorType, Callable[[MonitorEntry], Settings]] = {
    MonitorType.HTTP: _http,
    MonitorType.HTTPS: _https,
    MonitorType.DENY: _deny,
    MonitorType.TCP: _tcp,
    MonitorType.ICMP: _icmp,
    MonitorType.DNS: _dns,
    MonitorType.GRPC: _grpc,
    MonitorType.EXEC: _exec,
    MonitorType.PUSH: _push,
    MonitorType.CALCULATED: _calculated,
}
