"""The head of an HTTP answer: bytes of an endpoint -> status and headers, of the final answer.

What comes in: bytes, in any pieces. What goes out: a head; or NotHttp, whose words quote nothing of the answer. Interim
answers (1xx) before it are passed over. No I/O.

A check must not be stricter than the clients of its endpoint, or it takes good endpoints out of all regions together.
So what clients pass over is passed over here, unless the monitor is strict (decision 0090):

    in the answer                                      curl  Chromium  here    strict
    LF without CR; octets over 127; obs-fold           yes   yes       yes     no
    no reason, or none but a space before it           yes   yes       yes     the space must be there
    http/1.1, HTTP/2, several spaces, 200OK            yes   yes       yes     no
    space before the colon; any other octets in names  yes   yes       yes     no
    a status of 600 and more                           yes   yes       yes     no
    a line without a colon, empty lines at the top     no    yes       yes     no
    an octet 0                                         no    no        no      no
    HTTP/1.11, HTTP 200, a status of two digits        no    yes       no      no
    a head of more than 256 KiB                        300   256       no      no
"""

import re
from dataclasses import dataclass

from multidict import CIMultiDict, CIMultiDictProxy

from gtm.errors import NotHttp
from gtm.probe.incoming import Incoming

MAX_HEAD_BYTES = 256 * 1024
"""Most bytes of all heads of an answer, interim ones too, to limit memory, as in Chromium. curl allows 300 KiB."""

_BEGINNING = b"http/"
_STATUS = re.compile(rb"HTTP/([0-9])(?:\.([0-9]))?[ \t]+([1-9][0-9]{2})(?![0-9])", re.IGNORECASE)
_STRICT_STATUS = re.compile(rb"HTTP/(1)\.([0-9]) ([1-5][0-9]{2})(?= [\t\x20-\x7e\x80-\xff]*\r\Z)")  # RFC 9112 4
_STRICT_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\Z")  # RFC 9112 5, RFC 9110 5.5

SWITCHING_PROTOCOLS = 101
"""The only status of 1xx after which no other answer comes (RFC 9110 15.2.2)."""


@dataclass(frozen=True, slots=True)
class Head:
    """The status and headers of an answer."""

    version: tuple[int, int]
    status: int
    headers: CIMultiDictProxy[str]

    @property
    def is_interim(self) -> bool:
        """Returns whether this is an interim answer, which another one follows (RFC 9110 15.2)."""
        return self.status < 200 and self.status != SWITCHING_PROTOCOLS


class HeadReader:
    """Reads the head of one answer. It has state: the lines read so far."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._size_bytes = 0
        self._start: tuple[tuple[int, int], int] | None = None
        """The HTTP version and status; None before the first line."""
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._name = b""
        """The name of the header that the next line may continue; empty for none."""
        self._values: list[bytes] = []
        """The value of that header, line by line."""

    def take(self, incoming: Incoming) -> Head | None:
        """Returns the head of the final answer; None while it is not complete. Raises NotHttp."""
        while (line := incoming.line()) is not None:
            self._size_bytes += len(line) + 1
            self._check_size(0)
            head = self._taken(line)
            if head is not None and not head.is_interim:
                return head
        self._check_size(len(incoming))
        self._check_beginning(incoming.beginning(len(_BEGINNING)))
        return None

    def _check_size(self, waiting: int) -> None:
        if self._size_bytes + waiting > MAX_HEAD_BYTES:
            raise NotHttp(f"a head of more than {MAX_HEAD_BYTES} bytes")

    def _check_beginning(self, beginning: bytes) -> None:
        # what speaks first and ends no line, such as TLS, is not waited for
        if self._start is None and beginning != b"\r" and not _BEGINNING.startswith(beginning.lower()):
            raise NotHttp("bad status line")

    def _taken(self, line: bytes) -> Head | None:
        """Reads a line; returns the head if the line ends it, else None."""
        if b"\0" in line:
            raise NotHttp("an octet 0 in the head")
        text = line.removesuffix(b"\r")
        if self._strict and text == line:
            raise NotHttp("a line that ends without CR")  # RFC 9112 2.2
        if self._start is None:
            self._begin(line)
            return None
        if not text:
            return self._finished()
        if text[0] in b" \t":
            self._fold(text)
        else:
            self._begin_field(line, text)
        return None

    def _begin(self, line: bytes) -> None:
        if line in {b"", b"\r"} and not self._strict:
            return
        match = (_STRICT_STATUS if self._strict else _STATUS).match(line)
        if match is None:
            raise NotHttp("bad status line")
        self._start = ((int(match[1]), int(match[2] or 0)), int(match[3]))

    def _begin_field(self, line: bytes, text: bytes) -> None:
        self._end_field()
        if self._strict and not _STRICT_FIELD.match(line):
            raise NotHttp("a header line that is no field")
        name, colon, value = text.partition(b":")
        if colon:
            self._name = name.rstrip(b" \t")  # RFC 9112 5.1: a proxy takes it away, too
            self._values.append(value.strip(b" \t"))

    def _fold(self, text: bytes) -> None:
        """Appends a line that continues the header before it (RFC 9112 5.2)."""
        if self._strict:
            raise NotHttp("a header field that goes on in the next line")
        self._values.append(text.strip(b" \t"))

    def _end_field(self) -> None:
        if self._name:
            self._headers.add(_text(self._name), _text(b" ".join(self._values).strip(b" ")))
        self._name, self._values = b"", []

    def _finished(self) -> Head:
        self._end_field()
        assert self._start is not None
        head = Head(*self._start, CIMultiDictProxy(self._headers))
        self._start, self._headers = None, CIMultiDict()
        return head


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
