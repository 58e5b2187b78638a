"""The phases of checks against real servers on loopback, by a clock that goes on a second whenever it is read."""

import asyncio
import ssl
from pathlib import Path

import pytest

from gtm.health.verdict.reading import NO_PHASES, Phases, Reading, Reason
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.probe.stopwatch import Phase, Stopwatch, lap, timing
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.settings import Settings, TlsSettings
from tests.fakes.certificates import Authority
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import Conversation, answers, closed_port, endpoint, hangs, says
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver


class TickingClock(FakeClock):
    def monotonic(self) -> float:
        self.advance(1.0)
        return super().monotonic()


def test_a_lap_ends_the_phase_since_the_one_before() -> None:
    clock = FakeClock()
    stopwatch = Stopwatch(clock)
    clock.advance(0.5)
    stopwatch.lap(Phase.DNS)
    clock.advance(2.0)
    stopwatch.lap(Phase.CONNECT)
    assert stopwatch.phases == Phases(dns_s=0.5, connect_s=2.0)


def test_a_phase_of_a_second_connection_is_added() -> None:
    clock = FakeClock()
    stopwatch = Stopwatch(clock)
    for _ in range(2):
        clock.advance(0.25)
        stopwatch.lap(Phase.CONNECT)
    assert stopwatch.phases == Phases(connect_s=0.5)


def test_each_task_has_its_own_stopwatch() -> None:
    clock = FakeClock()

    async def measured(phase: Phase) -> Phases:
        stopwatch = Stopwatch(clock)
        with timing(stopwatch):
            await asyncio.sleep(0)
            lap(phase)
            await asyncio.sleep(0)
        lap(Phase.TLS)  # nothing runs here
        return stopwatch.phases

    async def both() -> list[Phases]:
        return [*await asyncio.gather(measured(Phase.DNS), measured(Phase.CONNECT))]

    assert asyncio.run(both()) == [Phases(dns_s=0.0), Phases(connect_s=0.0)]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def read_from(
    conversation: Conversation,
    settings: Settings,
    *,
    target: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
    root: Path | None = None,
) -> Reading:
    async def run() -> Reading:
        async with (
            endpoint(conversation, tls=tls) as port,
            open_instruments(
                TickingClock(),
                resolver=FakeResolver({"api.example.com": "127.0.0.1"}),
                extra_ca=root,
                permits=permits(),
            ) as instruments,
        ):
            instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
            return await read(check_of(settings, target=target, port=port), instruments)

    return asyncio.run(run())


def had(reading: Reading) -> set[str]:
    phases = reading.phases
    each = (("dns", phases.dns_s), ("connect", phases.connect_s), ("tls", phases.tls_s), ("head", phases.first_byte_s))
    taken = {name: taken_s for name, taken_s in each if taken_s is not None}
    assert all(taken_s > 0 for taken_s in taken.values())
    assert sum(taken.values()) < reading.took_s
    return set(taken)


def test_http_has_no_handshake_and_an_address_no_name_to_resolve() -> None:
    assert had(read_from(answers(), HttpSettings(secure=False))) == {"connect", "head"}
    assert had(read_from(answers(), HttpSettings(secure=False), target="api.example.com")) == {"dns", "connect", "head"}


def test_https_has_every_phase(authority: Authority) -> None:
    tls = authority.context("api.example.com")
    reading = read_from(answers(), HttpSettings(secure=True), target="api.example.com", tls=tls, root=authority.root)
    assert reading.ok
    assert had(reading) == {"dns", "connect", "tls", "head"}


def test_a_check_that_fails_tells_how_far_it_came(authority: Authority) -> None:
    tls = authority.context("www.example.net")
    other_name = read_from(answers(), HttpSettings(secure=True), tls=tls, root=authority.root)
    assert other_name.reason is Reason.CERT_NAME
    assert had(other_name) == {"connect"}
    assert had(read_from(says(b""), HttpSettings(secure=False))) == {"connect"}


def test_tcp_has_a_first_byte_where_one_is_expected(authority: Authority) -> None:
    assert had(read_from(hangs, TcpSettings())) == {"connect"}
    assert had(read_from(says(b"220 ready"), TcpSettings(send=b"\r\n\r\n", expect=b"220"))) == {"connect", "head"}
    with_tls = TcpSettings(tls=TlsSettings())
    tls = authority.context("127.0.0.1")
    assert had(read_from(hangs, with_tls, tls=tls, root=authority.root)) == {"connect", "tls"}


def test_a_closed_port_has_no_phases() -> None:
    async def run() -> Reading:
        async with open_instruments(FakeClock(), resolver=FakeResolver(), permits=permits()) as instruments:
            return await read(check_of(HttpSettings(secure=False), port=closed_port()), instruments)

    assert asyncio.run(run()).phases == NO_PHASES
