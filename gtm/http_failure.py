"""HTTP failures: why an HTTP request failed, in words.

What comes in: an exception of asyncio, aiohttp or the operating system. What goes out: a description without a URL,
which may contain a password, and without an address, which the caller knows. The caller raises Unreachable with it.
"""

import os
import ssl
from socket import gaierror

import aiohttp

from gtm.tls.contexts import CertificateNamesOther

HUNG_UP = "it hung up without an answer"


def described(error: Exception) -> str:
    """Returns a short description of why an HTTP request failed, for people; it contains no URL and no address."""
    if isinstance(error, TimeoutError):
        return "timeout"
    refusal = tls_error(error)  # before OSError: it is one, with a number that is no errno
    if isinstance(refusal, CertificateNamesOther):
        return f"its certificate is refused: {refusal.words.replace('certificate', 'it', 1)}"
    if isinstance(refusal, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {refusal.verify_message}"
    if refusal is not None:
        return f"TLS failed: {(refusal.reason or 'unknown').replace('_', ' ').lower()}"
    if isinstance(error, gaierror | aiohttp.ClientConnectorDNSError):  # whose number is no errno either
        return "the name does not resolve"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    # asyncio's own error has no number: the connection ended in the handshake of TLS
    if isinstance(error, aiohttp.ServerDisconnectedError) or isinstance(_os_error(error), ConnectionResetError):
        return HUNG_UP
    return type(error).__name__


def _os_error(error: Exception) -> object:
    return getattr(error, "os_error", None)


def tls_error(error: Exception) -> ssl.SSLError | None:
    """Returns the TLS error that caused an exception, or the exception itself if it is one; None for any other."""
    parts = (getattr(error, "certificate_error", None), _os_error(error), error.__cause__, error)
    return next((part for part in parts if isinstance(part, ssl.SSLError)), None)
