"""The health port: whether this node lives and is ready, in plain HTTP and for anybody, on a listener of its own.

    GET  /livez     200, as long as the event loop turns
    GET  /readyz    200 while this node should get queries, else 503 and why

It is for load balancers and kubelets where the admin API asks for certificates. What comes in is never trusted: there
is nothing else here (404), and a crowd is bounded as at the admin API (server.py), and counted apart from it.
"""

import os
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from gtm.admin.app import NO_HTTP, SHUTDOWN_S, OnRefusal, bound, make_app
from gtm.admin.connection_limit import MAX_OF_CLIENT, Limits
from gtm.admin.routes import AdminListener, Route
from gtm.admin.server import LimitedRunner
from gtm.errors import ListenFailed

MAX_CONNECTIONS = 128
"""More connections than load balancers and kubelets open at once, but fewer than the admin API may have."""


def health_limits(whole: int = MAX_CONNECTIONS) -> Limits:
    """Returns the connection limits of a health port that may have at most `whole` connections."""
    return Limits(whole, min(whole, MAX_OF_CLIENT), whole)


DEFAULT_LIMITS = health_limits()


class HealthHandlers:
    """Handles /livez and /readyz: answers a line of text, or JSON where the request accepts JSON.

    `unready` returns the reason why the node should get no queries, or an empty text.
    """

    def __init__(self, unready: Callable[[], str]) -> None:
        self._unready = unready

    async def livez(self, request: web.Request) -> web.Response:
        """Answers 200: the event loop of the node turns."""
        return _health(request, {"live": True}, "live")

    async def readyz(self, request: web.Request) -> web.Response:
        """Answers 200 while the node should get queries, else 503 with the reason."""
        if why := self._unready():
            return _health(request, {"ready": False, "why": why}, f"not ready: {why}", status=503)
        return _health(request, {"ready": True}, "ready")


def _health(request: web.Request, fields: Mapping[str, object], line: str, *, status: int = 200) -> web.Response:
    if "application/json" in request.headers.get("Accept", "").lower():
        return web.json_response(fields, status=status)
    return web.Response(text=f"{line}\n", status=status)


async def open_health(
    host: str,
    port: int,
    routes: Sequence[Route],
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_refused: Callable[[], None] = lambda: None,
    on_dropped: Callable[[str], None] = lambda _reason: None,
    on_refusal: OnRefusal = lambda _path, _status: None,
) -> web.AppRunner:
    """Starts the health port; returns its runner, which the caller must clean up.

    Raises ListenFailed when the address cannot be bound.
    """
    app = make_app(routes, AdminListener.HEALTH_PORT, on_refusal=on_refusal)
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
        message = f"cannot serve the health port on {at}: {reason}; `listen.health` names another address"
        raise ListenFailed(message) from error
    return runner
