"""The checks of monitors `http`, `https` and `deny`: a request, judged by the monitor's expectations of the answer.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. It
connects to the endpoint itself, whatever the monitor's host resolves to, and follows redirects, where it may, on the
endpoint alone; it verifies the certificate against the host that it asks for, as clients will. Judged in this order:

    certificate's days -> status -> headers -> body (text, RE2, JSON) -> time

Secrets are read for each request and go into it and nowhere else.
"""

import re
from collections.abc import Callable
from functools import partial

from multidict import CIMultiDict
from yarl import URL

from gtm.checks.model import Check
from gtm.errors import SecretUnreadable
from gtm.health.verdict.reading import Reason
from gtm.ids import Address
from gtm.probe.connection import connected
from gtm.probe.cost import begin_another_request
from gtm.probe.exchange import HttpAnswer, answer_on, request_of
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.http_answer import (
    MAX_BODY_BYTES,
    asks_for_a_body,
    in_time,
    judged_body,
    judged_head,
    unexpected_status,
)
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.mismatch import names_credential, statuses
from gtm.probe.permits import Permits
from gtm.probe.redirect import for_another_host, is_same_host, method_after, onward
from gtm.probe.route import reaching
from gtm.probe.secret import secret_text
from gtm.probe.stopwatch import Phase, lap
from gtm.probe.tls import days_left
from gtm.threads import Pool
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.settings import HeaderValue, Secret

Unexpected = Callable[[int, HttpSettings], CheckOutcome]
"""Returns the outcome for a status that the monitor does not expect."""

_USUAL = {"User-Agent": "gtm-probe", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
_NO_BODY = {"Content-Length": "0", "Content-Type": "application/octet-stream"}
"""Headers of a request whose method could have a body (RFC 9110 8.6)."""
_WITH_BODY = frozenset({"POST", "PUT"})


async def check_http(check: Check, settings: HttpSettings, instruments: Instruments) -> CheckOutcome:
    """Returns the outcome of the request. Raises the network's error if there was no answer."""
    return await _checked(check, settings, instruments)


async def check_deny(check: Check, settings: DenySettings, instruments: Instruments) -> CheckOutcome:
    """Returns a good outcome if the endpoint refused a request without credentials.

    A status 2xx gives the reason `allowed`; any other unexpected status is a failure, too.
    """
    return await _checked(check, settings.request, instruments, unexpected=_not_refused)


def _not_refused(status: int, settings: HttpSettings) -> CheckOutcome:
    if 200 <= status < 300:  # RFC 9110 15.3
        wanted = statuses(settings.statuses)
        return CheckOutcome(Reason.ALLOWED, f"HTTP {status} to a request without credentials, wanted {wanted}")
    return unexpected_status(status, settings)


async def _checked(
    check: Check,
    settings: HttpSettings,
    instruments: Instruments,
    *,
    unexpected: Unexpected = unexpected_status,
) -> CheckOutcome:
    address = target_address(check, instruments)
    with reaching(address):
        return await _answered(check, settings, instruments, address, unexpected=unexpected)


async def _answered(
    check: Check,
    settings: HttpSettings,
    instruments: Instruments,
    address: Address,
    *,
    unexpected: Unexpected,
) -> CheckOutcome:
    clock, page, method, port = instruments.clock, _page(check, settings), settings.method, check.monitor.port
    permits, scope = instruments.permits, check.monitor.scope
    own = [(name, await _header(value, permits, scope)) for name, value in settings.headers]
    first, started_at, mark = page, clock.monotonic(), instruments.lateness.mark()
    for _ in range(settings.max_redirects + 1):
        tls = await instruments.contexts.of(settings.tls, scope) if settings.secure else None
        name = (settings.tls.server_name or page.raw_host or "").rstrip(".")
        async with connected(address, port, tls=tls, server_name=name) as connection:
            sent = own if is_same_host(page, first) else for_another_host(settings.headers)
            request = request_of(method, page.raw_path_qs, _headers(page, method, sent).items())
            answer = await answer_on(connection, request, method=method, strict=settings.strict)
            lap(Phase.FIRST_BYTE)
            target = onward(answer.status, answer.headers, page=page, port=port) if settings.max_redirects else None
            if target is None:
                outcome = days_left(connection.tls, settings.tls, wall=clock.wall())
                if outcome is PASSED:
                    outcome = await _judged(answer, settings, unexpected, parsing=instruments.parsing)
                late_s = instruments.lateness.since(mark).total_s
                return in_time(outcome, settings, took_s=clock.monotonic() - started_at, late_s=late_s)
            page, method = target, method_after(answer.status, method)
            begin_another_request()
    return CheckOutcome(Reason.STATUS, f"more than {settings.max_redirects} redirects")


def _headers(page: URL, method: str, own: list[tuple[str, str]]) -> CIMultiDict[str]:
    """Returns the headers of a request; the monitor's own headers replace the defaults."""
    headers = CIMultiDict({"Host": page.host_port_subcomponent or "", **_USUAL})
    if method in _WITH_BODY:
        headers.update(_NO_BODY)
    headers.update(own)
    return headers


async def _header(value: HeaderValue, permits: Permits, scope: str) -> str:
    if isinstance(value, str):
        return value
    text = await secret_text(permits.secret(value, scope))
    if not re.fullmatch(r"[\t\x20-\x7e]*", text):  # RFC 9110 5.5
        raise SecretUnreadable(f'secret "{value.name}" has what a header cannot hold: only printable ASCII is good')
    return text


async def _judged(answer: HttpAnswer, settings: HttpSettings, unexpected: Unexpected, *, parsing: Pool) -> CheckOutcome:
    quotes = not any(isinstance(value, Secret) or names_credential(name) for name, value in settings.headers)
    outcome = judged_head(answer.status, answer.headers, settings, quotes=quotes, unexpected=unexpected)
    if outcome is not PASSED or not asks_for_a_body(settings):
        return outcome
    # a text alone is enough as soon as it is there; an expression and JSON need all of the body
    is_text_alone = not settings.body_regex and not settings.body_json
    body = await _body(answer, settings.body.encode() if is_text_alone else b"")
    if not is_text_alone:  # RE2 and JSON need time linear in the body; they run in a thread beside the event loop
        return await parsing.run(partial(judged_body, body, answer.status, settings, quotes=quotes))
    return judged_body(body, answer.status, settings, quotes=quotes)


async def _body(answer: HttpAnswer, enough: bytes) -> bytes:
    """Returns at most MAX_BODY_BYTES of a body.

    If `enough` is not empty, it stops when the body contains `enough`.
    """
    body = bytearray()
    while len(body) < MAX_BODY_BYTES:
        part = await answer.read()
        searched_to = max(0, len(body) - len(enough) + 1)
        body += part[: MAX_BODY_BYTES - len(body)]
        if not part or (enough and body.find(enough, searched_to) >= 0):
            break
    return bytes(body)


def _page(check: Check, settings: HttpSettings) -> URL:
    """Returns the URL of the request, with the monitor's host, or else the target with the monitor's port."""
    target = f"[{check.target}]" if ":" in check.target else check.target
    authority = settings.host or f"{target}:{check.monitor.port}"
    return URL(f"{'https' if settings.secure else 'http'}://{authority}{settings.path}", encoded=True)
