"""The answers of a collector, and the problems that they report. It sends nothing.

What comes in: the responses to one export, before the SDK's exporter gets them. What goes out: the problem, if there
is one. The exporter takes every status below 400 for success, follows no redirect, and reads no body:

    301 to 308              redirected    nothing arrived: the operator has to configure the other address
    200, partial success    rejected      some data points, or all of them, are not kept (OTLP, Partial Success)
    429, 5xx and others     failed        reported with the status, and the pause of Retry-After
    200, a warning          taken         reported too
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import requests
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from gtm.escape import escaped

TAKEN, FAILED, REDIRECTED, REJECTED = "taken", "failed", "redirected", "rejected"
OUTCOMES = (TAKEN, FAILED, REDIRECTED, REJECTED)
"""The outcomes of one export, as they are counted."""

MAX_QUOTED = 200
"""Most characters of a collector's message that are quoted."""
MAX_WAIT_S = 10.0
"""Most seconds to wait within one export, which is its whole time unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise."""
MAX_PAUSE_S = 3600.0
"""Most seconds to pause: a collector that asks for more is wrong or hostile."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The problem of one export."""

    outcome: str
    text: str
    kind: str = ""
    """The kind of the problem: a second problem of the same kind is not logged again."""


class ExportGivenUp(requests.RequestException):
    """Ends an export that cannot succeed: the collector has another address, or asks for a pause."""


class Replies:
    """The answers of a collector. It has state: the last answer."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._trouble: Trouble | None = None
        self._retry_after = ""
        self._unreached = ""
        """The reason why the last request got no answer; empty if it got one."""

    def begin(self) -> None:
        """Forgets the answers to the export before."""
        self._trouble, self._retry_after, self._unreached = None, "", ""

    def miss(self, why: str) -> None:
        """Stores the reason why a request got no answer."""
        self._unreached = why

    def hear(self, response: requests.Response, **_: object) -> None:
        """Stores one answer.

        Raises ExportGivenUp if no further request should follow, whatever the exporter would do.
        """
        status = response.status_code
        self._retry_after = response.headers.get("Retry-After", "")
        if status < 300:
            self._trouble = _partial(response.content)
        elif status < 400:
            where = escaped(response.headers.get("Location", ""), limit=MAX_QUOTED)
            text = f'it answers HTTP {status} and sends elsewhere, to "{where}"; name that address: none is followed'
            self._trouble = Trouble(REDIRECTED, text, f"HTTP {status}")
            raise ExportGivenUp(text)
        else:
            asks = f" and Retry-After: {escaped(self._retry_after, limit=MAX_QUOTED)}" if self._retry_after else ""
            self._trouble = Trouble(FAILED, f"it answers HTTP {status}{asks}", f"HTTP {status}")
            if self.pause_s() > MAX_WAIT_S:
                raise ExportGivenUp(self._trouble.text)  # older exporters ignore Retry-After, and would send again

    def trouble(self, *, is_sent: bool) -> Trouble | None:
        """Returns the problem of the export, or None; `is_sent` is whether the exporter takes it for sent."""
        if self._trouble is None and not is_sent:
            return Trouble(FAILED, f"no answer ({self._unreached})" if self._unreached else "no answer", "no answer")
        if is_sent and self._trouble is not None and self._trouble.outcome == FAILED:
            return None  # a later try succeeded
        return self._trouble

    def pause_s(self) -> float:
        """Returns the seconds that the collector asks to pause (RFC 9110 10.2.3); 0 for none."""
        text = self._retry_after.strip()
        if text.isascii() and text.isdecimal():
            return min(float(text[:MAX_DIGITS]), MAX_PAUSE_S)
        try:
            until = parsedate_to_datetime(text)
            at = (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp()
        except (TypeError, ValueError, OverflowError):
            return 0.0
        return min(max(0.0, at - self._wall()), MAX_PAUSE_S)


MAX_DIGITS = 6
"""More digits than MAX_PAUSE_S has."""


def _partial(body: bytes) -> Trouble | None:
    """Returns the problem that a collector reported with status 200 (OTLP, Partial Success); None where it took all."""
    try:
        partial = ExportMetricsServiceResponse.FromString(body).partial_success
    except DecodeError:
        return None  # the status is what counts
    says = f': "{escaped(partial.error_message, limit=MAX_QUOTED)}"' if partial.error_message else ""
    if partial.rejected_data_points > 0:
        text = f"it rejects {partial.rejected_data_points} data points{says}"
        return Trouble(REJECTED, text, REJECTED)
    return Trouble(TAKEN, f"says{says}", "warning") if says else None
