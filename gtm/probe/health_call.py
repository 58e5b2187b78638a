"""One call of grpc.health.v1.Health/Check over HTTP/2. Pure: bytes in, bytes and an outcome out.

What comes in: the service to ask for, and the bytes of a server, which may be anything. What goes out: bytes to send,
and the outcome once it is known. The framing of HTTP/2 is the library h2's; the rest is small enough to be read here:

    request     headers; a message (health_message.py); end of stream
    response    headers; a message; trailers with grpc-status, 0 for OK. Or trailers alone, without a message

    status    the answer is no HTTP/2, no gRPC, an error of gRPC, or a status other than SERVING
    reset     the server broke the call off: RST_STREAM, a GOAWAY that leaves it out, or the connection closed

A server that will stop says so by GOAWAY, and still answers earlier requests (http2_frames.py). If it did not process
this call, the call may be made again.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from gtm.health.verdict.reading import Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.health_message import SERVING, STATUSES, compose_request, parse_response
from gtm.probe.http2_frames import Frames, spares

METHOD_PATH = "/grpc.health.v1.Health/Check"

CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
"""The status codes of gRPC, by number."""

MAX_RESPONSE_BYTES = 4096
"""Most bytes of a response: a health response has two bytes; a longer message is something else."""

MAX_CODE_DIGITS = 3
"""Most digits of a status code: there are 17 codes."""

MAX_RECEIVED_BYTES = 64 * 1024
"""Most bytes received in all. Settings and headers of a real server take far less, and empty frames could be
endless."""

_FRAME_TYPE_AT = 3
_SETTINGS = 4


class HealthCall:
    """One call, from its request to its outcome. It has state: the connection, and the bytes received so far."""

    def __init__(self, service: str, *, authority: str, secure: bool, timeout_s: float) -> None:
        self.again = partial(HealthCall, service, authority=authority, secure=secure, timeout_s=timeout_s)
        """Makes the same call again, for another connection."""
        config = h2.config.H2Configuration(client_side=True)
        self._connection = h2.connection.H2Connection(config)
        self._frames = Frames()
        self._received_bytes = 0
        self._first = b""
        self._response = bytearray()
        self._headers: dict[str, str] = {}
        self.outcome: CheckOutcome | None = None
        """The outcome; None until it is known."""
        self.is_unprocessed = False
        """Whether the server said that it did not process this call (RFC 9113 8.7)."""
        self.is_last = False
        """Whether the server said that it accepts no other call after this one."""
        self._connection.initiate_connection()
        self._stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(self._stream, _request_headers(authority, secure=secure, timeout_s=timeout_s))
        self._connection.send_data(self._stream, compose_request(service), end_stream=True)

    def to_send(self) -> bytes:
        """Returns the bytes to send now, and removes them from the call."""
        sent: bytes = self._connection.data_to_send()
        return sent

    def receive(self, data: bytes) -> None:
        """Processes bytes from the server; empty bytes mean that it closed the connection."""
        self._received_bytes += len(data)
        if not data:
            announced = " after a graceful GOAWAY" if self.is_last else ""
            self._end(CheckOutcome(Reason.RESET, f"the connection broke off{announced}"))
        elif self._received_bytes > MAX_RECEIVED_BYTES:
            self._end(CheckOutcome(Reason.STATUS, "no gRPC: an endless answer"))
        elif not self._begins_as_http2(data):
            self._end(CheckOutcome(Reason.STATUS, "no HTTP/2: another protocol answers"))
        else:
            self._take(data)

    def _begins_as_http2(self, data: bytes) -> bool:
        """Returns whether the bytes so far begin with a SETTINGS frame (RFC 9113 3.4, 4.1); h2 would wait for more."""
        self._first += data[: _FRAME_TYPE_AT + 1 - len(self._first)]
        return len(self._first) <= _FRAME_TYPE_AT or self._first[_FRAME_TYPE_AT] == _SETTINGS

    def _take(self, data: bytes) -> None:
        for frame in self._frames.take(data):
            if self.outcome is not None:
                return  # what follows an answer cannot change it
            if spares(frame, self._stream):
                self.is_last = True
            else:
                self._take_frame(frame)
        if self._frames.is_too_long:
            self._end(CheckOutcome(Reason.STATUS, "no HTTP/2: a frame that is too long"))

    def _take_frame(self, frame: bytes) -> None:
        try:
            events = self._connection.receive_data(frame)
        except h2.exceptions.H2Error as error:
            self._end(CheckOutcome(Reason.STATUS, f"no HTTP/2: {type(error).__name__}"))
            return
        for event in events:
            self._on(event)

    def _on(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                self._headers |= _texts(event.headers or ())
            case h2.events.DataReceived():
                self._response += event.data or b""
                if len(self._response) > MAX_RESPONSE_BYTES:
                    self._end(CheckOutcome(Reason.STATUS, "no gRPC: the answer is too long"))
            case h2.events.StreamEnded():
                self._end(judged(self._headers, bytes(self._response)))
            case h2.events.StreamReset():
                self.is_unprocessed = event.error_code == h2.errors.ErrorCodes.REFUSED_STREAM
                self._end(_broken_off("RST_STREAM", event.error_code))
            case h2.events.ConnectionTerminated():
                self.is_unprocessed = event.last_stream_id is not None and event.last_stream_id < self._stream
                self._end(_broken_off("GOAWAY", event.error_code))

    def _end(self, outcome: CheckOutcome) -> None:
        if self.outcome is None:
            self.outcome = outcome


def judged(headers: Mapping[str, str], response: bytes) -> CheckOutcome:
    """Returns the outcome of a finished call, from its headers and trailers together and its message."""
    code = headers.get("grpc-status", "")
    if headers.get(":status") != "200":
        return CheckOutcome(Reason.STATUS, f"HTTP {headers.get(':status', 'without a status')}")
    if not (code.isascii() and code.isdecimal() and len(code) <= MAX_CODE_DIGITS):
        return CheckOutcome(Reason.STATUS, "no gRPC: an answer without grpc-status")
    if int(code) != 0:
        message = unquote(headers.get("grpc-message", ""))  # percent-encoded, gRPC over HTTP/2: Status-Message
        return CheckOutcome(Reason.STATUS, f"gRPC {_code_text(int(code))} {message}".strip())
    status = parse_response(response)
    if status is None:
        return CheckOutcome(Reason.STATUS, "no health response of gRPC")
    return (
        PASSED if status == SERVING else CheckOutcome(Reason.STATUS, STATUSES.get(status, f"serving status {status}"))
    )


def _request_headers(authority: str, *, secure: bool, timeout_s: float) -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "https" if secure else "http"),
        (":path", METHOD_PATH),
        (":authority", authority),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", "gtm-probe"),
        ("grpc-timeout", f"{max(1, round(timeout_s * 1000))}m"),
    ]


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in headers}


def _code_text(code: int) -> str:
    return CODES[code] if code < len(CODES) else f"code {code}"


def _broken_off(frame: str, code: h2.errors.ErrorCodes | int | None) -> CheckOutcome:
    name = code.name if isinstance(code, h2.errors.ErrorCodes) else f"code {code}"
    return CheckOutcome(Reason.RESET, f"the server broke the call off: {frame} {name}")
