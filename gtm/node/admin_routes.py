"""The table of routes: every request that a node answers over HTTP, who may send it, and on which listeners.

In come the parts of a node that have handlers; out goes the table, which the admin listener, the admin socket and the
health port serve (gtm/admin/app.py). The rules are in gtm/admin/access.py. docs/reference/admin-api.md has the table
too, which a test compares with this one.
"""

from collections.abc import Callable, Sequence

from gtm.admin.access import ANYBODY, PEERS, READERS, forcers, heartbeats, writers
from gtm.admin.health import HealthHandlers
from gtm.admin.node_handlers import NodeHandlers, ServedNode
from gtm.admin.overrides import OverrideHandlers, Overriding
from gtm.admin.routes import EVERYWHERE, AnswerPace, Handler, Route
from gtm.admin.write_access import Doorkeeper
from gtm.admin.zones import zone_handler
from gtm.probe.push_handler import PUSH_PATH, PushHandler
from gtm.zone.model import Zone


def admin_routes(
    *,
    subject: ServedNode,
    overriding: Overriding,
    door: Doorkeeper,
    zones: Callable[[], Sequence[Zone]],
    pushes: PushHandler,
    takes_pushes: bool,
    reports: Handler,
    metrics: Handler,
) -> tuple[Route, ...]:
    """Returns all routes of the HTTP interface, in the order of the table.

    `takes_pushes` is false on a node without the role `probe`: its route for heartbeats then has no handler.
    """
    node, overrides, health = NodeHandlers(subject), OverrideHandlers(overriding), HealthHandlers(subject.unready)
    may_write = writers(door.require, overrides.refuse)
    push = pushes.handle if takes_pushes else None
    return (
        Route("GET", "/v1/status", node.status, READERS),
        Route("GET", "/v1/regions", node.regions, READERS),
        Route("GET", "/v1/explain", node.explain, READERS),
        Route("GET", "/v1/events", node.events, READERS),
        Route("GET", "/v1/zones", zone_handler(zones), READERS, pace=AnswerPace.IN_PARTS),
        Route("GET", "/metrics", metrics, READERS),
        Route("POST", "/v1/reload", node.reload, forcers(door.require)),
        Route("GET", "/v1/overrides", overrides.shown, READERS),
        Route("POST", "/v1/overrides", overrides.said, may_write),
        Route("PUT", "/v1/overrides", overrides.said, may_write),
        Route("DELETE", "/v1/overrides/{id}", overrides.ended, may_write),
        Route("GET", "/v1/reports", reports, PEERS, pace=AnswerPace.AT_ONCE),
        Route("POST", PUSH_PATH, push, heartbeats(pushes.authorize)),
        Route("GET", "/livez", health.livez, ANYBODY, EVERYWHERE, AnswerPace.AT_ONCE),
        Route("GET", "/readyz", health.readyz, ANYBODY, EVERYWHERE, AnswerPace.AT_ONCE),
    )
