"""Overrides over the admin API: what people say of endpoints, regions, services and zones.

    GET    /v1/overrides         what is in force
    POST   /v1/overrides         says something: {"scope", "action", "why", "by", "for", "rules"}; PUT is the same
    DELETE /v1/overrides/ID      ends one early: {"why", "by"}; what is said then is `obey`, for the same scope

    scope    endpoint api.gtm.example.com eu-west/192.0.2.20 | region gtm.example.com/eu-west | service .. | zone ..
    action   down | up | drain | obey
    for      2h: at most 72h, and 4h when left out
    rules    safety rules that must not stand in its way: at_least, max_share_removed_per_minute, ..

    201  said      400  malformed      401  nobody whom the node file names (429: tried too often)    403  by a proxy
    404  nothing here has this scope, or this id      408  too slow    409  a safety rule refuses it, or too many
    413  too long                                     415  not JSON

It moves everybody's traffic, so it takes a credential (doorkeeper.py); a connection from loopback is none. Each one
that is said is a line of the log, and so are those that are refused, as far as there are few of them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Protocol, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from gtm.admin.compose import override_views, said_view
from gtm.admin.doorkeeper import Doorkeeper
from gtm.admin.encode import encode
from gtm.admin.refusals import RefusalLog
from gtm.admin.views import OverridesView, SaidView
from gtm.errors import OverrideRefused
from gtm.health.override import MAX_SPAN_S, MIN_SPAN_S, Action, InForce, Override, Wish
from gtm.health.override_seal import By, Rules, ScopeText, Why
from gtm.health.scope import parse_scope
from gtm.zone.fields import error, seconds

BODY_S = 5.0
"""For a body to be here: it is short."""

MANY_LINES = 60
"""A minute, of those who have a credential."""

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


def routes(overriding: Overriding, door: Doorkeeper) -> tuple[web.RouteDef, ...]:
    """Returns the paths of overrides."""
    api = _Api(overriding, door)
    return (
        web.get("/v1/overrides", api.shown),
        web.post("/v1/overrides", api.said),
        web.put("/v1/overrides", api.said),
        web.delete("/v1/overrides/{id}", api.ended),
    )


class _Api:
    def __init__(self, overriding: Overriding, door: Doorkeeper) -> None:
        self._overriding = overriding
        self._door = door
        self._strangers = RefusalLog(log, "more overrides of strangers were refused")
        self._known = RefusalLog(log, "more overrides were refused", lines=MANY_LINES)

    async def shown(self, _request: web.Request) -> web.Response:
        view = OverridesView(override_views(self._overriding.in_force()))
        return web.Response(body=encode(view, OverridesView), content_type="application/json")

    async def said(self, request: web.Request) -> web.Response:
        async with self._heard(request) as who:
            body = await _body(request, Body)
            return await self._say(who, body.wish())

    async def ended(self, request: web.Request) -> web.Response:
        async with self._heard(request) as who:
            body = await _body(request, EndBody)
            wanted = request.match_info["id"]
            found = [one for one in self._overriding.in_force().by_scope.values() if one.id == wanted]
            if not found:
                raise web.HTTPNotFound(
                    reason="no such override",
                    text="no override that is in force has this id; `gtm overrides` lists them",
                )
            return await self._say(who, Wish(found[0].scope, Action.OBEY, body.why, body.by))

    @asynccontextmanager
    async def _heard(self, request: web.Request) -> AsyncIterator[str]:
        """Gives the name of who sent a request, and logs the refusal of what comes of it."""
        at, refusals = request.remote or "the local socket", self._strangers
        try:
            who = at = await self._door.require(request)
            refusals = self._known
            yield who
        except web.HTTPException as refused:
            words = ascii(refused.text or refused.reason)[:MAX_LOGGED]
            refusals.tell(f"audit: override refused from {at} ({refused.status}): {words}")
            raise

    async def _say(self, who: str, wish: Wish) -> web.Response:
        try:
            override = self._overriding.say(wish)
        except OverrideRefused as refused:
            raise _refusal(refused) from refused
        log.warning("audit: override %s accepted from %s: %s", override.id, who, override)
        is_saved = await self._overriding.is_saved()
        if not is_saved:
            log.error("audit: override %s is not on disk; a restart of this node may lose it", override.id)
        view = encode(said_view(override, is_saved=is_saved), SaidView)
        return web.Response(body=view, content_type="application/json", status=201)


def _refusal(refused: OverrideRefused) -> web.HTTPException:
    kind = web.HTTPNotFound if refused.is_unknown else web.HTTPConflict
    return kind(reason="refused", text=str(refused))


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
    """Returns the body of a request; raises what to answer to one that is of no use."""
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
