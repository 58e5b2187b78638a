"""TLS contexts: every context of this program is made here, so that every Python accepts the same certificates.

What comes in: how strict to be, and the oldest TLS version. What goes out: a context without certificate files; the
caller loads them. Python's own defaults differ: 3.13 began to refuse certificates that break RFC 5280, and to trust
certificates that are not roots. So no default of Python is used (decision 0093):

    X509_STRICT      only where `strict` is asked for. Browsers, curl and Go take a certificate without an authority key
                     identifier, and a private CA without key usage
    PARTIAL_CHAIN    always: what is in a file of roots is trusted, be it a root, an intermediate CA or the certificate
                     itself, as curl and Go do
    TRUSTED_FIRST    always: a chain whose last certificate expired is valid if a certificate in it is a trusted root
    names            the subjectAltName alone, and not the common name (RFC 9525 2), unless `common_name` asks for it
    versions         TLS 1.2 and newer, unless `min_version` says otherwise
    ciphers          those of MODERN, unless LEGACY is asked for
    openssl.cnf      its settings for these two are ignored (a system's crypto policy). Its settings for the newest
                     version, the ciphers of TLS 1.3, curves and signature algorithms are used
"""

import os
import ssl
import warnings
from contextlib import suppress
from enum import Enum
from ipaddress import ip_address
from typing import Any


class Ciphers(Enum):
    """The cipher suites up to TLS 1.2 that are offered, as an OpenSSL cipher string."""

    MODERN = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
    """Forward secrecy, no MAC of SHA-1, and keys of at least 112 bits: Python's own default."""
    LEGACY = "DEFAULT:!PSK:!SRP:@SECLEVEL=0"
    """Also RSA key exchange, CBC with SHA-1, short keys, signatures of SHA-1 and servers without RFC 5746."""


_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}

_IS_SPOKEN = {"1.0": ssl.HAS_TLSv1, "1.1": ssl.HAS_TLSv1_1}
"""Whether OpenSSL was built with these versions; if not, it refuses to set them."""

_LENIENT = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
_LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT; Python has a name for it from 3.12 on."""


class CertificateNamesOther(ssl.SSLCertVerificationError):
    """A certificate is for another name than the host; `words` says why, `names` has its names where they are known."""

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
    """Returns a TLS context for clients; it verifies the chain and the name of the server's certificate.

    `common_name` also accepts a host name in the common name. `min_version` is the oldest TLS version, as `1.2`.
    `system_roots` trusts the roots of the operating system.
    """
    context = _ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = VerifiedTls
    context.hostname_checks_common_name = common_name  # where the subjectAltName has no dNSName
    if system_roots:
        context.load_default_certs()
    if ciphers is Ciphers.LEGACY:
        context.options |= _LEGACY_SERVER_CONNECT
    keys = os.environ.get("SSLKEYLOGFILE")  # as curl and ssl.create_default_context() do, for debugging
    if keys:
        with suppress(OSError):  # a key log that cannot be written must not take an endpoint down
            context.keylog_filename = keys
    return _as_everywhere(context, strict=strict, min_version=min_version, ciphers=ciphers)


def server_context(*, strict: bool = False) -> ssl.SSLContext:
    """Returns a TLS context for servers; it requests no client certificate.

    It logs no keys: a reader of the log could read the tokens of the clients.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    return _as_everywhere(context, strict=strict, min_version="1.2", ciphers=Ciphers.MODERN)


def _as_everywhere(context: ssl.SSLContext, *, strict: bool, min_version: str, ciphers: Ciphers) -> ssl.SSLContext:
    context.verify_flags = _LENIENT | ssl.VERIFY_X509_STRICT if strict else _LENIENT
    context.set_ciphers(ciphers.value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 and 1.1 are deprecated; a monitor may want them
        context.minimum_version = next(
            version for name, version in _VERSIONS.items() if name >= min_version and _IS_SPOKEN.get(name, True)
        )
    return context


class _ClientContext(ssl.SSLContext):
    """A client context where OpenSSL compares host names, except names with an underscore.

    OpenSSL matches those with no wildcard, so VerifiedTls compares them.
    """

    def wrap_bio(  # the signature is that of ssl
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Returns the TLS object of one connection; decides whether OpenSSL or VerifiedTls compares its host name."""
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
    """The TLS object of one client connection; its error says why a certificate is not for the host."""

    compares_names = False
    """Whether this class compares the host name, because OpenSSL does not."""

    def do_handshake(self) -> None:
        """Goes on with the handshake. Raises CertificateNamesOther for a wrong name, or an error of OpenSSL."""
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

        `named` is None for a certificate that cannot be read.
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
"""The names in a certificate by their kind, as Python's ssl calls it: `DNS`, `IP Address`."""


def is_named(host: str, names: frozenset[str]) -> bool:
    """Returns whether a certificate with these dNSNames is valid for a host (RFC 9525 6.3).

    A wildcard must be the whole first label. It stands for exactly one label, before at least two others.
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
    """Returns the names in the server's certificate after a failed handshake; None if it cannot be read.

    Python has no public function for this.
    """
    try:
        chain = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
        return _names_in(chain[0].get_info(), common_name=tls.context.hostname_checks_common_name)
    except (AttributeError, TypeError, IndexError, ValueError, OSError):  # OpenSSL before 3.0 has forgotten it
        return None


def _names_in(certificate: Any, *, common_name: bool) -> _Names:
    """Returns the names of a certificate, which is a dict as Python's ssl gives it.

    With `common_name`, its common names count as host names if it has no dNSName.
    """
    kinds: _Names = {}
    for kind, value in certificate.get("subjectAltName", ()):
        kinds.setdefault(kind, []).append(value)
    common = [value for part in certificate.get("subject", ()) for kind, value in part if kind == "commonName"]
    if common_name and common and "DNS" not in kinds:
        kinds["DNS"] = common
    return kinds
