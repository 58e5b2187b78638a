"""How `gtm status` is told to ask a node that speaks TLS, or none; with real handshakes."""

import datetime
import ssl
from pathlib import Path

import pytest

from gtm.tls.peers import TlsFiles, server_tls
from tests.admin.served import serving
from tests.cli.command import gtm
from tests.fakes.certificates import DAY, Authority
from tests.node.present import SMALL

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def status(at: str) -> str:
    """What a command that cannot ask the node prints; it is one line, and nothing else."""
    ran = gtm("status", "--admin", at)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, "", 1)
    return ran.err.strip()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that the commands of the test trust."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.root))
    return made


def test_http_to_a_node_with_tls(tmp_path: Path, authority: Authority) -> None:
    for files in (TlsFiles(authority.issue("127.0.0.1")), TlsFiles(authority.issue("127.0.0.1"), ca=authority.root)):
        with serving(tmp_path, tls=server_tls(files), a=SMALL) as node:
            at = node.at
            assert status(at) == f"the node at {at} cannot be asked: it speaks TLS; ask it with --admin https://{at}"


def test_https_to_a_node_without_tls(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        at = node.at
        words = f"the node at https://{at} cannot be asked: it speaks no TLS; ask it with --admin {at}"
        assert status(f"https://{at}") == words


def test_a_ca_that_is_not_known_here(tmp_path: Path) -> None:
    tls = server_tls(TlsFiles(Authority(tmp_path).issue("127.0.0.1")))
    with serving(tmp_path, tls=tls, a=SMALL) as node:
        words = status(f"https://{node.at}")
    assert "its certificate is refused: unable to get local issuer certificate; say SSL_CERT_FILE=ca.pem" in words


@pytest.mark.parametrize(
    ("starts", "ends", "words"),
    [(-2 * DAY, -DAY, "certificate has expired; renew it"), (DAY, 2 * DAY, "not yet valid; set the clock")],
)
def test_a_certificate_of_another_time(
    tmp_path: Path, authority: Authority, starts: datetime.timedelta, ends: datetime.timedelta, words: str
) -> None:
    tls = server_tls(TlsFiles(authority.issue("127.0.0.1", starts=starts, ends=ends)))
    with serving(tmp_path, tls=tls, a=SMALL) as node:
        assert words in status(f"https://{node.at}")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_certificate_that_is_missing_or_of_another_ca(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other").issue("ann.example")
    tls = server_tls(TlsFiles(authority.issue("127.0.0.1"), ca=authority.root))
    tls.maximum_version = version
    with serving(tmp_path, tls=tls, a=SMALL) as node:
        at = f"https://{node.at}"
        assert "only who shows a client certificate; say GTM_CERT_FILE=client.pem before the command" in status(at)
        monkeypatch.setenv("GTM_CERT_FILE", str(stranger))
        assert f"it does not take the client certificate in {stranger}" in status(at)
        monkeypatch.setenv("GTM_CERT_FILE", str(authority.issue("ann.example")))
        assert gtm("status", "--admin", at).code == 0


def refuse(_context: ssl.SSLContext, _hook: object) -> None:
    """A hook that cannot be set."""
    raise AttributeError


@pytest.mark.parametrize("hook", [None, property(lambda _: None, refuse)])
def test_a_python_without_the_hook_of_ssl_lacks_one_hint(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch, hook: property | None
) -> None:
    if hook is None:
        monkeypatch.delattr(ssl.SSLContext, "_msg_callback")
    else:
        monkeypatch.setattr(ssl.SSLContext, "_msg_callback", hook)
    tls = server_tls(TlsFiles(authority.issue("127.0.0.1"), ca=authority.root))
    with serving(tmp_path, tls=tls, a=SMALL) as node:
        at = node.at
        assert status(at) == f"the node at {at} cannot be asked: it speaks TLS; ask it with --admin https://{at}"
        assert status(f"https://{at}").startswith(f"no node answers at https://{at}: ")
        monkeypatch.setenv("GTM_CERT_FILE", str(authority.issue("ann.example")))
        assert gtm("status", "--admin", f"https://{at}").code == 0


def test_a_client_certificate_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTM_CERT_FILE", str(tmp_path / "none.pem"))
    assert status("https://127.0.0.1:1") == f"GTM_CERT_FILE: {tmp_path / 'none.pem'}: No such file or directory"
    (tmp_path / "none.pem").write_text("nothing")
    assert status("https://127.0.0.1:1").endswith("holds no certificate and key")


def test_a_certificate_for_another_name_tells_by_which_to_ask(tmp_path: Path, authority: Authority) -> None:
    tls = server_tls(TlsFiles(authority.issue("ns1", names=["ns1.example.com", "localhost"])))
    with serving(tmp_path, tls=tls, a=SMALL) as node:
        words = status(f"https://{node.at}")
        assert f"; ask with --admin https://ns1.example.com:{node.port} (it also has localhost)" in words
        assert gtm("status", "--admin", f"https://localhost:{node.port}").code == 0


def test_a_node_file_with_tls_says_that_its_node_speaks_it(tmp_path: Path, authority: Authority) -> None:
    certificate = authority.issue("127.0.0.1")
    with serving(tmp_path, tls=server_tls(TlsFiles(certificate)), a=SMALL) as node:
        file = tmp_path / "gtm.yaml"
        listen = f"{{dns: ['127.0.0.1:0'], admin: '{node.at}', tls: {{certificate: '{certificate}'}}}}"
        file.write_text(f"node: ns1\nstate: none\nlisten: {listen}\n")
        ran = gtm("status", "--config", str(file))
    assert (ran.code, ran.err) == (0, "")
