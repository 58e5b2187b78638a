"""A collector that answers without end, or with what unpacks to gigabytes: it is read as far as an answer can go."""

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select

import pytest
import requests
from opentelemetry.sdk.metrics.export import MetricsData

from gtm.metrics.otlp import make_exporter
from gtm.metrics.otlp_session import MAX_ANSWER_BYTES, bounded_session
from tests.fakes.certificates import Authority, Root, showing

pytestmark = pytest.mark.slow

PART = bytes(1 << 16)
PARTS = 500


class Endless(BaseHTTPRequestHandler):
    """Answers with 32 MB, or with a megabyte that unpacks to a gigabyte."""

    sent = 0
    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Location", "/v1/metrics")
        self.send_header("Content-Type", "application/x-protobuf")
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        with suppress(OSError):
            for _ in range(PARTS):
                self.wfile.write(gzip.compress(PART) if self.path == "/packed" else PART)
                type(self).sent += 1

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@contextmanager
def endless(status: int, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, type[Endless]]]:
    handler = type("Handler", (Endless,), {"status": status})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}", handler
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_without_end_is_cut_off_and_the_exporter_goes_on(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    with endless(status) as (url, handler):
        exporter = make_exporter(url)
        assert exporter.export(MetricsData([])) is not None
        exporter.shutdown()
    assert handler.sent < PARTS / 2


def test_nothing_is_unpacked_and_no_more_is_held_than_an_answer_can_have() -> None:
    with endless(200) as (url, _), bounded_session() or pytest.fail("it has none") as session:
        for path in ("", "/packed"):
            assert len(session.post(url + path, data=b"x", timeout=10).content) <= MAX_ANSWER_BYTES


def test_whoever_makes_sessions_by_the_environment_makes_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER", "mine")
    assert bounded_session() is None


def test_a_collector_is_judged_as_endpoints_are(tmp_path: Path) -> None:
    authority = Authority(tmp_path, Root.WITHOUT_USAGE)
    good = authority.issue("127.0.0.1", identifies_issuer=False)
    nobody = authority.issue("127.0.0.1", names=[])
    with bounded_session() or pytest.fail("it has none") as session:
        with endless(200, showing(good)) as (url, _):
            for trusted in (authority.root, good):
                session.post(url, data=b"x", timeout=10, verify=str(trusted)).raise_for_status()
        with endless(200, showing(nobody)) as (url, _), pytest.raises(requests.exceptions.SSLError):
            session.post(url, data=b"x", timeout=10, verify=str(authority.root))


class Tunnel(BaseHTTPRequestHandler):
    """A forward proxy."""

    def do_CONNECT(self) -> None:
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as there, suppress(OSError):
            self.send_response(200)
            self.end_headers()
            other = {self.connection: there, there: self.connection}
            while ready := select(list(other), [], [], 10)[0]:
                for end in ready:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    other[end].sendall(data)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing."""


@contextmanager
def proxy() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tunnel)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_collector_behind_a_proxy_is_judged_in_the_same_way(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    good, nobody = authority.issue("127.0.0.1"), authority.issue("127.0.0.1", names=[])
    with bounded_session() or pytest.fail("it has none") as session, proxy() as through:
        with endless(200, showing(good)) as (url, _):
            for trusted in (authority.root, good):
                proxies = {"https": through}
                session.post(url, data=b"x", timeout=10, verify=str(trusted), proxies=proxies).raise_for_status()
        with endless(200, showing(nobody)) as (url, _), pytest.raises(requests.exceptions.SSLError):
            session.post(url, data=b"x", timeout=10, verify=str(authority.root), proxies={"https": through})


def test_a_collector_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    tls = Authority(tmp_path).context("127.0.0.1")
    with (
        bounded_session() or pytest.fail("it has none") as session,
        endless(200, tls) as (url, _),
        pytest.raises(requests.exceptions.SSLError),
    ):
        session.post(url, data=b"x", timeout=10)
