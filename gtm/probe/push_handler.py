"""Where heartbeats arrive: POST /v1/push/CHECK on the admin listener, with a bearer token (aiohttp).

What comes in: the id of a check (SCOPE/MONITOR/ADDRESS), a token, and a body that may be empty or
{"ok": true, "detail": "..."}. What goes out: status 204, and a stored heartbeat; or a refusal, each with its counter:

    404  unknown_check    no zone of this node has such a check of kind `push`
    503  no_secret        this node cannot read the token to compare with
    401  bad_token        no token, or a wrong one (RFC 6750 3)
    413  oversized        more than MAX_BODY_BYTES
    408  slow             the body is not complete after BODY_S seconds
    400  malformed        no JSON, unknown keys, or an incomplete body

Its response time must not show how much of a token was right, and it reads no body before the token is verified.
"""

import asyncio
import hmac
import logging
from typing import Annotated, NoReturn

from aiohttp import web
from pydantic import ConfigDict, StrictBool, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as parsed

from gtm.checks.model import Check
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import NotPermitted, SecretUnreadable
from gtm.health.verdict.reading import clean_detail
from gtm.ids import CheckId
from gtm.probe.heartbeats import Heartbeat, Heartbeats
from gtm.probe.permits import Permits
from gtm.probe.secret import secret_text
from gtm.zone.monitors.kinds.push import PushSettings

PUSH_PATH = "/v1/push/{check:.+}"
"""The path accepts slashes, because ids of checks have them."""

MAX_BODY_BYTES = 4096
BODY_S = 5.0

log = logging.getLogger(__name__)


@parsed(frozen=True, config=ConfigDict(extra="forbid"))
class _Body:
    ok: StrictBool = True
    detail: Annotated[str, StringConstraints(strict=True)] = ""


_BODY: TypeAdapter[_Body] = TypeAdapter(_Body)


class PushHandler:
    """Receives heartbeats. It has state: the checks whose secret could not be read, which is logged once."""

    def __init__(self, heartbeats: Heartbeats, permits: Permits, *, clock: Clock, counters: Counters) -> None:
        self._heartbeats = heartbeats
        self._permits = permits
        self._clock = clock
        self._counters = counters
        self._secretless: set[CheckId] = set()

    def take(self, permits: Permits) -> None:
        """Uses these permits for the places of tokens from now on."""
        self._permits = permits
        self._secretless.clear()

    async def authorize(self, request: web.Request) -> str:
        """Returns the id of the check if the request has its token. Raises an HTTP error if not."""
        check = CheckId(request.match_info["check"])
        await self._authorize(check, request.headers.get("Authorization", ""))
        return check

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Stores one heartbeat of an authorized request. Raises an HTTP error if its body is refused."""
        check = CheckId(request.match_info["check"])
        body = self._parse(await self._read(request))
        heartbeat = Heartbeat(body.ok, clean_detail(body.detail), self._clock.monotonic())
        self._heartbeats.hear(check, heartbeat)
        self._counters.add("heartbeats", ok=str(body.ok).lower())
        return web.Response(status=204)

    async def _authorize(self, check: CheckId, authorization: str) -> None:
        awaited = self._heartbeats.awaited(check)
        if awaited is None:
            self._refuse("unknown_check", web.HTTPNotFound(reason="no zone has such a check of kind push"))
        wanted = await self._token(awaited)
        scheme, _, given = authorization.partition(" ")
        # compared as bytes: hmac takes no text beyond ASCII
        is_right = hmac.compare_digest(given.strip().encode(errors="replace"), wanted.encode())
        if scheme.lower() != "bearer" or not is_right:
            challenge = {"WWW-Authenticate": "Bearer"}
            self._refuse("bad_token", web.HTTPUnauthorized(text="the token is missing or wrong", headers=challenge))

    async def _token(self, check: Check) -> str:
        settings = check.monitor.settings
        assert isinstance(settings, PushSettings)
        try:
            wanted = await secret_text(self._permits.secret(settings.token, check.monitor.scope))
        except (NotPermitted, SecretUnreadable) as error:
            self._heartbeats.leave_unjudged(check.id, now=self._clock.monotonic())
            if check.id not in self._secretless:
                self._secretless.add(check.id)
                log.warning("push %s: heartbeats are refused: %s", check.id, error)
            self._refuse("no_secret", web.HTTPServiceUnavailable(text="this node cannot read the token of this check"))
        self._secretless.discard(check.id)
        return wanted

    async def _read(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(BODY_S):
                return await self._all_of(request)
        except TimeoutError:
            self._refuse("slow", web.HTTPRequestTimeout(text=f"the body was not here after {BODY_S:g} s"))
        except (web.RequestPayloadError, ConnectionError):
            self._refuse("malformed", web.HTTPBadRequest(text="the body is not as its headers say, or broke off"))

    async def _all_of(self, request: web.Request) -> bytes:
        body = bytearray()
        async for part in request.content.iter_any():
            body += part
            if len(body) > MAX_BODY_BYTES:
                too_large = web.HTTPRequestEntityTooLarge(
                    MAX_BODY_BYTES, len(body), text=f"over {MAX_BODY_BYTES} bytes"
                )
                self._refuse("oversized", too_large)
        return bytes(body)

    def _parse(self, body: bytes) -> _Body:
        if not body.strip():
            return _Body()
        try:
            return _BODY.validate_json(body)
        except ValidationError:
            message = 'the body is empty, or {"ok": true, "detail": "TEXT"}'
            self._refuse("malformed", web.HTTPBadRequest(text=message))

    def _refuse(self, reason: str, error: web.HTTPException) -> NoReturn:
        self._counters.add("heartbeats_refused", reason=reason)
        raise error
