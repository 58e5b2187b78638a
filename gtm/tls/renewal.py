"""Renewal: loads renewed certificates, keys and roots while the node runs.

    same files as those in use            nothing to do
    files that changed since last look    maybe half-written: wait for the next look
    new files, the same as at last look   load them into a new context
        all of them are valid             TAKEN: new connections use the new context
        any of them is not                REFUSED, reported once for each change: the old context stays in use

What comes in: paths, a look at them every few seconds, and the wall time. What goes out: the TLS context in use, and
the result of each look. A context is never changed, only replaced, so a certificate is never used with an old key.
Open connections are not affected.
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
"""Seconds between two looks at the files: a renewal is in use two to four seconds after the last write."""

_Marks = tuple[Stamp | None, ...]
"""The stamps of the certificate, key and CA files; None for a file that is not configured or does not exist."""


class RenewalResult(Enum):
    """Whether new files are used (TAKEN) or not (REFUSED)."""

    TAKEN = "taken"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Renewal:
    """The result of loading new TLS files."""

    outcome: RenewalResult
    words: str = ""
    """Why the files were refused; empty if they were not."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    context: ssl.SSLContext
    validity: Certificate | None
    names: "_Names"
    marks: _Marks
    digests: tuple[bytes, ...]
    """Digests of the files' content: a file with a new mode, name or link but the same content is no renewal."""


class LiveTls:
    """The TLS context of one side, from files that may be renewed. It has state: the context in use, and the last look.

    Raises StateInvalid when the files cannot be used at the start.
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
        """Returns whether any TLS file is configured, so that looks make sense."""
        return self._files != TlsFiles()

    @property
    def context(self) -> ssl.SSLContext:
        """Returns the context for the next connection."""
        return self._loaded.context

    @property
    def validity(self) -> Certificate | None:
        """Returns the time of validity of the certificate in use; None if no certificate is configured."""
        return self._loaded.validity

    @property
    def names(self) -> frozenset[str]:
        """Returns the host names in the certificate in use."""
        return self._loaded.names.hosts

    @property
    def names_nobody(self) -> bool:
        """Returns whether the certificate in use has neither a host name nor an address in its subjectAltName."""
        return self._loaded.names.is_nobody

    @property
    def listener_context(self) -> ssl.SSLContext:
        """Returns a context for a listener; each handshake uses the newest context that was loaded by then."""
        first = self._loaded.context

        def hand_over(opened: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
            opened.context = self._loaded.context

        first.sni_callback = hand_over  # called also for clients that send no server name
        return first

    def look(self, *, wall: float) -> Renewal | None:
        """Checks the files once, and loads new ones; returns the result, or None if there is nothing to report.

        `wall` is the wall time in Unix seconds. It reads files and blocks; any thread may call it.
        """
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
            return None  # the files were written while they were read
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
        """Returns the refusal of these files; None if the same refusal was returned before.

        The files are tried again at every look, because their modes may change.
        """
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
    """The host names of a certificate."""

    hosts: frozenset[str]
    is_nobody: bool = False
    """Whether its subjectAltName has neither a host name nor an address (RFC 9525 2)."""


def _shown(path: Path) -> tuple[Certificate, _Names]:
    """Returns the time of validity and the names of the first certificate in a file, which is sent to others.

    Raises StateInvalid if the certificate cannot be read.
    """
    try:
        leaf = x509.load_pem_x509_certificates(read_tls_file(path))[0]
        validity = Certificate(leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp())
        return validity, _names(leaf)
    except (ValueError, TypeError, OverflowError, x509.InvalidVersion) as error:  # OpenSSL takes more than this does
        raise StateInvalid(f"{path}: has no certificate in PEM that can be read") from error


def _names(leaf: x509.Certificate) -> _Names:
    """Returns the host names of a certificate; none if it has no subjectAltName, or one that cannot be read."""
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
    """Returns the stamps without ctime, so that only a write changes them, and not a new mode, name or link."""
    return tuple(None if mark is None else replace(mark, changed_ns=0) for mark in marks)
