"""Redirects: followed so many times, and on the endpoint alone, whatever they name."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.redirect import MAX_LOCATION_BYTES
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Secret
from tests.fakes.certificates import Authority
from tests.fakes.endpoints import Conversation, says
from tests.fakes.permits import permits
from tests.probe.reading import outcome, reading_from


def redirects(location: str, *, seen: list[bytes], status: str = "302 Found") -> Conversation:
    """Sends everybody to this location once, and is content with who comes back."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(b" ".join(head.split(b"\r\n")[:2]))
        answer = f"HTTP/1.1 {status}\r\nLocation: {location}\r\n" if len(seen) == 1 else "HTTP/1.1 200 OK\r\n"
        writer.write(f"{answer}Content-Length: 0\r\n\r\n".encode("latin-1"))
        await writer.drain()

    return conversation


def followed(location: str, *, path: str = "/a/b?c=1", **more: Any) -> tuple[Reading, list[bytes]]:
    seen: list[bytes] = []
    conversation = redirects(location, seen=seen, status=more.pop("status", "302 Found"))
    keys: dict[str, Any] = {"host": "api.example.com", "path": path, "max_redirects": 1, **more}
    return reading_from(conversation, **keys), seen


@pytest.mark.parametrize(
    ("location", "request_line", "host"),
    [
        ("/ready?full=1", b"GET /ready?full=1", b"api.example.com"),
        ("ready", b"GET /a/ready", b"api.example.com"),
        ("?d=2", b"GET /a/b?d=2", b"api.example.com"),
        ("/a b", b"GET /a%20b", b"api.example.com"),
        ("/gr\xc3\xbcn?\xff", b"GET /gr%C3%BCn?%FF", b"api.example.com"),
        ("http:///x", b"GET /x", b"api.example.com"),
        ("//www.example.com/x%20y", b"GET /x%20y", b"www.example.com"),
        ("http://www.example.com/x#part", b"GET /x", b"www.example.com"),
        ("http://user:word@192.0.2.1/", b"GET /", b"192.0.2.1"),
        ("http://[2001:db8::1]/", b"GET /", b"[2001:db8::1]"),
        ("http://www.example.com./", b"GET /", b"www.example.com"),
        ("/" + "a" * (MAX_LOCATION_BYTES - 1), b"GET /" + b"a" * (MAX_LOCATION_BYTES - 1), b"api.example.com"),
    ],
)
def test_what_a_redirect_names_is_asked_of_the_same_endpoint(location: str, request_line: bytes, host: bytes) -> None:
    reading, seen = followed(location)
    assert reading.ok
    assert seen == [
        b"GET /a/b?c=1 HTTP/1.1 Host: api.example.com",
        request_line + b" HTTP/1.1 Host: " + host,
    ]


@pytest.mark.parametrize("status", ["301 Moved", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_every_status_of_a_redirect_is_followed(status: str) -> None:
    assert followed("/ready", status=status)[0].ok


def methods_of(method: str, status: str) -> list[bytes]:
    """The methods that are asked with when such a redirect is met."""
    reading, seen = followed("/ready", method=method, status=status)
    assert reading.ok
    return [line.split()[0] for line in seen]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found"])
def test_after_a_post_that_was_done_get_is_asked_with_as_clients_do(status: str) -> None:
    for method, then in {"POST": b"GET", "PUT": b"PUT", "HEAD": b"HEAD", "OPTIONS": b"OPTIONS"}.items():
        assert methods_of(method, status) == [method.encode(), then]


def test_another_page_is_seen_with_get_or_head() -> None:
    for method, then in {"POST": b"GET", "PUT": b"GET", "HEAD": b"HEAD", "OPTIONS": b"GET"}.items():
        assert methods_of(method, "303 See Other") == [method.encode(), then]


@pytest.mark.parametrize("status", ["307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_request_that_is_to_be_made_elsewhere_keeps_its_method(status: str) -> None:
    for method in ("POST", "PUT", "HEAD", "OPTIONS"):
        assert methods_of(method, status) == [method.encode()] * 2


@pytest.mark.parametrize(
    "location",
    [
        "https://api.example.com/",
        "http://api.example.com:81/",
        "ftp://api.example.com/",
        "mailto:x@example.com",
        "",
        "/a\tb",
        "/a\x7fb",
        "http://[::1/",
        "http://api.example.com:port/",
        "http://\xff\xfe/",
        "http://a b/",
        "http://%41/",
        "//:0/",
        "http://./",
        "http://.example.com/",
        "http://a..b/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 128,
        "http://a;b/",
        "http://[::1%25lo]/",
        "http://[v1.x:y]/",
        "/" + "a" * MAX_LOCATION_BYTES,
        "/" + "\xff" * (MAX_LOCATION_BYTES // 3 + 1),
        "/.." * 80_000,
    ],
    ids=lambda location: location[:24],
)
def test_what_leads_elsewhere_or_nowhere_is_the_answer(location: str) -> None:
    reading, seen = followed(location)
    assert outcome(reading) == (Reason.STATUS, "HTTP 302, wanted 200-299")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("location", "is_sent"),
    [
        ("/ready", True),
        ("http://API.example.com./ready", True),
        ("http://www.example.com/ready", False),
        ("http://example.com/ready", False),
        ("http://127.0.0.1/ready", False),
    ],
)
def test_what_gives_entry_is_sent_to_no_other_host(location: str, tmp_path: Path, *, is_sent: bool) -> None:
    (tmp_path / "token").write_text("s3cret")
    heads: list[bytes] = []

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        answer = f"302 Found\r\nLocation: {location}" if len(heads) == 1 else "200 OK"
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    headers = (("X-Key", Secret("token")), ("authorization", "Basic YTpi"), ("Cookie", "a=b"), ("X-Probe", "gtm"))
    permitted = permits(secrets={"token": tmp_path / "token"})
    assert reading_from(conversation, host="api.example.com", headers=headers, max_redirects=1, permitted=permitted).ok
    first, then = heads
    for field in (b"X-Key: s3cret", b"authorization: Basic YTpi", b"Cookie: a=b"):
        assert field in first
        assert (field in then) is is_sent
    assert b"X-Probe: gtm" in then


def test_a_host_that_the_monitor_names_itself_is_asked_for_until_a_redirect_names_another() -> None:
    reading, seen = followed("/ready", headers=(("Host", "www.example.com"),))
    assert reading.ok
    assert [line.split()[-1] for line in seen] == [b"www.example.com"] * 2
    reading, seen = followed("http://other.example.com/ready", headers=(("Host", "www.example.com"),))
    assert reading.ok
    assert [line.split()[-1] for line in seen] == [b"www.example.com", b"other.example.com"]


def test_the_port_of_the_endpoint_may_be_named() -> None:
    async def to_itself(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        port = writer.get_extra_info("sockname")[1]
        there = head.startswith(b"GET /ready")
        answer = "200 OK" if there else f"302 Found\r\nLocation: http://127.0.0.1:{port}/ready"
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    assert reading_from(to_itself, max_redirects=1).ok
    assert reading_from(to_itself, max_redirects=1, host="api.example.com").ok


def test_no_more_redirects_are_followed_than_the_monitor_allows() -> None:
    loop = says(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
    assert outcome(reading_from(loop, max_redirects=3)) == (Reason.STATUS, "more than 3 redirects")
    assert outcome(reading_from(loop)) == (Reason.STATUS, "HTTP 302, wanted 200-299")
    assert reading_from(loop, statuses=((302, 302),)).ok


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def test_the_certificate_is_verified_for_the_host_that_a_redirect_names(authority: Authority) -> None:
    asked: list[str | None] = []

    def named(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        asked.append(name)
        connection.context = authority.context(name or "")

    tls = authority.context("api.example.com")
    tls.sni_callback = named
    seen: list[bytes] = []
    conversation = redirects("https://www.example.com/", seen=seen)
    keys: dict[str, Any] = {"type": MonitorType.HTTPS, "host": "api.example.com", "max_redirects": 1}
    assert reading_from(conversation, tls=tls, extra_ca=authority.root, **keys).ok
    assert asked == ["api.example.com", "www.example.com"]
