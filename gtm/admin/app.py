"""The admin API over HTTP (aiohttp): JSON for people and programs.

    GET  /v1/status                          everything about this node
    GET  /v1/regions                         every region's state
    GET  /v1/explain?name=&type=&client=     why a client gets its answer
    GET  /v1/zones                           what the zones that serve have, line by line (zones.py)
    GET  /v1/events?since=&type=&after=      the recent changes of mind, and what caused them (events.py)
    POST /v1/reload                          read the zone folder once it holds still; 409 when files have problems
    POST /v1/reload?force=ZONE               the same, and take that zone whatever it loses; it takes a credential
    GET  /livez  /readyz                     for load balancers and Kubernetes
    GET  /v1/reports                         signed reports, for peers (gtm/share)
    POST /v1/push/CHECK                      a heartbeat of an endpoint (gtm/probe/push_handler.py)

Pages of other sites are refused (origin.py). A bad request gets 400 with the reason, and every refusal is counted by
path and status. Nothing that a client sends reaches a log or a file unbounded.
"""

import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware
from dns.name import Name
from dns.rdatatype import RdataType

from gtm.admin.connection import Patience
from gtm.admin.connection_limit import Limits
from gtm.admin.dns_question import MAX_SHOWN, parse_name, parse_question, short
from gtm.admin.encode import encode
from gtm.admin.origin import Names, guard
from gtm.admin.refusal import ExplainedConflict
from gtm.admin.server import LimitedRunner
from gtm.admin.views import Events, RegionList, Reloaded
from gtm.errors import AnswersNothing, ListenFailed
from gtm.ids import Address

if TYPE_CHECKING:
    from gtm.explain.explain import Explanation

MAX_REQUEST_BYTES = 64 * 1024
PASSED_ON = ("Allow", "WWW-Authenticate", "Retry-After")
"""Header fields of an error."""
DEFAULT_LIMITS = Limits()
BACKLOG = 128
"""Connections that the kernel holds until they are taken."""
SHUTDOWN_S = 1.0
"""A long poll may end in mid-air when the node stops."""

log = logging.getLogger(__name__)
_View = TypeVar("_View")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OnRefusal = Callable[[str, int], None]
"""Is called with the path of the API that refused a request (OTHER where it has no such path), and the status."""
Require = Callable[[web.Request], Awaitable[str]]
"""Returns who sent a request that needs a credential, or raises what to answer (write_access.py)."""
OTHER = "other"
NO_HTTP = "none"
"""The path of what is no request at all."""


def _unheard(_path: str, _status: int) -> None: ...


async def _nobody(_request: web.Request) -> str:
    raise web.HTTPForbidden(text="nobody may force anything here")


class ServedNode(Protocol):
    """What the API is about: the node."""

    async def refresh(self) -> None:
        """Makes what takes long of `status_json` and `regions`, off the event loop."""

    def status_json(self) -> bytes:
        """Returns everything about this node: a NodeStatus."""

    def regions(self) -> RegionList:
        """Returns every region's state."""

    def explain(self, name: Name, rtype: RdataType, client: Address) -> "Explanation":
        """Returns the explanation of a client's answer.

        Raises QuestionUnclear where a short name could mean several, or AnswersNothing where no client gets one here.
        """

    def events(self, request: web.Request) -> Events:
        """Returns the recent events that a request asks for."""

    async def reload(self, force: frozenset[Name] = frozenset()) -> Reloaded:
        """Reads the zone folder now, and takes the zones of `force` whatever they lose."""

    def zones(self) -> frozenset[Name]:
        """Returns the zones that serve."""

    def unready(self) -> str:
        """Returns the reason why this node should get no queries; empty when it should."""


async def open_admin(
    host: str,
    port: int,
    subject: ServedNode,
    reports: Handler,
    *,
    more: Sequence[web.RouteDef] = (),
    names: Names = frozenset,
    tls: ssl.SSLContext | None = None,
    limits: Limits = DEFAULT_LIMITS,
    patience: Patience | None = None,
    on_refused: Callable[[], None] = lambda: None,
    on_dropped: Callable[[str], None] = lambda _reason: None,
    on_refusal: OnRefusal = _unheard,
    require: Require = _nobody,
) -> web.AppRunner:
    """Returns the running server; the caller cleans it up. Raises ListenFailed when the address cannot be bound."""
    app = make_app(subject, reports, more, names=names, on_refusal=on_refusal, require=require)
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
        words = f"cannot serve the admin API on {at}: {reason}; `--admin ADDR:PORT` names another address"
        raise ListenFailed(words) from error
    return runner


def bound(host: str, port: int) -> socket.socket:
    """Returns a socket that listens; raises OSError."""
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
    subject: ServedNode,
    reports: Handler,
    more: Sequence[web.RouteDef] = (),
    *,
    names: Names | None = None,
    on_refusal: OnRefusal = _unheard,
    require: Require = _nobody,
) -> web.Application:
    """Returns the application; `more` are the paths that other parts of the node serve.

    `names` are those that the machine is called by; None for a socket of this machine.
    """
    api = _Api(subject, require)
    app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[in_json, counting(on_refusal), guard(names)])
    app.add_routes(
        [
            web.get("/v1/status", api.status),
            web.get("/v1/regions", api.regions),
            web.get("/v1/explain", api.explain),
            web.post("/v1/reload", api.reload),
            web.get("/v1/reports", reports),
            web.get("/v1/events", api.events),
            *health_routes(subject.unready),
            *more,
        ]
    )
    return app


def health_routes(unready: Callable[[], str]) -> list[web.RouteDef]:
    """Returns the paths for load balancers and Kubernetes: a line of text, or JSON for who asks for that."""

    async def livez(request: web.Request) -> web.Response:
        return _health(request, {"live": True}, "live")

    async def readyz(request: web.Request) -> web.Response:
        if why := unready():
            return _health(request, {"ready": False, "why": why}, f"not ready: {why}", status=503)
        return _health(request, {"ready": True}, "ready")

    return [web.get("/livez", livez), web.get("/readyz", readyz)]


def _health(request: web.Request, fields: Mapping[str, object], line: str, *, status: int = 200) -> web.Response:
    if "application/json" in request.headers.get("Accept", "").lower():
        return web.json_response(fields, status=status)
    return web.Response(text=f"{line}\n", status=status)


class _Api:
    def __init__(self, subject: ServedNode, require: Require) -> None:
        self._subject = subject
        self._require = require

    async def status(self, _request: web.Request) -> web.Response:
        await self._subject.refresh()
        return web.Response(body=self._subject.status_json(), content_type="application/json")

    async def regions(self, _request: web.Request) -> web.Response:
        await self._subject.refresh()
        return _answer(self._subject.regions(), RegionList)

    async def explain(self, request: web.Request) -> web.Response:
        asked = request.query
        try:
            question = parse_question(asked.get("name", ""), asked.get("type", "A"), asked.get("client", ""))
            explained = self._subject.explain(*question)
        except ValueError as error:
            raise web.HTTPBadRequest(reason="bad question", text=str(error)) from error
        except AnswersNothing as error:
            raise web.HTTPNotImplemented(reason="no answers here", text=str(error)) from error  # RFC 9110 15.6.2
        from gtm.explain.explain import Explanation  # noqa: PLC0415  # with an engine, which a probe does without

        return _answer(explained, Explanation)

    async def events(self, request: web.Request) -> web.Response:
        return _answer(self._subject.events(request), Events)

    async def reload(self, request: web.Request) -> web.Response:
        force = await self._forced(request) if "force" in request.query else frozenset[Name]()
        reloaded = await self._subject.reload(force)
        return _answer(reloaded, Reloaded, status=409 if reloaded.problems else 200)

    async def _forced(self, request: web.Request) -> frozenset[Name]:
        """Returns the zones that a request forces; raises what to answer to who may not, or names no zone."""
        who = await self._require(request)
        try:
            found = {text: parse_name(text, "force") for text in request.query.getall("force")}
        except ValueError as error:
            raise web.HTTPBadRequest(reason="bad zone", text=str(error)) from error
        served = self._subject.zones()
        for text, name in found.items():
            if name not in served:
                words = f'force: no zone "{short(text)}" serves here; `gtm status` lists those that do'
                raise web.HTTPNotFound(reason="no such zone", text=words)
        zones = ", ".join(sorted(name.to_text(omit_final_dot=True) for name in found.values()))
        log.warning("audit: reload forced from %s: %s", who, zones)
        return frozenset(found.values())


def _answer(view: _View, kind: type[_View], *, status: int = 200) -> web.Response:
    return web.Response(body=encode(view, kind), content_type="application/json", status=status)


def counting(on_refusal: OnRefusal) -> Middleware:
    """Returns a middleware that counts and logs every refusal.

    An HTTP error, or an answer that finds fault with the request.
    """

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
    """Turns errors into JSON, and a fault of ours into a logged 500."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        # RFC 9110 15.5.6 and 15.5.2, and RFC 6585 4, ask for these
        asked = {name: error.headers[name] for name in PASSED_ON if name in error.headers}
        words = f"{request.method} {request.path[:MAX_SHOWN]}: {error.reason}"
        has_own_text = error.text not in {None, "", f"{error.status}: {error.reason}"}
        is_by_path = isinstance(error, web.HTTPNotFound | web.HTTPMethodNotAllowed) and not has_own_text
        said = words if is_by_path else error.text or error.reason
        more = error.more if isinstance(error, ExplainedConflict) else {}
        return web.json_response({"error": said, **more}, status=error.status, headers=asked)
    except Exception:
        log.exception("the admin API failed on %s %.200s", request.method, request.path)
        if request.writer.output_size and request.transport is not None:
            request.transport.abort()  # a part of an answer was sent: its reader is to notice that no more comes
        return web.json_response({"error": "internal error; the log of the node says more"}, status=500)
