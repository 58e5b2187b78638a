"""An exchange: one HTTP request, and the answer to it.

What comes in: a connection, and a request. What goes out: the head of the answer, and its body, piece by piece. Once
the head and the body that it announces are there, the answer is whole: what follows on the connection is not read, so
that nothing which comes with the answer in one segment makes another reading than what comes a moment later.
"""

from asyncio import IncompleteReadError
from collections.abc import Iterable

from multidict import CIMultiDictProxy

from gtm.probe.connection import Connection
from gtm.probe.http_body import Body, body_of
from gtm.probe.http_head import Head, HeadReader
from gtm.probe.incoming import Incoming


def request_of(method: str, path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Returns an HTTP/1.1 request without a body. The zone file's parser allows no line breaks in any part."""
    lines = (f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", "")
    return "\r\n".join(lines).encode()


class HttpAnswer:
    """The answer to one request. It has state: how much of its body was read."""

    def __init__(self, head: Head, body: Body, incoming: Incoming, connection: Connection) -> None:
        self._head = head
        self._body = body
        self._incoming = incoming
        self._connection = connection

    @property
    def status(self) -> int:
        """Returns the status of the final answer."""
        return self._head.status

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """Returns the headers of the final answer."""
        return self._head.headers

    async def read(self) -> bytes:
        """Returns the next octets of the body; none at its end.

        Raises NotHttp, IncompleteReadError where the connection ends before the body, and any OSError.
        """
        part = self._body.take(self._incoming)
        while not part and not self._body.is_whole:
            piece = await self._connection.read()
            if not piece and self._body.may_end:
                break
            if not piece:
                raise IncompleteReadError(b"", None)
            self._incoming.feed(piece)
            part = self._body.take(self._incoming)
        return part


async def answer_on(connection: Connection, request: bytes, *, method: str, strict: bool) -> HttpAnswer:
    """Sends a request, and returns the answer as soon as its head is there.

    Raises NotHttp, IncompleteReadError where the connection ends before the head, and any OSError.
    """
    connection.write(request)
    incoming, reader = Incoming(), HeadReader(strict=strict)
    head: Head | None = None
    while head is None:
        piece = await connection.read()
        if not piece:
            raise IncompleteReadError(b"", None)
        incoming.feed(piece)
        head = reader.take(incoming)
    return HttpAnswer(head, body_of(head, method=method, strict=strict), incoming, connection)
