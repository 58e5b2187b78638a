"""Checks of any kind, as the zone's parser would make them."""

from dataclasses import replace
from typing import Any

from gtm.ids import CheckId, MonitorName
from gtm.zone.model import Check, Monitor, MonitorType, Part
from gtm.zone.settings import (
    CalculatedSettings,
    DenySettings,
    DnsSettings,
    ExecSettings,
    GrpcSettings,
    HttpSettings,
    IcmpSettings,
    PushSettings,
    Settings,
    TcpSettings,
)

AMPLE_S = 10.0
"""The timeout where running into it is a failure of the test."""


def check_of(
    settings: Settings,
    *,
    target: str = "127.0.0.1",
    port: int = 0,
    parts: tuple[Part, ...] = (),
    name: str = "api",
    **more: Any,
) -> Check:
    """A check with these settings; `more` are other values of its monitor."""
    kind = _kind(settings)
    monitor = Monitor("gtm.example.com", MonitorName(name), kind, port, settings=settings, timeout_s=AMPLE_S)
    return Check(CheckId(f"gtm.example.com/{name}/{target}"), replace(monitor, **more), target, parts)


def _kind(settings: Settings) -> MonitorType:
    match settings:
        case HttpSettings():
            return MonitorType.HTTPS if settings.secure else MonitorType.HTTP
        case DenySettings():
            return MonitorType.DENY
        case TcpSettings():
            return MonitorType.TCP
        case IcmpSettings():
            return MonitorType.ICMP
        case DnsSettings():
            return MonitorType.DNS
        case GrpcSettings():
            return MonitorType.GRPC
        case ExecSettings():
            return MonitorType.EXEC
        case PushSettings():
            return MonitorType.PUSH
        case CalculatedSettings():
            return MonitorType.CALCULATED
