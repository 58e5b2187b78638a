"""Overrides over the admin API: what people say of endpoints, regions, services and zones.

    GET    /v1/overrides         what is in force
    POST   /v1/overrides         says something: {"scope", "action", "why", "by", "for", "rules"}; PUT is the same
    DELETE /v1/overrides/ID      ends one early: {"why", "by"}; what is said then is `obey`, for the same scope

    scope    endpoint api.gtm.example.com eu-west/192.0.2.20 | region gtm.example.com/eu-west | service .. | zone ..
    action   down | up | drain | obey
    for      2h: at most 72h, and 4h when left out
    rules    safety rules that must not stand in its way: at_least, max_share_removed_per_minute, ..

    201  said      400  malformed      403  not from here      404  nothing here has this scope, or this id
    408  too slow  409  a safety rule refuses it               413  too long           415  not JSON

It moves everybody's traffic, so it is taken from this machine alone: over the socket in the state folder, from a
loopback address, or from a client whose certificate was verified; and not from a proxy on this machine, as far as it
says that it is one. Each one, said or refused, is a line of the log.
"""

import asyncio
import logging
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError

from gtm.admin.compose import override_views, said_view
from gtm.admin.views import OverridesView, SaidView
from gtm.errors import OverrideRefused
from gtm.health.override import MAX_SPAN_S, MIN_SPAN_S, Action, InForce, Override, Wish
from gtm.health.override_seal import By, Rules, ScopeText, Why
from gtm.health.scope import parse_scope
from gtm.zone.fields import error, seconds

BODY_S = 5.0
"""For a body to be here: it is short."""

PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip"})
"""By them a proxy says that it is one (RFC 7239 4, RFC 9110 7.6.3)."""
PROXY_PREFIX = "x-forwarded-"

MAX_LOGGED = 300
"""Characters of a refusal in the log."""

log = logging.getLogger(__name__)


class Overriding(Protocol):
    """What a node does about overrides."""

    def in_force(self) -> InForce:
        """Returns what people said and is in force."""

    def say(self, wish: Wish) -> Override:
        """Says something from now on. Raises OverrideRefused."""

    async def is_saved(self) -> bool:
        """Returns whether all that was said is on disk, once it is known; it takes a second at most."""


def routes(overriding: Overriding) -> tuple[web.RouteDef, ...]:
    """Returns the paths of overrides."""
    api = _Api(overriding)
    return (
        web.get("/v1/overrides", api.shown),
        web.post("/v1/overrides", api.said),
        web.put("/v1/overrides", api.said),
        web.delete("/v1/overrides/{id}", api.ended),
    )


class _Api:
    def __init__(self, overriding: Overriding) -> None:
        self._overriding = overriding

    async def shown(self, _request: web.Request) -> web.Response:
        view = OverridesView(override_views(self._overriding.in_force()))
        return web.Response(body=TypeAdapter(OverridesView).dump_json(view), content_type="application/json")

    async def said(self, request: web.Request) -> web.Response:
        try:
            body = await _body(request, Body)
            return await self._say(request, body.wish())
        except web.HTTPException as refused:
            raise _audited(refused, request) from refused

    async def ended(self, request: web.Request) -> web.Response:
        try:
            body = await _body(request, EndBody)
            wanted = request.match_info["id"]
            found = [one for one in self._overriding.in_force().by_scope.values() if one.id == wanted]
            if not found:
                return _refusal(request, 404, "no override that is in force has this id")
            return await self._say(request, Wish(found[0].scope, Action.OBEY, body.why, body.by))
        except web.HTTPException as refused:
            raise _audited(refused, request) from refused

    async def _say(self, request: web.Request, wish: Wish) -> web.Response:
        try:
            override = self._overriding.say(wish)
        except OverrideRefused as refused:
            return _refusal(request, 409 if refused.rule else 404, str(refused))
        log.warning("audit: override %s accepted from %s: %s", override.id, _who(request), override)
        is_saved = await self._overriding.is_saved()
        if not is_saved:
            log.error("audit: override %s is not on disk; a restart of this node may lose it", override.id)
        view = TypeAdapter(SaidView).dump_json(said_view(override, is_saved=is_saved))
        return web.Response(body=view, content_type="application/json", status=201)


def _span(value: object) -> float:
    span_s = seconds(value)
    if not MIN_SPAN_S <= span_s <= MAX_SPAN_S:
        raise error(f"expected 1s to {MAX_SPAN_S / 3600:.0f}h, not {value}")
    return span_s


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class EndBody(_Strict):
    """The body that ends an override."""

    why: Why
    by: By


class Body(EndBody):
    """The body that says something."""

    scope: ScopeText
    action: Action
    span_s: Annotated[float | None, PlainValidator(_span), Field(alias="for")] = None
    rules: Rules = Field(default_factory=list)

    def wish(self) -> Wish:
        """Returns what is wanted."""
        return Wish(parse_scope(self.scope), self.action, self.why, self.by, self.span_s, tuple(self.rules))


_Kind = TypeVar("_Kind", bound=_Strict)


async def _body(request: web.Request, kind: type[_Kind]) -> _Kind:
    """Returns the body of a request that may say something; raises what to answer otherwise."""
    _require_from_here(request)
    # a page in a browser cannot send JSON to another site unasked; and what is packed could be of any size
    if request.content_type != "application/json" or "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType(text="the body must be plain JSON: Content-Type: application/json")
    try:
        async with asyncio.timeout(BODY_S):
            raw = await request.read()
        return kind.model_validate_json(raw)
    except TimeoutError as late:
        raise web.HTTPRequestTimeout(text=f"the body was not here after {BODY_S:g} s") from late
    except (web.RequestPayloadError, ConnectionError) as broken:
        raise web.HTTPBadRequest(text="the body is not as its headers say, or broke off") from broken
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        words = f"{where}: {_words(first['ctx']) or first['msg']}" if "ctx" in first else f"{where}: {first['msg']}"
        raise web.HTTPBadRequest(text=words[:MAX_LOGGED]) from invalid


def _words(context: Mapping[str, object]) -> str:
    return str(context.get("message") or context.get("error") or "")


def _require_from_here(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        raise web.HTTPForbidden(text="the connection is gone")
    if transport.get_extra_info("peercert"):
        return
    _require_direct(request)
    opened = transport.get_extra_info("socket")
    if opened is not None and opened.family == socket.AF_UNIX:
        return
    if not _is_loopback(request.remote) or not _is_own_name(request.host):
        words = "overrides are taken on the node's own machine, or from clients with a certificate (listen.tls.ca)"
        raise web.HTTPForbidden(text=words)


def _require_direct(request: web.Request) -> None:
    """Refuses what a proxy on this machine passes on: to the node it comes from here, whoever sent it."""
    for name in request.headers:
        if name.lower() in PROXY_HEADERS or name.lower().startswith(PROXY_PREFIX):
            words = (
                f"this came through a proxy ({ascii(name)[1:-1]}): whoever reaches that could say anything here; ask "
                "the node itself, on its own machine, or with a certificate (listen.tls.ca)"
            )
            raise web.HTTPForbidden(text=words)


def _is_loopback(address: str | None) -> bool:
    try:
        return address is not None and ip_address(address).is_loopback
    except ValueError:
        return False


def _is_own_name(host: str) -> bool:
    """Returns whether a Host is an address or localhost: a page elsewhere can make its own name mean this machine."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    try:
        return name == "localhost" or bool(ip_address(name.strip("[]")))
    except ValueError:
        return False


def _who(request: web.Request) -> str:
    return request.remote or "the local socket"


def _refusal(request: web.Request, status: int, words: str) -> web.Response:
    _audit(request, status, words)
    return web.json_response({"error": words}, status=status)


def _audited(refused: web.HTTPException, request: web.Request) -> web.HTTPException:
    _audit(request, refused.status, refused.text or refused.reason)
    return refused


def _audit(request: web.Request, status: int, words: str) -> None:
    log.warning("audit: override refused from %s (%d): %s", _who(request), status, ascii(words)[:MAX_LOGGED])
