"""How an answer is judged, without a network: nothing that comes raises anything."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gtm.health.verdict.reading import MAX_DETAIL_LENGTH, Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.http_answer import MAX_BODY_BYTES, in_time, judged_body, judged_head
from gtm.zone.monitors.kinds.http import HttpSettings, JsonExpectation
from gtm.zone.monitors.settings import JsonPath


def pointer_to(*steps: str | int) -> str:
    """RFC 6901 3 and 4."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
paths = st.lists(st.text(min_size=1) | st.integers(0, 3), min_size=1, max_size=4).map(tuple)
pointers = st.lists(st.text() | st.integers(0, 3).map(str) | st.just("-")).map(lambda steps: pointer_to(*steps))
expectations = st.builds(JsonExpectation, paths | pointers, scalars)


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


def wants(*expected: JsonExpectation) -> HttpSettings:
    return HttpSettings(secure=False, body_json=expected)


@pytest.mark.slow
@given(st.binary() | documents.map(lambda one: json.dumps(one).encode()), expectations)
def test_no_body_raises_anything(body: bytes, expected: JsonExpectation) -> None:
    outcome = judged_body(body, 200, wants(expected), quotes=True)
    assert outcome is PASSED or outcome.reason is Reason.BODY


@given(st.dictionaries(st.text(min_size=1), scalars, min_size=1))
def test_a_document_has_what_it_has(document: dict[str, str | int | float | bool | None]) -> None:
    expected = [JsonExpectation((key,), value) for key, value in document.items()]
    assert judged_body(json.dumps(document).encode(), 200, wants(*expected), quotes=True) is PASSED


def inside(document: object, *steps: str | int) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Every place in a document, and what is there."""
    yield steps, document
    if isinstance(document, dict | list):
        for step, inner in document.items() if isinstance(document, dict) else enumerate(document):
            yield from inside(inner, *steps, step)


@pytest.mark.slow
@given(documents)
def test_a_pointer_leads_to_every_place_of_a_document(document: object) -> None:
    body = json.dumps(document).encode()
    for steps, value in inside(document):
        if value is None or isinstance(value, str | int | float | bool):
            assert judged_body(body, 200, wants(JsonExpectation(pointer_to(*steps), value)), quotes=True) is PASSED
            longer = wants(JsonExpectation(pointer_to(*steps, "0"), value))
            assert judged_body(body, 200, longer, quotes=True).reason is Reason.BODY


@pytest.mark.parametrize(
    ("pointer", "is_there"),
    [
        ("", False),
        ("/a.b", True),
        ("/c~1d", True),
        ("/e~0f", True),
        ("/e~01f", False),
        ("/list/1", True),
        ("/list/01", False),
        ("/list/-1", False),
        ("/list/+1", False),
        ("/list/ 1", False),
        ("/list/\u0661", False),
        ("/list/-", False),
        ("/list/2", False),
        ("/list/" + "9" * 5000, False),
        ("/list/1/0", False),
        ("/", True),
        ("//", False),
        ("/0", True),
        ("/a%2eb", False),
        ("/A.B", False),
    ],
)
def test_a_pointer_is_read_as_the_rfc_says(pointer: str, is_there: bool) -> None:  # noqa: FBT001
    body = b'{"a.b": "yes", "c/d": "yes", "e~f": "yes", "list": ["no", "yes"], "": "yes", "0": "yes"}'
    assert (judged_body(body, 200, wants(JsonExpectation(pointer, "yes")), quotes=True) is PASSED) is is_there


@pytest.mark.parametrize(
    ("body", "pointer", "value"),
    [(b'[{"ok": true}]', "/0/ok", True), (b"true", "", True), (b'"ok"', "", "ok"), (b"[[null]]", "/0/0", None)],
)
def test_the_top_of_a_document_may_be_anything(body: bytes, pointer: str, value: bool | str | None) -> None:  # noqa: FBT001
    assert judged_body(body, 200, wants(JsonExpectation(pointer, value)), quotes=True) is PASSED
    other = judged_body(body, 200, wants(JsonExpectation(pointer, "other")), quotes=True)
    got = f"{pointer or 'value'} {json.dumps(value)}"
    assert other == CheckOutcome(Reason.BODY, f'HTTP 200 with {got} in the body, wanted "other"')


@pytest.mark.parametrize("depth", range(900, 1000, 3))
def test_what_is_nested_deeply_has_no_more_than_it_has(depth: int) -> None:
    body = b'{"x": ' * depth + b"1" + b"}" * depth
    assert judged_body(body, 200, wants(JsonExpectation("/status", "ok")), quotes=True).reason is Reason.BODY


@pytest.mark.parametrize(
    ("body", "path", "detail"),
    [
        (b'{"a": [{}]}', ("a", 0, "b"), 'HTTP 200 without a[0].b in the body, wanted "yes"'),
        (b'{"a": [{}]}', ("a", 1), 'HTTP 200 without a[1] in the body, wanted "yes"'),
        (b'{"a": {"b": "no"}}', ("a", "b"), 'HTTP 200 with a.b "no" in the body, wanted "yes"'),
        (b'{"a": {"b": true}}', ("a", "b"), 'HTTP 200 with a.b true in the body, wanted "yes"'),
        (b'{"a": {"b": 1e400}}', ("a", "b"), 'HTTP 200 with a.b Infinity in the body, wanted "yes"'),
        (b'{"a": {"b": "no"}}', ("a",), 'HTTP 200 with a an object in the body, wanted "yes"'),
        (b'{"a": [1, 2]}', ("a",), 'HTTP 200 with a a list of 2 in the body, wanted "yes"'),
        (b'["yes"]', (0,), ""),
        (b'{"a.b": [{}]}', "/a.b/0/c", 'HTTP 200 without /a.b/0/c in the body, wanted "yes"'),
        (b'{"a.b": "no"}', "/a.b", 'HTTP 200 with /a.b "no" in the body, wanted "yes"'),
        (b'{"0": "yes"}', (0,), 'HTTP 200 without [0] in the body, wanted "yes"'),
        (b"x" * MAX_BODY_BYTES, ("a",), f"HTTP 200 with a body that is longer than {MAX_BODY_BYTES} bytes"),
        (b"", ("a",), "HTTP 200 with a body that is no JSON: 0 bytes"),
        (b"<html>\n", ("a",), r'HTTP 200 with a body that is no JSON: 7 bytes, "<html>\n"'),
    ],
)
def test_a_failure_says_where_and_what_was_got_and_wanted(body: bytes, path: JsonPath, detail: str) -> None:
    assert judged_body(body, 200, wants(JsonExpectation(path, "yes")), quotes=True).detail == detail


def test_what_is_wanted_is_told_as_json_has_it() -> None:
    for value, words in ((True, "true"), (1, "1"), (None, "null"), (0.5, "0.5")):
        detail = judged_body(b'{"a": "x"}', 200, wants(JsonExpectation(("a",), value)), quotes=True).detail
        assert detail == f'HTTP 200 with a "x" in the body, wanted {words}'


SECRET = "s3cr3t-t0ken"


@pytest.mark.parametrize(
    ("body", "asked", "detail"),
    [
        ({"a": SECRET}, {"body_json": (JsonExpectation(("a",), "x"),)}, "a a text of 12 characters in the body"),
        ({"a": 31337}, {"body_json": (JsonExpectation(("a",), "x"),)}, "a a number in the body"),
        ({"a": None}, {"body_json": (JsonExpectation(("a",), "x"),)}, "a null in the body"),
        ({"a": SECRET}, {"body": "ok"}, "a body of 21 bytes; wanted"),
        ({"a": SECRET}, {"body_regex": "ok"}, "a body of 21 bytes; wanted"),
    ],
)
def test_the_answer_to_a_secret_is_not_quoted(body: dict[str, object], asked: dict[str, Any], detail: str) -> None:
    settings = HttpSettings(secure=False, **asked)
    outcome = judged_body(json.dumps(body).encode(), 200, settings, quotes=False)
    assert f"HTTP 200 with {detail}" in outcome.detail
    assert SECRET not in outcome.detail
    assert "31337" not in outcome.detail
    no_json = judged_body(SECRET.encode(), 200, wants(JsonExpectation(("a",), "x")), quotes=False)
    assert SECRET not in no_json.detail


def test_a_header_is_told_but_where_it_is_a_credential() -> None:
    asked = HttpSettings(secure=False, expected_headers=(("X-Ready", "yes"), ("Set-Cookie", "yes")))
    wrong = judged_head(200, headers(("X-Ready", "no\x1b")), asked, quotes=True)
    assert wrong.detail == r'HTTP 200 with the header X-Ready: "no\u001b", wanted "yes"'
    hidden = judged_head(200, headers(("X-Ready", SECRET)), asked, quotes=False)
    cookie = judged_head(200, headers(("X-Ready", "yes"), ("Set-Cookie", SECRET)), asked, quotes=True)
    assert SECRET not in hidden.detail + cookie.detail
    assert cookie.detail == 'HTTP 200 with the header Set-Cookie: a text of 12 characters, wanted "yes"'


@pytest.mark.slow
@given(
    st.binary() | documents.map(lambda one: json.dumps(one).encode()), expectations, st.text(min_size=1), st.booleans()
)
def test_a_detail_prints_and_holds_both_values_whatever_they_are(
    body: bytes,
    expected: JsonExpectation,
    text: str,
    quotes: bool,  # noqa: FBT001
) -> None:
    for settings in (wants(expected), HttpSettings(secure=False, body=text)):
        detail = judged_body(body, 200, settings, quotes=quotes).detail
        assert detail.isprintable()
        assert len(detail) <= MAX_DETAIL_LENGTH
        assert not detail or "wanted" in detail or "is no JSON" in detail


def test_all_that_is_expected_of_a_body_must_be_there() -> None:
    asked = HttpSettings(
        secure=False, body="ok", body_regex="n=[0-9]+", body_json=(JsonExpectation(("status",), "ok"),)
    )
    assert judged_body(b'{"status": "ok", "note": "n=7"}', 200, asked, quotes=True) is PASSED
    for body in (b'{"status": "up", "note": "n=7"}', b'{"status": "ok"}', b'{"status": "ok", "note": "n="}', b"ok n=7"):
        assert judged_body(body, 200, asked, quotes=True).reason is Reason.BODY


def test_a_header_that_comes_twice_is_one_list() -> None:
    asked = HttpSettings(secure=False, expected_headers=(("via", "a, b"), ("X-Any", "")))
    assert judged_head(200, headers(("Via", "a"), ("Via", "b"), ("x-any", "")), asked, quotes=True) is PASSED
    assert judged_head(200, headers(("Via", "a"), ("x-any", "")), asked, quotes=True).reason is Reason.HEADER
    assert judged_head(200, headers(("Via", "a, b")), asked, quotes=True).detail == "HTTP 200 without the header X-Any"
    assert judged_head(500, headers(), asked, quotes=True) == CheckOutcome(Reason.STATUS, "HTTP 500, wanted 200-299")


def test_only_a_good_answer_can_be_slow() -> None:
    asked = HttpSettings(secure=False, response_time_s=0.8)
    bad = CheckOutcome(Reason.STATUS, "HTTP 500")
    assert in_time(PASSED, asked, took_s=0.8, late_s=0.0) is PASSED
    assert in_time(PASSED, asked, took_s=0.81, late_s=0.0) == CheckOutcome(
        Reason.SLOW, "a good answer after 0.810 s; the limit is 0.8 s"
    )
    assert in_time(bad, asked, took_s=9.0, late_s=0.0) is bad
    assert in_time(PASSED, HttpSettings(secure=False), took_s=9.0, late_s=0.0) is PASSED


def test_an_answer_that_only_a_late_probe_made_slow_says_nothing() -> None:
    """A check waits on for a probe that was late (gtm/probe/time_limit.py): the answer was no slower for that."""
    asked = HttpSettings(secure=False, response_time_s=0.8)
    assert in_time(PASSED, asked, took_s=1.2, late_s=0.4).reason is Reason.UNREAD
    assert in_time(PASSED, asked, took_s=1.2, late_s=0.3).reason is Reason.SLOW
    assert in_time(PASSED, asked, took_s=0.7, late_s=0.6) is PASSED
