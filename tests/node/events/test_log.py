import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from gtm.counters import Counters
from gtm.event import Event, EventId, EventKind, parse_line
from gtm.ids import NodeName
from gtm.node.events import log as events
from gtm.node.events.files import EventFiles, path_of
from gtm.node.events.log import MAX_AT_ONCE, MAX_ODD_AT_ONCE, MAX_RECENT, EventLog
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import START_LIMIT_S, within
from tests.fakes.journal import FakeJournal

FULL = OSError(28, "No space left on device")


class Logged:
    """An event log on a fake disk."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.counters = Counters()
        self.journal = FakeJournal()
        self.log = EventLog(self.journal, NodeName("ns1"), clock=self.clock, counters=self.counters)

    def tell(self, subject: str, *, kind: EventKind = EventKind.PLAN, causes: tuple[EventId, ...] = ()) -> EventId:
        return self.log.record(Event(kind, subject, f"about {subject}", {}, causes))

    def lost(self, reason: str) -> int:
        return self.counters.count("events_lost", reason=reason)


@pytest.fixture
def logged() -> Iterator[Logged]:
    made = Logged()
    yield made
    made.journal.held.set()


def test_an_event_is_written_with_both_times_its_id_and_its_causes(logged: Logged) -> None:
    logged.log.start()
    first = logged.tell("a")
    logged.clock.advance(1.5)
    second = logged.tell("b", causes=(first,))
    logged.log.close()
    a, b = logged.journal.events
    assert (first, second) == ("ns1:1700000000000:1", "ns1:1700000000000:2")
    assert (b.id, b.causes, b.node, b.boot) == (second, (first,), "ns1", 1_700_000_000_000)
    assert (b.at, b.wall, b.monotonic) == ("2023-11-14T22:13:21.500Z", 1_700_000_001.5, 1001.5)
    assert (a.subject, a.message, a.type) == ("a", "about a", "gtm.plan.swapped")
    assert logged.journal.closed == 1


def test_what_was_recorded_before_the_start_is_written_too(logged: Logged) -> None:
    logged.tell("early")
    logged.log.start()
    logged.log.close()
    assert [event.subject for event in logged.journal.events] == ["early"]


def test_a_log_that_was_never_started_closes(logged: Logged) -> None:
    logged.tell("early")
    logged.log.close()
    assert logged.journal.written == b""


def test_a_full_disk_costs_lines_one_word_and_a_counter(logged: Logged, caplog: pytest.LogCaptureFixture) -> None:
    logged.journal.error = FULL
    logged.log.start()
    with caplog.at_level(logging.ERROR):
        for number in range(5):
            logged.tell(str(number))
        logged.log.close()
    assert logged.lost("disk") == 5
    lines = [record.getMessage() for record in caplog.records]
    assert lines == ["events: the log cannot be written: No space left on device; going on without it"]
    assert [event.subject for event in logged.log.recent(since=0.0)] == ["0", "1", "2", "3", "4"], "memory has them"


def test_a_disk_that_has_room_again_is_written_again(logged: Logged) -> None:
    logged.journal.error = FULL
    logged.log.start()
    logged.tell("lost")
    assert logged.journal.tried.wait(30)
    while not logged.lost("disk"):
        time.sleep(0)
    logged.journal.error = None
    logged.tell("kept")
    logged.log.close()
    assert [event.subject for event in logged.journal.events] == ["kept"]


def test_a_disk_that_hangs_delays_nobody_and_the_queue_stays_bounded(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_WAITING", 100)
    monkeypatch.setattr(events, "CLOSE_LIMIT_S", 0.05)
    held = Logged()
    held.journal.held.clear()
    held.log.start()
    held.tell("0")
    assert held.journal.tried.wait(30)
    began = time.monotonic()
    for number in range(1, 501):
        held.tell(str(number))
    assert time.monotonic() - began < 1.0
    assert held.lost("queue_full") == 400
    held.log.close()
    assert held.journal.written == b"", "it stopped all the same"
    held.journal.held.set()


def test_memory_holds_the_last_and_finds_them_by_time_kind_and_id(logged: Logged) -> None:
    ids = []
    for number in range(MAX_RECENT + 10):
        logged.clock.advance(1.0)
        ids.append(logged.tell(str(number), kind=EventKind.PLAN if number % 2 else EventKind.QUORUM_LOST))
    found = logged.log.recent(since=0.0)
    assert [found[0].subject, found[-1].subject, len(found)] == ["10", str(MAX_RECENT + 9), MAX_RECENT]
    assert len(logged.log.recent(since=logged.clock.wall() - 4.0)) == 5
    kinds = frozenset({"gtm.plan.swapped"})
    assert {event.type for event in logged.log.recent(since=0.0, kinds=kinds)} == kinds
    assert [event.id for event in logged.log.recent(since=0.0, after=ids[-3])] == ids[-2:]
    assert len(logged.log.recent(since=0.0, after="gone")) == MAX_RECENT, "an id that is gone leaves nothing out"


@pytest.mark.parametrize("wall", [-1e20, 1e20, 0.0])
def test_a_mad_clock_is_no_reason_to_fail(wall: float) -> None:
    clock = FakeClock(wall=wall)
    log = EventLog(FakeJournal(), NodeName("ns1"), clock=clock, counters=Counters())
    assert log.record(Event(EventKind.PLAN, "s", "m"))


def test_a_flood_of_one_kind_pushes_nothing_else_out(logged: Logged, caplog: pytest.LogCaptureFixture) -> None:
    logged.log.start()
    logged.tell("before", kind=EventKind.CONFIG_APPLIED)
    for number in range(MAX_RECENT * 10):
        logged.tell(str(number), kind=EventKind.ENDPOINT_DEGRADED)
    after = logged.tell("after", kind=EventKind.ENDPOINT_DOWN)
    logged.log.close()
    subjects = [event.subject for event in logged.journal.events]
    assert (subjects[0], subjects[-1], len(subjects)) == ("before", "after", MAX_ODD_AT_ONCE + 2)
    assert [each.subject for each in logged.log.recent(since=0.0)] == subjects
    assert after
    assert logged.lost("flood") == MAX_RECENT * 10 - MAX_ODD_AT_ONCE
    assert [line for line in caplog.messages if "flood" in line] == [
        "events: a flood of gtm.endpoint.degraded; most of them are only counted until it is over"
    ]


def test_an_outage_of_everything_is_no_flood_and_one_that_goes_on_is_told_by_the_second(logged: Logged) -> None:
    for number in range(MAX_AT_ONCE):
        assert logged.tell(str(number), kind=EventKind.ENDPOINT_DOWN)
    assert not logged.tell("one more", kind=EventKind.ENDPOINT_DOWN)
    logged.clock.advance(2.0)
    told = [bool(logged.tell(str(number), kind=EventKind.ENDPOINT_DOWN)) for number in range(100)]
    assert told.count(True) == 2


def test_an_event_that_others_know_by_name_keeps_its_name_in_a_flood(logged: Logged) -> None:
    name = EventId("ns1:verdict:c:1.000")
    for _ in range(MAX_AT_ONCE + 1):
        assert logged.log.record(Event(EventKind.VERDICT, "c", "c is down", id=name)) == name


def test_the_file_is_let_go_at_once_when_asked_and_opened_again_by_the_next_event(tmp_path: Path) -> None:
    clock, counters = FakeClock(), Counters()
    log = EventLog(EventFiles(tmp_path), NodeName("ns1"), clock=clock, counters=counters)
    log.start()
    log.record(Event(EventKind.PLAN, "1", "one"))
    within(START_LIMIT_S, lambda: path_of(tmp_path, 0).exists())
    log.reopen()
    within(START_LIMIT_S, lambda: not is_open(path_of(tmp_path, 0)))
    path_of(tmp_path, 0).rename(tmp_path / "moved")
    log.record(Event(EventKind.PLAN, "2", "two"))
    log.close()
    assert [parse_line(line).subject for line in path_of(tmp_path, 0).read_bytes().splitlines()] == ["2"]
    assert [parse_line(line).subject for line in (tmp_path / "moved").read_bytes().splitlines()] == ["1"]


def is_open(path: Path) -> bool:
    """Whether this process has a file open."""
    return any(os.path.realpath(each) == str(path.resolve()) for each in Path("/proc/self/fd").iterdir())


def test_a_file_that_fails_when_it_is_closed_ends_no_log(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logged.journal, "close", Mock(side_effect=FULL))
    logged.log.start()
    logged.log.reopen()
    logged.tell("after")
    logged.log.close()
    assert [event.subject for event in logged.journal.events] == ["after"]
