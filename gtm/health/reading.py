"""A reading: one outcome of one check. A failed check is a reading with a reason, never an exception."""

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why a reading is as it is: one word for each class of failure."""

    UNREAD = "unread"
    """Nothing was read: not yet, or this probe itself could not (it is out of descriptors, or has no IPv6)."""
    OK = "ok"
    DNS = "dns"
    """The target's name did not resolve."""
    REFUSED = "refused"
    """Nobody listens there, or the network says it cannot be reached."""
    TIMEOUT = "timeout"
    """No complete answer within the monitor's timeout."""
    RESET = "reset"
    """The connection broke off before a complete answer."""
    TLS = "tls"
    """The TLS handshake failed, or the certificate does not verify."""
    STATUS = "status"
    """An HTTP answer with a status that the monitor does not expect, or no HTTP at all."""
    BODY = "body"
    """The body lacks what the monitor expects."""


MAX_DETAIL_LENGTH = 200
"""A detail is a line for people; a server's banner or an exception's text may be any length."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One outcome of one check."""

    reason: Reason
    took_s: float
    """From the start of the check to its outcome."""
    detail: str = ""
    """For people: `HTTP 503`, `certificate has expired`; at most MAX_DETAIL_LENGTH characters."""

    @property
    def ok(self) -> bool:
        """Returns whether the endpoint passed."""
        return self.reason is Reason.OK


def clean_detail(text: str) -> str:
    """Returns text that is safe in a log line and a report, whatever a server or a library put into it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: MAX_DETAIL_LENGTH + 1])
    return shown if len(shown) <= MAX_DETAIL_LENGTH else shown[: MAX_DETAIL_LENGTH - 1] + "…"
