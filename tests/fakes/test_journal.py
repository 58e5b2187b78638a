import pytest

from gtm.event import Event, EventKind, compose_line, recorded
from gtm.ids import NodeName
from tests.fakes.journal import FakeJournal, KeptEvents

EVENT = Event(EventKind.PLAN, "1", "generation 1 serves")


def test_it_keeps_what_is_written_until_it_fails() -> None:
    journal = FakeJournal()
    line = recorded(EVENT, 1, node=NodeName("ns1"), boot=1, monotonic=1.0, wall=2.0, at="now")
    journal.write(compose_line(line))
    journal.error = OSError(28, "full")
    with pytest.raises(OSError, match="full"):
        journal.write(compose_line(line))
    assert journal.events == [line]


def test_a_recorder_numbers_what_it_keeps() -> None:
    kept = KeptEvents()
    assert kept.record(EVENT) == "e1"
    assert kept.kinds == ["plan.swapped"]
    assert (kept.id_of("plan.swapped"), kept.one("plan.swapped")) == ("e1", EVENT)
