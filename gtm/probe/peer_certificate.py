"""The certificate that the endpoint of one check showed.

What comes in: the certificate of each handshake that was good, from deep inside asyncio, which passes no objects
of ours on: so the receiver is in a context variable, as the stopwatch is. What goes out: the last one, as a value; none
where there was no TLS, or where the certificate cannot be read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from cryptography import x509

from gtm.health.certificate import Certificate


class PeerCertificate:
    """Receives the certificates shown during one check. It has state: the last certificate."""

    __slots__ = ("der",)

    def __init__(self) -> None:
        self.der = b""

    @property
    def certificate(self) -> Certificate | None:
        """Returns the last certificate; None if there was none or it cannot be read."""
        return certificate_in(self.der) if self.der else None


def certificate_in(der: bytes) -> Certificate | None:
    """Returns the certificate in DER bytes; None if it cannot be read, though OpenSSL accepted it."""
    try:
        read = x509.load_der_x509_certificate(der)
        return Certificate(read.not_valid_before_utc.timestamp(), read.not_valid_after_utc.timestamp())
    except (ValueError, TypeError, OverflowError, x509.InvalidVersion):
        return None


_LISTENING: ContextVar[PeerCertificate | None] = ContextVar("shown", default=None)


@contextmanager
def listening() -> Iterator[PeerCertificate]:
    """Yields an object that receives the certificates passed to `show` within this context."""
    shown = PeerCertificate()
    token = _LISTENING.set(shown)
    try:
        yield shown
    finally:
        _LISTENING.reset(token)


def show(der: bytes | None) -> None:
    """Passes the certificate that the endpoint of the running check showed; does nothing outside of a check."""
    shown = _LISTENING.get()
    if shown is not None and der:
        shown.der = der
