"""Looks at a folder, several times a second -> which of its files to read, and which somebody is still writing.

Each file settles for itself: whoever writes one all the time keeps nobody else's from being read.

    changed since the last look         it is being written: what was read of it before stays
    looks as it did for long enough     it has settled: read it, if that is not how it looked at the last reading
    gone for two looks                  as gone as it looks, once nobody writes anything; after GONE_LOOKS in any case
    changed for OVERDUE_LOOKS           that is told as a problem of the file

Long enough is one more look for a file that was renamed into place, and `settle_s` for one that is written in place
(arrival.py). What is gone waits for others because a zone may be on its way from one file to another. A records file
settles together with the zone file that names it: gtm/watch/reading.py sees to that, for it knows which one that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gtm.arrival import DEFAULT_SETTLE_S, Arrival, arrival_of
from gtm.content import Stamp
from gtm.watch.folder import Scan

LOOK_INTERVAL_S = 0.25
"""Two looks must agree before a read, so a file that is renamed into place serves within a second."""
GONE_LOOKS = 20
"""Five seconds, as long as a reload waits; both wait for twice the time in which a file settles, if that is longer."""
OVERDUE_LOOKS = 120
"""Half a minute: longer than it takes to copy the largest records file, or to check out thousands of files."""
OVERDUE_WORDS = (
    f"has been written all the time for {OVERDUE_LOOKS * LOOK_INTERVAL_S:.0f} s, so it is not read; what was good "
    "before serves on. Write another file, and rename that"
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a folder looks like, file by file."""

    settled: Mapping[str, Stamp | None]
    """By name; None where there is no file behind a link."""
    unsettled: frozenset[str] = frozenset()
    """Names of files that are being written, or have just gone."""
    overdue: frozenset[str] = frozenset()
    """Those of them that have been written for long."""
    is_readable: bool = True
    takes_what_is_there: bool = field(default=False, compare=False)
    """Whether a file is taken that has changed since."""


def as_it_is(scan: Scan) -> Look:
    """Returns a look that takes everything, whether somebody writes it or not."""
    return Look(dict(scan.stamps), is_readable=scan.is_readable, takes_what_is_there=True)


class Settling:
    """Compares looks at a folder. Its state is the last look, for how long files have changed, and what was read."""

    def __init__(self, *, settle_s: float = DEFAULT_SETTLE_S, after: "Settling | None" = None) -> None:
        """It goes on `after` another one: with what was there, and for how long that is still to be as it is."""
        self._settle_s = settle_s
        self._there = frozenset[str]() if after is None else after.names
        self._before: dict[str, Stamp | None] | None = None
        self._was_readable = True
        self.agrees = False
        """Whether the folder could be read, or not, at two looks."""
        self.known: dict[str, Stamp | None] = {} if after is None else dict(after.known)
        """How each file looked that is there, or was when a reading began."""
        self.left: dict[str, int] = {} if after is None else dict(after.left)
        """At how many further looks a file must look as it does."""
        self._looked_at: float | None = None
        self._waits: dict[str, int] = {}
        """Looks in a row at which a file was unsettled."""
        self._read: Look | None = None
        """How each file looked when a reading began last; of what was unsettled then, how it looked before."""

    @property
    def names(self) -> frozenset[str]:
        """Returns the files that were there when a reading began last."""
        return frozenset(() if self._read is None else self._read.settled)

    def settle_for(self, settle_s: float) -> None:
        """Takes a file that is written in place to be whole after so long, from now on."""
        self._settle_s = settle_s

    @property
    def gone_looks(self) -> int:
        """Returns for how many looks what is gone waits for what is being written."""
        return max(GONE_LOOKS, 2 * Arrival.IN_PLACE.looks(LOOK_INTERVAL_S, self._settle_s))

    def look(self, scan: Scan, *, at: float | None = None) -> Look:
        """Returns the result of one more look; where its time is known, in seconds, a late one counts as several."""
        late_s = 0.0 if at is None or self._looked_at is None else at - self._looked_at
        self._looked_at = at
        now = dict(scan.stamps)
        unsettled = self._changing(now, scan, max(1, int(late_s / LOOK_INTERVAL_S)))
        expected = self._there | self.names
        if unsettled:
            unsettled |= {name for name in expected - now.keys() if self._waits.get(name, 0) < self.gone_looks}
        self.agrees = self._before is not None and scan.is_readable == self._was_readable
        self._waits = {} if self._before is None else {name: self._waits.get(name, 0) + 1 for name in unsettled}
        self._before, self._was_readable = now, scan.is_readable
        self.known = {**{name: stamp for name, stamp in self.known.items() if name in expected}, **now}
        return Look(
            {name: stamp for name, stamp in now.items() if name not in unsettled},
            frozenset(unsettled),
            frozenset(name for name, looks in self._waits.items() if looks >= OVERDUE_LOOKS),
            scan.is_readable,
        )

    def has_news(self, look: Look) -> bool:
        """Returns whether something has settled that was not read as it is, or has not settled for long."""
        if self._read is None and look.unsettled and not look.settled:
            return False
        return self.agrees and self._after(look) != self._read

    def began(self, look: Look) -> None:
        """Takes note that a reading of what has settled began."""
        self._read = self._after(look)
        self.known = {**look.settled, **self.known}

    def forget(self) -> None:
        """Takes note that what was read was given up: everything is news."""
        self._read = None

    def _changing(self, now: Mapping[str, Stamp | None], scan: Scan, looks: int) -> set[str]:
        is_anew = self._before is None or scan.is_readable != self._was_readable
        before = self._before or {}
        self.left = {
            name: self._still_to_wait(name, stamp, scan)
            if is_anew or name not in before or before[name] != stamp
            else max(0, self.left.get(name, 0) - looks)
            for name, stamp in now.items()
        }
        return {name for name, left in self.left.items() if left} | (before.keys() - now.keys())

    def _still_to_wait(self, name: str, stamp: Stamp | None, scan: Scan) -> int:
        """Returns at how many further looks a file must look as it does now, which is new."""
        is_known = name in self.known
        if not self.known or (is_known and self.known[name] == stamp):
            return max(1, self.left.get(name, 0))  # nobody knows whether it is new; or it is as it was
        arrival = arrival_of(stamp, self.known.get(name), scan.modified_ns)
        return arrival.looks(LOOK_INTERVAL_S, self._settle_s)

    def _after(self, look: Look) -> Look:
        """Returns the state after a look was read."""
        read = {} if self._read is None else self._read.settled
        if not look.is_readable:
            return Look(read, is_readable=False)
        kept = {name: stamp for name, stamp in read.items() if name in look.unsettled}
        return Look({**look.settled, **kept}, overdue=look.overdue)
