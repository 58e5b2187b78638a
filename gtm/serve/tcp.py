"""DNS over TCP (RFC 7766): messages behind two octets of length, several per connection, answered in order.

A connection that is slow or silent is closed after a limited time. All clients together, and those of one network, have
a limited number of connections: over that, the connection that was idle for longest is closed (crowd.py).
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
"""The most new connections in one turn of the event loop. By default asyncio accepts as many as the accept queue holds,
and logs as many errors at the limit of descriptors."""
ANSWERS_AT_ONCE = 4
"""The most answers of all connections together in one turn of the event loop. A UDP query must not wait for an answer
to each of many TCP connections; one turn of UDP has up to 64 answers."""


async def serve_tcp(sock: socket.socket, responder: Responder, counters: Counters, *, limits: TcpLimits) -> None:
    """Answers queries on the connections of a bound, listening socket until it is cancelled; then closes them."""
    connections = _Connections(responder, counters, limits)
    server = await asyncio.start_server(connections.handle, sock=sock, backlog=ACCEPTED_AT_ONCE)
    sock.listen(TCP_BACKLOG)  # the line before cut the accept queue to ACCEPTED_AT_ONCE
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await connections.close()


class _Connections:
    """Accepts and answers the TCP connections of one socket. It has state: the open connections."""

    def __init__(self, responder: Responder, counters: Counters, limits: TcpLimits) -> None:
        self._responder = responder
        self._counters = counters
        self._idle_timeout_s = limits.idle_s
        self._crowd = Crowd[asyncio.StreamWriter](limits)
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._turns = asyncio.Semaphore(ANSWERS_AT_ONCE)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the queries of one connection until it ends."""
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
            pass  # the client is gone, sent nothing for too long, or does not read its answers
        finally:
            del self._open[task]
            self._crowd.leave(writer)
            writer.transport.abort()  # otherwise answers that the client does not read would keep the socket open

    async def close(self) -> None:
        """Closes every connection at once, and waits until its task has ended."""
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
        """Answers the client's queries in order until it ends the connection, or sends one that gets no answer."""
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
                    return  # the message gets no answer: RFC 7766 allows the server to close
                writer.write(struct.pack("!H", len(answer)) + answer)
                await asyncio.sleep(0)  # let other connections and UDP have a turn
            async with asyncio.timeout(self._idle_timeout_s):
                await writer.drain()
