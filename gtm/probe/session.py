"""The HTTP session of checks: it reuses nothing, and takes no more from an endpoint than an answer.

What comes in: nothing. What goes out: a session for `gtm/probe/http.py`. No connection, cookie, proxy or cached name of
one check may colour the next reading. Before its answer, an endpoint may send interim ones (RFC 9110 15.2); one that
sends them without end would keep this process busy until the timeout, so a few are enough.
"""

import asyncio
from functools import partial

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage
from aiohttp.streams import StreamReader

from gtm.probe.cost import running_bill
from gtm.probe.stopwatch import Phase, lap

MAX_HEADS = 10
"""Answers to one request, interim ones and the last: servers send one or two (100 Continue, 103 Early Hints)."""

MAX_HEAD_BYTES = 64 * 1024
"""Of status line and headers: servers send one or two kB. Not every aiohttp has a bound of its own to all of them."""

PIECE_BYTES = 8 * 1024
"""What is parsed at once while no answer is there: the parser itself knows no bound to the answers in a piece."""


def open_session(response_class: type[aiohttp.ClientResponse] = aiohttp.ClientResponse) -> aiohttp.ClientSession:
    """Returns a session; whoever opens it closes it."""
    return aiohttp.ClientSession(
        connector=_Connector(force_close=True, limit=0, use_dns_cache=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),  # a check has one timeout, over everything (kinds.py)
        auto_decompress=False,
        response_class=response_class,
    )


class _Answers(ResponseHandler):
    """What comes in on one connection. It has state: how many answers came."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._heads = 0
        self._has_answer = False
        """Whether the head of an answer is whole that is no interim one."""
        self._headless_bytes = 0
        """So much came of the head that is not."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the connection, whose TLS has its own laps (tls.py)."""
        if transport.get_extra_info("ssl_object") is None:
            lap(Phase.CONNECT)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Parses what came, up to the answers that are too many."""
        bill = running_bill()
        for start in range(0, max(1, len(data)), PIECE_BYTES):
            if self._heads + len(self) > MAX_HEADS or (self._headless_bytes > MAX_HEAD_BYTES and not self._has_answer):
                return
            if bill is None:
                self._take(data[start : start + PIECE_BYTES])
                continue
            if bill.is_too_large:
                return
            with bill.charging():
                self._take(data[start : start + PIECE_BYTES])

    def _take(self, piece: bytes) -> None:
        self._headless_bytes += len(piece)
        super().data_received(piece)
        if self._headless_bytes > MAX_HEAD_BYTES and not self._has_answer:
            self.set_exception(HttpProcessingError(message=f"a head of more than {MAX_HEAD_BYTES} bytes"))
            self.close()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], *size: int) -> None:
        """Takes a head that is whole; `size` is for some versions of aiohttp, which make no use of it."""
        self._has_answer = data[0].code >= 200  # RFC 9110 15.2
        self._headless_bytes = 0
        super().feed_data(data, *size)

    def close(self) -> None:
        """Breaks the connection off, as a check has all that it wants.

        asyncio would wait for the endpoint's goodbye (RFC 8446 6.1) for half a minute, and keep a descriptor open for
        each reading of one that says none.
        """
        if self.transport is not None:
            self.transport.abort()  # not self.abort(), which aiohttp has only since 3.12
        super().close()

    async def read(self) -> tuple[RawResponseMessage, StreamReader]:
        """Returns the next answer. Raises HttpProcessingError when there were too many."""
        if self._heads == MAX_HEADS:
            raise HttpProcessingError(message=f"{MAX_HEADS} interim answers, and none to the request")
        self._heads += 1
        return await super().read()


class _Connector(aiohttp.TCPConnector):
    """Connects as aiohttp does, and hears with _Answers."""

    def __init__(self, *, force_close: bool, limit: int, use_dns_cache: bool) -> None:
        super().__init__(force_close=force_close, limit=limit, use_dns_cache=use_dns_cache)
        hear: type[ResponseHandler] = _Answers
        self._factory = partial(hear, loop=self._loop)
