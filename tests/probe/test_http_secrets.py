"""Secrets go into the request and nowhere else, whatever an endpoint makes of them that echoes all it hears."""

import asyncio
import logging
from pathlib import Path

import pytest

from gtm.checks.model import Check
from gtm.checks.policy import verdict_policy
from gtm.health.report.payload import compose_payload
from gtm.health.report.report import Report, votes_of
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import NO_VERDICT, step
from gtm.ids import NodeName, VantageName
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.zone.monitors.kinds.http import HttpSettings, JsonExpectation
from gtm.zone.monitors.settings import Secret
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import Conversation, endpoint
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver

SECRET = b"s3cret-0123456789"

ECHOES = {
    "the request itself": b"%(head)s",
    "as status line": b"%(secret)s\r\n\r\n",
    "as version": b"HTTP/%(secret)s 200 OK\r\n\r\n",
    "as status": b"HTTP/1.1 %(secret)s OK\r\n\r\n",
    "as phrase": b"HTTP/1.1 500 %(secret)s\r\n\r\n",
    "as header": b"HTTP/1.1 200 OK\r\nX: %(secret)s\r\n\r\n",
    "as bad header": b"HTTP/1.1 200 OK\r\n%(secret)s \r\n\r\n",
    "as bad value": b"HTTP/1.1 200 OK\r\nX: \x00%(secret)s\r\n\r\n",
    "as long header": b"HTTP/1.1 200 OK\r\nX: " + b"%(secret)s" * 999 + b"\r\n\r\n",
    "as length": b"HTTP/1.1 200 OK\r\nContent-Length: %(secret)s\r\n\r\n",
    "as encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %(secret)s\r\n\r\n",
    "as chunk": b"HTTP/1.1 200 OK\r\nContent-Type: json\r\nTransfer-Encoding: chunked\r\n\r\n%(secret)s\r\n",
    "as cookie": b"HTTP/1.1 200 OK\r\nSet-Cookie: %(secret)s\\=1\r\n\r\n",
    "as location": b"HTTP/1.1 302 Moved\r\nLocation: //%(secret)s:x/\r\n\r\n",
    "as body": b"HTTP/1.1 200 OK\r\nContent-Type: json\r\n\r\n%(secret)s",
    "as JSON": b'HTTP/1.1 200 OK\r\nContent-Type: json\r\n\r\n{"status": "%(secret)s"}',
}


def echoes(answer: bytes) -> Conversation:
    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert SECRET in head
        writer.write(answer % {b"head": head, b"secret": SECRET})
        await writer.drain()

    return conversation


def read_and_told(conversation: Conversation, settings: HttpSettings, token: Path) -> tuple[Reading, str]:
    """What a probe reads, and all that it says of it to peers."""

    async def run() -> tuple[Check, Reading]:
        async with (
            endpoint(conversation) as port,
            open_instruments(
                FakeClock(), resolver=FakeResolver(), permits=permits(secrets={"token": token})
            ) as instruments,
        ):
            instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
            check = check_of(settings, port=port, fall=1)
            return check, await read(check, instruments)

    check, reading = asyncio.run(run())
    verdict = step(NO_VERDICT, reading, now=1.0, wall=1.0, policy=verdict_policy(check.monitor))
    report = Report(NodeName("p1"), VantageName("fra"), 1, 1, 1.0, votes_of({check.id: verdict}, now=1.0))
    return reading, f"{check!r} {reading!r} {verdict!r} {compose_payload(report)}"


@pytest.mark.parametrize("answer", ECHOES.values(), ids=ECHOES)
def test_an_endpoint_that_echoes_gets_no_secret_into_logs_or_reports(
    answer: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_bytes(SECRET + b"\n")
    settings = HttpSettings(
        secure=False,
        headers=(("Authorization", Secret("token")),),
        body_json=(JsonExpectation(("status",), "ok"),),
        expected_headers=(("Content-Type", "json"),),
        max_redirects=1,
    )
    with caplog.at_level(logging.DEBUG):
        reading, told = read_and_told(echoes(answer), settings, tmp_path / "token")
    assert not reading.ok
    assert reading.reason is not Reason.UNREAD
    assert SECRET.decode() not in told
    assert SECRET.decode() not in caplog.text


@pytest.mark.parametrize("content", ["two\nlines", "grün", "nul\0", "\x7f"])
def test_a_secret_that_is_no_header_is_no_fault_of_the_endpoint(content: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(content)
    settings = HttpSettings(secure=False, headers=(("X-Key", Secret("token")),))
    reading, told = read_and_told(echoes(b"%(head)s"), settings, tmp_path / "token")
    assert reading.reason is Reason.UNREAD
    assert reading.detail == 'secret "token" has what a header cannot hold: only printable ASCII is good'
    assert content not in told
