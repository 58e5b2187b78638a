"""A call against h2's own server side, played without a network; grpcio's server is in test_grpc.py."""

from collections.abc import Callable

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.verdict.reading import Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.health_call import MAX_RECEIVED_BYTES, HealthCall, judged

REFUSED = h2.errors.ErrorCodes.REFUSED_STREAM
SERVING = b"\0\0\0\0\2\x08\x01"
HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
GOOD = [("grpc-status", "0")]

Script = Callable[[h2.connection.H2Connection, int], None]


def call_of(service: str = "") -> HealthCall:
    return HealthCall(service, authority="api.example.com", secure=False, timeout_s=2.0)


def played(script: Script) -> CheckOutcome | None:
    """What comes of a call to a server that does this once the request is complete."""
    call = call_of()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    for event in server.receive_data(call.to_send()):
        if isinstance(event, h2.events.StreamEnded):
            script(server, event.stream_id)
    call.receive(server.data_to_send())
    return call.outcome


def answered(response: bytes, *, trailers: list[tuple[str, str]] = GOOD) -> Script:
    def script(server: h2.connection.H2Connection, stream: int) -> None:
        server.send_headers(stream, HEADERS)
        server.send_data(stream, response)
        server.send_headers(stream, trailers, end_stream=True)

    return script


def test_the_request_is_a_call_of_grpc() -> None:
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    events = server.receive_data(call_of("db").to_send())
    [request] = [event for event in events if isinstance(event, h2.events.RequestReceived)]
    assert {name.decode(): value.decode() for name, value in request.headers or ()} == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": "api.example.com",
        "te": "trailers",
        "content-type": "application/grpc",
        "user-agent": "gtm-probe",
        "grpc-timeout": "2000m",
    }
    [data] = [event for event in events if isinstance(event, h2.events.DataReceived)]
    assert data.data == b"\0\0\0\0\4\x0a\x02db"


def test_serving_is_good() -> None:
    assert played(answered(SERVING)) == PASSED


def test_another_status_is_bad_and_named() -> None:
    assert played(answered(b"\0\0\0\0\2\x08\x02")) == CheckOutcome(Reason.STATUS, "NOT_SERVING")
    assert played(answered(b"\0\0\0\0\0")) == CheckOutcome(Reason.STATUS, "UNKNOWN"), "proto3 leaves out a default"
    assert played(answered(b"\0\0\0\0\2\x08\x09")) == CheckOutcome(Reason.STATUS, "serving status 9")


def test_an_error_without_a_message_is_named_with_its_words() -> None:
    def script(server: h2.connection.H2Connection, stream: int) -> None:
        error = [("grpc-status", "5"), ("grpc-message", "unknown%20service")]
        server.send_headers(stream, HEADERS + error, end_stream=True)

    assert played(script) == CheckOutcome(Reason.STATUS, "gRPC NOT_FOUND unknown service")


def test_a_server_that_ends_the_call_has_reset_it() -> None:
    def resets(server: h2.connection.H2Connection, stream: int) -> None:
        server.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)

    def goes_away(server: h2.connection.H2Connection, stream: int) -> None:
        server.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)

    assert played(resets) == CheckOutcome(Reason.RESET, "the server broke the call off: RST_STREAM REFUSED_STREAM")
    assert played(goes_away) == CheckOutcome(Reason.RESET, "the server broke the call off: GOAWAY ENHANCE_YOUR_CALM")


def goaway(last_stream: int, code: int = 0, debug: bytes = b"") -> bytes:
    payload = last_stream.to_bytes(4) + code.to_bytes(4) + debug
    return len(payload).to_bytes(3) + b"\7\0" + bytes(4) + payload


def answer_with(script: Script, *, before: bytes = b"", behind: bytes = b"") -> tuple[HealthCall, bytes]:
    """A call, and the frames of a server that does this, without its settings, with these bytes around them."""
    call = call_of()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(call.to_send())
    settings = server.data_to_send()
    script(server, 1)
    return call, settings + before + server.data_to_send() + behind


GRACEFUL = {
    "for all streams": goaway(2**31 - 1),
    "for this stream": goaway(1),
    "with a reason for people": goaway(2**31 - 1, debug=b"max_age"),
    "with the reserved bit": goaway(2**32 - 1),
    "twice": goaway(2**31 - 1) + goaway(1),
    "and a ping between": goaway(2**31 - 1) + b"\0\0\x08\6\0" + bytes(12) + goaway(1),
}


class TestGoAway:
    """RFC 9113 6.8."""

    @pytest.mark.parametrize("announced", GRACEFUL.values(), ids=GRACEFUL)
    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_a_graceful_end_leaves_the_call_alone(self, announced: bytes, size: int) -> None:
        call, wire = answer_with(answered(SERVING), before=announced)
        for start in range(0, len(wire), size):
            call.receive(wire[start : start + size])
            call.to_send()
        assert call.outcome == PASSED

    def test_so_does_one_between_head_and_message_and_one_between_message_and_trailers(self) -> None:
        call, wire = answer_with(answered(SERVING))
        starts, at = [], 0
        while at < len(wire):
            starts.append(at)
            at += 9 + int.from_bytes(wire[at : at + 3])
        for start in starts[2:]:  # behind the settings, and their acknowledgement
            call = call_of()
            call.to_send()
            call.receive(wire[:start] + goaway(2**31 - 1) + wire[start:])
            assert call.outcome == PASSED

    def test_another_status_is_told_all_the_same(self) -> None:
        call, wire = answer_with(answered(b"\0\0\0\0\2\x08\x02"), before=goaway(1))
        call.receive(wire)
        assert call.outcome == CheckOutcome(Reason.STATUS, "NOT_SERVING")

    def test_a_server_that_closes_instead_is_told(self) -> None:
        call = call_of()
        call.receive(h2_settings() + goaway(1))
        assert call.outcome is None
        call.receive(b"")
        assert call.outcome == CheckOutcome(Reason.RESET, "the connection broke off after a graceful GOAWAY")
        assert not call.is_unprocessed

    @pytest.mark.parametrize("code", [h2.errors.ErrorCodes.NO_ERROR, h2.errors.ErrorCodes.ENHANCE_YOUR_CALM])
    def test_one_that_leaves_the_call_out_may_be_asked_again(self, code: h2.errors.ErrorCodes) -> None:
        call = call_of()
        call.receive(h2_settings() + goaway(0, code))
        assert call.outcome == CheckOutcome(Reason.RESET, f"the server broke the call off: GOAWAY {code.name}")
        assert call.is_unprocessed
        again = call.again()
        assert (again.outcome, again.is_unprocessed) == (None, False)
        assert again.to_send() == call_of().to_send()

    def test_a_call_that_was_refused_may_be_made_again(self) -> None:
        call, wire = answer_with(lambda server, stream: server.reset_stream(stream, REFUSED))
        call.receive(wire)
        assert call.is_unprocessed
        call, wire = answer_with(lambda server, stream: server.reset_stream(stream, h2.errors.ErrorCodes.CANCEL))
        call.receive(wire)
        assert not call.is_unprocessed

    @pytest.mark.parametrize("wrong", [goaway(1)[:5] + b"\0\0\0\1" + goaway(1)[9:], b"\0\0\4\7\0" + bytes(8)])
    def test_what_is_no_goaway_is_no_http_2(self, wrong: bytes) -> None:
        call, wire = answer_with(answered(SERVING), before=wrong)
        call.receive(wire)
        assert call.outcome is not None
        assert call.outcome.detail.startswith("no HTTP/2")


@pytest.mark.parametrize("behind", [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(9), goaway(1, 2), bytes([255] * 20)])
def test_what_follows_an_answer_cannot_change_it(behind: bytes) -> None:
    call, wire = answer_with(answered(SERVING), behind=behind)
    call.receive(wire)
    assert call.outcome == PASSED


def test_a_frame_that_is_too_long_is_told_at_once() -> None:
    call = call_of()
    call.receive(h2_settings() + b"\xff\xff\xff\0\0\0\0\0\1" + b"part of it")
    assert call.outcome == CheckOutcome(Reason.STATUS, "no HTTP/2: a frame that is too long")


def test_a_connection_that_closes_is_reset() -> None:
    call = call_of()
    call.receive(b"")
    assert call.outcome == CheckOutcome(Reason.RESET, "the connection broke off")


def test_half_an_answer_is_none_yet() -> None:
    def script(server: h2.connection.H2Connection, stream: int) -> None:
        server.send_headers(stream, HEADERS)
        server.send_data(stream, SERVING)

    assert played(script) is None


def test_an_answer_of_http_1_is_no_http_2() -> None:
    call = call_of()
    for part in (b"HT", b"TP/1.1 400 Bad Request\r\n\r\n"):
        assert call.outcome is None
        call.receive(part)
    assert call.outcome == CheckOutcome(Reason.STATUS, "no HTTP/2: another protocol answers")


def test_too_much_is_no_grpc() -> None:
    assert played(answered(bytes(5000))) == CheckOutcome(Reason.STATUS, "no gRPC: the answer is too long")
    call = call_of()
    ping = bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + bytes(8)
    call.receive(h2_settings())
    for _ in range(MAX_RECEIVED_BYTES // len(ping) // 64 + 2):
        call.receive(ping * 64)
        call.to_send()
    assert call.outcome == CheckOutcome(Reason.STATUS, "no gRPC: an endless answer")


def h2_settings() -> bytes:
    return bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({":status": "503"}, "HTTP 503"),
        ({}, "HTTP without a status"),
        ({":status": "200"}, "no gRPC: an answer without grpc-status"),
        ({":status": "200", "grpc-status": "zero"}, "no gRPC: an answer without grpc-status"),
        ({":status": "200", "grpc-status": "9" * 5000}, "no gRPC: an answer without grpc-status"),
        ({":status": "200", "grpc-status": "99"}, "gRPC code 99"),
        ({":status": "200", "grpc-status": "0"}, "no health response of gRPC"),
    ],
)
def test_what_is_no_grpc_is_said_to_be_none(headers: dict[str, str], detail: str) -> None:
    assert judged(headers, b"") == CheckOutcome(Reason.STATUS, detail)


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_whatever_comes_raises_nothing(parts: list[bytes]) -> None:
    call = call_of()
    call.to_send()
    call.receive(h2_settings())
    for part in parts:
        call.receive(part)
        call.to_send()


@given(st.data())
def test_a_damaged_answer_raises_nothing(data: st.DataObject) -> None:
    call = call_of()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    server.receive_data(call.to_send())
    answered(SERVING)(server, 1)
    wire = bytearray(server.data_to_send())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    call.receive(bytes(wire))
    call.to_send()
