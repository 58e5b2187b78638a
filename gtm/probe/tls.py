"""TLS contexts of checks, and the check of a certificate's remaining days after the handshake.

What comes in: the TLS settings of a monitor. What goes out: a context, made once for each settings and files; and the
outcome for a valid certificate that expires soon. Files of client certificates and CAs, which the node file lists
(permits.py), are read when they are first needed, and again when they changed: at once when they were renamed into
place, and after a time without changes when they are written in place, for a file of roots that was cut is valid PEM.
"""

import errno
import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from gtm.arrival import DEFAULT_SETTLE_S, is_any_in_place
from gtm.content import STUCK, Stamp
from gtm.errors import FileUnreadable, TlsFileUnreadable
from gtm.files import HANGS, FileReader, as_path
from gtm.health.verdict.reading import Reason
from gtm.probe.cost import running_bill
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.peer_certificate import certificate_in, show
from gtm.probe.permits import NO_PERMITS, Permits, TlsNeeds
from gtm.probe.stopwatch import Phase, lap
from gtm.tls.contexts import Ciphers, VerifiedTls, client_context
from gtm.zone.monitors.settings import TlsSettings

_Key = tuple[TlsSettings, TlsNeeds, tuple[str, ...]]

NO_FILES = TlsNeeds()
MAX_PEM_BYTES = 8 * 1024 * 1024
"""Most bytes of a PEM file: the roots of the web are a quarter of a megabyte."""

_FILES = FileReader("certificates of checks")


@dataclass(slots=True)
class Contexts:
    """The TLS contexts in use. It has state: each is made once, as loading the system's roots takes milliseconds."""

    permits: Permits = NO_PERMITS
    extra_ca: Path | None = None
    """A file of CA certificates for every check, besides the system's."""
    monotonic: Callable[[], float] = time.monotonic
    _made: dict[_Key, tuple[tuple[Stamp, ...], ssl.SSLContext]] = field(default_factory=dict)
    _written: dict[_Key, tuple[tuple[Stamp, ...], float]] = field(default_factory=dict)
    """The stamps of files that are being written in place, and the time since which they have these stamps."""

    async def of(self, settings: TlsSettings, scope: str, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """Returns the TLS context of a monitor of this scope, which offers the protocols `alpn` (RFC 7301).

        Raises NotPermitted when the node file does not list the files, TlsFileUnreadable when one of them cannot be
        used.
        """
        needs = self.permits.tls(settings, scope)
        if needs == NO_FILES and self.extra_ca is None:
            return self._of(settings, needs, alpn)
        return await _FILES.soon(self._of, settings, needs, alpn)

    def _of(self, settings: TlsSettings, needs: TlsNeeds, alpn: tuple[str, ...]) -> ssl.SSLContext:
        key = (replace(settings, server_name="", min_days=0), needs, alpn)  # neither is in a context
        stamps = _stamps([file for file in (needs.certificate, needs.key, needs.ca) if file])
        known = self._made.get(key)
        if known is None or (known[0] != stamps and self._is_whole(key, known[0], stamps)):
            known = self._made[key] = (stamps, self._make(settings, needs, alpn))
        return known[1]

    def _is_whole(self, key: _Key, before: tuple[Stamp, ...], now: tuple[Stamp, ...]) -> bool:
        """Returns whether to read changed files now: none of them is still being written in place."""
        if not is_any_in_place(now, before):
            return True
        seen, since = self._written.get(key, ((), 0.0))
        if seen != now:
            since = self.monotonic()
            self._written[key] = (now, since)
        return self.monotonic() - since >= DEFAULT_SETTLE_S

    def _make(self, settings: TlsSettings, needs: TlsNeeds, alpn: tuple[str, ...]) -> ssl.SSLContext:
        context = client_context(
            strict=settings.strict,
            common_name=settings.takes_common_name,
            min_version=settings.min_version,
            ciphers=Ciphers.LEGACY if settings.takes_legacy_ciphers else Ciphers.MODERN,
        )
        context.sslobject_class = _TimedTls
        context.options |= ssl.OP_NO_RENEGOTIATION  # each costs a handshake, and an endpoint could ask without end
        for roots in (self.extra_ca, needs.ca):
            if roots:
                _trust(context, roots)
        if needs.certificate:
            _show(context, needs.certificate, needs.key or needs.certificate)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if not settings.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class _TimedTls(VerifiedTls):
    """The TLS of one connection, which ends the laps of its check and passes on the certificate."""

    _has_begun = False
    _has_given = False
    """Whether octets were decrypted since TLS last needed more bytes."""
    _failure: ssl.SSLError | None = None
    """The error to raise at the next call; None for none."""

    def do_handshake(self) -> None:
        """Continues the handshake. Raises ssl.SSLWantReadError while it needs more bytes from the endpoint."""
        if not self._has_begun:
            self._has_begun = True
            lap(Phase.CONNECT)
        with _charged():
            super().do_handshake()
        lap(Phase.TLS)
        show(self.getpeercert(binary_form=True))

    def read(self, len: int = 1024, buffer: bytearray | None = None) -> bytes:  # type: ignore[override]  # noqa: A002
        """Returns the decrypted bytes, or fills the buffer and returns their number; its CPU time is charged.

        asyncio reads until TLS needs more bytes, and drops what it read when there is an error. So an error that
        follows octets is raised at the next call: the octets may be a complete answer.
        """
        if self._failure is not None:
            raise self._failure
        try:
            with _charged():
                decrypted = super().read(len, buffer)
        except ssl.SSLWantReadError:
            self._has_given = False
            raise
        except ssl.SSLError as error:
            if not self._has_given:
                raise
            self._failure = error
            raise ssl.SSLWantReadError from error
        self._has_given = True
        return decrypted


def _charged() -> AbstractContextManager[None]:
    bill = running_bill()
    return nullcontext() if bill is None else bill.charging()


def days_left(tls: object, settings: TlsSettings, *, wall: float) -> CheckOutcome:
    """Returns the outcome for the certificate of a connection: a failure when too few days are left.

    `tls` is the connection's ssl.SSLObject, or None; `wall` is Unix time in seconds.
    """
    if not settings.min_days or not isinstance(tls, ssl.SSLObject | ssl.SSLSocket):
        return PASSED
    der = tls.getpeercert(binary_form=True)
    if der is None:
        return PASSED
    certificate = certificate_in(der)
    if certificate is None:
        return CheckOutcome(Reason.UNREAD, "when the certificate ends is not known: it cannot be read")
    days = certificate.days_left(wall)
    if days >= settings.min_days:
        return PASSED
    return CheckOutcome(Reason.CERT_EXPIRING, f"certificate expires in {days:.1f} days; {settings.min_days} are wanted")


def _trust(context: ssl.SSLContext, roots: Path) -> None:
    content = _read(roots).decode("ascii", errors="replace")
    with _in_our_words(roots):
        context.load_verify_locations(cadata=content)


def _show(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    with as_path(_read(certificate)) as shown, as_path(_read(key)) as kept, _in_our_words(certificate):
        # without a password OpenSSL would ask for one at the terminal
        context.load_cert_chain(shown, kept, password="")


@contextmanager
def _in_our_words(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise TlsFileUnreadable(f"{file} cannot be used: no PEM that is of use here") from error


def _read(file: Path) -> bytes:
    try:
        return _FILES.read(file, limit=MAX_PEM_BYTES).data
    except FileUnreadable as error:
        raise TlsFileUnreadable(f"{file} cannot be used: {error.reason.lower()}") from error


def _stamps(files: list[Path]) -> tuple[Stamp, ...]:
    return tuple(_known(file, stamp) for file, stamp in zip(files, _FILES.stamps(files), strict=True))


def _known(file: Path, stamp: Stamp | None) -> Stamp:
    if stamp is None or stamp is STUCK:
        reason = HANGS if stamp is STUCK else os.strerror(errno.ENOENT).lower()
        raise TlsFileUnreadable(f"{file} cannot be used: {reason}")
    return stamp
