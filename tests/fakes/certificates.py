"""A certificate authority for tests: good certificates, bad ones of every kind, and old ones that clients take."""

import datetime
import ssl
from collections.abc import Sequence
from enum import Enum
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Root(Enum):
    """What the certificate of an authority is like."""

    WHOLE = "whole"
    """All that RFC 5280 wants."""
    WITHOUT_USAGE = "without usage"
    """It does not say what its key is for (RFC 5280 4.2.1.3)."""
    WITHOUT_IDENTIFIER = "without identifier"
    """It does not identify its key (RFC 5280 4.2.1.2)."""
    LAX = "lax"
    """That it is an authority is not critical (RFC 5280 4.2.1.9)."""
    FIRST_VERSION = "first version"
    """X.509 of 1988, without any extension."""


class Authority:
    """Issues certificates into a folder; `root` is the file to trust."""

    def __init__(self, folder: Path, kind: Root = Root.WHOLE) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("gtm test authority")
        self._count = 0
        root = _builder(self._name, self._name, self._key, -DAY, DAY)
        for extension, critical in self._extensions(kind):
            root = root.add_extension(extension, critical=critical)
        signed = root.sign(self._key, SHA256())
        if kind is Root.FIRST_VERSION:
            signed = _of_the_first_version(signed, self._key)
        self.root = folder / "root.pem"
        self.root.write_bytes(signed.public_bytes(Encoding.PEM))

    def _extensions(self, kind: Root) -> list[tuple[x509.ExtensionType, bool]]:
        if kind is Root.FIRST_VERSION:
            return []
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=True, path_length=None), kind is not Root.LAX)
        ]
        if kind is not Root.WITHOUT_IDENTIFIER:
            extensions.append((x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), False))
        if kind is not Root.WITHOUT_USAGE:
            extensions.append((_SIGNS, True))
        return extensions

    def context(
        self, host: str, *, starts: datetime.timedelta = -DAY, ends: datetime.timedelta = DAY, self_signed: bool = False
    ) -> ssl.SSLContext:
        """A server's context with a certificate for `host`, valid from `starts` to `ends`, counted from now."""
        return showing(self.issue(host, starts=starts, ends=ends, self_signed=self_signed))

    def issue(
        self,
        host: str,
        *,
        starts: datetime.timedelta = -DAY,
        ends: datetime.timedelta = DAY,
        self_signed: bool = False,
        names: Sequence[str] | None = None,
        identifies_issuer: bool = True,
        rsa_bits: int = 0,
    ) -> Path:
        """A file with a certificate for `host` and its key, valid from `starts` to `ends`, counted from now.

        `host` is its common name, and its alternative name unless there are `names`; none of them, and it has none.
        """
        key: _Key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
        subject, signer = _name(host), key if self_signed else self._key
        builder = _builder(subject, subject if self_signed else self._name, key, starts, ends)
        named = [_alternative(name) for name in ([host] if names is None else names)]
        if named:
            builder = builder.add_extension(x509.SubjectAlternativeName(named), critical=False)
        if identifies_issuer:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
            builder = builder.add_extension(issuer, critical=False)
        certificate = builder.sign(signer, SHA256())
        self._count += 1
        file = self._folder / f"{self._count}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
        return file


def showing(certificate: Path) -> ssl.SSLContext:
    """A server's context with the certificate and key in a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: _Key,
    starts: datetime.timedelta,
    ends: datetime.timedelta,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + starts)
        .not_valid_after(now + ends)
    )


def _of_the_first_version(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Returns a certificate without extensions as one of version 1: the version, which is the default, left out."""
    inner, version = certificate.tbs_certificate_bytes, bytes.fromhex("a003020102")
    start = inner.index(version)
    inner = _der(0x30, inner[start + len(version) :])
    ecdsa_with_sha256 = bytes.fromhex("300a06082a8648ce3d040302")
    signature = _der(0x03, b"\0" + key.sign(inner, ec.ECDSA(SHA256())))
    return x509.load_der_x509_certificate(_der(0x30, inner + ecdsa_with_sha256 + signature))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2)
    return bytes([tag]) + length + content
