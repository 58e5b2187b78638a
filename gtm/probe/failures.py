"""Failures: every exception that a check can meet, and its one-word reason.

What comes in: an exception of asyncio, ssl, the resolver, the operating system or ours. What goes out: a reason
and a detail for people. This is the only border where these become ours; the first row that fits wins:

    dns       the name did not resolve
    cert_...  the certificate: expired, self-signed, of another name, ...
    tls...    the handshake: too old a version, no client certificate, or something else
    unread    this machine's fault: no descriptor, port, memory or address family left, or what its node file does not
              permit. The check is inconclusive
    timeout   the monitor's or the kernel's
    refused   refused, or unreachable, or forbidden by a firewall on the way
    reset     the connection broke off
    status    the answer is no HTTP
"""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Mapping
from typing import NamedTuple

from gtm.errors import NoRoute, NotHttp, NotPermitted, ResolverBusy, SecretUnreadable, TlsFileUnreadable
from gtm.health.verdict.reading import Reason
from gtm.tls.contexts import CertificateNamesOther


class CheckOutcome(NamedTuple):
    """The result of a check without its duration: reason and detail."""

    reason: Reason
    detail: str = ""
    is_withheld: bool = False
    """Whether this node's own files prevent the check: the node file does not list what it needs, or the file is
    missing."""


PASSED = CheckOutcome(Reason.OK)


def outcome_of(error: Exception, *, timeout_s: float) -> CheckOutcome | None:
    """Returns the outcome that an exception stands for; None for an exception that no check should raise."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return CheckOutcome(Reason.DNS, _os_text(error))
    if isinstance(error, NotPermitted | SecretUnreadable | TlsFileUnreadable):
        return CheckOutcome(Reason.UNREAD, str(error), is_withheld=True)
    if isinstance(error, NoRoute | ResolverBusy):
        return CheckOutcome(Reason.UNREAD, str(error))
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return _tls_outcome(error)
    if isinstance(error, OSError) and error.errno in _OWN_FAULTS:
        return CheckOutcome(Reason.UNREAD, _os_text(error))
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and error.errno == errno.ETIMEDOUT):
        return CheckOutcome(Reason.TIMEOUT, f"no complete answer in {timeout_s:g} s")
    if isinstance(error, _RESETS) or (isinstance(error, OSError) and error.errno in _RESET_ERRNOS):
        return CheckOutcome(Reason.RESET, "the connection broke off")
    if isinstance(error, OSError):
        return CheckOutcome(Reason.REFUSED, _os_text(error))
    if isinstance(error, NotHttp):
        return CheckOutcome(Reason.STATUS, f"no HTTP: {error}")
    return None


_OWN_FAULTS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
)

_RESET_ERRNOS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN, errno.ENOTCONN})

_RESETS = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, asyncio.IncompleteReadError)


_LEGACY = "`ciphers: legacy` takes it"

_CERTIFICATES: Mapping[int, tuple[Reason, str]] = {
    9: (Reason.CERT_EARLY, "certificate is not valid yet"),
    10: (Reason.CERT_EXPIRED, "certificate has expired"),
    18: (Reason.CERT_SELF_SIGNED, "certificate is self-signed"),
    19: (Reason.CERT_UNTRUSTED, "certificate chain ends in a self-signed root that is not trusted"),
    20: (Reason.CERT_UNTRUSTED, "certificate is from an issuer that is not trusted"),
    21: (Reason.CERT_UNTRUSTED, "certificate is from an issuer that is not trusted"),
    66: (Reason.CERT_UNTRUSTED, f"certificate has a key that is too short; {_LEGACY}"),
    67: (Reason.CERT_UNTRUSTED, f"a CA of the chain has a key that is too short; {_LEGACY}"),
    68: (Reason.CERT_UNTRUSTED, f"a certificate of the chain is signed with SHA-1 or worse; {_LEGACY}"),
}
"""The reason and detail of each OpenSSL verification result (x509_vfy.h)."""

_HANDSHAKES: Mapping[str, Reason] = {
    "TLSV1_ALERT_PROTOCOL_VERSION": Reason.TLS_VERSION,
    "UNSUPPORTED_PROTOCOL": Reason.TLS_VERSION,
    "VERSION_TOO_LOW": Reason.TLS_VERSION,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": Reason.TLS_CLIENT,
    "TLSV1_ALERT_UNKNOWN_CA": Reason.TLS_CLIENT,
    "SSLV3_ALERT_BAD_CERTIFICATE": Reason.TLS_CLIENT,
}
"""The reason of each OpenSSL alert or error name (sslerr.h)."""

_HINTS: Mapping[str, str] = {
    # up to TLS 1.2 there is no alert of its own for it (RFC 5246 7.4.6)
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the endpoint refused: it wants a client certificate, or other ciphers",
    "WRONG_VERSION_NUMBER": "the endpoint speaks no TLS",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": f"the endpoint lacks secure renegotiation (RFC 5746); {_LEGACY}",
    "DH_KEY_TOO_SMALL": f"the endpoint has a Diffie-Hellman group that is too small; {_LEGACY}",
}
"""Details where the OpenSSL name explains too little."""


def _tls_outcome(error: Exception) -> CheckOutcome:
    if isinstance(error, CertificateNamesOther):
        return CheckOutcome(Reason.CERT_NAME, error.words)
    # Errors that Python made, and not OpenSSL, lack these attributes.
    code: int = getattr(error, "verify_code", 0)
    if code:
        message: str = getattr(error, "verify_message", "certificate does not verify")
        return CheckOutcome(*_CERTIFICATES.get(code, (Reason.CERT_UNTRUSTED, message)))
    name: str = getattr(error, "reason", None) or "handshake failed"
    hint = _HINTS.get(name, name.replace("_", " ").lower())
    return CheckOutcome(_HANDSHAKES.get(name, Reason.TLS), hint)


def _os_text(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "not a host name"
    if isinstance(error, socket.gaierror):
        return error.strerror or "the name does not resolve"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)  # asyncio's own text has the address in it, which the check's name has too
    return type(error).__name__
