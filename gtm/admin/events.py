"""GET /v1/events: the recent changes of mind of this node, with what caused each.

    since=10m | since=1700000000    so long ago, or from this Unix time on; without it: all that is in memory
    type=endpoint                   only these kinds; may be repeated
    after=ID                        only what came after this event

The memory holds the last two thousand; `gtm events` reads the files, which hold more.
"""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Protocol

from aiohttp import web

from gtm.admin.views import Events
from gtm.health.event import Recorded, kinds_of
from gtm.zone.fields import seconds

MAX_SHOWN = 80


class Memory(Protocol):
    """The recent events."""

    def recent(self, *, since: float, kinds: frozenset[str] = frozenset(), after: str = "") -> Sequence[Recorded]:
        """Returns events, oldest first: from a wall time on, of these kinds (none: all), after an id."""


def find_events(request: web.Request, memory: Memory, wall: Callable[[], float]) -> Events:
    """Returns the events that a request asks for; raises HTTPBadRequest with the reason."""
    asked = request.query
    try:
        since = begin_of(asked.get("since", ""), wall=wall())
        kinds = kinds_of(asked.getall("type", []))
    except ValueError as error:
        raise web.HTTPBadRequest(reason="bad question", text=str(error)) from error
    return Events(tuple(memory.recent(since=since, kinds=kinds, after=asked.get("after", ""))))


def begin_of(text: str, *, wall: float) -> float:
    """Returns the Unix time that `since` means; raises ValueError with words for who asked."""
    if not text:
        return 0.0
    try:
        at = float(text)
    except ValueError:
        pass
    else:
        if isfinite(at):
            return at
    try:
        return wall - seconds(text)
    except ValueError as error:
        words = f'since: "{text[:MAX_SHOWN]}" is no duration such as 10m, and no Unix time'
        raise ValueError(words) from error
