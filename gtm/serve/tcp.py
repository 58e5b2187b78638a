"""DNS over TCP (RFC 7766): messages behind two octets of length, several per connection, answered in order.

A client that is slow or silent costs a bounded time, and clients together a bounded number of connections.
"""

import asyncio
import socket
import struct

from gtm.counters import Counters
from gtm.engine.protocol import Transport
from gtm.serve.descriptors import MAX_CONNECTIONS
from gtm.serve.listen import TCP_BACKLOG
from gtm.serve.responder import Responder
from gtm.serve.udp import client_address

IDLE_TIMEOUT_S = 10.0
"""RFC 7766 6.2.3 asks for a few seconds, more than one round trip of a slow client."""
ACCEPTED_AT_ONCE = 16
"""New connections in one turn of the event loop; asyncio takes as many as the accept queue is long if it is not told,
and at the limit of descriptors logs as many errors."""
ANSWERS_AT_ONCE = 4
"""Of all connections together in one turn of the event loop. Pipelines on many connections must not make a datagram
wait for an answer to each of them, and one turn of UDP has up to 64."""


async def serve_tcp(
    sock: socket.socket,
    responder: Responder,
    counters: Counters,
    *,
    max_connections: int = MAX_CONNECTIONS,
    idle_timeout_s: float = IDLE_TIMEOUT_S,
) -> None:
    """Answers the connections of a bound, listening socket until it is cancelled; then it closes them.

    Over `max_connections` a new connection is closed at once.
    """
    connections = _Connections(responder, counters, max_connections=max_connections, idle_timeout_s=idle_timeout_s)
    server = await asyncio.start_server(connections.handle, sock=sock, backlog=ACCEPTED_AT_ONCE)
    sock.listen(TCP_BACKLOG)  # the line before cut the accept queue to ACCEPTED_AT_ONCE
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await connections.close()


class _Connections:
    """The open connections of one socket."""

    def __init__(
        self, responder: Responder, counters: Counters, *, max_connections: int, idle_timeout_s: float
    ) -> None:
        self._responder = responder
        self._counters = counters
        self._max_connections = max_connections
        self._idle_timeout_s = idle_timeout_s
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._turns = asyncio.Semaphore(ANSWERS_AT_ONCE)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection until it ends."""
        if len(self._open) >= self._max_connections:
            self._counters.add("tcp_connections_refused")
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            await self._converse(reader, writer)
            async with asyncio.timeout(self._idle_timeout_s):
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError):
            pass  # the client is gone, said nothing for too long, or does not read its answers
        finally:
            del self._open[task]
            writer.transport.abort()  # else answers that nobody reads would keep the socket for ever

    async def close(self) -> None:
        """Ends every connection."""
        for writer in self._open.values():
            writer.transport.abort()
        if self._open:
            await asyncio.wait(self._open)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers until the client has said all it wants to, or something that cannot be answered."""
        client = client_address(writer.get_extra_info("peername"))
        while True:
            try:
                async with asyncio.timeout(self._idle_timeout_s):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
            except asyncio.IncompleteReadError:
                return
            async with self._turns:
                answer = self._responder.respond(wire, client, Transport.TCP)
                if answer is None:
                    return  # nothing that can be answered: RFC 7766 lets the server close
                writer.write(struct.pack("!H", len(answer)) + answer)
                await asyncio.sleep(0)  # pipelines take turns with everybody else
            async with asyncio.timeout(self._idle_timeout_s):
                await writer.drain()
