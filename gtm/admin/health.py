"""The health port: whether this node lives and is ready, in plain HTTP and for anybody, on a listener of its own.

    GET  /livez     200, as long as the event loop turns
    GET  /readyz    200 while this node should get queries, else 503 and why

It is for load balancers and kubelets where the admin API asks for certificates. What comes in is never trusted: there
is nothing else here (404), and a crowd is bounded as at the admin API (server.py), and counted apart from it.
"""

import os
from collections.abc import Callable

from aiohttp import web

from gtm.admin.app import NO_HTTP, SHUTDOWN_S, OnRefusal, bound, counting, health_routes, in_json
from gtm.admin.connection_limit import MAX_OF_CLIENT, Limits
from gtm.admin.server import LimitedRunner
from gtm.errors import ListenFailed

MAX_CONNECTIONS = 128
"""More than load balancers and kubelets ask at once, and few beside what the admin API may have."""


def health_limits(whole: int = MAX_CONNECTIONS) -> Limits:
    """Returns the limits of a health port that may have `whole` connections."""
    return Limits(whole, min(whole, MAX_OF_CLIENT), whole)


DEFAULT_LIMITS = health_limits()


async def open_health(
    host: str,
    port: int,
    *,
    unready: Callable[[], str],
    limits: Limits = DEFAULT_LIMITS,
    on_refused: Callable[[], None] = lambda: None,
    on_dropped: Callable[[str], None] = lambda _reason: None,
    on_refusal: OnRefusal = lambda _path, _status: None,
) -> web.AppRunner:
    """Returns the running server; the caller cleans it up. Raises ListenFailed when the address cannot be bound."""
    app = web.Application(middlewares=[in_json, counting(on_refusal)])
    app.add_routes(health_routes(unready))
    runner = LimitedRunner(
        app,
        limits=limits,
        on_refused=on_refused,
        on_no_request=lambda status: on_refusal(NO_HTTP, status),
        on_dropped=on_dropped,
        shutdown_s=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        runner.listen(bound(host, port))
    except OSError as error:
        await runner.cleanup()
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        words = f"cannot serve the health port on {at}: {reason}; `listen.health` names another address"
        raise ListenFailed(words) from error
    return runner
