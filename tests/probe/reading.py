"""Readings of every kind of check from servers on loopback, for the tests of the kinds."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

from gtm.checks.model import Check
from gtm.health.verdict.reading import Reading, Reason
from gtm.ids import CheckId, MonitorName
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.probe.permits import Permits
from gtm.zone.model import Monitor
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Settings, TlsSettings
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import (
    Conversation,
    endpoint,
)
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver

SOON_S = 0.05
"""The timeout where running into it is the point."""

AMPLE_S = 10.0
"""The timeout where running into it is a failure of the test."""

BY_TCP = (MonitorType.HTTP, MonitorType.HTTPS, MonitorType.DENY, MonitorType.TCP)

RESOLVER = FakeResolver({"api.example.com": "127.0.0.1", "slow.example.com": ""})


def check_of(port: int, target: str = "127.0.0.1", **monitor: Any) -> Check:
    kind = monitor.pop("type", MonitorType.HTTP)
    common = {key: monitor.pop(key) for key in ("timeout_s",) if key in monitor}
    made = Monitor("gtm.example.com", MonitorName("api"), kind, port, settings_of(kind, monitor), timeout_s=AMPLE_S)
    return Check(CheckId(f"gtm.example.com/api/{target}"), replace(made, **common), target)


def settings_of(kind: MonitorType, keys: dict[str, Any]) -> Settings:
    """The settings of a kind, with these of its own keys."""
    match kind:
        case MonitorType.TCP:
            tls = keys.pop("tls_settings", None)
            return TcpSettings(**keys, tls=tls)
        case MonitorType.DENY:
            return DenySettings(
                HttpSettings(secure=keys.pop("secure", False), statuses=((401, 401), (403, 403)), **keys)
            )
    tls = keys.pop("tls_settings", TlsSettings())
    return HttpSettings(secure=kind is MonitorType.HTTPS, tls=tls, **keys)


async def reading_of(
    check: Check, extra_ca: Path | None = None, *, at: float | None = None, permitted: Permits | None = None
) -> Reading:
    clock = FakeClock() if at is None else FakeClock(wall=at)
    opened = open_instruments(clock, resolver=RESOLVER, extra_ca=extra_ca, permits=permitted or permits())
    async with opened as instruments:
        instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
        return await read(check, instruments)


def reading_from(
    conversation: Conversation,
    *,
    tls: ssl.SSLContext | None = None,
    extra_ca: Path | None = None,
    target: str = "127.0.0.1",
    at: float | None = None,
    permitted: Permits | None = None,
    **monitor: Any,
) -> Reading:
    async def run() -> Reading:
        async with endpoint(conversation, tls=tls, address="::1" if target == "::1" else "127.0.0.1") as port:
            return await reading_of(check_of(port, target, **monitor), extra_ca, at=at, permitted=permitted)

    return asyncio.run(run())


def outcome(reading: Reading) -> tuple[Reason, str]:
    return reading.reason, reading.detail
