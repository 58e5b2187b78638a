"""Where a check's target is: what every check begins with."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

import pytest

from gtm.checks.model import Check
from gtm.errors import NotPermitted
from gtm.ids import Address
from gtm.probe.addresses import Seen
from gtm.probe.attempts import look
from gtm.probe.failures import PASSED
from gtm.probe.instruments import Instruments, open_instruments, target_address, target_addresses
from gtm.probe.stopwatch import Stopwatch
from gtm.probe.time_limit import CheckTime
from gtm.resolver import Resolver
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.resolver import FakeResolver

PING = IcmpSettings()


def address_of(target: str) -> Address | None:
    """Which address a check of this target looks at, by `target_address`."""

    async def judged(check: Check, instruments: Instruments, *, stopwatch: Stopwatch, time: CheckTime) -> Seen:
        return Seen(PASSED, address=target_address(check, instruments))

    async def run() -> Address | None:
        resolver = FakeResolver({"api.example.com": "192.0.2.7", "rebound.example.com": "127.0.0.1"})
        async with open_instruments(FakeClock(), resolver=resolver) as instruments:
            return (await look(check_of(PING, target=target), instruments, judged)).address

    return asyncio.run(run())


def found(target: str, resolver: Resolver, **monitor: Any) -> tuple[Address, ...]:
    async def run() -> tuple[Address, ...]:
        async with open_instruments(FakeClock(), resolver=resolver) as instruments:
            return await target_addresses(check_of(PING, target=target, **monitor), instruments)

    return asyncio.run(run())


def test_an_address_is_where_it_says_and_nobody_is_asked() -> None:
    assert address_of("2001:db8::7") == ip_address("2001:db8::7")


def test_a_name_is_where_it_resolves_to() -> None:
    assert address_of("api.example.com") == ip_address("192.0.2.7")
    with pytest.raises(socket.gaierror):
        found("nothing.invalid", FakeResolver())


def test_a_name_is_to_be_resolved_within_the_checks_time() -> None:
    class Told:
        async def resolve(self, host: str, *, within_s: float) -> tuple[Address, ...]:
            assert (host, within_s) == ("api.example.com", 0.75)
            return ()

    with pytest.raises(socket.gaierror, match="the name has no address"):
        found("api.example.com", Told(), timeout_s=0.75)


def test_what_a_name_leads_to_is_judged_as_what_is_named_itself() -> None:
    for target in ("127.0.0.1", "rebound.example.com"):
        with pytest.raises(NotPermitted, match=r"127\.0\.0\.1 is a loopback address"):
            address_of(target)
