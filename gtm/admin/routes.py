"""A row of the table of routes, and the row that a request belongs to.

The table is gtm/node/admin_routes.py. A listener serves the rows that name it. The rule of a row holds for its path
with any other method, too: a page of another web site does not learn which methods there are.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from aiohttp import web

from gtm.admin.access import ANYBODY, READERS, Access

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AdminListener(Enum):
    """The listeners of a node that receive HTTP requests."""

    TCP = "TCP"
    SOCKET = "socket"
    HEALTH_PORT = "health port"


ADMIN = frozenset({AdminListener.TCP, AdminListener.SOCKET})
EVERYWHERE = frozenset(AdminListener)


class AnswerPace(Enum):
    """When a GET request is answered. Turns of costly answers leave half of the time to the rest of the node."""

    AT_ONCE = "at once"
    IN_TURN = "in turn"
    IN_PARTS = "in parts"
    """The handler takes a turn for each part of its answer, and sends the answer outside of turns."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table: a request, who may send it, and what answers."""

    method: str
    """The HTTP method; GET includes HEAD."""
    path: str
    handler: Handler | None
    """None where this node does not serve the path; the rule of the row holds all the same."""
    access: Access
    listeners: frozenset[AdminListener] = ADMIN
    pace: AnswerPace = AnswerPace.IN_TURN

    def is_for(self, path: str) -> bool:
        """Returns whether a path of a request belongs to this row, with any method."""
        fixed, brace, _ = self.path.partition("{")
        return path.startswith(fixed) if brace else path == fixed


class ServedRoutes:
    """The rows of the table of routes that one listener serves."""

    def __init__(self, routes: Sequence[Route], listener: AdminListener) -> None:
        self._rows = [row for row in routes if listener in row.listeners]
        self._else = ANYBODY if listener is AdminListener.HEALTH_PORT else READERS
        self._by_route: dict[web.AbstractRoute, Route] = {}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Adds the handlers of the rows to the router of a web application."""
        for row in self._rows:
            if row.handler is not None:
                methods = ("GET", "HEAD") if row.method == "GET" else (row.method,)
                for method in methods:
                    self._by_route[router.add_route(method, row.path, row.handler)] = row

    def row_of(self, request: web.Request) -> Route | None:
        """Returns the row whose handler answers a request; None for an unknown path or another method."""
        return self._by_route.get(request.match_info.route)

    def access_to(self, request: web.Request) -> Access:
        """Returns the rule for a request. Where no handler answers it, the rule needs no credential."""
        row = self.row_of(request)
        if row is not None:
            return row.access
        rules = (row.access for row in self._rows if row.is_for(request.path))
        return replace(next(rules, self._else), verify=None)


SERVED = web.AppKey("served", ServedRoutes)
"""The key of the rows in a web application."""
