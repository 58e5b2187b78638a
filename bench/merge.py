"""How long merging reports takes: a node with many checks, and several probes that report on all of them.

    python -m bench.merge [CHECKS [PROBES]]

Each line is the best of several: what the work costs when nothing else runs.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gtm.health.belief import Belief
from gtm.health.consensus.merger import Merger
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import NO_STATUS, Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import EMPTY_BOOK, Book, hear
from gtm.health.report.report import Report, Vote
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId, NodeName, VantageName

REPEATS = 8
INTERVAL_S = 5.0
QUORUM = Quorum(voters=2, vantages=2)


@dataclass
class Bench:
    """A node and its probes. Its state is the time, and what was heard."""

    checks: tuple[CheckId, ...]
    probes: int
    merger: Merger = field(default_factory=lambda: Merger(QUORUM))
    book: Book = EMPTY_BOOK
    status: Status = NO_STATUS
    now: float = 1000.0
    serial: int = 0

    def __post_init__(self) -> None:
        self.watched = dict.fromkeys(self.checks, Freshness(INTERVAL_S, 2.0))

    def report(self, probe: int, *, down: int = 0) -> None:
        """Hears a probe that says of so many checks that they are down."""
        self.serial += 1
        votes = {
            check: _vote(Belief.DOWN if number < down else Belief.UP, age_s=number % 50 / 10)
            for number, check in enumerate(self.checks)
        }
        who = NodeName(f"probe-{probe}"), VantageName(f"vantage-{probe}")
        self.book = hear(self.book, Report(*who, 1, self.serial, 0.0, votes), heard_at=self.now) or self.book

    def tick(self) -> None:
        """Merges once."""
        delta = self.merger.merge(self.status, self.book, self.watched, now=self.now, wall=self.now)
        self.status = self.status if delta is None else delta.after

    def whole(self) -> None:
        """Merges everything, as a node that remembers nothing would."""
        merge(self.status, self.book, self.watched, QUORUM, now=self.now, wall=self.now)

    def rows(self) -> Iterator[tuple[str, float]]:
        """Yields what is measured, and its milliseconds."""
        for probe in range(self.probes):
            self.report(probe)
        yield "everything, the first time", _ms(self.tick)
        yield "everything, again", min(_ms(self.whole) for _ in range(REPEATS))
        yield "a tick with nothing new", min(_ms(self.tick) for _ in range(REPEATS))
        yield "one report that says the same", min(self._after_report(down=0) for _ in range(REPEATS))
        yield "one report with 10 changes", min(self._after_report(down=10 * (n % 2)) for n in range(REPEATS))
        yield "judging every probe, once a round", min(self._after_round() for _ in range(REPEATS))

    def _after_report(self, *, down: int) -> float:
        self.now += 0.1
        self.report(0, down=down)
        return _ms(self.tick)

    def _after_round(self) -> float:
        for probe in range(self.probes):
            self.report(probe)
        self.tick()
        self.now += INTERVAL_S
        return _ms(self.tick)


def _vote(belief: Belief, *, age_s: float) -> Vote:
    return Vote(belief, Reason.OK if belief is Belief.UP else Reason.TIMEOUT, "", age_s, 0.0)


def _ms(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return 1000 * (time.process_time() - started)


def main() -> None:
    """Prints the table."""
    sizes = [int(text) for text in sys.argv[1:3]]
    checks, probes = (*sizes, *(6000, 5)[len(sizes) :])
    names = tuple(CheckId(f"gtm.example.com/api/10.0.{number // 256}.{number % 256}") for number in range(checks))
    print(f"{checks} checks, {probes} probes")
    for words, milliseconds in Bench(names, probes).rows():
        print(f"{words:36} {milliseconds:8.2f} ms")


if __name__ == "__main__":
    main()
