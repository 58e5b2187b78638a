"""What a collector answered, and what that means. It sends nothing.

What comes in: the responses of one sending, before the SDK's exporter has them. What goes out: what is wrong, where
anything is. The exporter takes every status below 400 for success, follows no redirect, and reads no body:

    301 to 308              redirected    nothing arrived: whoever runs the node has to name the other address
    200, partial success    rejected      some data points, or all of them, are not kept (OTLP, Partial Success)
    429, 5xx and others     failed        told with the status, and with what Retry-After asks for
    200, a warning          taken         told too
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
"""Of one sending, as it is counted."""

MAX_QUOTED = 200
"""Characters of what a collector says."""
MAX_WAIT_S = 10.0
"""Within one sending: it may take so long in all, where OTEL_EXPORTER_OTLP_TIMEOUT says nothing else."""
MAX_PAUSE_S = 3600.0
"""Who asks to be left alone for longer has no clock, or means no good."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one sending."""

    outcome: str
    text: str
    kind: str = ""
    """The same for two troubles of which the second is no news, and not logged."""


class ExportGivenUp(requests.RequestException):
    """A sending that is of no use to go on with: the collector is elsewhere, or wants to be left alone."""


class Replies:
    """What the collector answers. It has state: the answer that came last."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._trouble: Trouble | None = None
        self._retry_after = ""
        self._unreached = ""
        """Why the last request had no answer."""

    def begin(self) -> None:
        """Forgets what was answered to the sending before."""
        self._trouble, self._retry_after, self._unreached = None, "", ""

    def miss(self, why: str) -> None:
        """Takes that a request had no answer."""
        self._unreached = why

    def hear(self, response: requests.Response, **_: object) -> None:
        """Takes one answer. Raises GivenUp for one after which nothing else is sent, whatever the exporter would do."""
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
                raise ExportGivenUp(
                    self._trouble.text
                )  # older exporters know nothing of Retry-After, and would ask again

    def trouble(self, *, is_sent: bool) -> Trouble | None:
        """Returns the fault; `is_sent` is what the exporter thinks."""
        if self._trouble is None and not is_sent:
            return Trouble(FAILED, f"no answer ({self._unreached})" if self._unreached else "no answer", "no answer")
        if is_sent and self._trouble is not None and self._trouble.outcome == FAILED:
            return None  # a later try was taken
        return self._trouble

    def pause_s(self) -> float:
        """Returns for how long the collector wants to be left alone (RFC 9110 10.2.3); 0 where it says nothing."""
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
"""More than MAX_PAUSE_S has."""


def _partial(body: bytes) -> Trouble | None:
    """Returns the complaint of a collector that answered 200 (OTLP, Partial Success); None where it took all."""
    try:
        partial = ExportMetricsServiceResponse.FromString(body).partial_success
    except DecodeError:
        return None  # the status is what counts
    says = f': "{escaped(partial.error_message, limit=MAX_QUOTED)}"' if partial.error_message else ""
    if partial.rejected_data_points > 0:
        text = f"it rejects {partial.rejected_data_points} data points{says}"
        return Trouble(REJECTED, text, REJECTED)
    return Trouble(TAKEN, f"says{says}", "warning") if says else None
