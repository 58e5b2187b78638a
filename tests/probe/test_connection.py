"""What an endpoint sends that is too much, and how a connection ends, against real servers on loopback."""

import asyncio
import socket
import tracemalloc
from pathlib import Path

import pytest

from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.zone.monitors.kinds.http import HttpSettings
from tests.fakes.certificates import Authority
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import Conversation, endpoint, says
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver
from tests.fakes.sleep import settle

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def reading_from(conversation: Conversation) -> Reading:
    async def run() -> Reading:
        async with (
            endpoint(conversation) as port,
            open_instruments(FakeClock(), resolver=FakeResolver(), permits=permits()) as instruments,
        ):
            instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
            return await read(check_of(HttpSettings(secure=False), port=port), instruments)

    return asyncio.run(run())


@pytest.mark.parametrize("count", [1, 2, 100])
def test_interim_answers_may_come_before_the_answer(count: int) -> None:
    assert reading_from(says(INTERIM * count + GOOD)).ok


def test_too_many_are_no_http() -> None:
    reading = reading_from(says(INTERIM * 10_000 + GOOD))
    assert reading.reason is Reason.STATUS
    assert reading.detail == "no HTTP: a head of more than 262144 bytes"


def test_interim_answers_one_by_one_count_alike() -> None:
    async def one_by_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(INTERIM * 50)
            await writer.drain()
            await asyncio.sleep(0)

    assert reading_from(one_by_one).reason is Reason.STATUS


def test_a_flood_of_them_costs_the_probe_little() -> None:
    sent = 0

    async def floods_heads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        while True:
            writer.write(b"HTTP/1.1 100\r\n\r\n" * 1000)
            await writer.drain()
            sent += 1

    tracemalloc.start()
    try:
        reading = reading_from(floods_heads)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reading.reason is Reason.STATUS
    assert sent < 1000, "the connection is closed, and not read on"
    assert peak < 16 * 2**20


ESTABLISHED = 1
"""TCP_ESTABLISHED of linux/tcp_states.h; the state is the first byte of TCP_INFO (tcp(7))."""


def test_the_connection_is_broken_off_when_the_answer_is_there_and_no_goodbye_of_tls_is_waited_for(
    tmp_path: Path,
) -> None:
    authority, states = Authority(tmp_path), []
    taken: list[asyncio.StreamWriter] = []

    async def answers_and_reads_no_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a WriteTransport by its type alone
        taken.append(writer)
        writer.write(GOOD)
        await asyncio.Event().wait()

    async def run() -> Reading:
        async with (
            endpoint(answers_and_reads_no_more, tls=authority.context("127.0.0.1")) as port,
            open_instruments(
                FakeClock(), resolver=FakeResolver(), extra_ca=authority.root, permits=permits()
            ) as instruments,
        ):
            instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
            reading = await read(check_of(HttpSettings(secure=True), port=port), instruments)
            await settle()
            states.append(taken[0].get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0])
            taken[0].transport.abort()
            return reading

    assert asyncio.run(run()).ok
    assert states[0] != ESTABLISHED
