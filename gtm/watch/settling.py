"""Scans of a folder, several times a second -> which of its files to read, and which are still being written.

Each file settles by itself: a file that is written all the time does not delay the others.

    changed since the last look         it is being written: its last result stays
    the same stamp for long enough      it has settled: read it, unless it had this stamp at the last reading
    gone for two looks                  removed, once no file is being written; after GONE_LOOKS in any case
    changed for OVERDUE_LOOKS           reported as a problem of the file

Long enough is one more look for a file that was renamed into place, and `settle_s` for one that is written in place
(arrival.py). A removed file waits for other files because a zone may be moving from one file to another. A records file
settles together with the zone file that names it: gtm/watch/reading.py sees to that, for it knows which one that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gtm.arrival import DEFAULT_SETTLE_S, Arrival, arrival_of
from gtm.content import Stamp
from gtm.watch.folder import Scan

LOOK_INTERVAL_S = 0.25
"""Seconds between two looks. Two looks must agree before a read, so a file that is renamed into place serves
within a second."""
GONE_LOOKS = 20
"""Looks that a removed file waits for files being written: five seconds, as long as a reload waits. Both wait
for twice the settling time, if that is longer."""
OVERDUE_LOOKS = 120
"""Looks after which a file is written for too long: 30 s, more than copying the largest records file takes, or
checking out thousands of files."""
OVERDUE_WORDS = (
    f"has been written all the time for {OVERDUE_LOOKS * LOOK_INTERVAL_S:.0f} s, so it is not read; what was good "
    "before serves on. Write another file, and rename that"
)


@dataclass(frozen=True, slots=True)
class Look:
    """The files of a folder at one look: which are settled, and which are being written."""

    settled: Mapping[str, Stamp | None]
    """The stamps of the settled files, by name; None for a link to no file."""
    unsettled: frozenset[str] = frozenset()
    """Names of files that are being written, or were just removed."""
    overdue: frozenset[str] = frozenset()
    """Names of files that have been unsettled for OVERDUE_LOOKS looks."""
    is_readable: bool = True
    takes_what_is_there: bool = field(default=False, compare=False)
    """Whether to read a file even if it has changed since the look."""


def as_it_is(scan: Scan) -> Look:
    """Returns a look that counts every file as settled, even one that is being written."""
    return Look(dict(scan.stamps), is_readable=scan.is_readable, takes_what_is_there=True)


class Settling:
    """Compares looks at a folder. Its state is the last look, for how long files have changed, and the last reading."""

    def __init__(self, *, settle_s: float = DEFAULT_SETTLE_S, after: "Settling | None" = None) -> None:
        """Starts to compare looks; a file written in place settles after `settle_s` seconds.

        With `after`, another object that compared looks before, it keeps that one's known files and waiting times.
        """
        self._settle_s = settle_s
        self._there = frozenset[str]() if after is None else after.names
        self._before: dict[str, Stamp | None] | None = None
        self._was_readable = True
        self.agrees = False
        """Whether the last two looks agree that the folder can be read, or cannot."""
        self.known: dict[str, Stamp | None] = {} if after is None else dict(after.known)
        """The last known stamp of each file that exists, or existed when a reading began."""
        self.left: dict[str, int] = {} if after is None else dict(after.left)
        """For each file, the number of further looks at which its stamp must stay the same."""
        self._looked_at: float | None = None
        self._waits: dict[str, int] = {}
        """For each unsettled file, the number of looks in a row at which it was unsettled."""
        self._read: Look | None = None
        """The stamps at the start of the last reading; for a file that was unsettled then, its stamp before.
        None before a reading."""

    @property
    def names(self) -> frozenset[str]:
        """Returns the names of the files that existed when the last reading began."""
        return frozenset(() if self._read is None else self._read.settled)

    def settle_for(self, settle_s: float) -> None:
        """Sets the seconds after which a file that is written in place has settled, from now on."""
        self._settle_s = settle_s

    @property
    def gone_looks(self) -> int:
        """Returns the number of looks for which a removed file waits for files that are being written."""
        return max(GONE_LOOKS, 2 * Arrival.IN_PLACE.looks(LOOK_INTERVAL_S, self._settle_s))

    def look(self, scan: Scan, *, at: float | None = None) -> Look:
        """Returns the result of one more look.

        `at` is the time of the scan in seconds; None for not known. With it, a late look counts as several.
        """
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
        """Returns whether a reading is due.

        It is due when a file has settled with a stamp that was not read, or is unsettled for too long.
        """
        if self._read is None and look.unsettled and not look.settled:
            return False
        return self.agrees and self._after(look) != self._read

    def began(self, look: Look) -> None:
        """Stores that a reading of the settled files of this look began."""
        self._read = self._after(look)
        self.known = {**look.settled, **self.known}

    def forget(self) -> None:
        """Forgets the last reading because it was given up, so that every file counts as new."""
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
        """Returns at how many further looks a new stamp of a file must stay the same."""
        is_known = name in self.known
        if not self.known or (is_known and self.known[name] == stamp):
            return max(1, self.left.get(name, 0))  # it may be old, or has its last stamp again
        arrival = arrival_of(stamp, self.known.get(name), scan.modified_ns)
        return arrival.looks(LOOK_INTERVAL_S, self._settle_s)

    def _after(self, look: Look) -> Look:
        """Returns the look to compare later looks with, after a reading of this look."""
        read = {} if self._read is None else self._read.settled
        if not look.is_readable:
            return Look(read, is_readable=False)
        kept = {name: stamp for name, stamp in read.items() if name in look.unsettled}
        return Look({**look.settled, **kept}, overdue=look.overdue)
