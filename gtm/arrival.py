"""How what is new at a path came there -> how long it must have been still before it is read.

    its inode is the one that was there       it is written in place: whoever writes may stall and go on
    its status changed after its content      it was renamed into place, or given its times: it is whole
    content newer than the folder             it is written in place, by who removed the one before or made a new file
    else                                      nobody can tell: renamed within one tick of the clock, most likely

In come stamps; nothing here looks at a file.
"""

from collections.abc import Iterable
from enum import Enum
from math import ceil

from gtm.content import Stamp

DEFAULT_SETTLE_S = 2.5
"""Longer than an upload stalls when a packet is lost and sent again (RFC 6298: 1 s, then 2 s)."""


class Arrival(Enum):
    """How a file came to be what it is."""

    WHOLE = "whole"
    UNSURE = "unsure"
    IN_PLACE = "in place"

    def looks(self, interval_s: float, settle_s: float) -> int:
        """Returns at how many further looks, so far apart, the file must be as it is now."""
        in_place = max(1, ceil(settle_s / interval_s))
        match self:
            case Arrival.WHOLE:
                return 1
            case Arrival.UNSURE:
                return min(2, in_place)
            case Arrival.IN_PLACE:
                return in_place


def arrival_of(now: Stamp | None, before: Stamp | None, folder_modified_ns: int | None) -> Arrival:
    """Returns the way in which a file arrived that looked different before, or was not there.

    When its folder was modified is None where nobody looks at that.
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
    """Returns whether one of some files, wherever they are, is another than before and is written in place."""
    changed = (pair for pair in zip(now, before, strict=True) if pair[0] != pair[1])
    return any(arrival_of(*pair, None) is Arrival.IN_PLACE for pair in changed)
