"""Calls to grpcio's own server, in the clear and over TLS, and to servers that are none."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.grpc import ask_health
from gtm.probe.health_call import HealthCall
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.settings import TlsSettings
from tests.fakes.certificates import Authority
from tests.fakes.checks import check_of, phases_of, reading_of
from tests.fakes.endpoints import Conversation, answers, closed_port, endpoint, hangs, says
from tests.fakes.resolver import FakeResolver

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def served(*, credentials: grpc.ServerCredentials | None = None, address: str = "127.0.0.1:0") -> Iterator[int]:
    """grpcio's server with its health service: it serves, and so does `up`, but not `down`. Gives its port."""
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        state = health.HealthServicer()
        for service, status in (("", SERVING), ("up", SERVING), ("down", NOT_SERVING)):
            state.set(service, status)
        health_pb2_grpc.add_HealthServicer_to_server(state, server)
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
        server.start()
        try:
            yield port
        finally:
            server.stop(grace=None).wait()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server in the clear."""
    with served() as at:
        yield at


def outcome_of(port: int, service: str = "", address: str = "127.0.0.1") -> CheckOutcome:
    async def run() -> CheckOutcome:
        call = HealthCall(service, authority="api.example.com", secure=False, timeout_s=10.0)
        async with asyncio.timeout(10):
            return await ask_health(ip_address(address), port, call)

    return asyncio.run(run())


def outcome_from(conversation: Conversation) -> CheckOutcome:
    async def run() -> CheckOutcome:
        async with endpoint(conversation) as at, asyncio.timeout(10):
            call = HealthCall("", authority="api.example.com", secure=False, timeout_s=10.0)
            return await ask_health(ip_address("127.0.0.1"), at, call)

    return asyncio.run(run())


def test_a_server_that_serves_is_good(port: int) -> None:
    assert outcome_of(port) == PASSED
    assert outcome_of(port, "up") == PASSED


def test_a_service_that_does_not_serve_is_bad(port: int) -> None:
    assert outcome_of(port, "down") == CheckOutcome(Reason.STATUS, "NOT_SERVING")


def test_a_service_that_the_server_does_not_know_is_bad(port: int) -> None:
    found = outcome_of(port, "absent")
    assert found.reason is Reason.STATUS
    assert found.detail.startswith("gRPC NOT_FOUND")


def test_ipv6_endpoints_are_asked_alike() -> None:
    with served(address="[::1]:0") as at:
        assert outcome_of(at, address="::1") == PASSED


def test_a_server_without_a_health_service_is_bad() -> None:
    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        at = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            found = outcome_of(at)
        finally:
            server.stop(grace=None).wait()
    assert found.reason is Reason.STATUS
    assert found.detail.startswith("gRPC UNIMPLEMENTED")


@pytest.mark.slow
def test_a_server_that_stops_gracefully_and_then_answers_is_good() -> None:
    """grpcio's own: it says GOAWAY twice, and goes on with the calls that it has."""
    asked, may_answer = threading.Event(), threading.Event()

    class Slow(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # generated code
        def Check(self, request: object, context: object) -> object:  # noqa: N802
            asked.set()
            assert may_answer.wait(10)
            return health_pb2.HealthCheckResponse(status=SERVING)

    class Watched(HealthCall):
        def receive(self, data: bytes) -> None:
            super().receive(data)
            if self.is_last:
                may_answer.set()

    async def run(port: int) -> CheckOutcome:
        call = Watched("", authority="api.example.com", secure=False, timeout_s=10.0)
        asking = asyncio.create_task(ask_health(ip_address("127.0.0.1"), port, call))
        assert await asyncio.to_thread(asked.wait, 10)
        ended = server.stop(grace=10)
        async with asyncio.timeout(10):
            outcome = await asking
        await asyncio.to_thread(ended.wait)
        return outcome

    with ThreadPoolExecutor(1) as threads:
        server = grpc.server(threads)
        health_pb2_grpc.add_HealthServicer_to_server(Slow(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        assert asyncio.run(run(port)) == PASSED


def test_a_server_that_leaves_the_call_out_is_asked_once_more_on_another_connection() -> None:
    """As one that stops behind a load balancer, which leads the next connection to another."""
    connections = 0

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        server.initiate_connection()
        asked = server.receive_data(await reader.read(2048))
        assert any(isinstance(event, h2.events.StreamEnded) for event in asked)
        if connections == 1:
            server.close_connection(last_stream_id=0)
        else:
            server.send_headers(1, [(":status", "200"), ("content-type", "application/grpc")])
            server.send_data(1, b"\0\0\0\0\2\x08\x01")
            server.send_headers(1, [("grpc-status", "0")], end_stream=True)
        writer.write(server.data_to_send())
        await writer.drain()

    assert outcome_from(conversation) == PASSED
    assert connections == 2


def test_a_server_that_always_leaves_the_call_out_is_reset_after_two_connections() -> None:
    connections = 0

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(2048)
        writer.write(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]) + bytes([0, 0, 8, 7, 0, 0, 0, 0, 0]) + bytes(8))
        await writer.drain()

    assert outcome_from(conversation) == CheckOutcome(Reason.RESET, "the server broke the call off: GOAWAY NO_ERROR")
    assert connections == 2


def test_a_server_of_http_1_is_no_grpc() -> None:
    other = CheckOutcome(Reason.STATUS, "no HTTP/2: another protocol answers")
    assert outcome_from(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) == other
    assert outcome_from(answers("404 Not Found")) == other


def test_a_connection_that_closes_is_reset() -> None:
    assert outcome_from(says(b"")) == CheckOutcome(Reason.RESET, "the connection broke off")


def test_a_closed_port_is_refused() -> None:
    with pytest.raises(ConnectionRefusedError):
        outcome_of(closed_port())


def test_silence_lasts_until_the_monitors_timeout_ends_it() -> None:
    async def run() -> None:
        async with endpoint(hangs) as at:
            call = HealthCall("", authority="a", secure=False, timeout_s=0.02)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await ask_health(ip_address("127.0.0.1"), at, call)

    asyncio.run(run())


def test_a_monitor_asks_its_endpoint_for_the_service(port: int) -> None:
    resolver = FakeResolver({"api.example.com": "127.0.0.1"})
    assert reading_of(check_of(GrpcSettings("up"), target="api.example.com", port=port), resolver=resolver).ok
    assert phases_of(reading_of(check_of(GrpcSettings(), port=port))) == {"connect_s", "first_byte_s"}
    down = reading_of(check_of(GrpcSettings("down"), target="api.example.com", port=port), resolver=resolver)
    assert (down.reason, down.detail) == (Reason.STATUS, "NOT_SERVING")


class TestOverTls:
    """With a certificate for api.example.com."""

    def reading(self, authority: Authority, file: Path, tls: TlsSettings, host: str = "api.example.com") -> Reading:
        whole = file.read_bytes()
        with served(credentials=grpc.ssl_server_credentials([(whole, whole)])) as at:
            return reading_of(check_of(GrpcSettings("", host, tls), port=at), extra_ca=authority.root)

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    def test_a_certificate_for_the_host_is_good(self, authority: Authority) -> None:
        good = self.reading(authority, authority.issue("api.example.com"), TlsSettings())
        assert good.ok
        assert phases_of(good) == {"connect_s", "tls_s", "first_byte_s"}

    def test_a_certificate_for_another_name_is_named(self, authority: Authority) -> None:
        file = authority.issue("other.example.com")
        assert self.reading(authority, file, TlsSettings()).reason is Reason.CERT_NAME
        assert self.reading(authority, file, TlsSettings(server_name="other.example.com")).ok
        assert self.reading(authority, file, TlsSettings(verify=False)).ok

    def test_a_certificate_that_expires_soon_is_named(self, authority: Authority) -> None:
        file = authority.issue("api.example.com")
        # the fake clock stands years before the certificate's end
        assert self.reading(authority, file, TlsSettings(min_days=3650)).reason is Reason.CERT_EXPIRING
        assert self.reading(authority, file, TlsSettings(min_days=1)).ok

    def test_a_server_without_tls_is_a_failure_of_the_handshake(self, authority: Authority) -> None:
        with served() as at:
            assert reading_of(check_of(GrpcSettings("", tls=TlsSettings()), port=at)).reason in {
                Reason.TLS,
                Reason.RESET,
            }
