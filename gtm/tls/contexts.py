"""TLS contexts: every context of this program is made here, so that a certificate has one verdict on every Python.

What comes in: how strict to be, and how old a peer may be. What goes out: a context without files; who asked for it
loads them. Python's own defaults differ: 3.13 began to refuse what strays from RFC 5280, and to trust what is no root.
So nothing is left to them (decision 0093):

    X509_STRICT      only where `strict` is asked for. Browsers, curl and Go take a certificate without an authority key
                     identifier, and a private CA without key usage
    PARTIAL_CHAIN    always: what is in a file of roots is trusted, be it a root, an intermediate CA or the certificate
                     itself, as curl and Go do
    TRUSTED_FIRST    always: a chain whose last certificate expired is good where it passes a root that is trusted
    names            the subjectAltName alone, and not the common name (RFC 9525 2), unless `common_name` asks for it
    versions         TLS 1.2 and newer, unless `min_version` says otherwise
    ciphers          those of MODERN, unless LEGACY is asked for
    openssl.cnf      what it says of these two does not count (a system's crypto policy). What it says of the newest
                     version, the ciphers of TLS 1.3, curves and algorithms of signatures does
"""

import os
import ssl
import warnings
from contextlib import suppress
from enum import Enum
from ipaddress import ip_address
from typing import Any


class Ciphers(Enum):
    """Which cipher suites up to TLS 1.2 are offered, in OpenSSL's language."""

    MODERN = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
    """Forward secrecy, and no MAC of SHA-1; keys of 112 bits and more. It is what Python itself offers by default."""
    LEGACY = "DEFAULT:!PSK:!SRP:@SECLEVEL=0"
    """Also RSA key exchange, CBC with SHA-1, short keys, signatures of SHA-1 and servers without RFC 5746."""


_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}

_IS_SPOKEN = {"1.0": ssl.HAS_TLSv1, "1.1": ssl.HAS_TLSv1_1}
"""OpenSSL can be built without these, and refuses to hear of them then."""

_LENIENT = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
_LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT; Python has a name for it from 3.12 on."""


class CertificateNamesOther(ssl.SSLCertVerificationError):
    """A certificate is not for whom it should be for; `words` says how, `names` who it is for where that is known."""

    def __init__(self, message: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(1, message)
        self.words = message
        self.names = names


def client_context(
    *,
    strict: bool = False,
    common_name: bool = False,
    min_version: str = "1.2",
    ciphers: Ciphers = Ciphers.MODERN,
    system_roots: bool = True,
) -> ssl.SSLContext:
    """Returns a context for who asks; it verifies the chain and the name of who answers."""
    context = _ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = VerifiedTls
    context.hostname_checks_common_name = common_name  # where the subjectAltName has no dNSName
    if system_roots:
        context.load_default_certs()
    if ciphers is Ciphers.LEGACY:
        context.options |= _LEGACY_SERVER_CONNECT
    keys = os.environ.get("SSLKEYLOGFILE")  # as curl and ssl.create_default_context() do: who set it debugs
    if keys:
        with suppress(OSError):  # nobody goes down for where they cannot be logged
            context.keylog_filename = keys
    return _as_everywhere(context, strict=strict, min_version=min_version, ciphers=ciphers)


def server_context(*, strict: bool = False) -> ssl.SSLContext:
    """Returns a context for who is asked; it asks nobody for a certificate.

    It logs no keys: whoever read the log could read the tokens of those who ask.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    return _as_everywhere(context, strict=strict, min_version="1.2", ciphers=Ciphers.MODERN)


def _as_everywhere(context: ssl.SSLContext, *, strict: bool, min_version: str, ciphers: Ciphers) -> ssl.SSLContext:
    context.verify_flags = _LENIENT | ssl.VERIFY_X509_STRICT if strict else _LENIENT
    context.set_ciphers(ciphers.value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.0 and 1.1, which whoever asks for them knows
        context.minimum_version = next(
            version for name, version in _VERSIONS.items() if name >= min_version and _IS_SPOKEN.get(name, True)
        )
    return context


class _ClientContext(ssl.SSLContext):
    """Has OpenSSL compare names, but for those with an underscore, which it matches with no wildcard."""

    def wrap_bio(  # the signature is that of ssl
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Returns the TLS of one connection; whether OpenSSL compares names is settled here, for all its life."""
        name = server_hostname.decode() if isinstance(server_hostname, bytes) else server_hostname
        if name is not None:
            name = name.removesuffix(".")  # RFC 6066 3; no certificate has it
        compares, self.check_hostname = self.check_hostname, self.check_hostname and "_" not in (name or "")
        try:
            made = super().wrap_bio(incoming, outgoing, server_side, name, session)
        finally:
            compares_names = compares and not self.check_hostname
            self.check_hostname = compares
        if isinstance(made, VerifiedTls):
            made.compares_names = compares_names
        return made


class VerifiedTls(ssl.SSLObject):
    """The TLS of one connection of who asks, which says why a certificate is for another."""

    compares_names = False
    """Whether to do what OpenSSL does not."""

    def do_handshake(self) -> None:
        """Goes on with the handshake. Raises CertificateNamesOther, and what OpenSSL finds."""
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as refusal:
            if refusal.verify_code in _OTHER_NAME:
                raise self._for_other(_sent(self)) from refusal
            raise
        if self.compares_names:
            named = _names_in(self.getpeercert() or {}, common_name=self.context.hostname_checks_common_name)
            if not is_named(self.server_hostname or "", frozenset(named.get("DNS", ()))):
                raise self._for_other(named)

    def _for_other(self, named: "_Names | None") -> CertificateNamesOther:
        names = tuple(name for kind in (named or {}).values() for name in kind)
        return CertificateNamesOther(self._misfit(named), names)

    def _misfit(self, named: "_Names | None") -> str:
        """Returns the reason why a certificate with these names is not for the host.

        None is one that cannot be read.
        """
        is_address = _is_address(self.server_hostname or "")
        if named is not None and not named:
            return "certificate names nobody: it has no subjectAltName"
        if named is not None and ("IP Address" if is_address else "DNS") not in named:
            noun, kind = ("address", "iPAddress") if is_address else ("host", "dNSName")
            return f"certificate names no {noun}: its subjectAltName has no {kind}"
        return "certificate is for another address" if is_address else "certificate is for another name"


_OTHER_NAME = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

_Names = dict[str, list[str]]
"""Of a certificate, by their kind, as Python's ssl calls it: `DNS`, `IP Address`."""


def is_named(host: str, names: frozenset[str]) -> bool:
    """Returns whether a certificate with these dNSNames is for a host (RFC 9525 6.3).

    A wildcard is a whole first label, and stands for one label of a name that has two more.
    """
    named = {name.lower() for name in names}
    parent = host.lower().partition(".")[2]
    return host.lower() in named or ("." in parent and f"*.{parent}" in named)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _sent(tls: VerifiedTls) -> _Names | None:
    """Returns the names in what was sent, from a handshake that failed, of which Python says nothing else."""
    try:
        chain = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
        return _names_in(chain[0].get_info(), common_name=tls.context.hostname_checks_common_name)
    except (AttributeError, TypeError, IndexError, ValueError, OSError):  # OpenSSL before 3.0 has forgotten it
        return None


def _names_in(certificate: Any, *, common_name: bool) -> _Names:
    """Returns the names of a certificate as Python's ssl shows it; common names are for hosts, where no others are."""
    kinds: _Names = {}
    for kind, value in certificate.get("subjectAltName", ()):
        kinds.setdefault(kind, []).append(value)
    common = [value for part in certificate.get("subject", ()) for kind, value in part if kind == "commonName"]
    if common_name and common and "DNS" not in kinds:
        kinds["DNS"] = common
    return kinds
