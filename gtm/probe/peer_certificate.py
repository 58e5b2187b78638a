"""What the endpoint of one check showed of itself: its certificate.

What comes in: the certificate of each handshake that was good, from deep inside asyncio, which passes nothing of ours
on: so who listens is in a context variable, as the stopwatch is. What goes out: the last one, as a value; none
where there was no TLS, or where the endpoint sends what nobody can read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from cryptography import x509

from gtm.health.certificate import Certificate


class PeerCertificate:
    """What was shown during one check. It has state: the certificate that came last."""

    __slots__ = ("der",)

    def __init__(self) -> None:
        self.der = b""

    @property
    def certificate(self) -> Certificate | None:
        """Returns the last certificate; None where there is none that can be read."""
        return certificate_in(self.der) if self.der else None


def certificate_in(der: bytes) -> Certificate | None:
    """Returns the certificate that an endpoint sent; None for one that cannot be read, though OpenSSL took it."""
    try:
        read = x509.load_der_x509_certificate(der)
        return Certificate(read.not_valid_before_utc.timestamp(), read.not_valid_after_utc.timestamp())
    except (ValueError, TypeError, OverflowError, x509.InvalidVersion):
        return None


_LISTENING: ContextVar[PeerCertificate | None] = ContextVar("shown", default=None)


@contextmanager
def listening() -> Iterator[PeerCertificate]:
    """Keeps what `show` says within this context."""
    shown = PeerCertificate()
    token = _LISTENING.set(shown)
    try:
        yield shown
    finally:
        _LISTENING.reset(token)


def show(der: bytes | None) -> None:
    """Says which certificate the endpoint of the check that runs has shown; nothing happens where none runs."""
    shown = _LISTENING.get()
    if shown is not None and der:
        shown.der = der
