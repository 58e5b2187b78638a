"""Certificates and handshakes of every kind, against real servers: each failure has its own reason."""

import asyncio
import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest

from gtm.health.certificate import DAY_S
from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.tls import days_left
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Settings, TlsSettings
from tests.fakes import checks
from tests.fakes.certificates import DAY, Authority, Root, showing
from tests.fakes.endpoints import answers, hangs
from tests.fakes.openssl import openssl_server
from tests.fakes.permits import permits
from tests.probe.reading import outcome, reading_from, reading_of


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def https_reading(authority: Authority, tls: ssl.SSLContext, **monitor: Any) -> Reading:
    monitor = {"host": "api.example.com", **monitor}
    return reading_from(answers(), tls=tls, extra_ca=authority.root, type=MonitorType.HTTPS, **monitor)


def test_a_good_certificate_for_the_monitors_host_is_good(authority: Authority) -> None:
    asked: list[str | None] = []
    tls = authority.context("api.example.com")
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    assert outcome(https_reading(authority, tls)) == (Reason.OK, "")
    assert asked == ["api.example.com"]


def test_a_certificate_for_the_address_is_good_without_a_host(authority: Authority) -> None:
    assert outcome(https_reading(authority, authority.context("127.0.0.1"), host="")) == (Reason.OK, "")


def test_an_expired_certificate_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", starts=-2 * DAY, ends=-datetime.timedelta(hours=1))
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_EXPIRED, "certificate has expired")


def test_a_certificate_of_tomorrow_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", starts=DAY, ends=2 * DAY)
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_EARLY, "certificate is not valid yet")


def test_a_self_signed_certificate_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", self_signed=True)
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_SELF_SIGNED, "certificate is self-signed")


def test_a_certificate_of_a_stranger_says_so(authority: Authority, tmp_path: Path) -> None:
    tls = Authority(tmp_path).context("api.example.com")
    reading = https_reading(authority, tls)
    assert reading.reason is Reason.CERT_UNTRUSTED
    assert "trusted" in reading.detail or "signature" in reading.detail


def test_a_certificate_for_another_name_says_so(authority: Authority) -> None:
    tls = authority.context("www.example.net")
    assert outcome(https_reading(authority, tls)) == (Reason.CERT_NAME, "certificate is for another name")


def test_a_certificate_for_another_address_says_so(authority: Authority) -> None:
    tls = authority.context("127.0.0.9")
    assert outcome(https_reading(authority, tls, host="")) == (Reason.CERT_NAME, "certificate is for another address")


def test_a_server_without_tls_says_so() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()

    kinds: tuple[dict[str, Any], ...] = (
        {"type": MonitorType.HTTPS},
        {"type": MonitorType.TCP, "tls_settings": TlsSettings()},
    )
    for kind in kinds:
        assert outcome(reading_from(plain, **kind)) == (Reason.TLS, "the endpoint speaks no TLS")


def test_tcp_with_tls_verifies_as_https_does(authority: Authority) -> None:
    good, other = authority.context("127.0.0.1"), authority.context("api.example.com")
    for tls, reason in ((good, Reason.OK), (other, Reason.CERT_NAME)):
        reading = reading_from(
            hangs, tls=tls, extra_ca=authority.root, type=MonitorType.TCP, tls_settings=TlsSettings()
        )
        assert reading.reason is reason


def test_a_certificate_that_ends_soon_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", ends=10 * DAY)
    now = datetime.datetime.now(datetime.UTC).timestamp()
    wanted = TlsSettings(min_days=8)
    assert https_reading(authority, tls, at=now + 1 * DAY_S, tls_settings=wanted).ok
    soon = https_reading(authority, tls, at=now + 3 * DAY_S, tls_settings=wanted)
    assert outcome(soon) == (Reason.CERT_EXPIRING, "certificate expires in 7.0 days; 8 are wanted")
    assert https_reading(authority, tls, at=now + 3 * DAY_S).ok, "nothing is asked for by default"
    sooner = https_reading(authority, tls, at=now + 3 * DAY_S, tls_settings=TlsSettings(min_days=8, verify=False))
    assert sooner.reason is Reason.CERT_EXPIRING


class Unreadable(ssl.SSLObject):
    """The TLS of an endpoint whose certificate OpenSSL alone can read."""

    def __init__(self) -> None: ...

    def getpeercert(self, binary_form: object = False) -> Any:  # noqa: FBT002  # as ssl has it
        return b"no certificate"


def test_of_a_certificate_that_cannot_be_read_nobody_says_when_it_ends() -> None:
    words = "when the certificate ends is not known: it cannot be read"
    assert days_left(Unreadable(), TlsSettings(min_days=8), wall=0.0) == CheckOutcome(Reason.UNREAD, words)
    assert days_left(Unreadable(), TlsSettings(), wall=0.0) == PASSED


def test_a_certificate_that_clients_take_is_good_and_bad_where_strictness_is_asked_for(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    without_issuer = showing(authority.issue("api.example.com", identifies_issuer=False))
    assert https_reading(authority, without_issuer).ok
    strict = https_reading(authority, without_issuer, tls_settings=TlsSettings(strict=True))
    assert outcome(strict) == (Reason.CERT_UNTRUSTED, "Missing Authority Key Identifier")
    whole = authority.context("api.example.com")
    assert https_reading(authority, whole, tls_settings=TlsSettings(strict=True)).ok


@pytest.mark.parametrize("kind", [MonitorType.HTTPS, MonitorType.TCP])
def test_an_old_private_authority_is_one_and_a_pinned_certificate_is_its_own(tmp_path: Path, kind: MonitorType) -> None:
    authority = Authority(tmp_path, Root.FIRST_VERSION)
    issued = authority.issue("127.0.0.1")
    for trusted in (authority.root, issued):
        reading = reading_from(
            answers() if kind is MonitorType.HTTPS else hangs,
            tls=showing(issued),
            permitted=permits(authorities={"ours": trusted}),
            type=kind,
            tls_settings=TlsSettings(ca="ours"),
        )
        assert outcome(reading) == (Reason.OK, "")


def test_a_pinned_certificate_is_no_root_for_others_and_is_verified_as_any_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pinned, old = authority.issue("127.0.0.1"), authority.issue("127.0.0.1", ends=-DAY / 2)

    def reading(trusted: Path, shown: Path, name: str = "") -> Reading:
        tls = TlsSettings(ca="ours", server_name=name)
        permitted = permits(authorities={"ours": trusted})
        return reading_from(hangs, tls=showing(shown), permitted=permitted, type=MonitorType.TCP, tls_settings=tls)

    assert reading(pinned, authority.issue("127.0.0.1")).reason is Reason.CERT_UNTRUSTED
    assert reading(pinned, pinned, "api.example.com").reason is Reason.CERT_NAME
    assert reading(old, old).reason is Reason.CERT_EXPIRED


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "certificate names nobody: it has no subjectAltName"),
        (["192.0.2.1"], "certificate names no host: its subjectAltName has no dNSName"),
    ],
)
@pytest.mark.parametrize("kind", [MonitorType.HTTPS, MonitorType.TCP])
def test_a_common_name_is_no_name_of_a_host(
    authority: Authority, names: list[str], words: str, kind: MonitorType
) -> None:
    tls = showing(authority.issue("api.example.com", names=names))
    monitor: dict[str, Any] = (
        {"host": "api.example.com"}
        if kind is MonitorType.HTTPS
        else {"tls_settings": TlsSettings(server_name="api.example.com")}
    )
    reading = reading_from(answers(), tls=tls, extra_ca=authority.root, type=kind, **monitor)
    assert outcome(reading) == (Reason.CERT_NAME, words)
    for way_out in (TlsSettings(verify=False), TlsSettings(takes_common_name=True)):
        assert https_reading(authority, tls, tls_settings=way_out).ok


def test_a_wildcard_is_for_a_host_with_an_underscore_and_its_certificate_is_shown(authority: Authority) -> None:
    tls = authority.context("*.example.com")
    good = https_reading(authority, tls, host="api_2.example.com")
    assert good.ok
    assert good.certificate is not None
    other = https_reading(authority, tls, host="api_2.example.net")
    assert outcome(other) == (Reason.CERT_NAME, "certificate is for another name")


def at_openssl(
    authority: Authority,
    *options: str,
    tls: TlsSettings,
    kind: MonitorType = MonitorType.HTTPS,
    own: Path | None = None,
    rsa_bits: int = 0,
) -> Reading:
    with openssl_server(authority.issue("127.0.0.1", rsa_bits=rsa_bits), *options) as port:
        settings: Settings = HttpSettings(secure=True, tls=tls)
        if kind is MonitorType.TCP:
            settings = TcpSettings(send=b"GET / HTTP/1.0\r\n\r\n", expect=b"200", tls=tls)
        check = checks.check_of(settings, port=port)
        kept = permits(certificates={} if own is None else {"own": own})
        return asyncio.run(reading_of(check, authority.root, permitted=kept))


@pytest.mark.tool("openssl")
@pytest.mark.parametrize(("version", "wanted"), [("-tls1", "1.2"), ("-tls1_1", "1.2"), ("-tls1_2", "1.3")])
@pytest.mark.parametrize("kind", [MonitorType.HTTPS, MonitorType.TCP])
def test_an_endpoint_that_speaks_old_tls_alone_says_so(
    authority: Authority, version: str, wanted: str, kind: MonitorType
) -> None:
    old = (version, "-cipher", "ALL:@SECLEVEL=0")
    reading = at_openssl(authority, *old, tls=TlsSettings(min_version=wanted), kind=kind)
    assert outcome(reading) == (Reason.TLS_VERSION, "tlsv1 alert protocol version")


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_an_endpoint_that_is_new_enough_is_good(authority: Authority, version: str) -> None:
    assert at_openssl(authority, version, tls=TlsSettings(min_version="1.2")).ok


def legacy(min_version: str = "1.2") -> TlsSettings:
    return TlsSettings(min_version=min_version, takes_legacy_ciphers=True)


OLD_SUITES = ("-cipher", "ALL:@SECLEVEL=0")


@pytest.mark.slow
@pytest.mark.tool("openssl")
@pytest.mark.parametrize(
    ("version", "oldest", "reason"),
    [
        ("-tls1", "1.0", Reason.OK),
        ("-tls1_1", "1.0", Reason.OK),
        ("-tls1_3", "1.0", Reason.OK),
        ("-tls1", "1.1", Reason.TLS_VERSION),
        ("-tls1_1", "1.1", Reason.OK),
        ("-tls1_1", "1.2", Reason.TLS_VERSION),
    ],
)
def test_an_endpoint_may_be_as_old_as_its_monitor_says(
    authority: Authority, version: str, oldest: str, reason: Reason
) -> None:
    reading = at_openssl(authority, version, *OLD_SUITES, tls=legacy(oldest), rsa_bits=2048)
    assert reading.reason is reason
    by_default = at_openssl(authority, version, *OLD_SUITES, tls=TlsSettings(), rsa_bits=2048)
    assert by_default.reason is (Reason.OK if version == "-tls1_3" else Reason.TLS_VERSION)


@pytest.mark.slow
@pytest.mark.tool("openssl")
@pytest.mark.parametrize("suite", ["AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-SHA"])
@pytest.mark.parametrize("kind", [MonitorType.HTTPS, MonitorType.TCP])
def test_rsa_key_exchange_and_cbc_are_for_those_who_ask_for_them(
    authority: Authority, suite: str, kind: MonitorType
) -> None:
    server = ("-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
    refused = at_openssl(authority, *server, tls=TlsSettings(), kind=kind, rsa_bits=2048)
    assert outcome(refused) == (Reason.TLS, "the endpoint refused: it wants a client certificate, or other ciphers")
    assert at_openssl(authority, *server, tls=legacy(), kind=kind, rsa_bits=2048).ok


@pytest.mark.tool("openssl")
def test_a_short_key_is_for_those_who_ask_for_it(authority: Authority) -> None:
    reading = at_openssl(authority, *OLD_SUITES, tls=TlsSettings(), rsa_bits=1024)
    assert outcome(reading) == (
        Reason.CERT_UNTRUSTED,
        "certificate has a key that is too short; `ciphers: legacy` takes it",
    )
    assert at_openssl(authority, *OLD_SUITES, tls=legacy(), rsa_bits=1024).ok


GROUP_OF_1024_BITS = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAMQMBUW5D5coAu9mWVHYPIaEiGc99JlnkO9DecvVQhXk0zH9ec/DPIDY
R81EcOqZ3EPM1HLIo3AenKqFNFRyGR3XjsYqQWWcWvCjRdWUXWcDDv3ylS6T2Bn6
v4OtTSNfRwogxkRZTcVyzKMbyle/QeAImKmJUE7IoRONeJddcJjfAgEC
-----END DH PARAMETERS-----
"""


@pytest.mark.slow
@pytest.mark.tool("openssl")
def test_a_small_group_is_for_those_who_ask_for_it(authority: Authority, tmp_path: Path) -> None:
    group = tmp_path / "group.pem"
    group.write_text(GROUP_OF_1024_BITS)
    server = ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0", "-dhparam", str(group))
    words = "the endpoint has a Diffie-Hellman group that is too small; `ciphers: legacy` takes it"
    assert outcome(at_openssl(authority, *server, tls=TlsSettings(), rsa_bits=2048)) == (Reason.TLS, words)
    assert at_openssl(authority, *server, tls=legacy(), rsa_bits=2048).ok


@pytest.mark.tool("openssl")
def test_legacy_verifies_all_the_same(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    with openssl_server(stranger.issue("127.0.0.1", rsa_bits=2048), "-tls1", *OLD_SUITES) as port:
        check = checks.check_of(HttpSettings(secure=True, tls=legacy("1.0")), port=port)
        reading = asyncio.run(reading_of(check, authority.root, permitted=permits()))
    assert reading.reason is Reason.CERT_UNTRUSTED


def asks_for_a_certificate(authority: Authority) -> tuple[str, ...]:
    return ("-Verify", "1", "-verify_return_error", "-CAfile", str(authority.root))


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("kind", [MonitorType.HTTPS, MonitorType.TCP])
def test_an_endpoint_that_wants_another_client_says_so(authority: Authority, tmp_path: Path, kind: MonitorType) -> None:
    asks, shows = asks_for_a_certificate(authority), TlsSettings(client_certificate="own")
    assert at_openssl(authority, *asks, tls=shows, kind=kind, own=authority.issue("probe")).ok
    nobody = at_openssl(authority, "-tls1_3", *asks, tls=TlsSettings(), kind=kind)
    assert outcome(nobody) == (Reason.TLS_CLIENT, "tlsv13 alert certificate required")
    strangers = Authority(tmp_path).issue("probe")
    assert at_openssl(authority, *asks, tls=shows, kind=kind, own=strangers).reason is Reason.TLS_CLIENT


@pytest.mark.tool("openssl")
def test_with_tls_1_2_a_missing_client_certificate_is_one_of_two_guesses(authority: Authority) -> None:
    nobody = at_openssl(authority, "-tls1_2", *asks_for_a_certificate(authority), tls=TlsSettings())
    assert outcome(nobody) == (Reason.TLS, "the endpoint refused: it wants a client certificate, or other ciphers")


def test_a_certificate_that_nobody_verifies_may_be_anything(authority: Authority) -> None:
    tls = authority.context("other.example.com", self_signed=True, ends=-DAY / 2)
    assert https_reading(authority, tls, tls_settings=TlsSettings(verify=False)).ok
