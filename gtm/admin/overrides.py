"""Overrides over the admin API, for endpoints, regions, services and zones.

    GET    /v1/overrides         the overrides in force
    POST   /v1/overrides         sets one: {"scope", "action", "why", "by", "for", "rules"}; PUT is the same
    DELETE /v1/overrides/ID      ends one early: {"why", "by", "rules"}

    scope    endpoint api.gtm.example.com eu-west/192.0.2.20 | region gtm.example.com/eu-west | service .. | zone ..
             or "scopes": several, which are all taken or none
    action   down | up | drain | obey | clear; "ids" may name the overrides to clear
    for      2h: at most 72h, and 4h when left out
    rules    safety rules that must not stand in its way: at_least, max_share_removed_per_minute, ..

    201  said      400  malformed      401  nobody whom the node file names (429: tried too often)    403  by a proxy
    404  nothing here has this scope, or this id      408  too slow    409  a safety rule refuses it, or too many,
    413  too long                                     415  not JSON    or it would change nothing: `effect` has why

For one scope the answer is a SaidView, for several a SaidTogether. An override moves everybody's traffic, so it needs a
credential (write_access.py); a connection from loopback is none. Each override that is set is a line of the log, and so
is each refused one, up to a limit per minute.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Protocol, TypeVar

from aiohttp import web
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from gtm.admin.access import sender_of
from gtm.admin.compose import effect_view, override_views, said_view
from gtm.admin.encode import encode
from gtm.admin.override_view import EffectView, OverridesView, SaidTogether, SaidView
from gtm.admin.refusal import ExplainedConflict
from gtm.admin.refusal_log import RefusalLog
from gtm.config.fields import error, seconds
from gtm.errors import OverrideRefused
from gtm.health.override.override import MAX_SPAN_S, MIN_SPAN_S, Action, InForce, Override, OverrideRequest
from gtm.health.override.scope import Scope, parse_scope
from gtm.health.override.signed import By, Rules, ScopeText, Why
from gtm.plan.override_effects import Said, TakesNothing

BODY_S = 5.0
"""The time limit for receiving a body, which is short."""

MANY_LINES = 60
"""Lines of the log a minute for refusals of senders with a credential."""

MAX_TOGETHER = 100
"""The most scopes, and the most ids, of one request."""

MAX_ID = 84

MAX_LOGGED = 300
"""Characters of a refusal in the log."""

log = logging.getLogger(__name__)


class Overriding(Protocol):
    """The overrides of a node, as the handlers need them."""

    def in_force(self) -> InForce:
        """Returns the overrides in force."""

    def say(self, wanted_all: Sequence[OverrideRequest]) -> tuple[Said, ...]:
        """Sets or clears all these overrides now; returns the effect of each. Raises OverrideRefused and sets none."""

    async def is_saved(self) -> bool:
        """Waits until all overrides are on disk, for a second at most; returns whether they are."""


class OverrideHandlers:
    """Handles the requests about overrides. The rule of their row has already checked the credential (access.py)."""

    def __init__(self, overriding: Overriding) -> None:
        self._overriding = overriding
        self._strangers = RefusalLog(log, "more overrides of strangers were refused")
        self._known = RefusalLog(log, "more overrides were refused", lines=MANY_LINES)

    def refuse(self, request: web.Request, refused: web.HTTPException) -> None:
        """Logs the refusal of a request whose sender has no credential."""
        _tell(self._strangers, request.remote or "the local socket", refused)

    async def shown(self, _request: web.Request) -> web.Response:
        """Returns the response with the overrides in force."""
        view = OverridesView(override_views(self._overriding.in_force()))
        return web.Response(body=encode(view, OverridesView), content_type="application/json")

    async def said(self, request: web.Request) -> web.Response:
        """Sets or clears the overrides of a POST request; returns the response with their views.

        Raises an HTTP error for a refused one; then none of them is set.
        """
        with self._logged(request) as who:
            body = await _body(request, OverrideBody)
            wanted_all = [body.wish(parse_scope(scope)) for scope in body.all_scopes]
            wanted_all += [replace(body.wish(self._scope_of(wanted)), is_signed=True) for wanted in body.ids]
            return await self._say(who, wanted_all, is_one=body.scope is not None)

    async def ended(self, request: web.Request) -> web.Response:
        """Ends the override whose id is in the path of a DELETE request; returns the response with its view."""
        with self._logged(request) as who:
            body = await _body(request, EndBody)
            scope = self._scope_of(request.match_info["id"])
            wish = OverrideRequest(scope, Action.CLEAR, body.why, body.by, rules=tuple(body.rules), is_signed=True)
            return await self._say(who, [wish], is_one=True)

    def _scope_of(self, wanted: str) -> Scope:
        """Returns the scope of the override in force with this id; raises HTTPNotFound where there is none."""
        for override in self._overrides():
            if override.id == wanted:
                return override.scope
        text = f"no override that is in force has the id {wanted[:MAX_ID]}; `gtm overrides` lists them"
        raise web.HTTPNotFound(reason="no such override", text=text)

    def _overrides(self) -> Iterable[Override]:
        return self._overriding.in_force().by_scope.values()

    @contextmanager
    def _logged(self, request: web.Request) -> Iterator[str]:
        """Gives the name of the sender of a request, and logs an HTTP error that is raised inside the context."""
        who = sender_of(request)
        try:
            yield who
        except web.HTTPException as refused:
            _tell(self._known, who, refused)
            raise

    async def _say(self, who: str, wanted_all: Sequence[OverrideRequest], *, is_one: bool) -> web.Response:
        try:
            requests = self._overriding.say(wanted_all)
        except TakesNothing as refused:
            effect = effect_view(refused.effect, wall=refused.wall)
            raise ExplainedConflict(
                str(refused), {"effect": TypeAdapter(EffectView).dump_python(effect, mode="json")}
            ) from refused
        except OverrideRefused as refused:
            raise _refusal(refused) from refused
        for request in requests:
            log.warning("audit: override %s accepted from %s: %s", request.override.id, who, request.override)
        is_saved = await self._overriding.is_saved()
        if not is_saved:
            names = ", ".join(request.override.id for request in requests)
            log.error("audit: override %s is not on disk; a restart of this node may lose it", names)
        views = tuple(said_view(request, is_saved=is_saved) for request in requests)
        body = encode(views[0], SaidView) if is_one else encode(SaidTogether(views), SaidTogether)
        return web.Response(body=body, content_type="application/json", status=201)


def _tell(log_of: RefusalLog, at: str, refused: web.HTTPException) -> None:
    message = ascii(refused.text or refused.reason)[:MAX_LOGGED]
    log_of.tell(f"audit: override refused from {at} ({refused.status}): {message}")


def _refusal(refused: OverrideRefused) -> web.HTTPException:
    kind = web.HTTPNotFound if refused.is_unknown else web.HTTPConflict
    return kind(reason="refused", text=str(refused))


IdText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}:[0-9]{1,19}$")]


def _span(value: object) -> float:
    span_s = seconds(value)
    if not MIN_SPAN_S <= span_s <= MAX_SPAN_S:
        raise error(f"expected 1s to {MAX_SPAN_S / 3600:.0f}h, not {value}")
    return span_s


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class EndBody(_Strict):
    """The JSON body of a request that ends an override."""

    why: Why
    by: By
    rules: Rules = Field(default_factory=list)


class OverrideBody(EndBody):
    """The JSON body of a request that sets or clears overrides."""

    scope: ScopeText | None = None
    scopes: Annotated[list[ScopeText], Field(max_length=MAX_TOGETHER)] = Field(default_factory=list)
    ids: Annotated[list[IdText], Field(max_length=MAX_TOGETHER)] = Field(default_factory=list)
    action: Action
    span_s: Annotated[float | None, PlainValidator(_span), Field(alias="for")] = None

    @model_validator(mode="after")
    def _of_something(self) -> "OverrideBody":
        is_several = bool(self.scopes or self.ids)
        if (self.scope is not None) is is_several:
            raise error("scope, or scopes, must say of what")
        if self.ids and self.action is not Action.CLEAR:
            raise error("ids are for what is to be cleared")
        if self.span_s is not None and self.action is Action.CLEAR:
            raise error("what is cleared is over at once: there is no `for`")
        return self

    @property
    def all_scopes(self) -> list[str]:
        """Returns the texts of the scopes in `scope` or `scopes`."""
        return self.scopes if self.scope is None else [self.scope]

    def wish(self, scope: Scope) -> OverrideRequest:
        """Returns the requested override for one scope."""
        return OverrideRequest(scope, self.action, self.why, self.by, self.span_s, tuple(self.rules))


_Kind = TypeVar("_Kind", bound=_Strict)


async def _body(request: web.Request, kind: type[_Kind]) -> _Kind:
    """Returns the body of a request; raises an HTTP error (400, 408 or 415) for a body that is invalid or too slow."""
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
        own = _words(first.get("ctx", {}))
        where = ".".join(str(part) for part in first["loc"]) or ("" if own else "body")
        message = f"{where}: {own or first['msg']}" if where else own
        raise web.HTTPBadRequest(text=message[:MAX_LOGGED]) from invalid


def _words(context: Mapping[str, object]) -> str:
    return str(context.get("message") or context.get("error") or "")
