"""Checks of any kind, as the zone's parser would make them, and readings of them as a probe takes them."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gtm.checks.model import Check, Part
from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reading
from gtm.ids import CheckId, MonitorName
from gtm.probe.heartbeats import Heartbeats
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.probe.permits import Permits
from gtm.zone.model import Monitor
from gtm.zone.monitors.kinds.calculated import CalculatedSettings
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.dns import DnsSettings
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver

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


def reading_of(
    check: Check,
    *,
    resolver: FakeResolver | None = None,
    extra_ca: Path | None = None,
    permitted: Permits | None = None,
    heartbeats: Heartbeats | None = None,
    believed: Callable[[CheckId], Belief] = lambda _: Belief.UNKNOWN,
) -> Reading:
    """What a probe with these instruments reads."""

    async def taken() -> Reading:
        opened = open_instruments(
            FakeClock(),
            resolver=resolver or FakeResolver(),
            extra_ca=extra_ca,
            permits=permitted or permits(),
            heartbeats=heartbeats,
            believed=believed,
        )
        async with opened as instruments:
            instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
            return await read(check, instruments)

    return asyncio.run(taken())


def phases_of(reading: Reading) -> set[str]:
    """The phases that were measured."""
    return {name for name, taken_s in asdict(reading.phases).items() if taken_s is not None}


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
        case _:
            raise TypeError(f"no kind has {settings!r}")
