"""How an answer is judged, without a network: nothing that comes raises anything."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from gtm.health.reading import Reason
from gtm.probe.failures import PASSED, Outcome
from gtm.probe.http_answer import MAX_BODY_BYTES, in_time, judged_body, judged_head
from gtm.zone.settings import HttpSettings, JsonExpectation, JsonPath


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


@given(st.binary() | documents.map(lambda one: json.dumps(one).encode()), expectations)
def test_no_body_raises_anything(body: bytes, expected: JsonExpectation) -> None:
    outcome = judged_body(body, 200, wants(expected))
    assert outcome is PASSED or outcome.reason is Reason.BODY


@given(st.dictionaries(st.text(min_size=1), scalars, min_size=1))
def test_a_document_has_what_it_has(document: dict[str, str | int | float | bool | None]) -> None:
    expected = [JsonExpectation((key,), value) for key, value in document.items()]
    assert judged_body(json.dumps(document).encode(), 200, wants(*expected)) is PASSED


def inside(document: object, *steps: str | int) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Every place in a document, and what is there."""
    yield steps, document
    if isinstance(document, dict | list):
        for step, inner in document.items() if isinstance(document, dict) else enumerate(document):
            yield from inside(inner, *steps, step)


@given(documents)
def test_a_pointer_leads_to_every_place_of_a_document(document: object) -> None:
    body = json.dumps(document).encode()
    for steps, value in inside(document):
        if value is None or isinstance(value, str | int | float | bool):
            assert judged_body(body, 200, wants(JsonExpectation(pointer_to(*steps), value))) is PASSED
            longer = wants(JsonExpectation(pointer_to(*steps, "0"), value))
            assert judged_body(body, 200, longer).reason is Reason.BODY


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
    assert (judged_body(body, 200, wants(JsonExpectation(pointer, "yes"))) is PASSED) is is_there


@pytest.mark.parametrize(
    ("body", "pointer", "value"),
    [(b'[{"ok": true}]', "/0/ok", True), (b"true", "", True), (b'"ok"', "", "ok"), (b"[[null]]", "/0/0", None)],
)
def test_the_top_of_a_document_may_be_anything(body: bytes, pointer: str, value: bool | str | None) -> None:  # noqa: FBT001
    assert judged_body(body, 200, wants(JsonExpectation(pointer, value))) is PASSED
    other = judged_body(body, 200, wants(JsonExpectation(pointer, "other")))
    assert other == Outcome(Reason.BODY, f"HTTP 200 with another {pointer or 'value'} in the body")


@pytest.mark.parametrize("depth", range(900, 1000, 3))
def test_what_is_nested_deeply_has_no_more_than_it_has(depth: int) -> None:
    body = b'{"x": ' * depth + b"1" + b"}" * depth
    assert judged_body(body, 200, wants(JsonExpectation("/status", "ok"))).reason is Reason.BODY


@pytest.mark.parametrize(
    ("body", "path", "detail"),
    [
        (b'{"a": [{}]}', ("a", 0, "b"), "HTTP 200 without a[0].b in the body"),
        (b'{"a": [{}]}', ("a", 1), "HTTP 200 without a[1] in the body"),
        (b'{"a": {"b": "no"}}', ("a", "b"), "HTTP 200 with another a.b in the body"),
        (b'["yes"]', (0,), ""),
        (b'{"a.b": [{}]}', "/a.b/0/c", "HTTP 200 without /a.b/0/c in the body"),
        (b'{"a.b": "no"}', "/a.b", "HTTP 200 with another /a.b in the body"),
        (b'{"0": "yes"}', (0,), "HTTP 200 without [0] in the body"),
        (b"x" * MAX_BODY_BYTES, ("a",), f"HTTP 200 with a body that is longer than {MAX_BODY_BYTES} bytes"),
        (b"", ("a",), "HTTP 200 with a body that is no JSON"),
    ],
)
def test_a_failure_names_the_path_and_not_the_value(body: bytes, path: JsonPath, detail: str) -> None:
    assert judged_body(body, 200, wants(JsonExpectation(path, "yes"))).detail == detail


def test_all_that_is_expected_of_a_body_must_be_there() -> None:
    asked = HttpSettings(
        secure=False, body="ok", body_regex="n=[0-9]+", body_json=(JsonExpectation(("status",), "ok"),)
    )
    assert judged_body(b'{"status": "ok", "note": "n=7"}', 200, asked) is PASSED
    for body in (b'{"status": "up", "note": "n=7"}', b'{"status": "ok"}', b'{"status": "ok", "note": "n="}', b"ok n=7"):
        assert judged_body(body, 200, asked).reason is Reason.BODY


def test_a_header_that_comes_twice_is_one_list() -> None:
    asked = HttpSettings(secure=False, expected_headers=(("via", "a, b"), ("X-Any", "")))
    assert judged_head(200, headers(("Via", "a"), ("Via", "b"), ("x-any", "")), asked) is PASSED
    assert judged_head(200, headers(("Via", "a"), ("x-any", "")), asked).reason is Reason.HEADER
    assert judged_head(200, headers(("Via", "a, b")), asked).detail == "HTTP 200 without the expected header X-Any"
    assert judged_head(500, headers(), asked) == Outcome(Reason.STATUS, "HTTP 500")


def test_only_a_good_answer_can_be_slow() -> None:
    asked = HttpSettings(secure=False, response_time_s=0.8)
    bad = Outcome(Reason.STATUS, "HTTP 500")
    assert in_time(PASSED, asked, took_s=0.8, late_s=0.0) is PASSED
    assert in_time(PASSED, asked, took_s=0.81, late_s=0.0) == Outcome(
        Reason.SLOW, "a good answer after 0.810 s; the limit is 0.8 s"
    )
    assert in_time(bad, asked, took_s=9.0, late_s=0.0) is bad
    assert in_time(PASSED, HttpSettings(secure=False), took_s=9.0, late_s=0.0) is PASSED


def test_an_answer_that_only_a_late_probe_made_slow_says_nothing() -> None:
    """A check waits on for a probe that was late (time_limit.py): what it hears then was no slower for that."""
    asked = HttpSettings(secure=False, response_time_s=0.8)
    assert in_time(PASSED, asked, took_s=1.2, late_s=0.4).reason is Reason.UNREAD
    assert in_time(PASSED, asked, took_s=1.2, late_s=0.3).reason is Reason.SLOW
    assert in_time(PASSED, asked, took_s=0.7, late_s=0.6) is PASSED
