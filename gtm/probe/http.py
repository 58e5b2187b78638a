"""The checks of monitors `http`, `https` and `deny`: a request, judged by all that the monitor says of the answer.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. It
connects to the endpoint itself, whatever the monitor's host resolves to, and follows redirects, where it may, on the
endpoint alone; it verifies the certificate against the monitor's host, as clients will. Judged in this order:

    certificate's days -> status -> headers -> body (text, RE2, JSON) -> time

Secrets are read for each request and go into it and nowhere else.
"""

import json
from collections.abc import Mapping

import aiohttp
import re2
from yarl import URL

from gtm.health.reading import Reason
from gtm.ids import Address
from gtm.probe.failures import PASSED, Outcome
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.secret import secret_text
from gtm.probe.stopwatch import Phase, lap
from gtm.probe.tls import days_left
from gtm.zone.model import Check
from gtm.zone.settings import DenySettings, HttpSettings, JsonExpectation, Secret

MAX_BODY_BYTES = 64 * 1024
"""How much of a body is searched: a health page is small, and a probe must not download an error page of any size."""

USER_AGENT = "gtm-probe"

DEFAULT_PORTS = {True: 443, False: 80}
"""By whether it is https."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def check_http(check: Check, instruments: Instruments) -> Outcome:
    """Returns how the endpoint answered."""
    settings = check.monitor.settings
    assert isinstance(settings, HttpSettings)
    return await _checked(check, settings, instruments)


async def check_deny(check: Check, instruments: Instruments) -> Outcome:
    """Returns whether the endpoint refused: another status than those of a refusal means that it let a stranger in."""
    settings = check.monitor.settings
    assert isinstance(settings, DenySettings)
    outcome = await _checked(check, settings.request, instruments)
    if outcome.reason is Reason.STATUS and outcome.detail.startswith("HTTP 2"):
        return Outcome(Reason.ALLOWED, f"{outcome.detail} to a request without credentials")
    return outcome


async def _checked(check: Check, settings: HttpSettings, instruments: Instruments) -> Outcome:
    address = await target_address(check.target, instruments.resolver)
    clock, url = instruments.clock, _url(check, settings, address)
    started_at = clock.monotonic()
    headers = await _headers(check, settings)
    for _ in range(settings.max_redirects + 1):
        async with instruments.session.request(
            settings.method,
            url,
            headers=headers,
            allow_redirects=False,
            ssl=instruments.contexts.of(settings.tls) if settings.secure else True,
            server_hostname=_server_name(check, settings) if settings.secure else None,
        ) as response:
            lap(Phase.FIRST_BYTE)
            try:
                onward = _onward(response, url) if settings.max_redirects else None
                if onward is None:
                    outcome = await _judged(response, settings, wall=clock.wall())
                    return _in_time(outcome, settings, took_s=clock.monotonic() - started_at)
                url = onward
            finally:
                response.close()  # not released: the rest of the body is not worth reading
    return Outcome(Reason.STATUS, f"more than {settings.max_redirects} redirects")


async def _headers(check: Check, settings: HttpSettings) -> Mapping[str, str]:
    own = {name: await secret_text(value) if isinstance(value, Secret) else value for name, value in settings.headers}
    usual = {"Host": _host(check, settings), "User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
    given = {name.lower() for name in own}
    return {**{name: value for name, value in usual.items() if name.lower() not in given}, **own}


def _onward(response: aiohttp.ClientResponse, url: URL) -> URL | None:
    """Returns where a redirect leads on the same endpoint; None for an answer, and for what leads elsewhere."""
    if response.status not in _REDIRECTS or "Location" not in response.headers:
        return None
    target = URL(response.headers["Location"], encoded=True)
    if target.host is not None and target.scheme and target.scheme != url.scheme:
        return None  # another port, which may be another endpoint's
    return url.with_path(target.raw_path or "/", encoded=True).with_query(target.raw_query_string or None)


async def _judged(response: aiohttp.ClientResponse, settings: HttpSettings, *, wall: float) -> Outcome:
    outcome = days_left(getattr(response, "tls", None), settings.tls, wall=wall)
    if outcome is not PASSED:
        return outcome
    if not any(first <= response.status <= last for first, last in settings.statuses):
        return Outcome(Reason.STATUS, f"HTTP {response.status}")
    for name, wanted in settings.expected_headers:
        if wanted not in ", ".join(response.headers.getall(name, [])) or name not in response.headers:
            return Outcome(Reason.HEADER, f"HTTP {response.status} without the expected header {name}")
    return await _judged_body(response, settings)


async def _judged_body(response: aiohttp.ClientResponse, settings: HttpSettings) -> Outcome:
    status = response.status
    if settings.body_regex or settings.body_json:
        body = await _body(response.content)
        if settings.body.encode() not in body:
            return Outcome(Reason.BODY, f"HTTP {status} without the expected text in the body")
        # RE2: a pattern that would take another engine for ever takes time linear in the body
        if settings.body_regex and re2.search(settings.body_regex.encode(), body) is None:
            return Outcome(Reason.BODY, f"HTTP {status} without a match in the body")
        return _judged_json(body, settings.body_json, status)
    if settings.body and not await _holds(response.content, settings.body.encode()):
        return Outcome(Reason.BODY, f"HTTP {status} without the expected text in the body")
    return PASSED


def _judged_json(body: bytes, expected: tuple[JsonExpectation, ...], status: int) -> Outcome:
    if not expected:
        return PASSED
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Outcome(Reason.BODY, f"HTTP {status} with a body that is no JSON")
    for one in expected:
        found, is_there = _at(document, one.path)
        if not is_there or found != one.equals or isinstance(found, bool) is not isinstance(one.equals, bool):
            path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in one.path).lstrip(".")
            return Outcome(Reason.BODY, f"HTTP {status} with another {path} in the body")
    return PASSED


def _at(document: object, path: tuple[str | int, ...]) -> tuple[object, bool]:
    """Returns what is at a path, and whether there is anything."""
    for step in path:
        match document:
            case dict() if step in document:
                document = document[step]
            case list() if isinstance(step, int) and step < len(document):
                document = document[step]
            case _:
                return None, False
    return document, True


def _in_time(outcome: Outcome, settings: HttpSettings, *, took_s: float) -> Outcome:
    limit_s = settings.response_time_s
    if outcome is not PASSED or limit_s is None or took_s <= limit_s:
        return outcome
    return Outcome(Reason.SLOW, f"a good answer after {took_s:.3f} s; the limit is {limit_s:g} s")


async def _body(content: aiohttp.StreamReader) -> bytes:
    """Returns the first MAX_BODY_BYTES of a body."""
    body = bytearray()
    while len(body) < MAX_BODY_BYTES:
        part = await content.read(MAX_BODY_BYTES - len(body))
        if not part:
            break
        body += part
    return bytes(body)


async def _holds(content: aiohttp.StreamReader, wanted: bytes) -> bool:
    """Returns whether the first MAX_BODY_BYTES hold the text; it stops reading as soon as they do."""
    body = bytearray()
    while len(body) < MAX_BODY_BYTES:
        part = await content.read(MAX_BODY_BYTES - len(body))
        if not part:
            return False
        searched_to = max(0, len(body) - len(wanted) + 1)
        body += part
        if body.find(wanted, searched_to) >= 0:
            return True
    return False


def _url(check: Check, settings: HttpSettings, address: Address) -> URL:
    authority = f"[{address}]" if address.version == 6 else str(address)
    scheme = "https" if settings.secure else "http"
    return URL(f"{scheme}://{authority}:{check.monitor.port}{settings.path}", encoded=True)


def _server_name(check: Check, settings: HttpSettings) -> str:
    return settings.tls.server_name or settings.host or check.target


def _host(check: Check, settings: HttpSettings) -> str:
    """Returns the Host header: the monitor's as it stands, or the target with a port that is not the default."""
    if settings.host:
        return settings.host
    target = f"[{check.target}]" if ":" in check.target else check.target
    port = check.monitor.port
    # RFC 9110 7.2: the port may be left out when it is the scheme's default.
    return target if port == DEFAULT_PORTS[settings.secure] else f"{target}:{port}"
