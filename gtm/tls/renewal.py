"""Renewal: takes up certificates, keys and roots that were renewed, while the node runs.

    files as they were taken              nothing to do
    files that changed since last look    maybe half-written: wait for the next look
    files that stay as they are now       load them into a context of its own
        all of it is good                 TAKEN: whoever connects from now on is served by it
        any of it is not                  REFUSED, once for each change: what served before serves on

What comes in: paths, looks at them every few seconds, and the wall time. What goes out: the context of the moment, and
what came of a look. A context is never changed, only replaced: a pair of which one half is new serves nobody.
Connections that are open stay as they are.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from cryptography import x509

from gtm.content import Stamp
from gtm.errors import StateInvalid
from gtm.health.certificate import Certificate
from gtm.rereading import digest_of
from gtm.tls.peers import TLS_FILES, TlsFiles, read_tls_file

LOOK_S = 2.0
"""Between two looks at the files: so a renewal is taken up two to four seconds after the last write."""

_Marks = tuple[Stamp | None, ...]
"""What tells one state of the files from another; None where there is none."""


class RenewalResult(Enum):
    """What came of new files."""

    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Renewal:
    """New files were there, and were taken or not."""

    outcome: RenewalResult
    words: str = ""
    """Why not."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    context: ssl.SSLContext
    validity: Certificate | None
    names: "_Names"
    marks: _Marks
    digests: tuple[bytes, ...]
    """Of what is in the files: a new mode, name or link is no renewal."""


class LiveTls:
    """The TLS of one side, from files that may be renewed. Its state is what serves, and what the last look saw.

    Raises StateInvalid when the files are of no use at the start.
    """

    def __init__(self, side: str, files: TlsFiles, make: Callable[[TlsFiles], ssl.SSLContext]) -> None:
        self.side = side
        self._files = files
        self._make = make
        self._loaded = self._load(_marks(files))
        self._seen = self._loaded.marks
        self._told: tuple[_Marks, str] | None = None

    @property
    def has_files(self) -> bool:
        """Returns whether there is anything to look at."""
        return self._files != TlsFiles()

    @property
    def context(self) -> ssl.SSLContext:
        """Returns the context for the next connection."""
        return self._loaded.context

    @property
    def validity(self) -> Certificate | None:
        """Returns that of the certificate that serves; None where none is shown."""
        return self._loaded.validity

    @property
    def names(self) -> frozenset[str]:
        """Returns the names of hosts in the certificate that serves."""
        return self._loaded.names.hosts

    @property
    def names_nobody(self) -> bool:
        """Returns whether the certificate that serves has no name by which others could verify who shows it."""
        return self._loaded.names.is_nobody

    @property
    def listener_context(self) -> ssl.SSLContext:
        """Returns a context for a listener, which hands every handshake over to the context of that moment."""
        first = self._loaded.context

        def hand_over(opened: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
            opened.context = self._loaded.context

        first.sni_callback = hand_over  # called for clients that name no server too
        return first

    def look(self, *, wall: float) -> Renewal | None:
        """Looks at the files once, and takes what is new and good; it reads files, so any thread may call it."""
        marks = _marks(self._files)
        before, self._seen = self._seen, marks
        if marks == self._loaded.marks:
            self._told = None
            return None
        if marks != before:
            return None
        try:
            loaded = self._load(marks)
            _require_valid(loaded.validity, self._files, wall=wall)
        except StateInvalid as invalid:
            return self._refused(marks, str(invalid))
        if _marks(self._files) != marks:
            return None  # written while it was read
        is_mended = self._told is not None and _written(marks) != _written(self._loaded.marks)
        is_news = is_mended or loaded.digests != self._loaded.digests
        self._loaded, self._told = loaded, None
        return Renewal(RenewalResult.TAKEN) if is_news else None

    def _load(self, marks: _Marks) -> _Loaded:
        context, certificate = self._make(self._files), self._files.certificate
        digests = tuple(digest_of(read_tls_file(path)) for path in _paths(self._files) if path is not None)
        if certificate is None:
            return _Loaded(context, None, _Names(frozenset()), marks, digests)
        validity, names = _shown(certificate)
        return _Loaded(context, validity, names, marks, digests)

    def _refused(self, marks: _Marks, message: str) -> Renewal | None:
        """Returns the refusal, unless it was told: these files are tried again at every look, for modes may change."""
        if self._told == (marks, message):
            return None
        self._told = (marks, message)
        return Renewal(RenewalResult.REFUSED, message)


def _require_valid(validity: Certificate | None, files: TlsFiles, *, wall: float) -> None:
    if validity is not None and validity.ends_at <= wall:
        raise StateInvalid(f"{files.certificate}: the certificate has expired")
    if validity is not None and validity.starts_at > wall:
        raise StateInvalid(f"{files.certificate}: the certificate is not valid yet")


@dataclass(frozen=True, slots=True)
class _Names:
    """Whom a certificate is for."""

    hosts: frozenset[str]
    is_nobody: bool = False
    """It has neither a host nor an address in its subjectAltName (RFC 9525 2)."""


def _shown(path: Path) -> tuple[Certificate, _Names]:
    """Returns the validity and the names of the first certificate of a file, which is the one that is shown."""
    try:
        leaf = x509.load_pem_x509_certificates(read_tls_file(path))[0]
        validity = Certificate(leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp())
        return validity, _names(leaf)
    except (ValueError, TypeError, OverflowError, x509.InvalidVersion) as error:  # OpenSSL takes more than this does
        raise StateInvalid(f"{path}: has no certificate in PEM that can be read") from error


def _names(leaf: x509.Certificate) -> _Names:
    """Returns its names of hosts; none where it has none, or none that can be read."""
    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return _Names(frozenset(), is_nobody=True)
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return _Names(frozenset())
    hosts = frozenset(name.lower().removesuffix(".") for name in alternative.get_values_for_type(x509.DNSName))
    return _Names(hosts, is_nobody=not hosts and not alternative.get_values_for_type(x509.IPAddress))


def _marks(files: TlsFiles) -> _Marks:
    return tuple(None if path is None else TLS_FILES.stamp(path) for path in _paths(files))


def _paths(files: TlsFiles) -> tuple[Path | None, ...]:
    return files.certificate, files.key, files.ca


def _written(marks: _Marks) -> _Marks:
    """Returns the marks that a write changes, and a new mode, name or link does not."""
    return tuple(None if mark is None else replace(mark, changed_ns=0) for mark in marks)
