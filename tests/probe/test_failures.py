"""The border where foreign exceptions become outcomes: none is missed."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from gtm.errors import NoRoute, ResolverBusy
from gtm.health.reading import Reason
from gtm.probe.failures import outcome_of

KEY = ConnectionKey(
    host="api.example.com", port=443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)
REQUEST = aiohttp.RequestInfo(URL("http://api.example.com"), "GET", CIMultiDictProxy(CIMultiDict()), URL("http://x"))


def reason_of(error: Exception) -> Reason | None:
    outcome = outcome_of(error, timeout_s=2.0)
    return None if outcome is None else outcome.reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, Reason.REFUSED),
        (errno.EHOSTUNREACH, Reason.REFUSED),
        (errno.ENETUNREACH, Reason.REFUSED),
        (errno.EACCES, Reason.REFUSED),
        (errno.EPERM, Reason.REFUSED),
        (errno.ETIMEDOUT, Reason.TIMEOUT),
        (errno.ECONNRESET, Reason.RESET),
        (errno.EPIPE, Reason.RESET),
        (errno.ECONNABORTED, Reason.RESET),
        (errno.EMFILE, Reason.UNREAD),
        (errno.ENFILE, Reason.UNREAD),
        (errno.ENOBUFS, Reason.UNREAD),
        (errno.EADDRNOTAVAIL, Reason.UNREAD),
        (errno.EAFNOSUPPORT, Reason.UNREAD),
    ],
)
def test_errors_of_the_system_have_the_same_reason_bare_and_wrapped(number: int, reason: Reason) -> None:
    bare = OSError(number, os.strerror(number))
    assert reason_of(bare) is reason
    assert reason_of(aiohttp.ClientConnectorError(KEY, bare)) is reason
    assert reason_of(aiohttp.ClientOSError(number, os.strerror(number))) is reason


def test_every_error_of_the_system_has_a_reason() -> None:
    for number in errno.errorcode:
        assert reason_of(OSError(number, os.strerror(number))) is not None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "try again"), Reason.DNS),
        (aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(socket.EAI_NONAME, "no name")), Reason.DNS),
        ("x" * 70 + ".example", Reason.DNS),
        (ssl.SSLError(1, "handshake"), Reason.TLS),
        (ssl.SSLEOFError(8, "EOF"), Reason.TLS),
        (ssl.SSLCertVerificationError("bad"), Reason.TLS),
        (ssl.CertificateError("bad"), Reason.TLS),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "handshake")), Reason.TLS),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("bad")), Reason.TLS),
        (aiohttp.ServerFingerprintMismatch(b"a", b"b", "x", 1), Reason.TLS),
        (NoRoute("this probe has no route for IPv6"), Reason.UNREAD),
        (ResolverBusy("too many names"), Reason.UNREAD),
        (TimeoutError(), Reason.TIMEOUT),
        (aiohttp.ServerTimeoutError(), Reason.TIMEOUT),
        (aiohttp.ConnectionTimeoutError(), Reason.TIMEOUT),
        (aiohttp.SocketTimeoutError(), Reason.TIMEOUT),
        (aiohttp.ServerDisconnectedError(), Reason.RESET),
        (aiohttp.ClientPayloadError(), Reason.RESET),
        (aiohttp.ClientConnectionResetError(), Reason.RESET),
        (asyncio.IncompleteReadError(b"", 1), Reason.RESET),
        (aiohttp.ClientConnectionError(), Reason.REFUSED),
        (aiohttp.ClientResponseError(REQUEST, (), status=400, message="bad line"), Reason.STATUS),
        (aiohttp.http_exceptions.BadStatusLine("x"), Reason.STATUS),
        (aiohttp.http_exceptions.LineTooLong(b"x", 1), Reason.STATUS),
    ],
)
def test_an_exception_has_its_reason(error: Exception | str, reason: Reason) -> None:
    if isinstance(error, str):
        error = UnicodeEncodeError("idna", error, 0, 1, "label too long")
    assert reason_of(error) is reason


NEVER_RAISED_BY_A_CHECK = {
    "ClientError": "only ever raised as one of its children",
    "InvalidURL": "the URL is made of an address, a port and a path that the zone's parser checked",
    "InvalidUrlClientError": "the same",
    "InvalidUrlRedirectClientError": "no redirect is followed",
    "NonHttpUrlClientError": "the scheme is http or https",
    "NonHttpUrlRedirectClientError": "no redirect is followed",
    "RedirectClientError": "no redirect is followed",
    "UploadAbortedError": "no body is sent",
}


def test_every_exception_of_the_client_library_has_a_reason() -> None:
    missed = {kind.__name__ for kind in descendants(aiohttp.ClientError) if reason_of(bare(kind)) is None}
    assert missed <= NEVER_RAISED_BY_A_CHECK.keys()


def test_what_is_not_the_networks_doing_has_none() -> None:
    assert reason_of(LookupError()) is None
    assert reason_of(ValueError()) is None


def descendants(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for child in kind.__subclasses__():
        yield from descendants(child)


def bare(kind: type[Exception]) -> Exception:
    """An instance without its constructor, with what outcome_of may read of it."""
    error = kind.__new__(kind)
    for name, value in (("certificate_error", ssl.SSLError()), ("_os_error", ssl.SSLError()), ("message", "")):
        try:
            setattr(error, name, value)
        except AttributeError:
            continue
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error._certificate_error = ssl.SSLCertVerificationError("bad")
    return error
