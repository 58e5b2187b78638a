"""Arrivals: how a changed file was written -> for how long it must stay unchanged before it is read.

    its inode is that of the file before      it is written in place: the writer may pause and then write more
    its status changed after its content      it was renamed into place, or its times were set: it is complete
    content newer than the folder             it is written in place: the old file was removed, or the file is new
    else                                      unsure: most likely renamed within one tick of the clock

What comes in: stamps of files. What goes out: an Arrival, and the number of looks to wait. Nothing here opens a file.
"""

from collections.abc import Iterable
from enum import Enum
from math import ceil

from gtm.content import Stamp

DEFAULT_SETTLE_S = 2.5
"""Longer than an upload stalls when a packet is lost and sent again (RFC 6298: 1 s, then 2 s)."""


class Arrival(Enum):
    """The way in which a file was written: complete at once (WHOLE), in place (IN_PLACE), or not known (UNSURE)."""

    WHOLE = "whole"
    UNSURE = "unsure"
    IN_PLACE = "in place"

    def looks(self, interval_s: float, settle_s: float) -> int:
        """Returns the number of further looks at which the file must be unchanged before it is read.

        Two looks are `interval_s` seconds apart. A file that is written in place must be unchanged for `settle_s`
        seconds.
        """
        in_place = max(1, ceil(settle_s / interval_s))
        match self:
            case Arrival.WHOLE:
                return 1
            case Arrival.UNSURE:
                return min(2, in_place)
            case Arrival.IN_PLACE:
                return in_place


def arrival_of(now: Stamp | None, before: Stamp | None, folder_modified_ns: int | None) -> Arrival:
    """Returns the way in which a changed or new file was written, judged by its stamps.

    `now` is its stamp at this look, `before` at the last one; None means that there was no file.
    `folder_modified_ns` is when its folder was modified, in nanoseconds; None where that is not known.
    """
    if now is None or not now.is_regular:
        return Arrival.WHOLE
    if before is not None and (now.device, now.inode) == (before.device, before.inode):
        return Arrival.IN_PLACE
    if now.changed_ns > now.modified_ns:
        return Arrival.WHOLE
    is_newer = folder_modified_ns is not None and now.modified_ns > folder_modified_ns
    return Arrival.IN_PLACE if is_newer else Arrival.UNSURE


def is_any_in_place(now: Iterable[Stamp | None], before: Iterable[Stamp | None]) -> bool:
    """Returns whether at least one of several files changed and is written in place.

    `now` has the stamp of each file at this look, and `before` at the last one, in the same order.
    """
    changed = (pair for pair in zip(now, before, strict=True) if pair[0] != pair[1])
    return any(arrival_of(*pair, None) is Arrival.IN_PLACE for pair in changed)
