"""Where a body ends: by the head alone, however it comes in pieces and whatever comes after it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import NotHttp
from gtm.probe.http_body import MAX_CHUNK_LINE_BYTES, body_of
from gtm.probe.http_head import MAX_HEAD_BYTES, HeadReader
from gtm.probe.incoming import Incoming
from tests.probe.test_incoming import pieces_of

CHUNKED = b"Transfer-Encoding: chunked\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
WHOLE, CUT, OPEN = "whole", "cut", "until the end"


def read(
    fields: bytes,
    *pieces: bytes,
    status: bytes = b"HTTP/1.1 200 OK",
    method: str = "GET",
    strict: bool = False,
) -> tuple[bytes, str]:
    """The body of such an answer, and whether the end of the connection would be its end."""
    incoming = Incoming()
    incoming.feed(status + b"\r\n" + fields + b"\r\n")
    head = HeadReader(strict=strict).take(incoming)
    assert head is not None
    body, taken = body_of(head, method=method, strict=strict), b""
    for piece in pieces:
        incoming.feed(piece)
        while part := body.take(incoming):
            taken += part
    return taken, WHOLE if body.is_whole else OPEN if body.may_end else CUT


FRAMINGS = {
    "a length": (b"Content-Length: 5\r\n", b"hello"),
    "a length with zeros before it": (b"Content-Length: 005 \r\n", b"hello"),
    "a length of a fixed width": (b"Content-Length: %020d\r\n" % 5, b"hello"),
    "a length with many zeros before it": (b"Content-Length: %05000d\r\n" % 5, b"hello"),
    "chunks": (CHUNKED, HELLO),
    "CHUNKS": (b"transfer-encoding: CHUNKED\r\n", HELLO),
    "sizes with zeros before them": (CHUNKED, b"00000000000000000000005\r\nhello\r\n000\r\n\r\n"),
    "chunks with extensions": (CHUNKED, b"5;a=b\r\nhello\r\n0;c\r\n\r\n"),
    "chunks with trailer fields": (CHUNKED, b"5\r\nhello\r\n0\r\nX: a\r\nContent-Length: 9\r\n\r\n"),
}
FORGIVEN = {
    "two equal lengths": (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "two equal lengths in one field": (b"Content-Length: 5, 5\r\n", b"hello"),
    "two equal numbers": (b"Content-Length: 5\r\nContent-Length: 05\r\n", b"hello"),
    "chunks and a length": (b"Content-Length: 99\r\n" + CHUNKED, HELLO),
    "chunks and two equal lengths": (b"Content-Length: 5\r\nContent-Length: 5\r\n" + CHUNKED, HELLO),
    "chunked twice": (CHUNKED + CHUNKED, HELLO),
    "another coding before chunked": (b"Transfer-Encoding: chunked, identity\r\n", HELLO),
    "identity and a length": (b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", b"hello"),
    "no coding and a length": (b"Transfer-Encoding:\r\nContent-Length: 5\r\n", b"hello"),
    "line feeds alone": (CHUNKED, b"5\nhello\n0\n\n"),
    "spaces after a size": (CHUNKED, b"5  \r\nhello\r\n0 \r\n\r\n"),
}


@pytest.mark.parametrize(("fields", "octets"), [*FRAMINGS.values(), *FORGIVEN.values()], ids=[*FRAMINGS, *FORGIVEN])
@pytest.mark.parametrize("after", [b"", b"x", b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nhello", b"0\r\n\r\n"])
def test_a_body_ends_where_the_head_says_whatever_follows(fields: bytes, octets: bytes, after: bytes) -> None:
    assert read(fields, octets + after) == (b"hello", WHOLE)
    assert read(fields, octets, after) == (b"hello", WHOLE)


@pytest.mark.parametrize(("fields", "octets"), FRAMINGS.values(), ids=FRAMINGS)
def test_what_is_right_is_right_for_strict_monitors_too(fields: bytes, octets: bytes) -> None:
    assert read(fields, octets + b"more", strict=True) == (b"hello", WHOLE)


@pytest.mark.parametrize(("fields", "octets"), FORGIVEN.values(), ids=FORGIVEN)
def test_what_clients_forgive_is_refused_by_strict_monitors(fields: bytes, octets: bytes) -> None:
    with pytest.raises(NotHttp):
        read(fields, octets, strict=True)


def test_chunks_in_http_1_0_are_read_as_curl_does_and_not_by_strict_monitors() -> None:
    assert read(CHUNKED, HELLO, status=b"HTTP/1.0 200 OK") == (b"hello", WHOLE)
    with pytest.raises(NotHttp, match=r"Transfer-Encoding in HTTP/1.0"):
        read(CHUNKED, HELLO, status=b"HTTP/1.0 200 OK", strict=True)


@pytest.mark.parametrize("fields", [b"", b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding: identity\r\n"])
def test_what_has_no_framing_ends_with_the_connection(fields: bytes) -> None:
    assert read(fields, b"hel", b"lo") == (b"hello", OPEN)


@pytest.mark.parametrize("fields", [b"", b"Content-Length: 5\r\n", CHUNKED])
@pytest.mark.parametrize(
    ("status", "method"),
    [(b"HTTP/1.1 200 OK", "HEAD"), (b"HTTP/1.1 204 No Content", "GET"), (b"HTTP/1.1 304 Not Modified", "GET")],
)
def test_an_answer_that_has_no_body_has_none_whatever_it_announces(fields: bytes, status: bytes, method: str) -> None:
    assert read(fields, b"hello", status=status, method=method) == (b"", WHOLE)


def test_a_strict_monitor_lets_head_and_304_announce_a_body_and_204_not() -> None:
    length = b"Content-Length: 5\r\n"
    assert read(length, strict=True, method="HEAD") == (b"", WHOLE)
    assert read(length, strict=True, status=b"HTTP/1.1 304 Not Modified") == (b"", WHOLE)
    with pytest.raises(NotHttp, match="a body where none may be"):
        read(length, strict=True, status=b"HTTP/1.1 204 No Content")


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\n" * 9_000, b"Transfer-Encoding: " + b"," * 9_000 + b"\r\n"])
def test_nobody_says_so_often_where_a_body_ends(fields: bytes, *, strict: bool) -> None:
    with pytest.raises(NotHttp, match="of more than 8192 bytes"):
        read(fields, b"hello", strict=strict)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("more", [b"", CHUNKED])
@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 6\r\nX: a\r\nContent-Length: 5\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5, 6\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: five\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5x\r\n",
        b"Content-Length: 5.0\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length: \xd9\xa5\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
    ],
)
def test_lengths_that_are_two_or_no_number_are_never_forgiven(
    fields: bytes, more: bytes, method: str, *, strict: bool
) -> None:
    with pytest.raises(NotHttp, match="Content-Length"):
        read(fields + more, b"hello", method=method, strict=strict)


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (b"x\r\nhello\r\n0\r\n\r\n", b""),
        (b"\r\nhello\r\n0\r\n\r\n", b""),
        (b" 5\r\nhello\r\n0\r\n\r\n", b""),
        (b"0x5\r\nhello\r\n0\r\n\r\n", b""),
        (b"-5\r\nhello\r\n0\r\n\r\n", b""),
        (b"1" + b"0" * 15 + b"\r\nhello\r\n", b""),
        (b"5 5\r\nhello\r\n0\r\n\r\n", b""),
        (b"5\r\nhello0\r\n\r\n", b"hello"),
        (b"5\r\nhello!\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\n\r\n0\r\n\r\n", b"hello"),
        (b"0" * (MAX_CHUNK_LINE_BYTES + 1), b""),
        (b"5\r\nhello\r\n5;" + b"a" * MAX_CHUNK_LINE_BYTES, b"hello"),
        (b"0\r\n" + b"X: a\r\n" * (MAX_HEAD_BYTES // 6 + 1), b""),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_chunks_that_are_none_are_refused_and_what_came_before_is_given_first(
    octets: bytes, body: bytes, *, strict: bool
) -> None:
    incoming = Incoming()
    incoming.feed(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n" + octets)
    head = HeadReader(strict=strict).take(incoming)
    assert head is not None
    chunks = body_of(head, method="GET", strict=strict)
    if body:
        assert chunks.take(incoming) == body
    with pytest.raises(NotHttp):
        chunks.take(incoming)


@pytest.mark.parametrize(("fields", "octets"), FRAMINGS.values(), ids=FRAMINGS)
def test_a_body_that_is_cut_anywhere_is_cut(fields: bytes, octets: bytes) -> None:
    for count in range(len(octets)):
        body, end = read(fields, octets[:count])
        assert b"hello".startswith(body)
        assert end is CUT


framings = st.sampled_from([*FRAMINGS.values(), *FORGIVEN.values()])


@pytest.mark.slow
@given(framings, st.lists(st.integers(0, 60)))
def test_a_body_is_the_same_in_any_pieces(framing: tuple[bytes, bytes], ends: list[int]) -> None:
    fields, octets = framing
    assert read(fields, *pieces_of(octets + b"after it", ends)) == (b"hello", WHOLE)


@pytest.mark.slow
@given(st.lists(st.binary(min_size=1)), st.lists(st.integers(0, 200)))
def test_what_is_in_chunks_is_the_body(parts: list[bytes], ends: list[int]) -> None:
    octets = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert read(CHUNKED, *pieces_of(octets, ends)) == (b"".join(parts), WHOLE)


@pytest.mark.slow
@given(framings, st.integers(0, 60), st.binary(max_size=3), st.lists(st.integers(0, 60)), st.booleans())
def test_no_bytes_raise_anything_but_that_they_are_no_http(
    framing: tuple[bytes, bytes],
    at: int,
    damage: bytes,
    ends: list[int],
    strict: bool,  # noqa: FBT001
) -> None:
    fields, octets = framing
    damaged = octets[:at] + damage + octets[at + len(damage) :]
    with suppress(NotHttp):
        read(fields, *pieces_of(damaged, ends), strict=strict)
