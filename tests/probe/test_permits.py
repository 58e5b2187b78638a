"""What the node file lets checks use: a zone file has names and nothing else, whatever is on the machine."""

import asyncio
import logging
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gtm.checks.model import Check
from gtm.counters import Counters
from gtm.errors import NotPermitted
from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.probe.permits import KeptCertificate, KeptSecret, Permits, check_permits
from gtm.probe.prober import Prober
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.settings import Secret, Settings, TlsSettings
from tests.fakes.checks import check_of, reading_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import closed_port
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver
from tests.fakes.sleep import FakeSleep

SENT = (("Authorization", Secret("api")),)
OWN, ROOTS = TlsSettings(client_certificate="api"), TlsSettings(ca="api")
NEEDS: dict[str, tuple[Settings, str]] = {
    "http header": (HttpSettings(secure=False, headers=SENT), 'secret "api"'),
    "https header": (HttpSettings(secure=True, headers=SENT), 'secret "api"'),
    "deny header": (DenySettings(HttpSettings(secure=False, headers=SENT)), 'secret "api"'),
    "push token": (PushSettings(30.0, Secret("api")), 'secret "api"'),
    "https certificate": (HttpSettings(secure=True, tls=OWN), 'certificate "api"'),
    "deny certificate": (DenySettings(HttpSettings(secure=True, tls=OWN)), 'certificate "api"'),
    "tcp certificate": (TcpSettings(tls=OWN), 'certificate "api"'),
    "grpc certificate": (GrpcSettings(tls=OWN), 'certificate "api"'),
    "https roots": (HttpSettings(secure=True, tls=ROOTS), 'authority "api"'),
    "tcp roots": (TcpSettings(tls=ROOTS), 'authority "api"'),
    "grpc roots": (GrpcSettings(tls=ROOTS), 'authority "api"'),
    "program": (ExecSettings(("/bin/true",)), "/bin/true"),
}


def check(settings: Settings, **more: Any) -> Check:
    return check_of(settings, target="192.0.2.1", port=443, **more)


@pytest.mark.parametrize(("settings", "name"), NEEDS.values(), ids=NEEDS)
def test_what_the_node_file_does_not_list_makes_a_check_unread(settings: Settings, name: str) -> None:
    reading = reading_of(check(settings))
    assert (reading.reason, reading.is_withheld) == (Reason.UNREAD, True)
    assert name in reading.detail
    assert "its file does not list it in probe." in reading.detail


@pytest.mark.parametrize(("settings", "name"), NEEDS.values(), ids=NEEDS)
def test_what_it_lists_for_all_or_for_this_zone_may_be_used_and_not_what_is_for_others(
    settings: Settings, name: str
) -> None:
    def listed(*zones: str) -> Permits:
        limit = frozenset(zones) if zones else None
        kept = KeptSecret("api", "env", "X", limit)
        pair = KeptCertificate(Path("x.pem"), None, limit)
        return Permits({"/bin/true": limit}, {"api": kept}, {"api": pair}, {"api": Path("x.pem")})

    check_permits(check(settings), listed())
    check_permits(check(settings), listed("b.example.com", "gtm.example.com"))
    is_limited = name.startswith(("secret", "certificate", "/bin/true"))
    for scope, zones in (("gtm.example.com", ("b.example.com",)), ("_shared", ("gtm.example.com",))):
        asking = check(settings, scope=scope)
        if is_limited:
            with pytest.raises(NotPermitted, match=f"{name} is not for monitors of {scope}"):
                check_permits(asking, listed(*zones))
        else:
            check_permits(asking, listed(*zones))


def test_a_name_that_is_a_path_or_a_variable_reaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the parser had let it through: what is not listed is not looked for."""
    (tmp_path / "token").write_text("hunter2")
    monkeypatch.setenv("GTM_TEST_TOKEN", "hunter2")
    for name in (str(tmp_path / "token"), "GTM_TEST_TOKEN"):
        settings = HttpSettings(secure=False, headers=(("X-Key", Secret(name)),))
        reading = reading_of(check_of(settings, port=closed_port()))
        assert reading.reason is Reason.UNREAD


def test_a_check_that_is_withheld_is_told_once_and_moves_no_verdict(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Reading] = []
    pushed = check(PushSettings(30.0, Secret("api")), interval_s=1.0)

    async def run() -> Prober:
        clock = FakeClock()
        async with open_instruments(clock, resolver=FakeResolver(), permits=permits()) as instruments:
            instruments.lateness.stop()
            prober = Prober(
                lambda each: read(each, instruments),
                clock,
                random=Random(1),
                counters=Counters(),
                on_unread=lambda _check, reading: told.append(reading),
                sleep=FakeSleep(clock),
            )
            prober.watch([pushed])
            for _ in range(3):
                await prober._read_once(pushed)
            return prober

    with caplog.at_level(logging.WARNING):
        prober = asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == [
        f"probe {pushed.id}: cannot check: {told[0].detail}; further such readings are only counted"
    ]
    assert len(told) == 1
    assert prober.verdicts[pushed.id].bad_run == 0
