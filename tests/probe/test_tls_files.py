"""The files of certificates and roots that monitors name: read when needed, again when changed, and never a fault of
the endpoint."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from gtm.errors import TlsFileUnreadable
from gtm.health.reading import Reason
from gtm.probe.tls import Contexts
from gtm.zone.model import MonitorType
from gtm.zone.settings import TlsSettings
from tests.fakes.certificates import Authority
from tests.fakes.endpoints import hangs
from tests.probe.reading import reading_from


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
        Contexts().of(TlsSettings(ca=str(file)) if key == "ca" else TlsSettings(client_certificate=str(file)))


def test_a_key_with_a_password_is_of_no_use_and_nobody_is_asked_for_it(authority: Authority, tmp_path: Path) -> None:
    certificate = authority.issue("probe").read_bytes().partition(b"-----BEGIN PRIVATE KEY")[0]
    file = tmp_path / "locked.pem"
    file.write_bytes(certificate + encrypted_key())
    with pytest.raises(TlsFileUnreadable, match="no PEM that is of use here"):
        Contexts().of(TlsSettings(client_certificate=str(file)))


def test_a_context_is_made_once_and_again_when_a_file_changed(authority: Authority, tmp_path: Path) -> None:
    contexts, file = Contexts(), tmp_path / "own.pem"
    file.write_bytes(authority.issue("probe").read_bytes())
    settings = TlsSettings(client_certificate=str(file))
    first = contexts.of(settings)
    assert contexts.of(TlsSettings(client_certificate=str(file), server_name="x", min_days=3)) is first
    assert contexts.of(settings, alpn=("h2",)) is not first
    file.write_bytes(authority.issue("probe").read_bytes())
    os.utime(file, (1, 1))
    assert contexts.of(settings) is not first
    assert len(contexts._made) == 2, "the old one is forgotten"


def test_the_files_roots_are_trusted_and_one_that_vanished_is_no_fault_of_the_endpoint(authority: Authority) -> None:
    tls, root = authority.context("127.0.0.1"), str(authority.root)
    assert reading_from(hangs, tls=tls, type=MonitorType.TCP, tls_settings=TlsSettings(ca=root)).ok
    vanished = TlsSettings(ca=root, client_certificate="/nonexistent/own.pem")
    reading = reading_from(hangs, tls=tls, type=MonitorType.TCP, tls_settings=vanished)
    assert reading.reason is Reason.UNREAD
    assert reading.detail == "/nonexistent/own.pem cannot be used: no such file or directory"
