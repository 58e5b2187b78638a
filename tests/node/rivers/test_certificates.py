import asyncio
import logging
import time
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.event import Event, EventId, EventKind
from gtm.node.rivers.certificates import Certificates
from gtm.tls.peers import TlsFiles, client_tls, server_tls
from gtm.tls.renewal import LiveTls
from tests.fakes.certificates import DAY, Authority
from tests.fakes.clock import FakeClock


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> EventId:
        self.events.append(event)
        return EventId(str(len(self.events)))


class Stage:
    """A node's listener, and what tells of it."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.file = folder / "tls.pem"
        self.write(days=90)
        self.clock = FakeClock(wall=time.time())
        self.counters = Counters()
        self.told = Told()
        sides = [
            LiveTls("listen", TlsFiles(self.file), server_tls),
            LiveTls("share", TlsFiles(ca=self.authority.root), client_tls),
        ]
        self.certificates = Certificates(sides, clock=self.clock, counters=self.counters, events=self.told)

    def write(self, *, days: float) -> None:
        self.authority.issue("ns1", ends=days * DAY).replace(self.file)

    def look(self, times: int = 2) -> list[EventKind]:
        """The kinds of the events that so many looks come to."""
        self.told.events.clear()
        for _ in range(times):
            asyncio.run(self.certificates.look())
        return [event.kind for event in self.told.events]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_listener_whose_certificate_names_nobody_is_warned_of_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def warnings() -> int:
        return caplog.text.count("has no host and no address in its subjectAltName")

    stage.look()
    assert warnings() == 0
    for issued in (["127.0.0.1"], []):
        stage.authority.issue("ns1", names=issued, ends=90 * DAY).replace(stage.file)
        stage.look(times=4)
        assert warnings() == (not issued)
    stage.write(days=90)
    stage.look()
    stage.authority.issue("ns1", names=[], ends=90 * DAY).replace(stage.file)
    stage.look(times=4)
    assert warnings() == 2


def test_the_certificate_of_who_asks_need_name_no_host(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    shown = TlsFiles(stage.authority.issue("ns1", names=[], ends=90 * DAY))
    live = [LiveTls("share", shown, client_tls)]
    certificates = Certificates(live, clock=stage.clock, counters=stage.counters, events=stage.told)
    asyncio.run(certificates.look())
    assert "subjectAltName" not in caplog.text


def test_nothing_new_is_not_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    assert stage.look() == []
    assert caplog.messages == []
    assert stage.counters.snapshot() == {}
    assert stage.certificates.expiries == {"listen": pytest.approx(time.time() + 90 * 86_400, abs=60)}


def test_a_renewal_is_told_counted_and_seen_in_when_it_expires(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage.write(days=91)
    assert stage.look() == [EventKind.CERTIFICATE_RENEWED]
    [event] = stage.told.events
    assert event.subject == "listen"
    assert event.facts == {"expires_at": stage.certificates.expiries["listen"]}
    assert stage.counters.snapshot() == {'certificate_renewals{outcome="taken",side="listen"}': 1}
    [line] = caplog.messages
    assert line.startswith("TLS of listen: the renewed files serve; it is good until 2")
    assert stage.certificates.expiries["listen"] == pytest.approx(time.time() + 91 * 86_400, abs=60)


def test_a_refusal_is_told_and_counted_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.file.write_text("half a cert")
    assert stage.look(5) == [EventKind.CERTIFICATE_REFUSED]
    assert stage.counters.snapshot() == {'certificate_renewals{outcome="refused",side="listen"}': 1}
    [line] = caplog.messages
    words = "has no certificate in PEM, or no key that fits it"
    assert line == f"TLS of listen: the renewed files are refused, those of before serve on: {stage.file}: {words}"


def test_a_certificate_that_nobody_renews_is_told_once_in_time(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.clock.advance(75 * 86_400)
    assert stage.look() == []
    stage.clock.advance(2 * 86_400)
    assert stage.look(5) == [EventKind.CERTIFICATE_EXPIRING]
    [line] = caplog.messages
    assert line.startswith("TLS of listen: the certificate expires 2")
    stage.write(days=78)
    assert stage.look(5) == [EventKind.CERTIFICATE_RENEWED, EventKind.CERTIFICATE_EXPIRING]
    stage.write(days=300)
    assert stage.look(5) == [EventKind.CERTIFICATE_RENEWED]


def test_it_looks_every_few_seconds_and_not_at_all_where_there_is_nothing_to_look_at(stage: Stage) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    def run(sides: list[LiveTls]) -> None:
        certificates = Certificates(sides, clock=stage.clock, counters=stage.counters, events=stage.told, sleep=pause)
        asyncio.run(certificates.run())

    run([])
    assert pauses == []
    with pytest.raises(asyncio.CancelledError):
        run([LiveTls("listen", TlsFiles(stage.file), server_tls)])
    assert len(pauses) == 3
    assert 0.5 <= pauses[0] <= 5
