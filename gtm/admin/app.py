"""The admin API over HTTP (aiohttp): JSON for people and programs.

    the table of routes (gtm/node/admin_routes.py) -> the rows of one listener (routes.py) -> an application, a server
    a request -> its row -> the rule of the row (access.py) -> the handler -> JSON

A bad request gets 400 with the reason, and every refusal is counted by
path and status. Nothing that a client sends reaches a log or a file unbounded.
"""

import logging
import os
import socket
import ssl
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from gtm.admin.access import enforce
from gtm.admin.connection import Patience
from gtm.admin.connection_limit import Limits
from gtm.admin.dns_question import MAX_SHOWN
from gtm.admin.origin import Names
from gtm.admin.refusal import ExplainedConflict
from gtm.admin.routes import SERVED, AdminListener, Handler, Route, ServedRoutes
from gtm.admin.server import LimitedRunner
from gtm.errors import ListenFailed

MAX_REQUEST_BYTES = 64 * 1024
PASSED_ON = ("Allow", "WWW-Authenticate", "Retry-After")
"""The header fields of an HTTP error that its JSON answer keeps."""
DEFAULT_LIMITS = Limits()
BACKLOG = 128
"""The most connections that wait in the kernel until they are accepted."""
SHUTDOWN_S = 1.0
"""A long poll ends early when the node stops."""

log = logging.getLogger(__name__)

OnRefusal = Callable[[str, int], None]
"""Called for each refused request, with its path in the API (OTHER for an unknown path) and the HTTP status."""
OTHER = "other"
NO_HTTP = "none"
"""The path that is reported for data that is not an HTTP request."""


def _unheard(_path: str, _status: int) -> None: ...


async def open_admin(
    host: str,
    port: int,
    routes: Sequence[Route],
    *,
    names: Names = frozenset,
    tls: ssl.SSLContext | None = None,
    limits: Limits = DEFAULT_LIMITS,
    patience: Patience | None = None,
    on_refused: Callable[[], None] = lambda: None,
    on_dropped: Callable[[str], None] = lambda _reason: None,
    on_refusal: OnRefusal = _unheard,
) -> web.AppRunner:
    """Starts the admin API over TCP; returns its runner, which the caller must clean up.

    Raises ListenFailed when the address cannot be bound.
    """
    app = make_app(routes, AdminListener.TCP, names=names, on_refusal=on_refusal)
    runner = LimitedRunner(
        app,
        limits=limits,
        on_refused=on_refused,
        on_no_request=lambda status: on_refusal(NO_HTTP, status),
        on_dropped=on_dropped,
        shutdown_s=SHUTDOWN_S,
        patience=patience,
    )
    await runner.setup()
    try:
        runner.listen(bound(host, port), tls)
    except OSError as error:
        await runner.cleanup()
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        message = f"cannot serve the admin API on {at}: {reason}; `--admin ADDR:PORT` names another address"
        raise ListenFailed(message) from error
    return runner


def bound(host: str, port: int) -> socket.socket:
    """Returns a TCP socket that listens; raises OSError. `host` is an address, which may have a zone (`%eth0`)."""
    address, _, zone = host.partition("%")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        interface = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone) if zone else 0
        listening.bind((address, port, 0, interface) if family == socket.AF_INET6 else (address, port))
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def make_app(
    routes: Sequence[Route],
    listener: AdminListener,
    *,
    names: Names | None = None,
    on_refusal: OnRefusal = _unheard,
) -> web.Application:
    """Returns the web application of one listener, with the rows of the table of routes that name it.

    `names` returns the host names of this machine; None for a Unix socket.
    """
    served = ServedRoutes(routes, listener)
    middlewares = [in_json, counting(on_refusal), letting_in(served, names)]
    app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=middlewares)
    served.add_to(app.router)
    app[SERVED] = served
    return app


def letting_in(served: ServedRoutes, names: Names | None) -> Middleware:
    """Returns a middleware that checks each request against the rule of its row (`Access`) before a handler sees it."""

    @web.middleware
    async def entering(request: web.Request, handler: Handler) -> web.StreamResponse:
        await enforce(served.access_to(request), request, names)
        return await handler(request)

    return entering


def counting(on_refusal: OnRefusal) -> Middleware:
    """Returns a middleware that calls `on_refusal` for every HTTP error and every answer with a 4xx status."""

    @web.middleware
    async def hearing(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        path = OTHER if resource is None else resource.canonical
        try:
            answer = await handler(request)
        except web.HTTPError as refused:
            on_refusal(path, refused.status)
            raise
        if 400 <= answer.status < 500:  # RFC 9110 15.5
            on_refusal(path, answer.status)
        return answer

    return hearing


@web.middleware
async def in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware that turns HTTP errors into JSON, and any other exception into a logged 500."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        # RFC 9110 15.5.6 and 15.5.2, and RFC 6585 4, ask for these
        asked = {name: error.headers[name] for name in PASSED_ON if name in error.headers}
        message = f"{request.method} {request.path[:MAX_SHOWN]}: {error.reason}"
        has_own_text = error.text not in {None, "", f"{error.status}: {error.reason}"}
        is_by_path = isinstance(error, web.HTTPNotFound | web.HTTPMethodNotAllowed) and not has_own_text
        shown = message if is_by_path else error.text or error.reason
        more = error.more if isinstance(error, ExplainedConflict) else {}
        return web.json_response({"error": shown, **more}, status=error.status, headers=asked)
    except Exception:
        log.exception("the admin API failed on %s %.200s", request.method, request.path)
        if request.writer.output_size and request.transport is not None:
            request.transport.abort()  # a part of an answer was sent: its reader is to notice that no more comes
        return web.json_response({"error": "internal error; the log of the node says more"}, status=500)
