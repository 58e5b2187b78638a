"""What a check makes of an answer, from real servers on loopback: with TLS and without, in one segment and in several.

An endpoint is as healthy as its clients find it: what follows a whole answer changes nothing, and an answer that is cut
is none.
"""

import asyncio
import socket
import ssl
import struct
from typing import Any

import pytest

from gtm.health.verdict.reading import Reading, Reason
from gtm.zone.monitors.kinds.http import JsonExpectation
from gtm.zone.monitors.registry import MonitorType
from tests.fakes.certificates import Authority
from tests.fakes.endpoints import Conversation, says
from tests.probe.reading import outcome, reading_from

BODY = b'{"status": "ok"}\n'
JSON = (JsonExpectation(("status",), "ok"),)
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
CHUNKS = CHUNKED + b"\r\n" + IN_CHUNKS
OK = b"HTTP/1.1 200 OK\r\n"
SECOND = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Authority]:
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    return authority.context("127.0.0.1"), authority


def in_parts(*parts: bytes) -> Conversation:
    """Sends each part in a segment of its own, and closes when the client does."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            for _ in range(10):  # the check reads meanwhile
                await asyncio.sleep(0)
        await reader.read()

    return conversation


WHOLE = {
    "HEAD with a body": ("HEAD", (), OK + LENGTH + b"\r\n", BODY),
    "HEAD with chunks": ("HEAD", (), OK + CHUNKED + b"\r\n", IN_CHUNKS),
    "204 with a body": ("GET", (), b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\n", BODY),
    "204 without a length": ("GET", (), b"HTTP/1.1 204 No Content\r\n\r\n", BODY),
    "304 with a body": ("GET", (), b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\n", BODY),
    "more than the length": ("GET", JSON, OK + LENGTH + b"\r\n" + BODY, b"more\r\n"),
    "a body after none": ("GET", (), OK + b"Content-Length: 0\r\n\r\n", BODY),
    "after chunks": ("GET", JSON, OK + CHUNKS, b"more\r\n"),
    "a chunk after the last": ("GET", JSON, OK + CHUNKS, b"1\r\nx\r\n0\r\n\r\n"),
    "a second answer": ("GET", JSON, OK + LENGTH + b"\r\n" + BODY, SECOND),
    "a second answer after chunks": ("GET", JSON, OK + CHUNKS, SECOND),
    "a second answer to HEAD": ("HEAD", (), OK + LENGTH + b"\r\n", SECOND),
    "after interim answers": (
        "GET",
        JSON,
        b"HTTP/1.1 103 E\r\nLink: </a>\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY,
        b"x",
    ),
    "after 100 and HEAD": ("HEAD", (), b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n", BODY),
}


@pytest.mark.slow
@pytest.mark.parametrize("connection", [b"", b"Connection: close\r\n", b"Connection: keep-alive\r\n"])
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
def test_what_follows_a_whole_answer_changes_nothing(
    whole: tuple[str, tuple[JsonExpectation, ...], bytes, bytes],
    connection: bytes,
    tls: tuple[ssl.SSLContext, Authority],
    *,
    secure: bool,
) -> None:
    method, expected, answer, more = whole
    told = answer.replace(b"\r\n", b"\r\n" + connection, 1)
    keys: dict[str, Any] = {"method": method, "body_json": expected, "statuses": ((200, 204), (304, 304))}
    if secure:
        keys |= {"type": MonitorType.HTTPS, "tls": tls[0], "extra_ca": tls[1].root}
    for parts in ((told + more,), (told, more), (told[:-1], told[-1:] + more)):
        assert outcome(reading_from(in_parts(*parts), **keys)) == (Reason.OK, "")


def then_resets(words: bytes) -> Conversation:
    """Says these bytes and breaks the connection off with RST, at once."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.write(words)
        writer.transport.abort()

    return conversation


def test_an_answer_is_whole_although_the_connection_is_reset_behind_it() -> None:
    long = b'{"status": "ok", "x": "' + b"x" * 50_000 + b'"}'
    answer = OK + b"Content-Length: %d\r\n\r\n" % len(long) + long
    assert reading_from(then_resets(answer), body_json=JSON).ok
    assert reading_from(then_resets(answer + SECOND), body_json=JSON).ok
    assert reading_from(then_resets(answer[:-1]), body_json=JSON).reason is Reason.RESET


def over_tls(context: ssl.SSLContext, words: bytes, behind: bytes) -> Conversation:
    """Says these words with TLS made by hand, and in the same segment some bytes that are of no TLS; then closes."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        talking = context.wrap_bio(came, goes, server_side=True)
        for step in (talking.do_handshake, lambda: talking.read(65_536)):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    writer.write(goes.read())
                    came.write(await reader.read(65_536))
        talking.write(words)
        writer.write(goes.read() + behind)
        await writer.drain()

    return conversation


NO_TLS = {
    "octets": b"more\r\n",
    "an alert that is not encrypted": b"\x15\x03\x03\x00\x02\x02\x50",
    "a record that is damaged": b"\x17\x03\x03\x00\x05hello",
    "half a record": b"\x17\x03\x03\x01\x00hello",
}


@pytest.mark.parametrize("behind", NO_TLS.values(), ids=NO_TLS)
def test_an_answer_is_whole_although_what_follows_is_no_tls(
    behind: bytes, tls: tuple[ssl.SSLContext, Authority]
) -> None:
    context, authority = tls
    keys: dict[str, Any] = {"type": MonitorType.HTTPS, "extra_ca": authority.root, "body_json": JSON}
    answer = OK + LENGTH + b"\r\n" + BODY
    assert outcome(reading_from(over_tls(context, answer, behind), **keys)) == (Reason.OK, "")
    assert reading_from(over_tls(context, answer[:-1], behind), **keys).reason is Reason.RESET


def test_an_answer_over_tls_ends_with_the_connection_although_tls_has_no_goodbye(
    tls: tuple[ssl.SSLContext, Authority],
) -> None:
    context, authority = tls
    keys: dict[str, Any] = {"type": MonitorType.HTTPS, "extra_ca": authority.root, "body_json": JSON}
    assert outcome(reading_from(over_tls(context, OK + b"\r\n" + BODY, b""), **keys)) == (Reason.OK, "")
    assert reading_from(over_tls(context, OK + CHUNKS[:-5], b""), **keys).reason is Reason.RESET


CUT = {
    "in the status line": b"HTTP/1.1 20",
    "in the head": OK + b"X: a\r\n",
    "in the head after interim answers": b"HTTP/1.1 100 Continue\r\n\r\n",
    "in the body": OK + LENGTH + b"\r\n" + BODY[:-1],
    "before the body": OK + LENGTH + b"\r\n",
    "in a chunk": OK + CHUNKS[:-8],
    "after a chunk": OK + CHUNKS[:-5],
    "before the end of the last chunk": OK + CHUNKS[:-2],
    "in chunks, whatever the length says": OK + b"Content-Length: 1\r\n" + CHUNKS[:-5],
}


@pytest.mark.parametrize("said", CUT.values(), ids=CUT)
@pytest.mark.parametrize("secure", [False, True])
def test_an_answer_that_is_cut_before_its_announced_end_is_reset(
    said: bytes, tls: tuple[ssl.SSLContext, Authority], *, secure: bool
) -> None:
    keys: dict[str, Any] = {"body_json": JSON}
    if secure:
        keys |= {"type": MonitorType.HTTPS, "tls": tls[0], "extra_ca": tls[1].root}
    assert outcome(reading_from(says(said), **keys)) == (Reason.RESET, "the connection broke off")


def json_reading(head: bytes, body: bytes = BODY, **keys: Any) -> Reading:
    return reading_from(in_parts(head + b"\r\n" + body), body_json=JSON, **keys)


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Security-Policy: " + b"default-src https://a.example.com; " * 300 + b"\r\n",
        b"Set-Cookie: " + b"a" * 8_190 + b"\r\n",
        b"X-Long: " + b"a" * 200_000 + b"\r\n",
        b"".join(b"X-%d: a\r\n" % number for number in range(129)),
        b"".join(b"X-%d: a\r\n" % number for number in range(5_000)),
    ],
    ids=["a policy", "over 8190 octets", "200 kB", "over 128 fields", "5,000 fields"],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_long_head_is_good(fields: bytes, *, strict: bool) -> None:
    assert outcome(json_reading(OK + fields + LENGTH, strict=strict)) == (Reason.OK, "")


FORGIVEN = {
    "two equal lengths": OK + LENGTH + LENGTH,
    "chunks and a length": OK + LENGTH + CHUNKED,
    "line feeds alone": OK.replace(b"\r", b"") + LENGTH,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH,
    "lower case": b"http/1.1 200 OK\r\n" + LENGTH,
    "a line without a colon": OK + b"no sense\r\n" + LENGTH,
    "an empty line before it": b"\r\n" + OK + LENGTH,
    "HTTP/1.0 with chunks": b"HTTP/1.0 200 OK\r\n" + CHUNKED,
}


@pytest.mark.parametrize("head", FORGIVEN.values(), ids=FORGIVEN)
def test_what_clients_forgive_is_good_unless_the_monitor_is_strict(head: bytes) -> None:
    body = IN_CHUNKS if b"chunked" in head else BODY
    assert outcome(json_reading(head, body)) == (Reason.OK, "")
    strict = json_reading(head, body, strict=True)
    assert strict.reason is Reason.STATUS
    assert strict.detail.startswith("no HTTP: ")


@pytest.mark.parametrize("strict", [False, True])
def test_two_different_lengths_are_never_forgiven(*, strict: bool) -> None:
    reading = json_reading(OK + LENGTH + b"Content-Length: 1\r\n", strict=strict)
    assert outcome(reading) == (Reason.STATUS, "no HTTP: two different values of Content-Length")


def test_a_deny_monitor_can_be_strict_too() -> None:
    refusal = b"HTTP/1.1 403\r\nContent-Length: 0\r\n\r\n"
    assert reading_from(says(refusal), type=MonitorType.DENY).ok
    assert reading_from(says(refusal), type=MonitorType.DENY, strict=True).reason is Reason.STATUS


def test_a_mistake_in_a_body_that_nobody_asked_for_is_none() -> None:
    assert reading_from(says(OK + b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n")).ok


def test_a_text_that_came_before_a_mistake_is_enough_in_one_segment_and_in_two() -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    good, bad = b"7\r\nhealthy\r\n", b"no chunk\r\n"
    for parts in ((head + good + bad,), (head + good, bad)):
        assert reading_from(in_parts(*parts), body="healthy").ok
        assert reading_from(in_parts(*parts), body="other").reason is Reason.STATUS
