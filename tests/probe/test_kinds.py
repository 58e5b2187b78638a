"""Every kind of check against real servers on loopback: each failure class has its own reason."""

import asyncio
import datetime
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gtm.health.reading import Reading, Reason
from gtm.ids import Address, CheckId, MonitorName
from gtm.probe.http import MAX_BODY_BYTES
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import KINDS, read
from gtm.zone.model import Check, Monitor, MonitorType
from gtm.zone.settings import (
    DenySettings,
    HttpSettings,
    JsonExpectation,
    Secret,
    Settings,
    TcpSettings,
    TlsSettings,
)
from tests.fakes.certificates import DAY, Authority
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import (
    Conversation,
    answers,
    closed_port,
    drips,
    endpoint,
    floods,
    hangs,
    resets,
    says,
)
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
            tls = TlsSettings() if keys.pop("tls_settings", False) else None
            return TcpSettings(**keys, tls=tls)
        case MonitorType.DENY:
            return DenySettings(
                HttpSettings(secure=keys.pop("secure", False), statuses=((401, 401), (403, 403)), **keys)
            )
    tls = keys.pop("tls_settings", TlsSettings())
    return HttpSettings(secure=kind is MonitorType.HTTPS, tls=tls, **keys)


async def reading_of(check: Check, extra_ca: Path | None = None, *, at: float | None = None) -> Reading:
    clock = FakeClock() if at is None else FakeClock(wall=at)
    async with open_instruments(clock, resolver=RESOLVER, extra_ca=extra_ca) as instruments:
        instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
        return await read(check, instruments)


def reading_from(
    conversation: Conversation,
    *,
    tls: ssl.SSLContext | None = None,
    extra_ca: Path | None = None,
    target: str = "127.0.0.1",
    at: float | None = None,
    **monitor: Any,
) -> Reading:
    async def run() -> Reading:
        async with endpoint(conversation, tls=tls, address="::1" if target == "::1" else "127.0.0.1") as port:
            return await reading_of(check_of(port, target, **monitor), extra_ca, at=at)

    return asyncio.run(run())


def outcome(reading: Reading) -> tuple[Reason, str]:
    return reading.reason, reading.detail


def test_every_type_of_monitor_has_its_kind() -> None:
    assert set(KINDS) == set(MonitorType)


def test_an_expected_status_is_good() -> None:
    assert outcome(reading_from(answers("204 No Content"))) == (Reason.OK, "")
    assert reading_from(answers("301 Moved"), statuses=((200, 200), (300, 399))).ok


def test_ipv6_endpoints_are_checked_alike() -> None:
    assert reading_from(answers(), target="::1").ok


def test_another_status_is_bad_and_named() -> None:
    assert outcome(reading_from(answers("503 Service Unavailable"))) == (Reason.STATUS, "HTTP 503")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    moved = says(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
    assert outcome(reading_from(moved)) == (Reason.STATUS, "HTTP 302")


def test_the_body_must_hold_the_expected_text() -> None:
    healthy = answers(body=b'{"status":"ok"}')
    assert reading_from(healthy, body='"status":"ok"').ok
    bad = reading_from(healthy, body='"status":"up"')
    assert outcome(bad) == (Reason.BODY, "HTTP 200 without the expected text in the body")


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


def test_a_closed_port_is_refused() -> None:
    for kind in BY_TCP:
        reading = asyncio.run(reading_of(check_of(closed_port(), type=kind)))
        assert reading.reason is Reason.REFUSED
        assert reading.detail == "Connection refused"


def test_a_silent_server_is_a_timeout() -> None:
    reading = reading_from(hangs, timeout_s=SOON_S)
    assert outcome(reading) == (Reason.TIMEOUT, "no complete answer in 0.05 s")
    assert reading_from(hangs, timeout_s=SOON_S, type=MonitorType.HTTPS).reason is Reason.TIMEOUT


def test_a_body_that_drips_for_ever_is_a_timeout() -> None:
    assert reading_from(drips(b"heal"), timeout_s=SOON_S, body="healthy").reason is Reason.TIMEOUT


def test_a_name_that_is_never_answered_is_a_timeout() -> None:
    for kind in BY_TCP:
        check = check_of(1, "slow.example.com", type=kind, timeout_s=SOON_S)
        assert asyncio.run(reading_of(check)).reason is Reason.TIMEOUT


def test_a_name_that_does_not_resolve_is_dns() -> None:
    for kind in BY_TCP:
        reading = asyncio.run(reading_of(check_of(1, "nothing.invalid", type=kind)))
        assert outcome(reading) == (Reason.DNS, "Name or service not known")


@pytest.mark.parametrize("conversation", [resets, says(b""), says(b"HTTP/1.1 200 OK\r\nContent-Le")])
def test_a_connection_that_breaks_off_is_reset(conversation: Conversation) -> None:
    assert outcome(reading_from(conversation)) == (Reason.RESET, "the connection broke off")


def test_a_body_that_breaks_off_is_reset() -> None:
    cut = says(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nheal")
    assert reading_from(cut, body="healthy").reason is Reason.RESET


@pytest.mark.parametrize(
    "words",
    [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x00\xff\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" * 9999],
)
def test_garbage_instead_of_http_is_a_status(words: bytes) -> None:
    reading = reading_from(says(words))
    assert reading.reason is Reason.STATUS
    assert reading.detail.startswith("no HTTP")
    assert reading.detail.isprintable()


def test_an_open_port_is_good_for_tcp() -> None:
    assert reading_from(hangs, type=MonitorType.TCP).ok
    assert reading_from(hangs, type=MonitorType.TCP, target="api.example.com").ok
    assert reading_from(hangs, type=MonitorType.TCP, target="::1").ok


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def https_reading(authority: Authority, tls: ssl.SSLContext, **monitor: Any) -> Reading:
    monitor = {"host": "api.example.com", **monitor}
    return reading_from(answers(), tls=tls, extra_ca=authority.root, type=MonitorType.HTTPS, **monitor)


def test_a_good_certificate_for_the_monitors_host_is_good(authority: Authority) -> None:
    asked: list[str | None] = []
    tls = authority.context("api.example.com")
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    assert outcome(https_reading(authority, tls)) == (Reason.OK, "")
    assert asked == ["api.example.com"]


def test_a_certificate_for_the_address_is_good_without_a_host(authority: Authority) -> None:
    assert outcome(https_reading(authority, authority.context("127.0.0.1"), host="")) == (Reason.OK, "")


def test_an_expired_certificate_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", starts=-2 * DAY, ends=-datetime.timedelta(hours=1))
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_EXPIRED, "certificate has expired")


def test_a_certificate_of_tomorrow_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", starts=DAY, ends=2 * DAY)
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_EARLY, "certificate is not valid yet")


def test_a_self_signed_certificate_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", self_signed=True)
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_SELF_SIGNED, "certificate is self-signed")


def test_a_certificate_of_a_stranger_says_so(authority: Authority, tmp_path: Path) -> None:
    tls = Authority(tmp_path).context("api.example.com")
    reading = https_reading(authority, tls)
    assert reading.reason is Reason.CERT_UNTRUSTED
    assert "trusted" in reading.detail or "signature" in reading.detail


def test_a_certificate_for_another_name_says_so(authority: Authority) -> None:
    tls = authority.context("www.example.net")
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_NAME, "certificate is for another name")


def test_a_certificate_for_another_address_says_so(authority: Authority) -> None:
    tls = authority.context("127.0.0.9")
    assert outcome(https_reading(authority, tls, host="")) == (Reason.CERT_NAME, "certificate is for another address")


def test_a_server_without_tls_is_a_tls_failure() -> None:
    reading = reading_from(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), type=MonitorType.HTTPS, timeout_s=SOON_S)
    assert reading.reason in {Reason.TLS, Reason.TIMEOUT}


def test_a_mistake_of_this_program_is_no_reading_of_the_endpoint(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def resolve(self, host: str) -> tuple[Address, ...]:
            raise LookupError(host)

    async def run() -> Reading:
        async with open_instruments(FakeClock(), resolver=Broken()) as instruments:
            return await read(check_of(1, "api.example.com"), instruments)

    assert outcome(asyncio.run(run())) == (Reason.UNREAD, "LookupError: api.example.com")
    assert "mistake of this program" in caplog.text


@pytest.mark.parametrize(("late_s", "reason"), [(0.0, Reason.TIMEOUT), (0.01, Reason.TIMEOUT), (1.0, Reason.UNREAD)])
def test_a_timeout_of_a_probe_that_is_too_busy_is_no_reading(late_s: float, reason: Reason) -> None:
    async def run() -> Reading:
        async with open_instruments(FakeClock(), resolver=RESOLVER) as instruments:
            instruments.lateness.stop()
            reading = asyncio.create_task(read(check_of(1, "slow.example.com", timeout_s=SOON_S), instruments))
            await asyncio.sleep(0)
            instruments.lateness.total_s += late_s
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


def test_a_header_must_be_there_with_what_is_expected() -> None:
    said = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Ready: yes, all\r\n\r\n")
    assert reading_from(said, expected_headers=(("x-ready", "yes"), ("X-Ready", ""))).ok
    assert outcome(reading_from(said, expected_headers=(("X-Ready", "no"),))) == (
        Reason.HEADER,
        "HTTP 200 without the expected header X-Ready",
    )
    assert reading_from(said, expected_headers=(("X-Other", ""),)).reason is Reason.HEADER


def test_the_body_must_match_an_expression_and_one_without_end_takes_no_time() -> None:
    assert reading_from(answers(body=b"load: 0.71"), body_regex=r"load: 0\.[0-9]+").ok
    assert reading_from(answers(body=b"load: 3"), body_regex=r"load: 0\.[0-9]+").reason is Reason.BODY
    assert reading_from(answers(body=b"a" * 60_000), body_regex=r"(a*)*b", timeout_s=2.0).reason is Reason.BODY


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


def test_redirects_are_followed_on_the_endpoint_alone_and_so_many_times() -> None:
    seen: list[bytes] = []

    async def story(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head.split(b" ")[1])
        if head.startswith(b"GET /ready"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/ready?full=1\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    assert reading_from(story, max_redirects=1).ok
    assert seen == [b"/", b"/ready?full=1"]
    assert outcome(reading_from(story, path="/other")) == (Reason.STATUS, "HTTP 302")
    loop = says(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
    assert outcome(reading_from(loop, max_redirects=3)) == (Reason.STATUS, "more than 3 redirects")


def test_a_redirect_to_another_scheme_is_an_answer() -> None:
    moved = says(b"HTTP/1.1 301 Moved\r\nLocation: https://api.example.com/\r\nContent-Length: 0\r\n\r\n")
    assert outcome(reading_from(moved, max_redirects=3)) == (Reason.STATUS, "HTTP 301")


def test_headers_and_secrets_are_sent_and_told_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []
    (tmp_path / "token").write_text("s3cret-of-a-file\n")
    monkeypatch.setenv("GTM_TEST_TOKEN", "s3cret-of-the-environment")
    headers = (
        ("Authorization", Secret("env", "GTM_TEST_TOKEN")),
        ("X-Key", Secret("file", str(tmp_path / "token"))),
        ("user-agent", "ours"),
    )
    with caplog.at_level("DEBUG"):
        check = check_of(1, headers=headers)
        readings = [reading_from(answers(status, seen=seen), headers=headers) for status in ("200 OK", "500 Oops")]
    assert b"Authorization: s3cret-of-the-environment\r\n" in seen[0]
    assert b"X-Key: s3cret-of-a-file\r\n" in seen[0]
    assert b"user-agent: ours\r\n" in seen[0]
    assert b"gtm-probe" not in seen[0]
    told = "".join((caplog.text, repr(readings), repr(check)))
    assert "s3cret" not in told


def test_a_secret_that_is_not_there_is_no_fault_of_the_endpoint() -> None:
    reading = reading_from(answers(), headers=(("X-Key", Secret("file", "/nonexistent/token")),))
    assert reading.reason is Reason.UNREAD
    assert "/nonexistent/token cannot be read" in reading.detail


def test_a_refusal_is_good_for_deny_and_an_answer_is_not() -> None:
    for status in ("401 Unauthorized", "403 Forbidden"):
        assert reading_from(answers(status), type=MonitorType.DENY).ok
    opened = reading_from(answers("200 OK"), type=MonitorType.DENY)
    assert outcome(opened) == (Reason.ALLOWED, "HTTP 200 to a request without credentials")
    assert reading_from(answers("503 Busy"), type=MonitorType.DENY).reason is Reason.STATUS


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


def test_tcp_with_tls_verifies_as_https_does(authority: Authority) -> None:
    good, other = authority.context("127.0.0.1"), authority.context("api.example.com")
    for tls, reason in ((good, Reason.OK), (other, Reason.CERT_NAME)):
        reading = reading_from(hangs, tls=tls, extra_ca=authority.root, type=MonitorType.TCP, tls_settings=True)
        assert reading.reason is reason


def test_a_certificate_that_ends_soon_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", ends=DAY)
    wall = datetime.datetime.now(datetime.UTC).timestamp()
    reading = https_reading(authority, tls, at=wall, tls_settings=TlsSettings(min_days=14))
    assert reading.reason is Reason.CERT_EXPIRING
    assert reading.detail == "certificate expires in 1.0 days; 14 are wanted"
    assert https_reading(authority, tls, at=wall, tls_settings=TlsSettings(min_days=1, server_name="")).reason in {
        Reason.OK,
        Reason.CERT_EXPIRING,
    }


@pytest.mark.slow
@pytest.mark.tool("openssl")
@pytest.mark.parametrize(("version", "wanted"), [("-tls1", "1.2"), ("-tls1_1", "1.2"), ("-tls1_2", "1.3")])
def test_an_endpoint_that_speaks_old_tls_alone_says_so(authority: Authority, version: str, wanted: str) -> None:
    """By OpenSSL's own server: Python's closes the connection before its alert is out."""
    port = closed_port()
    file = str(authority.issue("api.example.com"))
    options = ("-cert", file, "-key", file, version, "-cipher", "ALL:@SECLEVEL=0", "-www", "-quiet")
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        reading = _once_open(port, authority.root, TlsSettings(min_version=wanted))
    finally:
        server.kill()
        server.wait()
    assert reading.reason is Reason.TLS_VERSION, reading


def _once_open(port: int, root: Path, tls: TlsSettings) -> Reading:
    """Reads until somebody listens."""
    check = check_of(port, type=MonitorType.HTTPS, host="api.example.com", tls_settings=tls)
    for _ in range(1000):
        reading = asyncio.run(reading_of(check, root))
        if reading.reason is not Reason.REFUSED:
            break
    return reading


def test_a_client_certificate_is_shown_where_it_is_asked_for(authority: Authority) -> None:
    tls = authority.context("api.example.com")
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(authority.root)
    own = str(authority.issue("probe"))
    assert https_reading(authority, tls, tls_settings=TlsSettings(client_certificate=own)).ok
    assert https_reading(authority, tls).reason in {Reason.TLS_CLIENT, Reason.RESET}


def test_a_certificate_that_nobody_verifies_may_be_anything(authority: Authority) -> None:
    tls = authority.context("other.example.com", self_signed=True, ends=-DAY / 2)
    assert https_reading(authority, tls, tls_settings=TlsSettings(verify=False)).ok
