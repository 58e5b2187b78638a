"""A subscriber gets every event; a slow or failing one costs itself events, and nobody else anything."""

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest

from gtm.counters import Counters
from gtm.event import Event, EventKind, Recorded
from gtm.ids import NodeName
from gtm.node.events.log import EventLog
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal


class Listener:
    """Keeps the subjects that it got, or raises `error`; while `held` is clear it hangs."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.error: Exception | None = None
        self.held = threading.Event()
        self.held.set()
        self.tried = threading.Event()
        self.closed = 0

    def take(self, events: Sequence[Recorded]) -> None:
        self.tried.set()
        self.held.wait(30)
        if self.error is not None:
            raise self.error
        self.subjects += [event.subject for event in events]

    def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error


class Recording:
    """An event log with a subscriber beside its files."""

    def __init__(self) -> None:
        self.counters, self.files, self.listener = Counters(), FakeJournal(), Listener()
        self.log = EventLog(self.files, NodeName("ns1"), clock=FakeClock(), counters=self.counters)

    def subscribe(self, *, most_waiting: int = 100) -> None:
        self.log.subscribe("alerts", self.listener, trouble="alerts cannot be sent", most_waiting=most_waiting)

    def record(self, count: int) -> list[str]:
        """Records events; gives their subjects."""
        subjects = [str(number) for number in range(count)]
        for subject in subjects:
            self.log.record(Event(EventKind.PLAN, subject, f"about {subject}"))
        return subjects

    @property
    def written(self) -> list[str]:
        """The subjects in the files."""
        return [event.subject for event in self.files.events]

    def lost(self, reason: str) -> int:
        return self.counters.count("events_undelivered", subscriber="alerts", reason=reason)


@pytest.fixture
def recording() -> Iterator[Recording]:
    made = Recording()
    yield made
    made.listener.held.set()


@pytest.mark.parametrize("is_early", [True, False], ids=["before the start", "after it"])
def test_a_subscriber_gets_every_event_from_then_on_in_order(recording: Recording, *, is_early: bool) -> None:
    if is_early:
        recording.subscribe()
    recording.log.start()
    if not is_early:
        recording.subscribe()
    subjects = recording.record(60)
    recording.log.close()
    assert recording.listener.subjects == recording.written == subjects
    assert recording.listener.closed == 1
    assert not recording.counters.snapshot()


def test_one_that_hangs_loses_what_does_not_fit_is_told_once_and_delays_nobody(
    recording: Recording, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.node.events.log.CLOSE_LIMIT_S", 0.05)
    recording.subscribe(most_waiting=10)
    recording.listener.held.clear()
    recording.log.start()
    first = recording.record(1)
    assert recording.listener.tried.wait(30)
    subjects = recording.record(50)
    recording.log.close()
    recording.log._files.wait_for_end(30)
    assert recording.written == first + subjects
    assert [event.subject for event in recording.log.recent(since=0.0)] == first + subjects
    assert recording.lost("queue_full") == 40
    assert not recording.counters.count("events_lost", reason="queue_full"), "the files lost nothing"
    lines = [line for line in caplog.messages if line.startswith("events: ")]
    assert lines == ["events: 10 wait for the alerts already; what comes on top is lost and counted"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(111, "Connection refused"), "events: alerts cannot be sent: Connection refused; going on without it"),
        (KeyError("x"), "events: alerts cannot be sent: KeyError: 'x'; going on without it"),
    ],
)
def test_one_that_fails_loses_what_it_failed_to_take_and_gets_what_follows(
    recording: Recording, caplog: pytest.LogCaptureFixture, error: Exception, line: str
) -> None:
    recording.subscribe()
    recording.listener.error = error
    recording.listener.held.clear()
    recording.log.start()
    subjects = recording.record(1)
    assert recording.listener.tried.wait(30)
    subjects += recording.record(5)
    recording.listener.held.set()
    recording.log.close()
    assert recording.written == subjects
    assert recording.listener.subjects == []
    assert recording.lost("failure") == 6
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told.count(line) == 1
