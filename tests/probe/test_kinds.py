"""What all kinds have in common: what cannot be reached, timeouts, faults of this program."""

import asyncio
from dataclasses import replace

import pytest

from gtm.health.verdict.reading import Reading, Reason
from gtm.ids import Address
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import KINDS, read
from gtm.probe.loop_lag import TURNS
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.registry import MonitorType
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import (
    closed_port,
    endpoint,
    hangs,
)
from tests.probe.reading import BY_TCP, RESOLVER, SOON_S, check_of, outcome, reading_from, reading_of


def test_every_type_of_monitor_has_its_kind() -> None:
    assert set(KINDS) == set(MonitorType)


def test_a_closed_port_is_refused() -> None:
    for kind in BY_TCP:
        reading = asyncio.run(reading_of(check_of(closed_port(), type=kind)))
        assert reading.reason is Reason.REFUSED
        assert reading.detail == "Connection refused"


def test_a_silent_server_is_a_timeout() -> None:
    reading = reading_from(hangs, timeout_s=SOON_S)
    assert outcome(reading) == (Reason.TIMEOUT, "no complete answer in 0.05 s")
    assert reading_from(hangs, timeout_s=SOON_S, type=MonitorType.HTTPS).reason is Reason.TIMEOUT


def test_a_name_that_is_never_answered_is_a_timeout() -> None:
    for kind in BY_TCP:
        check = check_of(1, "slow.example.com", type=kind, timeout_s=SOON_S)
        assert asyncio.run(reading_of(check)).reason is Reason.TIMEOUT


def test_a_name_that_does_not_resolve_is_dns() -> None:
    for kind in BY_TCP:
        reading = asyncio.run(reading_of(check_of(1, "nothing.invalid", type=kind)))
        assert outcome(reading) == (Reason.DNS, "Name or service not known")


def test_a_mistake_of_this_program_is_no_reading_of_the_endpoint(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def resolve(self, host: str, *, within_s: float) -> tuple[Address, ...]:
            raise LookupError(host)

    async def run() -> Reading:
        async with open_instruments(FakeClock(), resolver=Broken()) as instruments:
            return await read(check_of(1, "api.example.com"), instruments)

    assert outcome(asyncio.run(run())) == (Reason.UNREAD, "LookupError: api.example.com")
    assert "because of an internal error" in caplog.text


@pytest.mark.parametrize(
    ("late_s", "reason"),
    [
        ((), Reason.TIMEOUT),
        ((0.01,), Reason.TIMEOUT),
        ((1.0,), Reason.UNREAD),
        ((0.004,) * 10, Reason.UNREAD),
        ((0.003,) * 15, Reason.TIMEOUT),
        # so late that the check waits on, and in time then
        ((0.045, *((0.0,) * TURNS)), Reason.TIMEOUT),
    ],
)
def test_a_timeout_of_a_probe_that_is_too_busy_is_no_reading(late_s: tuple[float, ...], reason: Reason) -> None:
    async def run() -> Reading:
        async with open_instruments(FakeClock(), resolver=RESOLVER) as instruments:
            instruments.lateness.stop()
            reading = asyncio.create_task(read(check_of(1, "slow.example.com", timeout_s=SOON_S), instruments))
            await asyncio.sleep(0)
            for one_s in late_s:
                instruments.lateness.take(one_s)
            return await reading

    assert asyncio.run(run()).reason is reason


def test_cancelling_a_check_is_not_a_reading() -> None:
    async def run() -> None:
        async with endpoint(hangs) as port:
            task = asyncio.create_task(reading_of(check_of(port)))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_settings_of_another_kind_are_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    check = check_of(1, type=MonitorType.TCP)
    strange = replace(check, monitor=replace(check.monitor, settings=IcmpSettings()))
    assert outcome(asyncio.run(reading_of(strange))) == (Reason.UNREAD, "TypeError: a tcp monitor with IcmpSettings")
    assert "because of an internal error" in caplog.text
