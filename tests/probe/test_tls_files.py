"""The files of certificates and roots that monitors name: read when needed, again when changed, and never a fault of
the endpoint."""

import asyncio
import os
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from gtm.arrival import DEFAULT_SETTLE_S
from gtm.errors import TlsFileUnreadable
from gtm.health.verdict.reading import Reason
from gtm.probe.permits import KeptCertificate, Permits
from gtm.probe.tls import Contexts
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import TlsSettings
from tests.fakes.certificates import Authority
from tests.fakes.endpoints import hangs
from tests.fakes.permits import permits
from tests.probe.reading import reading_from

SCOPE = "gtm.example.com"
ROOTS, OWN = TlsSettings(ca="roots"), TlsSettings(client_certificate="own")


def contexts(file: Path) -> Contexts:
    """The contexts of a node that lists a file as certificate and as roots."""
    return Contexts(permits(certificates={"own": file}, authorities={"roots": file}))


def of(made: Contexts, settings: TlsSettings, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    return asyncio.run(made.of(settings, SCOPE, alpn=alpn))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def encrypted_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))


@pytest.mark.parametrize("key", ["ca", "client_certificate"])
@pytest.mark.parametrize(
    ("content", "why"), [(None, "no such file or directory"), (b"", "no PEM that is of use here"), (b"hello", "no PEM")]
)
def test_a_file_that_is_of_no_use_is_named_with_why(tmp_path: Path, key: str, content: bytes | None, why: str) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TlsFileUnreadable, match=rf"file\.pem cannot be used: {why}"):
        of(contexts(file), ROOTS if key == "ca" else OWN)


def test_a_key_with_a_password_is_of_no_use_and_nobody_is_asked_for_it(authority: Authority, tmp_path: Path) -> None:
    certificate = authority.issue("probe").read_bytes().partition(b"-----BEGIN PRIVATE KEY")[0]
    file = tmp_path / "locked.pem"
    file.write_bytes(certificate + encrypted_key())
    with pytest.raises(TlsFileUnreadable, match="no PEM that is of use here"):
        of(contexts(file), OWN)


def test_a_context_is_made_once_and_again_when_a_file_changed(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "own.pem"
    file.write_bytes(authority.issue("probe").read_bytes())
    made = contexts(file)
    first = of(made, OWN)
    assert of(made, replace(OWN, server_name="x", min_days=3)) is first
    assert of(made, OWN, alpn=("h2",)) is not first
    (tmp_path / "new.pem").write_bytes(authority.issue("probe").read_bytes())
    (tmp_path / "new.pem").replace(file)
    assert of(made, OWN) is not first
    assert len(made._made) == 2, "the old one is forgotten"


def test_roots_that_are_written_in_place_count_once_they_have_been_still(authority: Authority, tmp_path: Path) -> None:
    file, now = tmp_path / "roots.pem", [100.0]
    whole = authority.root.read_bytes()
    file.write_bytes(whole)
    made = contexts(file)
    made.monotonic = lambda: now[0]
    first = of(made, ROOTS)
    for part in (b"", whole[:100], whole[:-30]):
        file.write_bytes(part)
        for _ in range(2):
            assert of(made, ROOTS) is first
            now[0] += DEFAULT_SETTLE_S / 2
    status = file.stat()
    file.write_bytes(whole)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert of(made, ROOTS) is first
    now[0] += DEFAULT_SETTLE_S
    assert of(made, ROOTS) is not first


def test_a_key_may_be_in_a_file_of_its_own(authority: Authority, tmp_path: Path) -> None:
    certificate, begin, key = authority.issue("probe").read_bytes().partition(b"-----BEGIN PRIVATE KEY")
    (tmp_path / "own.crt").write_bytes(certificate)
    listed = KeptCertificate(tmp_path / "own.crt", tmp_path / "own.key")
    made = Contexts(Permits(certificates={"own": listed}))
    with pytest.raises(TlsFileUnreadable, match=r"own\.key cannot be used: no such file or directory"):
        of(made, OWN)
    (tmp_path / "own.key").write_bytes(begin + key)
    assert of(made, OWN) is of(made, OWN)


def test_the_files_roots_are_trusted_and_one_that_vanished_is_no_fault_of_the_endpoint(authority: Authority) -> None:
    tls = authority.context("127.0.0.1")
    kept = permits(authorities={"roots": authority.root}, certificates={"own": Path("/nonexistent/own.pem")})
    assert reading_from(hangs, tls=tls, type=MonitorType.TCP, tls_settings=ROOTS, permitted=kept).ok
    vanished = replace(ROOTS, client_certificate="own")
    reading = reading_from(hangs, tls=tls, type=MonitorType.TCP, tls_settings=vanished, permitted=kept)
    assert reading.reason is Reason.UNREAD
    assert reading.detail == "/nonexistent/own.pem cannot be used: no such file or directory"
