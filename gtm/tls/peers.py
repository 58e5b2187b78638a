"""TLS between nodes: contexts from certificate files, for clients and for listeners.

What comes in: paths of PEM files. What goes out: an SSLContext, or StateInvalid that names the file. Reports have their
own signature, so TLS protects only the connection: a client certificate keeps strangers from the listener (mTLS), and
a private CA keeps others from posing as a peer. The oldest version of either side is TLS 1.2 (RFC 9325 3.1.1).
A context has the content that its files had when it was made: gtm/tls/renewal.py makes a new one when they change.
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
    """The TLS files of one side of a connection: its certificate and key, and the roots that it trusts."""

    certificate: Path | None = None
    """A PEM file with the certificate and its chain; it may contain the private key too."""
    key: Path | None = None
    ca: Path | None = None
    """For a client: roots beside the system's. For a listener: roots of client certificates, which it then requires."""
    strict: bool = False
    """Whether to refuse certificates that break RFC 5280."""


MAX_PEM_BYTES = 8 * 1024 * 1024
"""The largest size of a PEM file; the roots of the web are a quarter of a megabyte."""

TLS_FILES = FileReader("tls files")

ChosenTls = Callable[[], ssl.SSLContext]
"""Returns the TLS context for the next connection."""


@cache
def system_tls() -> ssl.SSLContext:
    """Returns the client context that trusts the system's roots and has no client certificate."""
    return client_tls(TlsFiles())


def client_tls(files: TlsFiles) -> ssl.SSLContext:
    """Returns the TLS context of a node as a client. Raises StateInvalid when a file cannot be read or used."""
    return _loaded(client_context(strict=files.strict), files)


def server_tls(files: TlsFiles) -> ssl.SSLContext:
    """Returns the TLS context of a listener. Raises StateInvalid when a file cannot be read or used.

    With a `ca` it accepts only clients with a certificate of that CA.
    """
    context = server_context(strict=files.strict)
    # a resumed session is not verified again (RFC 8446 2.2): it would accept a client that renewed roots refuse
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    if files.ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return _loaded(context, files)


def read_tls_file(path: Path) -> bytes:
    """Returns the bytes of a TLS file (certificate, key or roots). Raises StateInvalid when it cannot be read."""
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
    """Raises StateInvalid for an encrypted key; otherwise OpenSSL would wait for its password on the terminal."""
    raise StateInvalid(f"{key}: the key is encrypted, and a node has nobody to ask for its password")
