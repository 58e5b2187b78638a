"""The body of an HTTP answer: where it ends, by the head (RFC 9112 6.3).

What comes in: a head, and the bytes after it. What goes out: the octets of the body; or NotHttp, whose words quote
nothing of the answer. What comes after the end is not looked at: it is no part of the answer. No I/O.

    the answer                                         its body
    to HEAD; 101, 204, 304                             is empty, whatever the head announces
    with Transfer-Encoding: chunked                    is in chunks, whatever Content-Length says
    with Content-Length, once or again with one value  has that many octets
    with another transfer coding, or with neither      ends with the connection

Two different lengths, and one that is no number, are always errors: the end of such an answer is not known. A
strict monitor wants one framing, and one that the version and the status may have.
"""

import re
from typing import Protocol

from gtm.errors import NotHttp
from gtm.probe.http_head import MAX_HEAD_BYTES, SWITCHING_PROTOCOLS, Head
from gtm.probe.incoming import Incoming

MAX_CHUNK_LINE_BYTES = 16 * 1024
"""Most bytes of a chunk's first line and of a trailer field, as in Chromium."""

MAX_FRAMING_BYTES = 8 * 1024
"""Most bytes of a header that defines the body's end, as in llhttp once: 256 KiB of commas would take 30 ms."""

_NO_CONTENT = 204
_NOT_MODIFIED = 304
_EMPTY = frozenset({SWITCHING_PROTOCOLS, _NO_CONTENT, _NOT_MODIFIED})
_LENGTH = re.compile(r"(?=[0-9])0*+[0-9]{0,18}+")
_SIZE = re.compile(rb"(?=[0-9A-Fa-f])(0*+[0-9A-Fa-f]{0,15}+)[ \t]*+(?:;.*)?\r?", re.DOTALL)
_STRICT_SIZE = re.compile(
    rb"(?=[0-9A-Fa-f])(0*+[0-9A-Fa-f]{0,15}+)(?:[ \t]*+;[\t\x20-\x7e\x80-\xff]*)?\r"
)  # RFC 9112 7.1


class Body(Protocol):
    """The body of an answer that is being read. It has state: the position."""

    @property
    def is_whole(self) -> bool:
        """Returns whether the whole body was read."""

    @property
    def may_end(self) -> bool:
        """Returns whether the connection may end here without cutting the body."""

    def take(self, incoming: Incoming) -> bytes:
        """Returns the octets of the body that have arrived, and removes them from `incoming`. Raises NotHttp."""


def body_of(head: Head, *, method: str, strict: bool) -> Body:
    """Returns a reader of the body that the head of an answer announces.

    `method` is the method of the request. Raises NotHttp if the end of the body is not clear.
    """
    lengths, codings = _parts(head, "Content-Length"), [part.lower() for part in _parts(head, "Transfer-Encoding")]
    length = _length(lengths)
    if strict:
        _check_framing(head, lengths=lengths, codings=codings)
    if method == "HEAD" or head.status in _EMPTY:
        return _OfLength(0)
    if "chunked" in codings:
        return _Chunked(strict=strict)
    return _UntilTheEnd() if length is None else _OfLength(length)


def _length(values: list[str]) -> int | None:
    if not all(_LENGTH.fullmatch(each) for each in values):
        raise NotHttp("a Content-Length that is no number")
    lengths = {int(each.lstrip("0") or "0") for each in values}
    if len(lengths) > 1:
        raise NotHttp("two different values of Content-Length")
    return lengths.pop() if lengths else None


def _parts(head: Head, name: str) -> list[str]:
    """Returns the members of a list header (RFC 9110 5.6.1)."""
    values = head.headers.getall(name, ())
    if sum(map(len, values)) > MAX_FRAMING_BYTES:
        raise NotHttp(f"a {name} of more than {MAX_FRAMING_BYTES} bytes")
    return [part.strip(" \t") for value in values for part in value.split(",")]


def _check_framing(head: Head, *, lengths: list[str], codings: list[str]) -> None:
    if head.status == _NO_CONTENT and (lengths or codings):
        raise NotHttp("a body where none may be")  # RFC 9110 8.6, RFC 9112 6.1
    if len(lengths) > 1:
        raise NotHttp("several values of Content-Length")
    if not codings:
        return
    if lengths:
        raise NotHttp("both Transfer-Encoding and Content-Length")
    if head.version < (1, 1):
        raise NotHttp("Transfer-Encoding in HTTP/1.0")
    if codings[-1] != "chunked" or codings.count("chunked") > 1:
        raise NotHttp("a Transfer-Encoding that does not end in one chunked")


class _OfLength:
    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def is_whole(self) -> bool:
        return self._left == 0

    @property
    def may_end(self) -> bool:
        return self.is_whole

    def take(self, incoming: Incoming) -> bytes:
        part = incoming.octets(self._left)
        self._left -= len(part)
        return part


class _UntilTheEnd:
    is_whole = False
    may_end = True

    def take(self, incoming: Incoming) -> bytes:
        return incoming.octets(len(incoming))


class _Chunked:
    """A body in chunks (RFC 9112 7.1): each is a line with its size, octets, and a line end; the last is empty.

    After the last chunk come trailer fields, which are ignored here, and an empty line.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._left = 0
        """The octets of the present chunk that have not arrived."""
        self._in_chunk = False
        """Whether a chunk has begun and its final line end has not been read; before that come `_left` octets."""
        self._in_trailer = False
        self._trailer_bytes = 0
        self._broken: NotHttp | None = None
        self.is_whole = False

    @property
    def may_end(self) -> bool:
        return self.is_whole

    def take(self, incoming: Incoming) -> bytes:
        """Returns the decoded octets of the chunks that have arrived.

        A mistake after octets is raised at the next call, so the result does not depend on how the bytes arrive.
        """
        if self._broken is not None:
            raise self._broken
        body = bytearray()
        try:
            while not self.is_whole and self._goes_on(incoming, body):
                pass
        except NotHttp as error:
            if not body:
                raise
            self._broken = error
        return bytes(body)

    def _goes_on(self, incoming: Incoming, body: bytearray) -> bool:
        """Reads octets or one line; returns whether there were any."""
        if self._left:
            part = incoming.octets(self._left)
            self._left -= len(part)
            body += part
            return bool(part)
        line = incoming.line()
        if (len(incoming) if line is None else len(line)) > MAX_CHUNK_LINE_BYTES:
            raise NotHttp(f"a line of more than {MAX_CHUNK_LINE_BYTES} bytes between chunks")
        if line is None:
            return False
        if self._in_trailer:
            self._take_trailer(line)
        elif self._in_chunk:
            self._end_chunk(line)
        else:
            self._begin_chunk(line)
        return True

    def _begin_chunk(self, line: bytes) -> None:
        match = (_STRICT_SIZE if self._strict else _SIZE).fullmatch(line)
        if match is None:
            raise NotHttp("a chunk without its size")
        self._left = int(match[1], 16)
        self._in_chunk, self._in_trailer = self._left > 0, self._left == 0

    def _end_chunk(self, line: bytes) -> None:
        if line != b"\r" and (line or self._strict):
            raise NotHttp("a chunk that is longer than its size")
        self._in_chunk = False

    def _take_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line) + 1
        if self._trailer_bytes > MAX_HEAD_BYTES:
            raise NotHttp(f"trailer fields of more than {MAX_HEAD_BYTES} bytes")
        self.is_whole = line in {b"", b"\r"}
