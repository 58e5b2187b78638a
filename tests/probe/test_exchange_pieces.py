"""An answer makes one reading, however the network cuts it: good answers, damaged ones, and any that are cut short."""

import asyncio
from asyncio import IncompleteReadError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import NotHttp
from gtm.probe.connection import Connection
from gtm.probe.exchange import answer_on
from gtm.probe.http_body import MAX_CHUNK_LINE_BYTES
from tests.probe.test_incoming import pieces_of

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Wire(asyncio.Transport):
    """What a connection writes to; nothing goes anywhere."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def told(pieces: list[bytes], *, method: str, strict: bool) -> tuple[object, bytes, str]:
    """The head and the body that such pieces make, and how they end."""
    connection = Connection()
    connection.connection_made(Wire())

    async def come() -> None:
        for piece in pieces:
            connection.data_received(piece)
            for _ in range(4 + len(piece) // 4096):  # the check reads meanwhile
                await asyncio.sleep(0)
        connection.eof_received()

    head: object = None
    body = b""
    coming = asyncio.create_task(come())
    try:
        answer = await answer_on(connection, b"", method=method, strict=strict)
        head = answer.status, list(answer.headers.items())
        while part := await answer.read():
            body += part
    except (NotHttp, IncompleteReadError) as error:
        return head, body, type(error).__name__  # which mistake is met first, the words, may depend on the pieces
    finally:
        await coming
    return head, body, "whole"


def told_in(pieces: list[bytes], *, method: str = "GET", strict: bool = False) -> tuple[object, bytes, str]:
    return asyncio.run(told(pieces, method=method, strict=strict))


@pytest.mark.parametrize("length", [MAX_CHUNK_LINE_BYTES, MAX_CHUNK_LINE_BYTES + 1, MAX_CHUNK_LINE_BYTES + 3_000])
@pytest.mark.parametrize(
    ("before", "after"), [(b"5;", b"\nhello\n0\n\n"), (b"5\nhello\n0\nX:", b"\n\n")], ids=["a size", "a trailer field"]
)
def test_a_line_between_chunks_is_too_long_however_it_is_cut(before: bytes, after: bytes, length: int) -> None:
    line = before.rpartition(b"\n")[2]
    said = CHUNKED + before + b"a" * (length - len(line)) + after
    at = said.index(b"a" * 100)
    is_good = length <= MAX_CHUNK_LINE_BYTES
    for pieces in ([said], [said[:at], said[at:]], pieces_of(said, list(range(0, len(said), 10)))):
        assert (told_in(pieces)[2] == "whole") is is_good


fillers = st.sampled_from([b"", b"a", b"a" * 90, b"a" * 5_000, b" a\r\n" * 30, b"a" * 16_385])
lengths = st.sampled_from([b"Content-Length: 5\r\n", b"Content-Length: 5\r\nContent-Length: 5\r\n", b""])
heads = st.builds(
    lambda before, status, filler, framing: before + status + b"X: " + filler + b"\r\n" + framing + b"\r\n",
    st.sampled_from([b"", b"\r\n", b"HTTP/1.1 103 E\r\nX: b\r\n\r\n", b"HTTP/1.1 100 C\n\n"]),
    st.sampled_from([OK, b"HTTP/1.0 200 OK\n", b"HTTP/1.1 204 N\r\n", b"HTTP/1.1 101 S\r\n", b"http/1.1  503\r\n"]),
    fillers,
    lengths | st.just(b"Transfer-Encoding: chunked\r\n"),
)
chunks = st.lists(
    st.builds(
        lambda size, extension, end: b"%x%b%b" % (size, extension, end) + b"x" * size + end,
        st.sampled_from([1, 5, 300, 5_000]),
        st.sampled_from([b"", b";a=b", b" ", b";" + b"a" * 9_000, b";" + b"a" * 16_384]),
        st.sampled_from([b"\r\n", b"\n"]),
    ),
    max_size=4,
).map(b"".join)
bodies = st.builds(
    lambda parts, last, after: parts + last + after,
    chunks,
    st.sampled_from([b"0\r\n\r\n", b"0;a\nX: a\r\n b\n\n", b"0\r\nX:" + b"a" * 16_380 + b"\r\n\r\n", b""]),
    st.sampled_from([b"", b"more", OK]),
)
answers = st.builds(lambda head, body: head + body, heads, bodies | st.sampled_from([b"", b"hel", b"hello"]))
damages = st.lists(
    st.tuples(
        st.integers(0, 400), st.integers(0, 20), st.sampled_from([b"", b"\n", b"\r", b"\0", b":", b" ", b"5", b","])
    ),
    max_size=3,
)


@pytest.mark.slow
@given(
    answers,
    damages,
    st.lists(st.integers(0, 500) | st.integers(0, 30_000)),
    st.sampled_from(["GET", "HEAD"]),
    st.booleans(),
)
def test_a_reading_is_the_same_in_any_pieces(
    said: bytes,
    damaged: list[tuple[int, int, bytes]],
    cuts: list[int],
    method: str,
    strict: bool,  # noqa: FBT001
) -> None:
    for at, length, other in damaged:
        said = said[:at] + other + said[at + length :]
    assert told_in(pieces_of(said, cuts), method=method, strict=strict) == told_in([said], method=method, strict=strict)


@pytest.mark.slow
@given(answers.map(lambda said: said[:400]), damages, st.booleans())
def test_a_reading_is_the_same_octet_by_octet(
    said: bytes,
    damaged: list[tuple[int, int, bytes]],
    strict: bool,  # noqa: FBT001
) -> None:
    for at, length, other in damaged:
        said = said[:at] + other + said[at + length :]
    octets = pieces_of(said, list(range(1, len(said))))
    assert told_in(octets, strict=strict) == told_in([said], strict=strict)
