"""GET /v1/events: the recent state changes of this node, with the causes of each.

    since=02:14 until=02:40         times as gtm/admin/typed_time.py has them; without them: all that is in memory
    type=endpoint                   only these kinds; may be repeated, as all that follow but `after`
    service=api                     only what is about this service, and what led to it (gtm/health/event_filter.py)
    region=eu-west  zone=NAME       the same of a region, of a zone
    after=ID                        only what came after this event

The memory holds the last two thousand; `gtm events` reads the files, which hold more.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

from aiohttp import web

from gtm.admin.typed_time import moment
from gtm.admin.views import Events
from gtm.event import Recorded, kinds_of
from gtm.health.event_filter import Choice


class Memory(Protocol):
    """The recent events of this node, in memory."""

    def recent(self, *, since: float, kinds: frozenset[str] = frozenset(), after: str = "") -> Sequence[Recorded]:
        """Returns the events since a Unix time, of these kinds (empty: all), after the event of an id; oldest first."""


def find_events(request: web.Request, memory: Memory, wall: Callable[[], float]) -> Events:
    """Returns the events that match the query string of a request; raises HTTPBadRequest with the reason."""
    asked, now = request.query, wall()
    try:
        since = begin_of(asked.get("since", ""), wall=now)
        until = _moment("until", asked["until"], now, since or None) if asked.get("until") else inf
        kinds = kinds_of(asked.getall("type", []))
    except ValueError as error:
        raise web.HTTPBadRequest(reason="bad question", text=str(error)) from error
    about = (tuple(asked.getall(key, [])) for key in ("service", "region", "zone"))
    return Events(tuple(Choice(until, kinds, *about).of(memory.recent(since=since, after=asked.get("after", "")))))


def begin_of(text: str, *, wall: float) -> float:
    """Returns the Unix time of the text of `since`, 0 for an empty text; raises ValueError with a message."""
    return _moment("since", text, wall, None) if text else 0.0


def _moment(key: str, text: str, now: float, after: float | None) -> float:
    try:
        return moment(text, now=now, after=after)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error
