"""Answers as they come in: what is parsed of the bytes of peers and of etcd, and how fast.

What comes in: bytes from whoever is at the other end. What goes out: the same bytes to aiohttp's parser, at once as
long as that is quick; what is not waits, and its connection with it, so that each of them has a tenth of this process's
time, and all of them half. A body in chunks of one octet, or interim answers without end (RFC 9110 15.2), cost a
thousand times what an honest answer of their size does, and no bound of sizes sees them.
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
"""What is parsed at once: as chunks of one octet a few milliseconds."""

SLICE_S = 0.002
"""What takes no longer is parsed at once: 256 kB of an honest answer do, which is what asyncio reads."""

SHARE = 0.1
"""Of this process's time that one connection may use; all together have half."""

MAX_INTERIM = 10
"""Answers before an answer: servers send one or two (100 Continue, 103 Early Hints)."""


class _Spent:
    """What all connections used. It has state: until when none of those that are slow has a turn."""

    def __init__(self) -> None:
        self.until = 0.0

    def add(self, took_s: float) -> None:
        """Takes note of a turn that has just ended."""
        self.until = time.monotonic() + took_s


class _Answers(ResponseHandler):
    """One connection. Its state is what came and is not parsed, and when it goes on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, spent: _Spent) -> None:
        super().__init__(loop)
        self._spent = spent
        self._unparsed = bytearray()
        self._next: asyncio.TimerHandle | None = None
        self._lost: tuple[BaseException | None] | None = None
        """With what the connection ended, while there is something to parse."""
        self._interim = self._interim_read = 0
        """Answers in a row that are none, as they came and as they were read."""

    def data_received(self, data: bytes) -> None:
        """Parses what came, or keeps it; aiohttp itself calls this with nothing, to go on."""
        if not data:
            super().data_received(data)
            return
        self._unparsed += data
        if self._next is None:
            self._parse()
        else:
            self._hold()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], *size: int) -> None:
        """Takes a head that is whole; `size` is for some versions of aiohttp, which make no use of it."""
        self._interim = self._interim + 1 if data[0].code < 200 else 0
        if self._interim <= MAX_INTERIM + 1:
            super().feed_data(data, *size)

    async def read(self) -> tuple[RawResponseMessage, StreamReader]:
        """Returns the next answer. Raises HttpProcessingError when there were too many."""
        answer = await super().read()
        self._interim_read = self._interim_read + 1 if answer[0].code < 200 else 0
        if self._interim_read > MAX_INTERIM:
            self.close()
            raise HttpProcessingError(message=f"{MAX_INTERIM} interim answers, and none to the request")
        return answer

    def resume_reading(self, *arguments: bool, **named: bool) -> None:
        """Goes on where aiohttp's buffer has room again; only some versions of aiohttp give arguments."""
        super().resume_reading(*arguments, **named)
        if self._unparsed and self._next is None:
            self._next = self._loop.call_later(0, self._go_on)

    def close(self) -> None:
        """Ends it; what is not parsed nobody waits for."""
        self._unparsed.clear()
        super().close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Passes it on once everything that came is parsed."""
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
        """Has the kernel keep what comes."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()


class AnswersConnector(aiohttp.TCPConnector):
    """Connects as aiohttp does, to as many as are asked, and hears with _Answers."""

    def __init__(self, resolver: AbstractResolver) -> None:
        super().__init__(limit=0, resolver=resolver)
        hear: type[ResponseHandler] = _Answers
        self._factory = partial(hear, loop=self._loop, spent=_Spent())  # type: ignore[call-arg]
