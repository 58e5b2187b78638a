"""A row of the table of routes, and which row a request is of.

The table is gtm/node/admin_routes.py. A listener serves the rows that name it. The rule of a row holds for its path
with any other method, too: a foreign page does not hear which methods there are.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from aiohttp import web

from gtm.admin.access import ANYBODY, READERS, Access

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminListener(Enum):
    """Where requests come in."""

    TCP = "TCP"
    SOCKET = "socket"
    HEALTH_PORT = "health port"


ADMIN = frozenset({AdminListener.TCP, AdminListener.SOCKET})
EVERYWHERE = frozenset(AdminListener)


class AnswerPace(Enum):
    """When a GET is answered. Turns leave half of the time to the rest of the node."""

    AT_ONCE = "at once"
    IN_TURN = "in turn"
    IN_PARTS = "in parts"
    """The handler takes a turn for each part of its answer, and is read outside of turns."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table: a request, who may send it, and what answers."""

    method: str
    """GET is HEAD as well."""
    path: str
    handler: Handler | None
    """None where this node does not serve the path; the rule of the row holds all the same."""
    access: Access
    listeners: frozenset[AdminListener] = ADMIN
    pace: AnswerPace = AnswerPace.IN_TURN

    def is_for(self, path: str) -> bool:
        """Returns whether a path is one of this row, whatever the method."""
        fixed, brace, _ = self.path.partition("{")
        return path.startswith(fixed) if brace else path == fixed


class ServedRoutes:
    """The rows that one listener serves."""

    def __init__(self, routes: Sequence[Route], listener: AdminListener) -> None:
        self._rows = [row for row in routes if listener in row.listeners]
        self._else = ANYBODY if listener is AdminListener.HEALTH_PORT else READERS
        self._by_route: dict[web.AbstractRoute, Route] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Has a router find the handlers of the rows."""
        for row in self._rows:
            if row.handler is not None:
                methods = ("GET", "HEAD") if row.method == "GET" else (row.method,)
                for method in methods:
                    self._by_route[router.add_route(method, row.path, row.handler)] = row

    def row_of(self, request: web.Request) -> Route | None:
        """Returns the row that answers a request, or None where it is for no path here, or has another method."""
        return self._by_route.get(request.match_info.route)

    def access_to(self, request: web.Request) -> Access:
        """Returns the rule for a request; of one that no row answers, as far as it needs no credential."""
        row = self.row_of(request)
        if row is not None:
            return row.access
        rules = (row.access for row in self._rows if row.is_for(request.path))
        return replace(next(rules, self._else), verify=None)


SERVED = web.AppKey("served", ServedRoutes)
"""The rows of an application."""
