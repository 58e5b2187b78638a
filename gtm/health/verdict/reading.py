"""A reading: one outcome of one check. A failed check is a reading with a reason, never an exception."""

from dataclasses import dataclass
from enum import Enum

from gtm.health.certificate import Certificate
from gtm.ids import Address


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
    """The TLS handshake failed, for another reason than those below."""
    TLS_VERSION = "tls_version"
    """It speaks no version of TLS that is new enough."""
    TLS_CLIENT = "tls_client"
    """It wants a client certificate that the monitor has not, or another one."""
    CERT_EXPIRED = "cert_expired"
    CERT_EARLY = "cert_early"
    """It is not valid yet."""
    CERT_NAME = "cert_name"
    """It is for another name."""
    CERT_SELF_SIGNED = "cert_self_signed"
    CERT_UNTRUSTED = "cert_untrusted"
    """Its chain ends in nobody who is trusted."""
    CERT_EXPIRING = "cert_expiring"
    """It is good, and has fewer days left than the monitor wants."""
    STATUS = "status"
    """An HTTP answer with a status that the monitor does not expect, or no HTTP at all."""
    BODY = "body"
    """The body lacks what the monitor expects."""
    HEADER = "header"
    """A header lacks, or has another value than the monitor expects."""
    SLOW = "slow"
    """A good answer, but later than the monitor allows."""
    ALLOWED = "allowed"
    """A request without credentials was answered, and must be refused."""
    OTHER = "other"
    """What a newer version of this program reported, and this one has no word for."""


MAX_DETAIL_LENGTH = 200
"""A detail is a line for people; a server's banner or an exception's text may be any length."""


@dataclass(frozen=True, slots=True)
class Phases:
    """How long the parts of a check took, in their order; None for one that it has not, or that did not end."""

    dns_s: float | None = None
    """To an address, where the target is a name."""
    connect_s: float | None = None
    tls_s: float | None = None
    """The handshake."""
    first_byte_s: float | None = None
    """From the connection, or its handshake, to the head of the answer."""


NO_PHASES = Phases()


@dataclass(frozen=True, slots=True)
class Reading:
    """One outcome of one check."""

    reason: Reason
    took_s: float
    """From the start of the check to its outcome."""
    detail: str = ""
    """For people: `HTTP 503`, `certificate has expired`; at most MAX_DETAIL_LENGTH characters."""
    phases: Phases = NO_PHASES
    certificate: Certificate | None = None
    """The endpoint's, where a handshake was good."""
    is_withheld: bool = False
    """Nothing was read because of this node's own files: what the check takes is not listed there, or not there."""
    address: Address | None = None
    """Which address of the target it was; None where none was asked."""

    @property
    def ok(self) -> bool:
        """Returns whether the endpoint passed."""
        return self.reason is Reason.OK


def clean_detail(text: str) -> str:
    """Returns text that is safe in a log line and a report, whatever a server or a library put into it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[: MAX_DETAIL_LENGTH + 1])
    return shown if len(shown) <= MAX_DETAIL_LENGTH else shown[: MAX_DETAIL_LENGTH - 1] + "…"
