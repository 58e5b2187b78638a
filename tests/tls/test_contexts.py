"""Contexts: one certificate has one verdict, whatever Python's own defaults are. Handshakes are OpenSSL's own."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.tls.contexts import Ciphers, client_context, server_context
from tests.fakes.certificates import Authority, Root, showing

HOST = "api.example.com"


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str = HOST) -> str:
    """What the client says of a handshake: nothing, or why it refuses."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(to_client, to_server, server_hostname=host)
    is_asked = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asks, is_asked, asks, is_asked):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as refusal:
            return getattr(refusal, "words", "") or refusal.verify_message
    return ""


def trusting(file: Path, *, strict: bool = False) -> ssl.SSLContext:
    context = client_context(strict=strict)
    context.load_verify_locations(cadata=file.read_text())
    return context


Issue = Callable[[Authority], Path]
OF_AN_AUTHORITY: Issue = lambda authority: authority.issue(HOST)  # noqa: E731
WITHOUT_ISSUER: Issue = lambda authority: authority.issue(HOST, identifies_issuer=False)  # noqa: E731


@pytest.mark.parametrize(
    ("root", "issue", "strict_words"),
    [
        (Root.WHOLE, OF_AN_AUTHORITY, ""),
        (Root.WHOLE, WITHOUT_ISSUER, "Missing Authority Key Identifier"),
        (Root.WITHOUT_USAGE, OF_AN_AUTHORITY, "CA cert does not include key usage extension"),
        (Root.WITHOUT_IDENTIFIER, OF_AN_AUTHORITY, "Missing Subject Key Identifier"),
        (Root.LAX, OF_AN_AUTHORITY, "Basic Constraints of CA cert not marked critical"),
        (Root.FIRST_VERSION, WITHOUT_ISSUER, "Missing Authority Key Identifier"),
    ],
    ids=lambda value: value.value if isinstance(value, Root) else "",
)
def test_what_clients_take_is_good_unless_strictness_is_asked_for(
    tmp_path: Path, root: Root, issue: Issue, strict_words: str
) -> None:
    authority = Authority(tmp_path, root)
    server = showing(issue(authority))
    assert handshake(trusting(authority.root), server) == ""
    assert handshake(trusting(authority.root, strict=True), server) == strict_words


@pytest.mark.parametrize("strict", [False, True])
def test_a_certificate_that_is_trusted_itself_needs_no_root(tmp_path: Path, *, strict: bool) -> None:
    ours = Authority(tmp_path).issue(HOST)
    assert handshake(trusting(ours, strict=strict), showing(ours)) == ""
    assert handshake(trusting(ours, strict=strict), showing(ours), "www.example.com") != ""
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other").issue(HOST)
    assert handshake(trusting(ours, strict=strict), showing(other)) == "unable to get local issuer certificate"


def test_a_self_signed_certificate_may_be_trusted_itself_but_one_alone_is_refused(tmp_path: Path) -> None:
    alone = Authority(tmp_path).issue(HOST, self_signed=True)
    assert handshake(trusting(alone), showing(alone)) == ""
    assert handshake(client_context(), showing(alone)) == "self-signed certificate"


NOBODY = "certificate names nobody: it has no subjectAltName"
NO_HOST = "certificate names no host: its subjectAltName has no dNSName"
NO_ADDRESS = "certificate names no address: its subjectAltName has no iPAddress"
OTHER, OTHER_ADDRESS = "certificate is for another name", "certificate is for another address"


@pytest.mark.parametrize(
    ("names", "host", "words"),
    [
        ([], "api.example.com", NOBODY),  # RFC 9525 2: the common name counts for nothing
        ([], "192.0.2.1", NOBODY),
        (["192.0.2.1"], "api.example.com", NO_HOST),
        (["192.0.2.1"], "192.0.2.1", ""),
        (["192.0.2.1"], "192.0.2.2", OTHER_ADDRESS),
        (["2001:db8::1"], "2001:db8:0::1", ""),
        (["api.example.com"], "192.0.2.1", NO_ADDRESS),
        (["www.example.com"], "api.example.com", OTHER),
        (["API.Example.com"], "api.example.com", ""),
        (["www.example.com", "api.example.com"], "api.example.com", ""),
        (["api.example.com"], "api.example.com.", ""),
        (["*.example.com"], "api.example.com", ""),
        (["*.example.com"], "api.example.com.", ""),
        (["*.example.com"], "example.com", OTHER),
        (["*.example.com"], "a.b.example.com", OTHER),  # RFC 9525 6.3: one label
        (["a*.example.com"], "api.example.com", OTHER),  # and the whole of it
        (["*.local"], "api.local", OTHER),  # a wildcard for all of a top-level domain
        (["a_b.example.com"], "a_b.example.com", ""),
        (["*.example.com"], "a_b.example.com", ""),  # browsers, curl and Go take it
        (["*.example.com"], "A_b.Example.com", ""),
        (["*.a_b.example.com"], "api.a_b.example.com", ""),
        (["*.example.com"], "a.b_c.example.com", OTHER),
        (["*.local"], "a_b.local", OTHER),
        (["a_b.example.com"], "a_c.example.com", OTHER),
        ([], "a_b.example.com", NOBODY),
    ],
)
def test_whom_a_certificate_is_for_is_said_by_its_alternative_names(
    tmp_path: Path, names: list[str], host: str, words: str
) -> None:
    authority = Authority(tmp_path)
    server = showing(authority.issue("api.example.com", names=names))
    assert handshake(trusting(authority.root), server, host) == words


@pytest.mark.parametrize(
    ("common", "names", "host", "words"),
    [
        ("api.example.com", [], "api.example.com", ""),
        ("api.example.com", ["192.0.2.1"], "api.example.com", ""),
        ("api.example.com", ["www.example.com"], "api.example.com", OTHER),
        ("*.example.com", [], "api.example.com", ""),
        ("*.example.com", [], "a_b.example.com", ""),
        ("www.example.com", [], "api.example.com", OTHER),
        ("www.example.com", [], "a_b.example.com", OTHER),
        ("192.0.2.1", [], "192.0.2.1", NO_ADDRESS),
    ],
)
def test_the_common_name_counts_where_it_is_asked_for_and_there_is_no_other(
    tmp_path: Path, common: str, names: list[str], host: str, words: str
) -> None:
    authority = Authority(tmp_path)
    context = client_context(common_name=True)
    context.load_verify_locations(cadata=authority.root.read_text())
    assert handshake(context, showing(authority.issue(common, names=names)), host) == words


def test_a_name_with_an_underscore_is_still_verified(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = trusting(authority.root)
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    for _ in range(2):
        assert handshake(context, showing(stranger.issue("a_b.example.com")), "a_b.example.com") != ""
        assert handshake(context, showing(authority.issue("www.example.com")), "a_b.example.com") == OTHER
        assert handshake(context, showing(authority.issue("www.example.com")), HOST) == OTHER
    assert context.check_hostname


def test_nothing_is_left_to_the_defaults_of_a_python() -> None:
    lenient = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    for context in (client_context(), server_context()):
        assert context.verify_flags == lenient
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        offered = {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"}
        assert "ECDHE-RSA-AES128-GCM-SHA256" in offered
        assert all(name.startswith(("ECDHE-", "DHE-")) and not name.endswith("-SHA") for name in offered)
    assert client_context(strict=True).verify_flags == lenient | ssl.VERIFY_X509_STRICT
    assert server_context(strict=True).verify_flags == lenient | ssl.VERIFY_X509_STRICT


def test_legacy_goes_on_where_a_server_lacks_secure_renegotiation() -> None:
    legacy = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT; no server at hand lacks RFC 5746
    assert client_context(ciphers=Ciphers.LEGACY).options & legacy
    assert not client_context().options & legacy


def test_a_context_of_ours_may_be_asked_to_trust_nobody(tmp_path: Path) -> None:
    assert client_context(system_roots=False).get_ca_certs() == []


def test_keys_are_logged_for_who_debugs_but_not_those_of_a_listener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert client_context().keylog_filename == str(tmp_path / "keys")
    assert server_context().keylog_filename is None
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    assert client_context().keylog_filename is None
