"""DNS over TCP (RFC 7766): messages behind two octets of length, several per connection, answered in order.

A client that is slow or silent costs a bounded time. Clients together, and those of one network, have a bounded number
of connections: over that, the one that was idle for longest makes room (crowd.py).
"""

import asyncio
import socket
import struct

from gtm.counters import Counters
from gtm.engine.protocol import TcpLimits, Transport
from gtm.ids import Address
from gtm.serve.crowd import Crowd
from gtm.serve.listen import TCP_BACKLOG
from gtm.serve.responder import Responder
from gtm.serve.udp import client_address

ACCEPTED_AT_ONCE = 16
"""New connections in one turn of the event loop; asyncio takes as many as the accept queue is long if it is not told,
and at the limit of descriptors logs as many errors."""
ANSWERS_AT_ONCE = 4
"""Of all connections together in one turn of the event loop. Pipelines on many connections must not make a datagram
wait for an answer to each of them, and one turn of UDP has up to 64."""


async def serve_tcp(sock: socket.socket, responder: Responder, counters: Counters, *, limits: TcpLimits) -> None:
    """Answers the connections of a bound, listening socket until it is cancelled; then it closes them."""
    connections = _Connections(responder, counters, limits)
    server = await asyncio.start_server(connections.handle, sock=sock, backlog=ACCEPTED_AT_ONCE)
    sock.listen(TCP_BACKLOG)  # the line before cut the accept queue to ACCEPTED_AT_ONCE
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await connections.close()


class _Connections:
    """The open connections of one socket."""

    def __init__(self, responder: Responder, counters: Counters, limits: TcpLimits) -> None:
        self._responder = responder
        self._counters = counters
        self._idle_timeout_s = limits.idle_s
        self._crowd = Crowd[asyncio.StreamWriter](limits)
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._turns = asyncio.Semaphore(ANSWERS_AT_ONCE)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            client = client_address(writer.get_extra_info("peername"))
            self._admit(writer, client)
            await self._converse(reader, writer, client)
            async with asyncio.timeout(self._idle_timeout_s):
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError):
            pass  # the client is gone, said nothing for too long, or does not read its answers
        finally:
            del self._open[task]
            self._crowd.leave(writer)
            writer.transport.abort()  # else answers that nobody reads would keep the socket for ever

    async def close(self) -> None:
        """Ends every connection."""
        for writer in self._open.values():
            writer.transport.abort()
        if self._open:
            await asyncio.wait(self._open)

    def _admit(self, writer: asyncio.StreamWriter, client: Address) -> None:
        evicted = self._crowd.enter(writer, client)
        if evicted is not None:
            other, full = evicted
            self._counters.add("tcp_connections_evicted", reason=full.value)
            other.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: Address) -> None:
        """Answers until the client has said all it wants to, or something that cannot be answered."""
        while True:
            try:
                async with asyncio.timeout(self._idle_timeout_s):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
            except asyncio.IncompleteReadError:
                return
            self._crowd.touch(writer)
            async with self._turns:
                answer = self._responder.respond(wire, client, Transport.TCP)
                if answer is None:
                    return  # nothing that can be answered: RFC 7766 lets the server close
                writer.write(struct.pack("!H", len(answer)) + answer)
                await asyncio.sleep(0)  # pipelines take turns with everybody else
            async with asyncio.timeout(self._idle_timeout_s):
                await writer.drain()
