"""HTTP answers of peers and of etcd: limits the time that parsing them takes.

What comes in: bytes of a connection. What goes out: the same bytes, to aiohttp's parser: at once while parsing is fast.
If it is slow, the rest and the connection wait, so that one connection uses a tenth of this process's time, and all
together half. A body in chunks of one octet, or endless interim answers (RFC 9110 15.2), take a thousand times as long
as a normal answer of the same size, so limits of size are not enough.
"""

import asyncio
import time
from functools import partial

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage
from aiohttp.streams import StreamReader

PIECE_BYTES = 4 * 1024
"""Bytes that are parsed in one step: at worst a few milliseconds, for chunks of one octet."""

SLICE_S = 0.002
"""Seconds of parsing without a pause: enough for 256 kB of a normal answer, which is what asyncio reads at once."""

SHARE = 0.1
"""The share of this process's time that one connection may use; all together may use half."""

MAX_INTERIM = 10
"""The most interim answers before the final one: servers send one or two (100 Continue, 103 Early Hints)."""


class _Spent:
    """The rest after slow parsing, for all connections together. It has state: until when the rest lasts."""

    def __init__(self) -> None:
        self.until = 0.0

    def add(self, took_s: float) -> None:
        """Records that slow parsing took `took_s` seconds until now; the rest is as long."""
        self.until = time.monotonic() + took_s


class _Answers(ResponseHandler):
    """One HTTP connection. It has state: the bytes that are not parsed yet, and when parsing continues."""

    def __init__(self, loop: asyncio.AbstractEventLoop, spent: _Spent) -> None:
        super().__init__(loop)
        self._spent = spent
        self._unparsed = bytearray()
        self._next: asyncio.TimerHandle | None = None
        self._lost: tuple[BaseException | None] | None = None
        """The exception with which the connection ended (or None), while bytes are still to be parsed."""
        self._interim = self._interim_read = 0
        """Answers in a row that are none, as they came and as they were read."""

    def data_received(self, data: bytes) -> None:
        """Parses received bytes, or keeps them for later; aiohttp calls this without bytes to continue parsing."""
        if not data:
            super().data_received(data)
            return
        self._unparsed += data
        if self._next is None:
            self._parse()
        else:
            self._hold()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], *size: int) -> None:
        """Passes on a complete head of an answer, unless there were too many interim answers.

        Only some versions of aiohttp give `size`.
        """
        self._interim = self._interim + 1 if data[0].code < 200 else 0
        if self._interim <= MAX_INTERIM + 1:
            super().feed_data(data, *size)

    async def read(self) -> tuple[RawResponseMessage, StreamReader]:
        """Returns the next answer. Raises HttpProcessingError after more than MAX_INTERIM interim answers."""
        answer = await super().read()
        self._interim_read = self._interim_read + 1 if answer[0].code < 200 else 0
        if self._interim_read > MAX_INTERIM:
            self.close()
            raise HttpProcessingError(message=f"{MAX_INTERIM} interim answers, and none to the request")
        return answer

    def resume_reading(self, *arguments: bool, **named: bool) -> None:
        """Continues parsing when aiohttp's buffer has room again; only some versions of aiohttp give arguments."""
        super().resume_reading(*arguments, **named)
        if self._unparsed and self._next is None:
            self._next = self._loop.call_later(0, self._go_on)

    def close(self) -> None:
        """Closes the connection, and drops the bytes that are not parsed."""
        self._unparsed.clear()
        super().close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Passes the end of the connection on to aiohttp, once all received bytes are parsed."""
        if self._unparsed and self._next is not None:
            self._lost = (exc,)
            return
        super().connection_lost(exc)

    def _parse(self) -> None:
        began = time.monotonic()
        took_s = 0.0
        while self._unparsed and took_s < SLICE_S and not getattr(self, "_reading_paused", False):
            piece = bytes(self._unparsed[:PIECE_BYTES])
            del self._unparsed[:PIECE_BYTES]
            super().data_received(piece)
            took_s = time.monotonic() - began
        if took_s >= SLICE_S:
            self._spent.add(took_s)
            self._hold()
            self._next = self._loop.call_later(took_s * (1 / SHARE - 1), self._go_on)
        elif not self._unparsed and self._lost is not None:
            (exc,), self._lost = self._lost, None
            super().connection_lost(exc)

    def _go_on(self) -> None:
        wait_s = self._spent.until - time.monotonic()
        if wait_s > 0:
            self._next = self._loop.call_later(wait_s, self._go_on)
            return
        self._next = None
        self._parse()
        self._let_go()

    def _let_go(self) -> None:
        if self._next is None and self.transport is not None and not getattr(self, "_reading_paused", False):
            self.transport.resume_reading()

    def _hold(self) -> None:
        """Stops reading from the socket, so that further bytes stay in the kernel."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()


class AnswersConnector(aiohttp.TCPConnector):
    """A connector of aiohttp without a limit of connections, whose answers are parsed by _Answers."""

    def __init__(self, resolver: AbstractResolver) -> None:
        super().__init__(limit=0, resolver=resolver)
        hear: type[ResponseHandler] = _Answers
        self._factory = partial(hear, loop=self._loop, spent=_Spent())  # type: ignore[call-arg]
