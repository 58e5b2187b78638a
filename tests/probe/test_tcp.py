"""A connection that opens, and what is said on it."""

import asyncio

from gtm.health.reading import Reason
from gtm.zone.model import MonitorType
from tests.fakes.endpoints import (
    floods,
    hangs,
)
from tests.probe.reading import reading_from


def test_an_open_port_is_good_for_tcp() -> None:
    assert reading_from(hangs, type=MonitorType.TCP).ok
    assert reading_from(hangs, type=MonitorType.TCP, target="api.example.com").ok
    assert reading_from(hangs, type=MonitorType.TCP, target="::1").ok


def test_tcp_says_and_hears_what_the_monitor_wants() -> None:
    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        await writer.drain()
        if await reader.readuntil(b"\r\n") == b"NOOP\r\n":
            writer.write(b"250 ok\r\n")
            await writer.drain()

    assert reading_from(greets, type=MonitorType.TCP, expect=b"220").ok
    assert reading_from(greets, type=MonitorType.TCP, send=b"NOOP\r\n", expect=b"250").ok
    bad = reading_from(greets, type=MonitorType.TCP, send=b"QUIT\r\n", expect=b"250")
    assert bad.reason in {Reason.BODY, Reason.RESET}
    assert reading_from(floods, type=MonitorType.TCP, send=b"x\r\n\r\n", expect=b"nowhere").reason is Reason.BODY
