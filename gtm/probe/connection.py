"""A connection to an endpoint: it stores what it receives until the check reads it.

What comes in: where to connect, and with which TLS. What goes out: a connection that sends bytes, and returns the
received bytes piece by piece. No connection is used twice: what one check met must not colour the next reading.

asyncio's streams would do, but for two things that a check needs:

    what came before the connection broke off is read first     an answer stays whole, whatever comes after it
    a piece is small, and others have their turns between two   each piece is charged separately (cost.py)
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gtm.ids import Address
from gtm.probe.stopwatch import Phase, lap

PIECE_BYTES = 4 * 1024
"""Most bytes of a piece, which a check parses in one step (STEP_S in cost.py): thousands of empty lines take
some 3 ms."""

KEPT_BYTES = 64 * 1024
"""Bytes that are stored before the endpoint must wait. What the system gave at once is stored in any case."""


class Connection(asyncio.Protocol):
    """One connection. It has state: the received bytes, and whether more may come."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._has_given = False
        self._is_open = True
        self._failure: Exception | None = None
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def tls(self) -> object:
        """Returns the TLS of the connection, an ssl.SSLObject; None without TLS."""
        return None if self._transport is None else self._transport.get_extra_info("ssl_object")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stores the transport of the new connection. TLS has its own laps (tls.py)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self.tls is None:
            lap(Phase.CONNECT)

    def data_received(self, data: bytes) -> None:
        """Stores received bytes."""
        self._kept += data
        if len(self._kept) > KEPT_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Notes that the endpoint will send no more."""
        self._is_open = False
        self._wake()

    def connection_lost(self, failure: Exception | None) -> None:
        """Notes the end of the connection; `failure` is the error that broke it off, if any."""
        self._is_open = False
        self._failure = failure
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def write(self, octets: bytes) -> None:
        """Sends bytes, as soon as the network takes them."""
        assert self._transport is not None
        self._transport.write(octets)

    async def read(self) -> bytes:
        """Returns the next piece of received bytes; empty at the end.

        When all bytes are read, it raises the error that broke the connection off: any OSError, among them
        ssl.SSLError.
        """
        if self._kept and self._has_given:
            await asyncio.sleep(0)
        while self._is_open and not self._kept:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._has_given = True
        piece = bytes(self._kept[:PIECE_BYTES])
        del self._kept[:PIECE_BYTES]
        if self._is_open and self._transport is not None and len(self._kept) <= KEPT_BYTES:
            self._transport.resume_reading()
        if not piece and self._failure is not None:
            raise self._failure
        return piece

    def abort(self) -> None:
        """Breaks the connection off when the check needs no more of it.

        asyncio would wait half a minute for the endpoint's end of TLS (RFC 8446 6.1), and keep a descriptor open for
        each reading of an endpoint that sends none.
        """
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def connected(
    address: Address, port: int, *, tls: ssl.SSLContext | None, server_name: str
) -> AsyncIterator[Connection]:
    """Opens a connection for the block, and breaks it off at its end.

    Raises OSError, among them ssl.SSLError, if it cannot connect. Without `tls` the connection is plain TCP.
    """
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, str(address), port, ssl=tls, server_hostname=None if tls is None else server_name
    )
    try:
        yield connection
    finally:
        connection.abort()
