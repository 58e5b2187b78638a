"""TLS between nodes: contexts from files, for who asks and for who is asked.

What comes in: paths of PEM files. What goes out: an SSLContext, or StateInvalid that names the file. Reports carry
their own proof, so TLS here is for what surrounds them: a client certificate keeps strangers from the listener (mTLS),
and a private CA keeps others from posing as a peer. TLS 1.2 is the least either side speaks (RFC 9325 3.1.1).
A context holds what its files held when it was made: gtm/tls/renewal.py makes a new one when they change.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gtm.errors import FileUnreadable, StateInvalid
from gtm.files import FileReader, as_path
from gtm.tls.contexts import client_context, server_context


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What one side shows, and whom it trusts."""

    certificate: Path | None = None
    """With its chain; may hold the private key too."""
    key: Path | None = None
    ca: Path | None = None
    """Who asks: roots beside the system's. Who is asked: roots of client certificates, which are then required."""
    strict: bool = False
    """Refuse certificates that stray from RFC 5280."""


MAX_PEM_BYTES = 8 * 1024 * 1024
"""The roots of the web are a quarter of a megabyte."""

TLS_FILES = FileReader("tls files")

ChosenTls = Callable[[], ssl.SSLContext]
"""Gives the context for the next connection."""


@cache
def system_tls() -> ssl.SSLContext:
    """Returns the context that trusts the system's roots and shows nothing."""
    return client_tls(TlsFiles())


def client_tls(files: TlsFiles) -> ssl.SSLContext:
    """Returns the context of a node that asks. Raises StateInvalid when a file is of no use."""
    return _loaded(client_context(strict=files.strict), files)


def server_tls(files: TlsFiles) -> ssl.SSLContext:
    """Returns the context of a listener; with a `ca`, only clients that it vouches for get in."""
    context = server_context(strict=files.strict)
    # a session that is resumed is not verified anew (RFC 8446 2.2): it would let in whom renewed roots keep out
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    if files.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return _loaded(context, files)


def read_tls_file(path: Path) -> bytes:
    """Returns the content of a file. Raises StateInvalid."""
    try:
        return TLS_FILES.read(path, limit=MAX_PEM_BYTES).data
    except FileUnreadable as error:
        raise StateInvalid(str(error)) from error


def _loaded(context: ssl.SSLContext, files: TlsFiles) -> ssl.SSLContext:
    if files.ca is not None:
        _trust(context, files.ca)
    if files.certificate is not None:
        _show(context, files.certificate, files.key or files.certificate)
    return context


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(cadata=read_tls_file(ca).decode("ascii", errors="replace"))
    except (ssl.SSLError, ValueError) as error:
        raise StateInvalid(f"{ca}: has no certificate in PEM") from error


def _show(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    with as_path(read_tls_file(certificate)) as shown, as_path(read_tls_file(key)) as kept:
        try:
            context.load_cert_chain(shown, kept, lambda: _no_password(key))
        except OSError as error:  # an SSLError is one, too
            raise StateInvalid(f"{certificate}: has no certificate in PEM, or no key that fits it") from error


def _no_password(key: Path) -> str:
    """Refuses a key that wants one; OpenSSL would ask for it on the terminal, and wait for ever."""
    raise StateInvalid(f"{key}: the key is encrypted, and a node has nobody to ask for its password")
