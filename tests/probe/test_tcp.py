"""A connection that opens, and what is said on it."""

import asyncio

import pytest

from gtm.health.verdict.reading import Reason
from gtm.zone.monitors.registry import MonitorType
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


@pytest.mark.parametrize(
    ("send", "is_quoted"),
    [
        ("AUTH hunter2\r\n", False),
        ("HELLO 3 AUTH ann hunter2\r\n", False),
        ("user ann\r\npass hunter2\r\n", False),
        ("a1 LOGIN ann hunter2\r\n", False),
        ("GET / HTTP/1.0\r\nX-Api-Key: hunter2\r\n\r\n", False),
        ("PING\r\n", True),
        ("", True),
    ],
)
def test_what_was_said_is_quoted_but_where_a_credential_was_sent(send: str, is_quoted: bool) -> None:  # noqa: FBT001
    async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR what: " + (await reader.read(1024) if send else b"") + b"\r\n")
        await writer.drain()
        writer.write_eof()

    bad = reading_from(echoes, type=MonitorType.TCP, send=send.encode(), expect=b"+OK")
    assert bad.reason is Reason.BODY
    assert ("-ERR what" in bad.detail) is is_quoted
    assert "hunter2" not in bad.detail
