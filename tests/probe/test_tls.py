"""Certificates and handshakes of every kind, against real servers: each failure has its own reason."""

import asyncio
import datetime
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gtm.health.reading import Reading, Reason
from gtm.zone.model import MonitorType
from gtm.zone.settings import (
    TlsSettings,
)
from tests.fakes.certificates import DAY, Authority
from tests.fakes.endpoints import (
    answers,
    closed_port,
    hangs,
    says,
)
from tests.probe.reading import SOON_S, check_of, outcome, reading_from, reading_of


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


def test_a_server_without_tls_is_a_tls_failure() -> None:
    reading = reading_from(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), type=MonitorType.HTTPS, timeout_s=SOON_S)
    assert reading.reason in {Reason.TLS, Reason.TIMEOUT}


def test_tcp_with_tls_verifies_as_https_does(authority: Authority) -> None:
    good, other = authority.context("127.0.0.1"), authority.context("api.example.com")
    for tls, reason in ((good, Reason.OK), (other, Reason.CERT_NAME)):
        reading = reading_from(hangs, tls=tls, extra_ca=authority.root, type=MonitorType.TCP, tls_settings=True)
        assert reading.reason is reason


def test_a_certificate_that_ends_soon_says_so(authority: Authority) -> None:
    tls = authority.context("api.example.com", ends=DAY)
    wall = datetime.datetime.now(datetime.UTC).timestamp()
    reading = https_reading(authority, tls, at=wall, tls_settings=TlsSettings(min_days=14))
    assert reading.reason is Reason.CERT_EXPIRING
    assert reading.detail == "certificate expires in 1.0 days; 14 are wanted"
    assert https_reading(authority, tls, at=wall, tls_settings=TlsSettings(min_days=1, server_name="")).reason in {
        Reason.OK,
        Reason.CERT_EXPIRING,
    }


@pytest.mark.slow
@pytest.mark.tool("openssl")
@pytest.mark.parametrize(("version", "wanted"), [("-tls1", "1.2"), ("-tls1_1", "1.2"), ("-tls1_2", "1.3")])
def test_an_endpoint_that_speaks_old_tls_alone_says_so(authority: Authority, version: str, wanted: str) -> None:
    """By OpenSSL's own server: Python's closes the connection before its alert is out."""
    port = closed_port()
    file = str(authority.issue("api.example.com"))
    options = ("-cert", file, "-key", file, version, "-cipher", "ALL:@SECLEVEL=0", "-www", "-quiet")
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        reading = _once_open(port, authority.root, TlsSettings(min_version=wanted))
    finally:
        server.kill()
        server.wait()
    assert reading.reason is Reason.TLS_VERSION, reading


def _once_open(port: int, root: Path, tls: TlsSettings) -> Reading:
    """Reads until somebody listens."""
    check = check_of(port, type=MonitorType.HTTPS, host="api.example.com", tls_settings=tls)
    for _ in range(1000):
        reading = asyncio.run(reading_of(check, root))
        if reading.reason is not Reason.REFUSED:
            break
    return reading


def test_a_client_certificate_is_shown_where_it_is_asked_for(authority: Authority) -> None:
    tls = authority.context("api.example.com")
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(authority.root)
    own = str(authority.issue("probe"))
    assert https_reading(authority, tls, tls_settings=TlsSettings(client_certificate=own)).ok
    assert https_reading(authority, tls).reason in {Reason.TLS_CLIENT, Reason.RESET}


def test_a_certificate_that_nobody_verifies_may_be_anything(authority: Authority) -> None:
    tls = authority.context("other.example.com", self_signed=True, ends=-DAY / 2)
    assert https_reading(authority, tls, tls_settings=TlsSettings(verify=False)).ok
