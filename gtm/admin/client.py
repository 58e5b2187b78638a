"""The admin API from the other side: how the command line asks a running node.

It sends requests to ADDRESS:PORT, https://ADDRESS:PORT (trusting the system's roots, or SSL_CERT_FILE, and showing the
certificate of GTM_CERT_FILE), or unix:PATH. Where the address has the wrong form, the error says what to type
(tls_hints.py). What answers there need not be a node: no redirect is followed, for it could lead to a listener that
only this machine reaches; an answer has a maximum size, and is not decompressed.
"""

import asyncio
import errno
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import aiohttp
from pydantic import TypeAdapter, ValidationError

from gtm.admin.address import UNIX
from gtm.admin.override_view import OverridesView, SaidTogether, SaidView
from gtm.admin.tls_hints import Handshake, advice
from gtm.admin.views import Events, NodeStatus, RegionList, Reloaded
from gtm.errors import OverrideRefused, Unreachable
from gtm.event import Recorded
from gtm.http_failure import HUNG_UP, described
from gtm.resolver import HttpResolver

if TYPE_CHECKING:
    from gtm.explain.explain import Explanation
    from gtm.zone.contents import Contents

TIMEOUT_S = 10.0
RELOAD_TIMEOUT_S = 60.0
"""A node waits up to twenty seconds for files that are being written, and then reads them."""

ZONES_TIMEOUT_S = 120.0
"""A node needs a second or two for the contents of a hundred thousand records."""

MAX_ANSWER = 512 * 1024 * 1024
"""Bytes: several times the largest answer of a node. An endless answer must not use up the memory of the command."""

OK, NOT_FOUND = 200, 404
CONFLICT = 409
"""The status of a reload whose files have problems; the answer lists them."""

BAD_QUESTION = 400

_View = TypeVar("_View")


def fetch_status(admin: str) -> NodeStatus:
    """Returns the status of the node at this admin address; raises Unreachable."""
    return _fetch(admin, "GET", "/v1/status", NodeStatus)


def fetch_regions(admin: str) -> RegionList:
    """Returns the regions as the node at this admin address sees them; raises Unreachable."""
    return _fetch(admin, "GET", "/v1/regions", RegionList)


def fetch_explanation(admin: str, question: Mapping[str, str]) -> "Explanation":
    """Returns the node's explanation of the answer to a query: `question` has `name`, `type` and `client`.

    Raises QuestionUnclear where a short name could mean several services or the query is wrong, or Unreachable.
    """
    from gtm.explain.asked_name import QuestionUnclear  # noqa: PLC0415  # an engine: other commands do without
    from gtm.explain.explain import Explanation  # noqa: PLC0415

    status, answer = asyncio.run(_ask(admin, "GET", "/v1/explain", query=question))
    if status == BAD_QUESTION:
        raise QuestionUnclear(_refusal(answer))
    return _parsed(admin, "/v1/explain", Explanation, status, answer)


def fetch_events(admin: str, *, since: float, after: str) -> tuple[Recorded, ...]:
    """Returns the recent events of a node, oldest first; raises Unreachable.

    `since` is a Unix time; `after` is the id of an event, or empty for no limit.
    """
    return _fetch(admin, "GET", "/v1/events", Events, {"since": str(since), "after": after}).events


def fetch_zones(admin: str) -> "tuple[Contents, ...]":
    """Returns the contents of the zones that a node serves; raises Unreachable."""
    from gtm.zone.contents import parse_lines  # noqa: PLC0415

    status, body = asyncio.run(_ask(admin, "GET", "/v1/zones", timeout_s=ZONES_TIMEOUT_S))
    try:
        if status != OK:
            raise ValueError
        return parse_lines(body.splitlines())
    except ValueError as error:
        message = body[:300].decode(errors="replace")
        hint = "; nodes before this version do not tell what their zones have" if status == NOT_FOUND else ""
        raise Unreachable(f"the node at {admin} answered /v1/zones with HTTP {status}: {message}{hint}") from error


def ask_reload(admin: str, force: Sequence[str] = (), *, token: str = "") -> Reloaded:
    """Makes the node read its zone folder; returns the result.

    The zones in `force` are taken even if they lose most of their records. Raises OverrideRefused where the node does
    not let this sender force zones, or Unreachable.
    """
    query = [("force", zone) for zone in force]
    status, answer = asyncio.run(
        _ask(admin, "POST", "/v1/reload", query=query, token=token, timeout_s=RELOAD_TIMEOUT_S)
    )
    if force and 400 <= status < 500 and status != CONFLICT:
        raise OverrideRefused(_refusal(answer))
    return _parsed(admin, "/v1/reload", Reloaded, status, answer)


def fetch_overrides(admin: str) -> OverridesView:
    """Returns the overrides in force at a node; raises Unreachable."""
    return _fetch(admin, "GET", "/v1/overrides", OverridesView)


def say_overrides(admin: str, body: Mapping[str, object], *, token: str = "") -> tuple[SaidView, ...]:
    """Sets or clears overrides for one or more scopes at a node; returns a view of each.

    `body` is the JSON of the request. Raises OverrideRefused with the message of the node, or Unreachable.
    """
    status, answer = asyncio.run(_ask(admin, "POST", "/v1/overrides", body=body, token=token))
    if 400 <= status < 500:  # what was said is at fault (RFC 9110 15.5)
        raise OverrideRefused(_refusal(answer))
    return _parsed(admin, "/v1/overrides", SaidTogether, status, answer).said


def _refusal(answer: bytes) -> str:
    try:
        return str(TypeAdapter(dict[str, object]).validate_json(answer)["error"])
    except (ValidationError, KeyError):
        return answer[:300].decode(errors="replace")


def _fetch(admin: str, method: str, path: str, kind: type[_View], query: Mapping[str, str] | None = None) -> _View:
    status, body = asyncio.run(_ask(admin, method, path, query=query))
    return _parsed(admin, path, kind, status, body)


def _parsed(admin: str, path: str, kind: type[_View], status: int, body: bytes) -> _View:
    try:
        return TypeAdapter(kind).validate_json(body)
    except ValidationError as error:
        raise Unreachable(f"the node at {admin} answered {path} with HTTP {status}: {_refusal(body)}") from error


async def _ask(
    admin: str,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    body: Mapping[str, object] | None = None,
    token: str = "",
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, bytes]:
    timeout, handshake = aiohttp.ClientTimeout(total=timeout_s), Handshake()
    is_local, is_plain = admin.startswith(UNIX), not admin.startswith("https://")
    base = "http://localhost" if is_local else f"http://{admin}" if is_plain else admin
    headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        connector = aiohttp.UnixConnector(admin.removeprefix(UNIX)) if is_local else _connector(handshake)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False) as session,
            session.request(
                method, f"{base}{path}", params=query, json=body, headers=headers, allow_redirects=False
            ) as answer,
        ):
            return answer.status, await _whole(answer, admin, path)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        address = base.partition("://")[2]
        advised = "" if is_local else advice(error, address, handshake, is_plain=is_plain)
        if advised:
            raise Unreachable(f"the node at {admin} cannot be asked: {advised}") from error
        message = _words(error, timeout_s)
        raise Unreachable(f"no node answers at {admin}: {message}; is `gtm serve` running there?") from error


async def _whole(answer: aiohttp.ClientResponse, admin: str, path: str) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > MAX_ANSWER:
            raise Unreachable(f"what answers at {admin} is no node: {path} has more than {MAX_ANSWER} bytes")
    return bytes(body)


def _connector(handshake: Handshake) -> aiohttp.TCPConnector:
    # aiohttp's own resolver would keep the command from ending while the system waits for a name server
    resolver = HttpResolver(threads=2, within_s=TIMEOUT_S, name="name of the node")
    return aiohttp.TCPConnector(resolver=resolver, ssl=handshake.context())


def _words(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {timeout_s:.0f} s"
    message = described(error)
    if message == HUNG_UP or (isinstance(error, OSError) and error.errno == errno.ECONNRESET):
        return f"{HUNG_UP} (a full listener does; try again)"
    return message[:1].lower() + message[1:] if isinstance(error, OSError) else message
