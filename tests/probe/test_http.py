"""What an HTTP check makes of answers: status, headers, body, time, secrets; and `deny`."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.failures import CheckOutcome
from gtm.probe.http_answer import MAX_BODY_BYTES, judged_body
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.zone.monitors.kinds.http import HttpSettings, JsonExpectation
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Secret
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import Conversation, answers, drips, endpoint, floods, resets, says
from tests.fakes.permits import permits
from tests.probe.reading import SOON_S, check_of, outcome, reading_from


def test_an_expected_status_is_good() -> None:
    assert outcome(reading_from(answers("204 No Content"))) == (Reason.OK, "")
    assert reading_from(answers("301 Moved"), statuses=((200, 200), (300, 399))).ok


def test_ipv6_endpoints_are_checked_alike() -> None:
    assert reading_from(answers(), target="::1").ok


def test_another_status_is_bad_and_named() -> None:
    assert outcome(reading_from(answers("503 Service Unavailable"))) == (Reason.STATUS, "HTTP 503, wanted 200-299")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    moved = says(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
    assert outcome(reading_from(moved)) == (Reason.STATUS, "HTTP 302, wanted 200-299")


def test_the_body_must_hold_the_expected_text() -> None:
    healthy = answers(body=b'{"status":"ok"}')
    assert reading_from(healthy, body='"status":"ok"').ok
    bad = reading_from(healthy, body='"status":"up"')
    assert outcome(bad) == (
        Reason.BODY,
        r'HTTP 200 with a body of 15 bytes, "{\"status\":\"ok\"}"; wanted "\"status\":\"up\""',
    )


def test_the_text_may_lie_across_two_segments() -> None:
    async def in_two(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in (b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nheal", b"thy!"):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)

    assert reading_from(in_two, body="healthy").ok


def test_a_body_is_read_up_to_the_limit_and_no_further() -> None:
    inside = b"x" * (MAX_BODY_BYTES - 4) + b"here"
    assert reading_from(answers(body=inside), body="here").ok
    assert reading_from(answers(body=b"x" + inside), body="here").reason is Reason.BODY
    assert reading_from(floods, body="here").reason is Reason.BODY


def test_a_text_that_came_is_enough_even_if_the_body_never_ends() -> None:
    assert reading_from(drips(b"healthy"), body="healthy").ok


def test_without_an_expected_text_the_body_is_not_awaited() -> None:
    assert reading_from(drips(b"")).ok


def test_the_monitors_host_and_path_are_asked_for() -> None:
    seen: list[bytes] = []
    assert reading_from(answers(seen=seen), host="api.example.com", path="/healthz?full=1%20a").ok
    [head] = seen
    assert head.startswith(b"GET /healthz?full=1%20a HTTP/1.1\r\nHost: api.example.com\r\n")


def test_without_a_host_the_target_and_its_port_are_the_host() -> None:
    seen: list[bytes] = []
    assert reading_from(answers(seen=seen), target="api.example.com").ok
    assert seen[0].split(b"\r\n")[1].startswith(b"Host: api.example.com:")


def test_a_body_that_drips_for_ever_is_a_timeout() -> None:
    assert reading_from(drips(b"heal"), timeout_s=SOON_S, body="healthy").reason is Reason.TIMEOUT


@pytest.mark.parametrize("conversation", [resets, says(b""), says(b"HTTP/1.1 200 OK\r\nContent-Le")])
def test_a_connection_that_breaks_off_is_reset(conversation: Conversation) -> None:
    assert outcome(reading_from(conversation)) == (Reason.RESET, "the connection broke off")


def test_a_body_that_breaks_off_is_reset() -> None:
    cut = says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nheal")
    assert reading_from(cut, body="healthy").reason is Reason.RESET


@pytest.mark.parametrize(
    "words",
    [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x00\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" * 99_999],
)
def test_garbage_instead_of_http_is_a_status(words: bytes) -> None:
    reading = reading_from(says(words))
    assert reading.reason is Reason.STATUS
    assert reading.detail.startswith("no HTTP")
    assert reading.detail.isprintable()


def test_a_header_must_be_there_with_what_is_expected() -> None:
    said = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Ready: yes, all\r\n\r\n")
    assert reading_from(said, expected_headers=(("x-ready", "yes"), ("X-Ready", ""))).ok
    assert outcome(reading_from(said, expected_headers=(("X-Ready", "no"),))) == (
        Reason.HEADER,
        'HTTP 200 with the header X-Ready: "yes, all", wanted "no"',
    )
    assert reading_from(said, expected_headers=(("X-Other", ""),)).reason is Reason.HEADER


def test_the_body_must_match_an_expression_and_one_without_end_takes_no_time() -> None:
    assert reading_from(answers(body=b"load: 0.71"), body_regex=r"load: 0\.[0-9]+").ok
    assert reading_from(answers(body=b"load: 3"), body_regex=r"load: 0\.[0-9]+").reason is Reason.BODY
    assert reading_from(answers(body=b"a" * 60_000), body_regex=r"(a*)*b", timeout_s=2.0).reason is Reason.BODY


def test_an_expression_is_matched_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def noted(body: bytes, status: int, settings: HttpSettings, *, quotes: bool) -> CheckOutcome:
        threads.append(threading.current_thread())
        return judged_body(body, status, settings, quotes=quotes)

    monkeypatch.setattr("gtm.probe.http.judged_body", noted)
    assert reading_from(answers(body=b"ok"), body_regex="o+k").ok
    assert threads != [threading.main_thread()]


@pytest.mark.parametrize(
    ("path", "equals", "good"),
    [
        (("status",), "ok", True),
        (("status",), "up", False),
        (("checks", 0, "ok"), True, True),
        (("checks", 0, "ok"), 1, False),
        (("checks", 1, "ok"), True, False),
        (("load",), 1, True),
        (("none",), None, True),
        (("missing",), None, False),
    ],
)
def test_the_json_of_the_body_must_have_what_is_expected(
    path: tuple[str | int, ...], equals: Any, *, good: bool
) -> None:
    body = b'{"status": "ok", "checks": [{"ok": true}], "load": 1, "none": null}'
    reading = reading_from(answers(body=body), body_json=(JsonExpectation(path, equals),))
    assert reading.reason is (Reason.OK if good else Reason.BODY)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 60_000, b"\xff"])
def test_a_body_that_is_no_json_is_bad(body: bytes) -> None:
    expected = (JsonExpectation(("status",), "ok"),)
    assert reading_from(answers(body=body), body_json=expected).reason is Reason.BODY


def test_a_good_answer_that_is_late_is_slow() -> None:
    late = reading_from(answers(), response_time_s=-1.0)  # the clock of these tests stands still
    assert late.reason is Reason.SLOW
    assert reading_from(answers(), response_time_s=1.0).ok
    assert reading_from(answers("503 Busy"), response_time_s=-1.0).reason is Reason.STATUS


def test_a_good_answer_that_is_late_as_the_probe_is_says_nothing() -> None:
    async def run() -> Reading:
        async with open_instruments(FakeClock(), permits=permits()) as instruments:
            instruments.lateness.stop()

            async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                instruments.lateness.take(2.0)
                await answers()(reader, writer)

            async with endpoint(late) as port:
                return await read(check_of(port, response_time_s=-1.0), instruments)

    assert asyncio.run(run()).reason is Reason.UNREAD


def test_headers_and_secrets_are_sent_and_told_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []
    (tmp_path / "token").write_text("s3cret-of-a-file\n")
    monkeypatch.setenv("GTM_TEST_TOKEN", "s3cret-of-the-environment")
    headers = (
        ("Authorization", Secret("of-the-environment")),
        ("X-Key", Secret("of-a-file")),
        ("user-agent", "ours"),
    )
    with caplog.at_level("DEBUG"):
        check = check_of(1, headers=headers)
        kept = permits(secrets={"of-a-file": tmp_path / "token"}, variables={"of-the-environment": "GTM_TEST_TOKEN"})
        readings = [
            reading_from(answers(status, seen=seen), headers=headers, permitted=kept)
            for status in ("200 OK", "500 Oops")
        ]
    assert b"Authorization: s3cret-of-the-environment\r\n" in seen[0]
    assert b"X-Key: s3cret-of-a-file\r\n" in seen[0]
    assert b"user-agent: ours\r\n" in seen[0]
    assert b"gtm-probe" not in seen[0]
    told = "".join((caplog.text, repr(readings), repr(check)))
    assert "s3cret" not in told


def test_an_endpoint_that_echoes_a_secret_gets_it_into_no_detail(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret")
    headers = (("X-Key", Secret("token")),)
    kept = permits(secrets={"token": tmp_path / "token"})

    async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(line.partition(b": ")[2] for line in head.split(b"\r\n") if line.startswith(b"X-Key"))
        body = b'{"key": "' + key + b'"}'
        writer.write(b"HTTP/1.1 200 OK\r\nX-Key: " + key + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    wanted = (JsonExpectation(("key",), "x"),)
    readings = [
        reading_from(echoes, headers=headers, permitted=kept, body_json=wanted),
        reading_from(echoes, headers=headers, permitted=kept, body="healthy"),
        reading_from(echoes, headers=headers, permitted=kept, body_regex="healthy"),
        reading_from(echoes, headers=headers, permitted=kept, expected_headers=(("X-Key", "healthy"),)),
    ]
    assert [reading.reason for reading in readings] == [Reason.BODY, Reason.BODY, Reason.BODY, Reason.HEADER]
    assert "s3cret" not in repr(readings)
    assert readings[0].detail == 'HTTP 200 with key a text of 6 characters in the body, wanted "x"'


@pytest.mark.parametrize(
    ("header", "is_quoted"),
    [
        ("Authorization", False),
        ("proxy-authorization", False),
        ("Cookie", False),
        ("X-Api-Key", False),
        ("X-Vault-Token", False),
        ("Accept", True),
    ],
)
def test_the_answer_to_a_credential_that_is_written_out_is_not_quoted(header: str, is_quoted: bool) -> None:  # noqa: FBT001
    async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        own = next(line for line in head.split(b"\r\n") if line.lower().startswith(header.lower().encode()))
        body = b'{"key": "' + own.partition(b": ")[2] + b'"}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    sent = ((header, "hunter2"),)
    readings = [
        reading_from(echoes, headers=sent, body_json=(JsonExpectation(("key",), "x"),)),
        reading_from(echoes, headers=sent, body="healthy"),
    ]
    assert [reading.reason for reading in readings] == [Reason.BODY, Reason.BODY]
    assert [("hunter2" in reading.detail) for reading in readings] == [is_quoted, is_quoted]


def test_a_secret_that_is_not_there_is_no_fault_of_the_endpoint() -> None:
    kept = permits(secrets={"token": Path("/nonexistent/token")})
    reading = reading_from(answers(), headers=(("X-Key", Secret("token")),), permitted=kept)
    assert reading.reason is Reason.UNREAD
    assert 'secret "token": /nonexistent/token cannot be read' in reading.detail


def test_a_refusal_is_good_for_deny_and_an_answer_is_not() -> None:
    for status in ("401 Unauthorized", "403 Forbidden"):
        assert reading_from(answers(status), type=MonitorType.DENY).ok
    opened = reading_from(answers("200 OK"), type=MonitorType.DENY)
    assert outcome(opened) == (Reason.ALLOWED, "HTTP 200 to a request without credentials, wanted 401 or 403")
    for other in ("302 Found", "404 Not Found", "503 Busy"):
        reading = reading_from(answers(other), type=MonitorType.DENY)
        assert outcome(reading) == (Reason.STATUS, f"HTTP {other[:3]}, wanted 401 or 403")
