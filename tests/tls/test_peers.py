"""Polls between nodes over real TLS on loopback, with and without client certificates."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gtm.errors import StateInvalid
from gtm.health.belief import Belief
from gtm.health.report.peer import PeerState
from gtm.ids import NodeName
from gtm.share.poller import open_share_session
from gtm.tls.peers import TlsFiles, client_tls, server_tls
from tests.fakes.certificates import Authority
from tests.fakes.peers import believing, poller_of, report_store_of, serving

FRA = NodeName("fra")


def poll(server: TlsFiles, client: TlsFiles) -> PeerState:
    """How a peer does after one poll of it, between two sides with these files."""

    async def story() -> PeerState:
        fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
        fra.publish(believing(Belief.UP))
        shown = client_tls(client)
        async with serving(fra, tls=server_tls(server)) as url, open_share_session() as session:
            poller = poller_of(iad, url, session, tls=lambda: shown)
            await poller.poll()
            assert (FRA in iad.book.by_node) == (poller.state is PeerState.HEARD)
            return poller.state

    return asyncio.run(asyncio.wait_for(story(), 20))


def test_a_peer_whose_certificate_verifies_is_heard(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    assert poll(TlsFiles(ours.issue("127.0.0.1")), TlsFiles(ca=ours.root)) is PeerState.HEARD


def test_a_peer_with_a_certificate_of_another_ca_or_name_is_not(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    others = Authority(tmp_path / "other")
    assert poll(TlsFiles(others.issue("127.0.0.1")), TlsFiles(ca=ours.root)) is PeerState.UNREACHED
    assert poll(TlsFiles(ours.issue("example.net")), TlsFiles(ca=ours.root)) is PeerState.UNREACHED


def test_a_listener_with_a_ca_lets_in_only_whom_it_vouches_for(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    others = Authority(tmp_path / "other")
    server = TlsFiles(ours.issue("127.0.0.1"), ca=ours.root)
    assert poll(server, TlsFiles(ours.issue("iad"), ca=ours.root)) is PeerState.HEARD
    assert poll(server, TlsFiles(ca=ours.root)) is PeerState.UNREACHED
    assert poll(server, TlsFiles(others.issue("iad"), ca=ours.root)) is PeerState.UNREACHED


@pytest.mark.slow
def test_what_health_takes_peers_take_unless_strictness_is_asked_for(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    server = TlsFiles(ours.issue("127.0.0.1", identifies_issuer=False))
    assert poll(server, TlsFiles(ca=ours.root)) is PeerState.HEARD
    assert poll(server, TlsFiles(ca=ours.root, strict=True)) is PeerState.UNREACHED
    assert poll(TlsFiles(ours.issue("127.0.0.1")), TlsFiles(ca=ours.root, strict=True)) is PeerState.HEARD
    asking = TlsFiles(ours.issue("iad", identifies_issuer=False), ca=ours.root)
    assert poll(TlsFiles(server.certificate, ca=ours.root), asking) is PeerState.HEARD
    assert poll(TlsFiles(server.certificate, ca=ours.root, strict=True), asking) is PeerState.UNREACHED


@pytest.mark.slow
def test_a_peer_or_a_client_may_be_pinned_by_its_own_certificate(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    fra, iad, other = ours.issue("127.0.0.1"), ours.issue("iad"), ours.issue("127.0.0.1")
    assert poll(TlsFiles(fra), TlsFiles(ca=fra)) is PeerState.HEARD
    assert poll(TlsFiles(other), TlsFiles(ca=fra)) is PeerState.UNREACHED
    assert poll(TlsFiles(fra, ca=iad), TlsFiles(iad, ca=fra)) is PeerState.HEARD
    assert poll(TlsFiles(fra, ca=iad), TlsFiles(other, ca=fra)) is PeerState.UNREACHED


@pytest.mark.slow
def test_a_peer_whose_certificate_has_its_address_as_common_name_alone_is_not_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours = Authority(tmp_path)
    assert poll(TlsFiles(ours.issue("127.0.0.1", names=[])), TlsFiles(ca=ours.root)) is PeerState.UNREACHED
    assert "its certificate is refused: it names nobody: it has no subjectAltName" in caplog.text


def test_files_of_no_use_are_named(tmp_path: Path) -> None:
    ours, empty = Authority(tmp_path), tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(StateInvalid, match=r"missing\.pem: No such file"):
        client_tls(TlsFiles(ca=tmp_path / "missing.pem"))
    with pytest.raises(StateInvalid, match=r"empty\.pem: has no certificate"):
        client_tls(TlsFiles(ca=empty))
    with pytest.raises(StateInvalid, match=r"empty\.pem: has no certificate"):
        server_tls(TlsFiles(empty))
    with pytest.raises(StateInvalid, match="or no key that fits it"):
        server_tls(TlsFiles(ours.issue("a"), ours.issue("b")))


@pytest.mark.parametrize("make", [client_tls, server_tls])
def test_a_key_that_wants_a_password_is_refused_and_nobody_is_asked_for_it(
    tmp_path: Path, make: Callable[[TlsFiles], ssl.SSLContext], capfd: pytest.CaptureFixture[str]
) -> None:
    certificate, key = Authority(tmp_path).issue("127.0.0.1"), tmp_path / "tls.key"
    secret = load_pem_private_key(certificate.read_bytes(), None)
    key.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(StateInvalid, match=r"tls\.key: the key is encrypted, and a node has nobody to ask"):
        make(TlsFiles(certificate, key))
    assert capfd.readouterr() == ("", "")
