"""The border where foreign exceptions become outcomes: none is missed."""

import asyncio
import errno
import os
import socket
import ssl

import pytest

from gtm.errors import NoRoute, NotHttp, ResolverBusy
from gtm.health.verdict.reading import Reason
from gtm.probe.failures import outcome_of


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
def test_errors_of_the_system_have_their_reasons(number: int, reason: Reason) -> None:
    assert reason_of(OSError(number, os.strerror(number))) is reason


def test_every_error_of_the_system_has_a_reason() -> None:
    for number in errno.errorcode:
        assert reason_of(OSError(number, os.strerror(number))) is not None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "try again"), Reason.DNS),
        ("x" * 70 + ".example", Reason.DNS),
        (ssl.SSLError(1, "handshake"), Reason.TLS),
        (ssl.SSLEOFError(8, "EOF"), Reason.TLS),
        (ssl.SSLCertVerificationError("bad"), Reason.TLS),
        (ssl.CertificateError("bad"), Reason.TLS),
        (NoRoute("this probe has no route for IPv6"), Reason.UNREAD),
        (ResolverBusy("too many names"), Reason.UNREAD),
        (TimeoutError(), Reason.TIMEOUT),
        (asyncio.IncompleteReadError(b"", 1), Reason.RESET),
        (ConnectionResetError(), Reason.RESET),
        (ConnectionAbortedError("SSL handshake is taking longer than 60.0 seconds"), Reason.RESET),
        (NotHttp("bad status line"), Reason.STATUS),
    ],
)
def test_an_exception_has_its_reason(error: Exception | str, reason: Reason) -> None:
    if isinstance(error, str):
        error = UnicodeEncodeError("idna", error, 0, 1, "label too long")
    assert reason_of(error) is reason


def test_what_is_not_the_networks_doing_has_none() -> None:
    assert reason_of(LookupError()) is None
    assert reason_of(ValueError()) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("UNSAFE_LEGACY_RENEGOTIATION_DISABLED", "the endpoint lacks secure renegotiation (RFC 5746)"),
        ("DH_KEY_TOO_SMALL", "the endpoint has a Diffie-Hellman group that is too small"),
    ],
)
def test_what_legacy_ciphers_would_take_is_said(name: str, words: str) -> None:
    error = ssl.SSLError(1, f"[SSL: {name}]")
    error.reason = name
    outcome = outcome_of(error, timeout_s=1.0)
    assert outcome is not None
    assert (outcome.reason, outcome.detail) == (Reason.TLS, f"{words}; `ciphers: legacy` takes it")


@pytest.mark.parametrize("code", [66, 67, 68])
def test_a_weak_certificate_is_said_to_be_legacy(code: int) -> None:
    error = ssl.SSLCertVerificationError(1, "weak")
    error.verify_code, error.verify_message = code, "weak"
    outcome = outcome_of(error, timeout_s=1.0)
    assert outcome is not None
    assert outcome.reason is Reason.CERT_UNTRUSTED
    assert outcome.detail.endswith("; `ciphers: legacy` takes it")
