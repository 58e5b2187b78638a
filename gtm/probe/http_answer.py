"""An HTTP answer -> an outcome: whether it is what the monitor expects.

What comes in: the status, the headers, and as much of the body as is searched. What goes out: an outcome, whose detail
says what was got and what was wanted. It quotes nothing of the answer but its status where the request carried a
secret (`quotes`): an endpoint that echoes must not get it into a report. No I/O.
"""

import json
from collections.abc import Callable

from jsonpointer import EndOfList, JsonPointer, JsonPointerException
from multidict import CIMultiDictProxy

from gtm.health.verdict.reading import Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.mismatch import begins, header_value, json_value, path_of, quoted, statuses
from gtm.zone.monitors.kinds.http import HttpSettings, JsonExpectation
from gtm.zone.monitors.settings import JsonPath

MAX_BODY_BYTES = 64 * 1024
"""Bytes of a body that are searched: a health page is small, and a probe must not download a large error page."""


def unexpected_status(status: int, settings: HttpSettings) -> CheckOutcome:
    """Returns the outcome for a status that the monitor does not expect."""
    return CheckOutcome(Reason.STATUS, f"HTTP {status}, wanted {statuses(settings.statuses)}")


def judged_head(
    status: int,
    headers: CIMultiDictProxy[str],
    settings: HttpSettings,
    *,
    quotes: bool,
    unexpected: Callable[[int, HttpSettings], CheckOutcome] = unexpected_status,
) -> CheckOutcome:
    """Returns the outcome for the status and the headers.

    `quotes` is whether the detail may quote the answer. `unexpected` gives the outcome for a status that is not
    expected.
    """
    if not any(first <= status <= last for first, last in settings.statuses):
        return unexpected(status, settings)
    for name, wanted in settings.expected_headers:
        also = f", wanted {quoted(wanted)}" if wanted else ""
        if name not in headers:
            return CheckOutcome(Reason.HEADER, f"HTTP {status} without the header {name}{also}")
        got = ", ".join(headers.getall(name))  # RFC 9110 5.2: one list
        if wanted not in got:
            shown = header_value(name, got, quotes=quotes)
            return CheckOutcome(Reason.HEADER, f"HTTP {status} with the header {name}: {shown}{also}")
    return PASSED


def asks_for_a_body(settings: HttpSettings) -> bool:
    """Returns whether the monitor expects anything of the body."""
    return bool(settings.body or settings.body_regex or settings.body_json)


def judged_body(body: bytes, status: int, settings: HttpSettings, *, quotes: bool) -> CheckOutcome:
    """Returns the outcome for the body: whether it has the text, matches the expression and has the JSON values.

    `quotes` is whether the detail may quote the answer.
    """
    if settings.body.encode() not in body:
        return _without(quoted(settings.body), body, status, quotes=quotes)
    if settings.body_regex and not _has_match(settings.body_regex, body):
        return _without(f"a match of {quoted(settings.body_regex)}", body, status, quotes=quotes)
    return _judged_json(body, settings.body_json, status, quotes=quotes) if settings.body_json else PASSED


def _has_match(pattern: str, body: bytes) -> bool:
    import re2  # noqa: PLC0415  # two megabytes, which most probes do without

    return re2.search(pattern.encode(), body) is not None


def _without(wanted: str, body: bytes, status: int, *, quotes: bool) -> CheckOutcome:
    return CheckOutcome(Reason.BODY, f"HTTP {status} with a body of {begins(body, quotes=quotes)}; wanted {wanted}")


def _judged_json(body: bytes, expected: tuple[JsonExpectation, ...], status: int, *, quotes: bool) -> CheckOutcome:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        if len(body) >= MAX_BODY_BYTES:
            return CheckOutcome(Reason.BODY, f"HTTP {status} with a body that is longer than {MAX_BODY_BYTES} bytes")
        return CheckOutcome(Reason.BODY, f"HTTP {status} with a body that is no JSON: {begins(body, quotes=quotes)}")
    for expectation in expected:
        value, is_there = _at(document, expectation.path)
        where, wanted = path_of(_shown(expectation.path)), json_value(expectation.equals, quotes=True)
        if not is_there:
            return CheckOutcome(Reason.BODY, f"HTTP {status} without {where} in the body, wanted {wanted}")
        # True == 1 in Python, and not in JSON
        if value != expectation.equals or isinstance(value, bool) is not isinstance(expectation.equals, bool):
            got = json_value(value, quotes=quotes)
            return CheckOutcome(Reason.BODY, f"HTTP {status} with {where} {got} in the body, wanted {wanted}")
    return PASSED


def _at(document: object, path: JsonPath) -> tuple[object, bool]:
    """Returns the value at a path of a JSON document, and whether there is one."""
    if isinstance(path, str):
        return _pointed_at(document, path)
    for step in path:
        match document:
            case dict() if step in document:
                document = document[step]
            case list() if isinstance(step, int) and step < len(document):
                document = document[step]
            case _:
                return None, False
    return document, True


def _pointed_at(document: object, pointer: str) -> tuple[object, bool]:
    try:
        value = JsonPointer(pointer).resolve(document)
    except (JsonPointerException, RecursionError):  # the error's message has the whole document in it
        return None, False
    return value, not isinstance(value, EndOfList)  # RFC 6901 4: there is nothing at "-"


def _shown(path: JsonPath) -> str:
    if isinstance(path, str):
        return path or "value"
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def in_time(outcome: CheckOutcome, settings: HttpSettings, *, took_s: float, late_s: float) -> CheckOutcome:
    """Returns the outcome, or a failure if a good answer was slower than allowed.

    It is inconclusive if the answer is slow only because this probe was `late_s` seconds late.
    """
    limit_s = settings.response_time_s
    if outcome is not PASSED or limit_s is None or took_s <= limit_s:
        return outcome
    if took_s - late_s <= limit_s:
        return CheckOutcome(
            Reason.UNREAD, f"this probe is too busy to tell how slow an answer was: it was {late_s:.1f} s late"
        )
    return CheckOutcome(Reason.SLOW, f"a good answer after {took_s:.3f} s; the limit is {limit_s:g} s")
