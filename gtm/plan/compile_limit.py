"""How long the plan of one zone may take, so that no author keeps the zones of others from being served.

What comes in: a clock, of the time that this thread works. What goes out: nothing, or ZoneTooCostly, which names the
zone. Most of a plan is decided once for services that look alike, so 50,000 endpoints take a second; what takes long is
a zone whose services have many regions, many endpoints, and nothing in common.

    cells       the maps of clients: made once, and kept while regions and geo data stay
    decisions   made for every plan; and for each change of health, of what that touches, apart from those of others
"""

from collections.abc import Callable

from gtm.errors import ZoneTooCostly
from gtm.zone.model import Zone

CELLS_LIMIT_S = 60.0
"""Twice what MAX_REGION_SETS (gtm/zone/rules/sizes.py) of the largest maps take with the shipped geo data."""
DECISIONS_LIMIT_S = 10.0
"""5,000 services in ten regions that look alike take 0.3 s, 200 of which no two have the same weights 4 s."""

CELLS = "its services look at the place of clients with too many sets of regions; use fewer, or split the zone"
DECISIONS = (
    "it has too many services with many endpoints that share neither regions, weights nor steering; have more of them "
    "share these, or split the zone"
)


class Effort:
    """Measures the time that each zone takes in a compile. Its state is the zone in work, and the time so far."""

    def __init__(self, clock: Callable[[], float], files: frozenset[str], *, times: float = 1.0) -> None:
        """Limits only the zones of these zone files. `times` multiplies every limit."""
        self._clock = clock
        self._files = files
        self._times = times
        self._zone: Zone | None = None
        self._limit_s = 0.0
        self._work = ""
        self._spent: dict[str, float] = {}
        self._began = 0.0

    def at(self, zone: Zone | None, limit_s: float, *, work: str) -> None:
        """Sets the zone in work; None for no zone.

        `limit_s` is its limit in seconds. `work` is the text for an error: what takes too long, and what to do.
        """
        now = self._clock()
        if self._zone is not None:
            self._spent[self._zone.file] = self._spent.get(self._zone.file, 0.0) + now - self._began
        if work != self._work:
            self._spent, self._limit_s, self._work = {}, limit_s, work
        is_limited = zone is not None and zone.file in self._files
        self._zone, self._began = zone if is_limited else None, now

    def check(self) -> None:
        """Raises ZoneTooCostly when the zone in work has taken longer than its limit."""
        if self._zone is not None:
            spent = self._spent.get(self._zone.file, 0.0) + self._clock() - self._began
            limit_s = self._limit_s * self._times
            if spent > limit_s:
                raise ZoneTooCostly(self._zone.file, self._work, spent_s=spent, limit_s=limit_s)


def boundless() -> Effort:
    """Returns an effort without limits."""
    return Effort(lambda: 0.0, frozenset())
