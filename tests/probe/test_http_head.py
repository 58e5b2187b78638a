"""The head of an answer: what clients of the endpoint pass over is passed over, and no byte raises anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import NotHttp
from gtm.probe.http_head import MAX_HEAD_BYTES, Head, HeadReader
from gtm.probe.incoming import Incoming
from tests.probe.test_incoming import pieces_of

STATUS = b"HTTP/1.1 200 OK\r\n"


def head_of(*pieces: bytes, strict: bool = False) -> Head | None:
    incoming, reader = Incoming(), HeadReader(strict=strict)
    for piece in pieces:
        incoming.feed(piece)
        head = reader.take(incoming)
        if head is not None:
            return head
    return None


FORGIVEN = {
    "a line feed alone": b"HTTP/1.1 200 OK\nX: a\n\n",
    "either end of a line": b"HTTP/1.1 200 OK\r\nX: a\n\r\n",
    "lower case": b"http/1.1 200 OK\r\nX: a\r\n\r\n",
    "another major version": b"HTTP/2 200 OK\r\nX: a\r\n\r\n",
    "no space before no reason": b"HTTP/1.1 200\r\nX: a\r\n\r\n",
    "a reason that sticks to the status": b"HTTP/1.1 200OK\r\nX: a\r\n\r\n",
    "several spaces": b"HTTP/1.1  200  OK\r\nX: a\r\n\r\n",
    "a control character in the reason": b"HTTP/1.1 200 \x01\r\nX: a\r\n\r\n",
    "empty lines before it": b"\r\n\r\nHTTP/1.1 200 OK\r\nX: a\r\n\r\n",
    "an empty line feed before it": b"\nHTTP/1.1 200 OK\r\nX: a\r\n\r\n",
    "a space before the colon": STATUS + b"X : a\r\n\r\n",
    "a space in another name": STATUS + b"X: a\r\nY Z: b\r\n\r\n",
    "any character in another name": STATUS + b"X: a\r\nY(z)@/\xe9: b\r\n\r\n",
    "no name": STATUS + b"X: a\r\n: b\r\n\r\n",
    "a line without a colon": STATUS + b"no sense\r\nX: a\r\n\r\n",
    "the status line again": STATUS + STATUS + b"X: a\r\n\r\n",
    "a field in two lines": STATUS + b"X:\r\n a\r\n\r\n",
    "a line that goes on with none": STATUS + b" Y: b\r\nX: a\r\n\r\n",
    "a carriage return within": STATUS + b"X: a\r\nY: b\rc\r\n\r\n",
    "another control character": STATUS + b"X: a\r\nY: b\x01\x7f\r\n\r\n",
}


@pytest.mark.parametrize("said", FORGIVEN.values(), ids=FORGIVEN)
def test_what_curl_or_browsers_pass_over_is_passed_over_unless_the_monitor_is_strict(said: bytes) -> None:
    head = head_of(said)
    assert head is not None
    assert (head.status, head.headers.getall("x")) == (200, ["a"])
    with pytest.raises(NotHttp):
        head_of(said, strict=True)


GOOD = {
    "a reason": b"HTTP/1.1 200 All is well\r\nX: a\r\n\r\n",
    "no reason": b"HTTP/1.1 200 \r\nX: a\r\n\r\n",
    "a reason in another script": b"HTTP/1.1 200 gr\xc3\xbcn\r\nX: a\r\n\r\n",
    "another minor version": b"HTTP/1.2 200 OK\r\nX: a\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nX: a\r\n\r\n",
    "no space after the colon": STATUS + b"X:a\r\n\r\n",
    "spaces around the value": STATUS + b"X:  \ta \r\n\r\n",
    "an empty value": STATUS + b"Y:\r\nX: a\r\n\r\n",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: b\r\n\r\n"
    + STATUS
    + b"X: a\r\n\r\n",
    "an interim answer with a length": b"HTTP/1.1 102 P\r\nContent-Length: 9\r\n\r\n" + STATUS + b"X: a\r\n\r\n",
    "what follows": STATUS + b"X: a\r\n\r\nX: b\r\n\r\n",
}


@pytest.mark.parametrize("said", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_right_is_right_for_strict_monitors_too(said: bytes, *, strict: bool) -> None:
    head = head_of(said, strict=strict)
    assert head is not None
    assert (head.status, head.headers.getall("x")) == (200, ["a"])


@pytest.mark.parametrize("status", [101, 204, 304, 600, 999])
def test_an_answer_of_any_status_is_final_that_is_not_interim(status: int) -> None:
    head = head_of(b"HTTP/1.1 %d X\r\n\r\n" % status + STATUS + b"\r\n")
    assert head is not None
    assert head.status == status


def test_a_field_over_several_lines_is_one_value() -> None:
    head = head_of(STATUS + b"X: a,\r\n\t b,\r\n c\r\nx: d\r\n\r\n")
    assert head is not None
    assert head.headers.getall("X") == ["a, b, c", "d"]


NO_HTTP = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "an alert of TLS, which ends no line": b"\x15\x03\x01\x00\x02\x02\x46",
    "a page without a head": b"<html>",
    "HTTP without a version": b"HTTP 200 OK\r\n",
    "another scheme": b"ICY 200 OK\r\n",
    "a version of two digits": b"HTTP/1.11 200 OK\r\n",
    "no minor version after the dot": b"HTTP/1. 200 OK\r\n",
    "no status": b"HTTP/1.1 OK\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n",
    "a status of four": b"HTTP/1.1 2000 OK\r\n",
    "a status below 100": b"HTTP/1.1 099 OK\r\n",
    "something before it": b"x\r\n" + STATUS,
    "a space before it": b" " + STATUS,
    "an octet 0 in the reason": b"HTTP/1.1 200 \0\r\n",
    "an octet 0 in a name": STATUS + b"X\0: a\r\n",
    "an octet 0 in a value": STATUS + b"X: \0a\r\n",
}


@pytest.mark.parametrize("said", NO_HTTP.values(), ids=NO_HTTP)
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_no_http_is_refused_as_soon_as_it_is_seen(said: bytes, *, strict: bool) -> None:
    with pytest.raises(NotHttp):
        head_of(said, strict=strict)


@pytest.mark.parametrize("said", [STATUS[:count] for count in range(len(STATUS))])
def test_what_may_become_a_head_is_waited_for(said: bytes) -> None:
    assert head_of(said) is None
    assert head_of(b"\r\n" + said) is None


@pytest.mark.parametrize(
    "fields",
    [
        b"X: " + b"a" * 8_191 + b"\r\n",
        b"X: " + b"a" * (MAX_HEAD_BYTES - len(STATUS) - 7) + b"\r\n",
        b"X: a\r\n" * 129,
        b"".join(b"X%d: a\r\n" % number for number in range(10_000)),
        b"X: a\r\n" + b" a\r\n" * 10_000,
    ],
    ids=["over 8190 octets", "256 KiB in one line", "over 128 fields", "10,000 names", "10,000 lines of one field"],
)
def test_a_long_head_is_no_mistake(fields: bytes) -> None:
    head = head_of(STATUS + fields + b"\r\n")
    assert head is not None
    assert head.status == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    [
        STATUS + b"X: " + b"a" * MAX_HEAD_BYTES,
        STATUS + b"X: " + b"a" * (MAX_HEAD_BYTES - len(STATUS) - 6) + b"\r\n\r\n",
        STATUS + b"X: a\r\n" * (MAX_HEAD_BYTES // 6),
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_HEAD_BYTES // 25 + 1) + STATUS,
        b"\r\n" * (MAX_HEAD_BYTES // 2 + 1),
    ],
    ids=["a line without end", "one octet too many", "fields", "interim answers", "empty lines"],
)
def test_the_memory_for_a_head_is_bounded(said: bytes) -> None:
    with pytest.raises(NotHttp, match="a head of more than 262144 bytes"):
        head_of(*pieces_of(said, list(range(0, len(said), 65_536))))


heads = st.sampled_from([*FORGIVEN.values(), *GOOD.values(), *NO_HTTP.values()])
cuts = st.lists(st.integers(0, 100))


def told(*pieces: bytes, strict: bool) -> object:
    try:
        head = head_of(*pieces, strict=strict)
    except NotHttp:
        return NotHttp
    return None if head is None else (head.version, head.status, list(head.headers.items()))


@pytest.mark.slow
@given(heads, cuts, st.booleans())
def test_a_head_is_the_same_in_any_pieces(said: bytes, ends: list[int], strict: bool) -> None:  # noqa: FBT001
    assert told(*pieces_of(said, ends), strict=strict) == told(said, strict=strict)


@pytest.mark.slow
@given(st.binary() | heads, st.integers(0, 60), st.binary(max_size=3), cuts, st.booleans())
def test_no_bytes_raise_anything_but_that_they_are_no_http(
    said: bytes,
    at: int,
    damage: bytes,
    ends: list[int],
    strict: bool,  # noqa: FBT001
) -> None:
    damaged = said[:at] + damage + said[at + len(damage) :]
    told(*pieces_of(damaged, ends), strict=strict)
