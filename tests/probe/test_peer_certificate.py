import asyncio
import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.certificate import DAY_S
from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.peer_certificate import listening, show
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import TlsSettings
from tests.fakes.certificates import DAY, Authority
from tests.fakes.endpoints import answers
from tests.probe.reading import reading_from


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def read(authority: Authority, kind: MonitorType, **monitor: Any) -> Reading:
    tls = authority.context("127.0.0.1", ends=10 * DAY)
    return reading_from(answers(), tls=tls, extra_ca=authority.root, type=kind, **monitor)


@pytest.mark.parametrize(
    ("kind", "monitor"),
    [
        (MonitorType.HTTPS, {}),
        (MonitorType.HTTPS, {"tls_settings": TlsSettings(verify=False)}),
        (MonitorType.TCP, {"tls_settings": TlsSettings()}),
        (MonitorType.DENY, {"secure": True}),
    ],
)
def test_a_reading_over_tls_has_the_certificate_that_the_endpoint_showed(
    authority: Authority, kind: MonitorType, monitor: dict[str, Any]
) -> None:
    certificate = read(authority, kind, **monitor).certificate
    assert certificate is not None
    now = datetime.datetime.now(datetime.UTC).timestamp()
    assert certificate.ends_at == pytest.approx(now + 10 * DAY_S, abs=60)
    assert certificate.starts_at < now


def test_a_handshake_that_failed_shows_nothing(authority: Authority, tmp_path: Path) -> None:
    strange = Authority(tmp_path).context("127.0.0.1")
    reading = reading_from(answers(), tls=strange, extra_ca=authority.root, type=MonitorType.HTTPS)
    assert reading.reason is Reason.CERT_UNTRUSTED
    assert reading.certificate is None


def test_a_check_without_tls_shows_nothing() -> None:
    assert reading_from(answers()).certificate is None


def test_the_last_of_several_is_kept_and_what_is_shown_outside_goes_nowhere() -> None:
    show(b"nobody listens")
    with listening() as shown:
        show(b"one")
        show(None)
        show(b"two")
    show(b"three")
    assert shown.der == b"two"


def test_checks_at_the_same_time_do_not_hear_each_other() -> None:
    async def check(word: bytes) -> bytes:
        with listening() as shown:
            await asyncio.sleep(0)
            show(word)
            await asyncio.sleep(0)
            return shown.der

    async def both() -> list[bytes]:
        return list(await asyncio.gather(check(b"one"), check(b"two")))

    assert asyncio.run(both()) == [b"one", b"two"]


@given(st.binary())
def test_no_bytes_of_an_endpoint_make_it_raise(der: bytes) -> None:
    with listening() as shown:
        show(der)
    assert shown.certificate is None
