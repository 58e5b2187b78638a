"""What is told of clocks: who is off, and each of them once that it is right again."""

from gtm.counters import Counters
from gtm.health.report.clocks import Clocks
from gtm.ids import NodeName
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import EventRecorder
from gtm.node.notices.clocks import OWN, ClockWatch
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal

A, B, C = (NodeName(name) for name in "abc")


class Watched:
    """A node that hears peers, and the events of it."""

    def __init__(self) -> None:
        self.clock, self.clocks = FakeClock(), Clocks()
        self._events = EventLog(FakeJournal(), NodeName("ns1"), clock=self.clock, counters=Counters())
        self._watch = ClockWatch(self.clocks, EventRecorder(self._events, NodeName("ns1")))

    def hear(self, times: int, **ahead: float) -> None:
        """Hears so many reports of each peer."""
        for _ in range(times):
            self.clock.advance(5.0)
            now, wall = self.clock.monotonic(), self.clock.wall()
            for name, ahead_s in ahead.items():
                self.clocks.see(NodeName(name), wall + ahead_s, now=now, wall=wall, is_direct=True)
            self._watch.look(now=now)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event.type.removeprefix("gtm.clock."), event.subject) for event in self._events.recent(since=0.0)]


def test_who_is_off_and_outvotes_this_node_later_is_told_right_in_the_end() -> None:
    watched = Watched()
    watched.hear(6, a=20.0, b=0.0, c=0.0)
    assert watched.told == [("off", A)]
    watched.hear(8, a=20.0, b=20.0, c=20.0)
    assert watched.told == [("off", A), ("off", OWN)]
    watched.hear(10, a=0.0, b=0.0, c=0.0)
    assert watched.told == [("off", A), ("off", OWN), ("right", A), ("right", OWN)]


def test_who_is_off_all_the_time_is_told_once() -> None:
    watched = Watched()
    watched.hear(6, a=20.0, b=0.0, c=0.0)
    watched.hear(8, a=20.0, b=20.0, c=20.0)
    watched.hear(10, a=20.0, b=0.0, c=0.0)
    assert watched.told == [("off", A), ("off", OWN), ("right", OWN)]
    watched.hear(10, a=0.0, b=0.0, c=0.0)
    assert watched.told[3:] == [("right", A)]


def test_who_only_outvotes_this_node_is_told_once_it_is_the_odd_one() -> None:
    watched = Watched()
    watched.hear(8, a=20.0, b=20.0, c=20.0)
    assert watched.told == [("off", OWN)]
    watched.hear(10, a=20.0, b=0.0, c=0.0)
    assert watched.told == [("off", OWN), ("off", A), ("right", OWN)]
