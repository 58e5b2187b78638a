"""A certificate authority for tests: good certificates, and bad ones of every kind."""

import datetime
import ssl
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    """Issues certificates into a folder; `root` is the file to trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("gtm test authority")
        self._count = 0
        root = _builder(self._name, self._name, self._key, -DAY, DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        root = root.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        self.root = folder / "root.pem"
        self.root.write_bytes(root.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def context(
        self, host: str, *, starts: datetime.timedelta = -DAY, ends: datetime.timedelta = DAY, self_signed: bool = False
    ) -> ssl.SSLContext:
        """A server's context with a certificate for `host`, valid from `starts` to `ends`, counted from now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue(host, starts=starts, ends=ends, self_signed=self_signed))
        return context

    def issue(
        self, host: str, *, starts: datetime.timedelta = -DAY, ends: datetime.timedelta = DAY, self_signed: bool = False
    ) -> Path:
        """A file with a certificate for `host` and its key, valid from `starts` to `ends`, counted from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(host)
        builder = _builder(subject, subject if self_signed else self._name, key, starts, ends)
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((key if self_signed else self._key).public_key()),
            critical=False,
        )
        certificate = builder.sign(key if self_signed else self._key, SHA256())
        self._count += 1
        file = self._folder / f"{self._count}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
        return file


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
    key: ec.EllipticCurvePrivateKey,
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
