"""What a check costs this process, and endpoints that would cost it everything: real ones, on loopback."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial

import pytest

from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.cost import STEP_S, Bill, Metered, begin_another_request, running_bill
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings, JsonExpectation
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import MonitorType
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import Conversation, endpoint
from tests.fakes.permits import permits
from tests.probe.reading import reading_from

AMPLE_S = 20.0
SETTINGS_FRAME = b"\0\0\0\4\0\0\0\0\0"


class Times:
    """CPU times of a thread, one after the other."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now_s = 0.0

    def __call__(self) -> float:
        self._now_s += self._step_s
        return self._now_s


def bill_of(step_s: float) -> tuple[Bill, list[bool]]:
    told: list[bool] = []
    return Bill(lambda: told.append(True), Times(step_s)), told


def drive(work: Callable[[], Coroutine[object, object, object]], bill: Bill) -> object:
    async def run() -> object:
        return await Metered(work(), bill)

    return asyncio.run(asyncio.wait_for(run(), AMPLE_S))


def test_each_step_of_a_check_is_charged() -> None:
    async def three_steps() -> str:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "result"

    bill, told = bill_of(0.001)
    assert drive(three_steps, bill) == "result"
    assert bill.spent_s == pytest.approx(0.003)
    assert not told


def test_one_long_step_is_not_the_end_of_a_check() -> None:
    async def one_step() -> None: ...

    bill, told = bill_of(60.0)
    drive(one_step, bill)
    assert bill.spent_s == STEP_S
    assert not told


def test_many_steps_are_and_it_is_told_once() -> None:
    async def many_steps() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    bill, told = bill_of(60.0)
    drive(many_steps, bill)
    assert bill.is_too_large
    assert told == [True]


def test_exceptions_go_in_and_out() -> None:
    async def failing() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        raise ValueError("of the check")

    bill, _ = bill_of(0.001)
    with pytest.raises(ValueError, match="of the check"):
        drive(failing, bill)


def test_the_bill_is_known_in_the_check_and_nowhere_else() -> None:
    bill, _ = bill_of(0.001)
    seen: list[Bill | None] = []

    async def looking() -> None:
        seen.append(running_bill())
        asyncio.get_running_loop().call_soon(lambda: seen.append(running_bill()))
        await asyncio.sleep(0)

    async def run() -> None:
        await Metered(looking(), bill)
        seen.append(running_bill())

    asyncio.run(run())
    assert seen == [bill, bill, None]


def test_a_redirect_that_is_followed_is_another_request() -> None:
    async def redirected() -> None:
        for _ in range(11):
            for _ in range(35):
                await asyncio.sleep(0)
            begin_another_request()

    bill, told = bill_of(60.0)
    drive(redirected, bill)
    assert not told


def test_who_was_cut_off_begins_no_other_request() -> None:
    async def expensive() -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        begin_another_request()

    bill, told = bill_of(60.0)
    drive(expensive, bill)
    assert bill.is_too_large
    assert told == [True]


def test_an_endpoint_with_many_redirects_is_healthy_on_a_machine_that_stands_still_in_every_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gtm.probe.kinds.Bill", partial(Bill, thread_time=Times(60.0)))
    pages = iter([*(f"302 Found\r\nLocation: /{number}" for number in range(10)), "200 OK"])

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {next(pages)}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    assert reading_from(conversation, max_redirects=10).ok


def again_and_again(words: bytes, *, head: bytes = b"") -> Conversation:
    """Says something without end, as fast as it is taken."""

    async def conversation(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(words * (1 + 16_384 // len(words)))
            await writer.drain()

    return conversation


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "octets of a body": (MonitorType.HTTP, again_and_again(b"1\r\nx\r\n", head=CHUNKED)),
    "headers": (MonitorType.HTTP, again_and_again(b"a: b\r\n", head=b"HTTP/1.1 200 OK\r\n")),
    "interim answers": (MonitorType.HTTP, again_and_again(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "octets": (MonitorType.TCP, again_and_again(b"x")),
    "frames of SETTINGS": (MonitorType.GRPC, again_and_again(SETTINGS_FRAME)),
    "frames of PING": (MonitorType.GRPC, again_and_again(b"\0\0\x08\6\0\0\0\0\0" + bytes(8), head=SETTINGS_FRAME)),
}


def asked(kind: MonitorType) -> HttpSettings | TcpSettings | GrpcSettings:
    match kind:
        case MonitorType.TCP:
            return TcpSettings(expect=b"something else")
        case MonitorType.GRPC:
            return GrpcSettings()
    return HttpSettings(secure=False, body_json=(JsonExpectation(("status",), "ok"),))


@pytest.mark.slow
@pytest.mark.parametrize("flood", FLOODS)
def test_what_an_endpoint_sends_without_end_costs_little_and_is_a_failure(flood: str) -> None:
    kind, conversation = FLOODS[flood]

    async def run() -> tuple[Reading, float]:
        async with endpoint(conversation) as port, open_instruments(FakeClock(), permits=permits()) as instruments:
            check = check_of(asked(kind), port=port, timeout_s=AMPLE_S)
            began_s = time.monotonic()
            reading = await read(check, instruments)
            return reading, time.monotonic() - began_s

    reading, took_s = asyncio.run(run())
    assert reading.reason in {Reason.STATUS, Reason.BODY, Reason.RESET}, reading
    assert took_s < AMPLE_S / 4
