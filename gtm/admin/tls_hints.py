"""How the handshake with a node went -> what to type so that it is one.

What comes in: the failure, and which messages of TLS the other side sent. What goes out: words for people; or none,
where TLS has nothing to do with it. One more connection may be made, to see whether a listener speaks TLS at all.

A node that misses a client certificate ends the connection without saying so: asyncio sends no alert. So what tells is
that it asked for one (RFC 8446 4.3.2), which ssl shows to nobody but its hook for debugging. That hook is private to
Python: without it this advice is missing, and nothing else.
"""

import errno
import os
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from urllib.parse import urlsplit

import aiohttp

from gtm.errors import Unreachable
from gtm.http_failure import HUNG_UP, described, tls_error
from gtm.tls.contexts import CertificateNamesOther, client_context

CERTIFICATE = "GTM_CERT_FILE"
KEY = "GTM_KEY_FILE"
"""Variables of the environment: files with a client certificate, and with its key where that is elsewhere."""

MAX_NAMES = 5
LIMIT_S = 5.0


@dataclass(slots=True)
class Handshake:
    """The TLS handshake of one command. Its state is the messages that the other side sent."""

    seen: set[str] = field(default_factory=set)
    """The names of the messages of the other side, as ssl calls them: SERVER_HELLO, CERTIFICATE_REQUEST."""

    def context(self) -> ssl.SSLContext:
        """Returns a TLS context with the client certificate of GTM_CERT_FILE, if set.

        Raises Unreachable where the certificate cannot be loaded.
        """
        context = client_context()
        with suppress(AttributeError, TypeError, ValueError):  # of a Python that has it no more, or another
            context._msg_callback = self._take  # type: ignore[attr-defined]  # noqa: SLF001
        shown = os.environ.get(CERTIFICATE)
        if shown:
            try:
                context.load_cert_chain(shown, os.environ.get(KEY) or None)
            except OSError as error:  # ssl.SSLError is one
                reason = "holds no certificate and key" if isinstance(error, ssl.SSLError) else error.strerror
                raise Unreachable(f"{CERTIFICATE}: {shown}: {reason}") from error
        return context

    def _take(self, *told: object) -> None:
        """Stores the name of a received message; ssl calls it for each message.

        Its arguments: connection, direction, version, content type, message type, data.
        """
        match told:
            case (_, "read", _, _, message, _):
                self.seen.add(str(getattr(message, "name", "")))


def advice(error: Exception, address: str, handshake: Handshake, *, is_plain: bool) -> str:
    """Returns a message about a failed TLS handshake, with what to type instead; empty where TLS is not the cause.

    `address` is HOST:PORT; `is_plain` is whether the request was sent without TLS.
    """
    if is_plain:
        is_tls = _is_cut_short(error) and _speaks_tls(address)
        return f"it speaks TLS; ask it with --admin https://{address}" if is_tls else ""
    refusal = tls_error(error)
    if isinstance(refusal, CertificateNamesOther):
        return f"{described(error)}{_with_its_names(refusal.names, address)}"
    if isinstance(refusal, ssl.SSLCertVerificationError):
        return f"{described(error)}{_OF_CERTIFICATES.get(refusal.verify_code, _UNTRUSTED)}"
    if refusal is not None and refusal.reason in _NO_TLS:
        return f"it speaks no TLS; ask it with --admin {address}"
    return _of_client_certificate() if "CERTIFICATE_REQUEST" in handshake.seen else ""


def _is_cut_short(error: Exception) -> bool:
    """Returns whether a request got no HTTP answer: a TLS listener closes the connection, or sends an alert."""
    is_reset = isinstance(error, OSError) and error.errno == errno.ECONNRESET
    return is_reset or described(error) == HUNG_UP or isinstance(error, aiohttp.ClientResponseError)


_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
"""What OpenSSL makes of bytes that are no TLS; it depends on its version, and on the bytes."""

_UNTRUSTED = "; say SSL_CERT_FILE=ca.pem before the command, with the file of the CA that issued it"
_OF_CERTIFICATES = {
    10: "; renew it on that machine, or set the clock of this one",
    9: "; set the clock of that machine, or of this one",
}
"""Advice by code of OpenSSL: X509_V_ERR_CERT_HAS_EXPIRED and X509_V_ERR_CERT_NOT_YET_VALID."""


def _with_its_names(names: tuple[str, ...], address: str) -> str:
    """Returns the advice to use a host name that is in the certificate, as the end of a message."""
    port = urlsplit(f"//{address}").port
    usable = [name for name in names if not name.startswith("*.")][:MAX_NAMES]
    if not usable:
        return f"; ask with --admin https://NAME:{port}, by a name that it has"
    host = f"[{usable[0]}]" if ":" in usable[0] else usable[0]
    others = f" (it also has {', '.join(usable[1:])})" if usable[1:] else ""
    return f"; ask with --admin https://{host}:{port}{others}"


def _of_client_certificate() -> str:
    shown = os.environ.get(CERTIFICATE)
    if shown:
        return f"it does not take the client certificate in {shown}: listen.tls.ca of that node must vouch for it"
    return (
        f"it lets in only who shows a client certificate; say {CERTIFICATE}=client.pem before the command, with a file "
        "that has the certificate and its key, or run the command on that machine"
    )


def _speaks_tls(address: str) -> bool:
    """Returns whether a listener answers a TLS handshake, even if it then refuses this client. Makes a connection."""
    parts, handshake = urlsplit(f"//{address}"), Handshake()
    with suppress(OSError, Unreachable):
        context = handshake.context()
        with closing(HTTPSConnection(parts.hostname or "", parts.port, timeout=LIMIT_S, context=context)) as asking:
            with suppress(ssl.SSLCertVerificationError):  # then it has a certificate
                asking.connect()
            return True
    return "SERVER_HELLO" in handshake.seen  # it went on to hang up, for want of a client certificate
