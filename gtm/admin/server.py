"""The server of the admin API: the limits on the number of its connections, and on the time that each may take.

DNS over TCP, checks and polls need descriptors of the same process. A connection counts from the moment it is accepted,
before TLS. Data that is not HTTP gets 400 and no line of the log: any stranger can send it, and aiohttp would log a
traceback for each.

    accept.py       takes connections          connection_limit.py     says whether there is room, and who makes it
    connection.py   watches one of them        server.py     joins these to aiohttp
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from gtm.admin.accept import Acceptor
from gtm.admin.clients import client_of
from gtm.admin.connection import READ_BYTES, AdminConnection, Ending, Patience, Unmade
from gtm.admin.connection_limit import ConnectionLimit, Limits
from gtm.admin.routes import SERVED, AnswerPace
from gtm.turns import Turns

MAX_UNREAD_BYTES = 32 * 1024 * 1024
"""The most bytes of answers that wait to be read, of all connections but the newest."""

TURNS = web.AppKey("turns", Turns)
"""The turns of the listener that serves an application."""
UNREAD_LOOK_S = 0.1
"""The interval at which a new request waits for the client to read the answer before."""

_REASON = b'{"error": "too many connections to the admin API; try again in a second"}'
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
) % (len(_REASON), _REASON)


class LimitedRunner(web.AppRunner):
    """A runner of aiohttp with its own listening sockets and limits. Its state is the open connections.

    `on_refused` is called for each connection above the limits. `on_no_request` is called with the status of each that
    sends no HTTP (400) or nothing (408). `on_dropped` is called with any other reason (`Ending`) of a dropped one.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        limits: Limits,
        on_refused: Callable[[], None] = lambda: None,
        on_no_request: Callable[[int], None] = lambda _status: None,
        on_dropped: Callable[[str], None] = lambda _reason: None,
        shutdown_s: float,
        patience: Patience | None = None,
    ) -> None:
        self.patience = patience or Patience()
        super().__init__(
            app,
            access_log=None,
            logger=_logger(lambda: on_no_request(400)),
            shutdown_timeout=shutdown_s / 2,  # aiohttp waits twice: for a handler to end by itself, and once cancelled
            keepalive_timeout=self.patience.keepalive_s,
        )
        self.crowd = ConnectionLimit(limits, now=self.now)
        self._on_refused = on_refused
        self._on_no_request = on_no_request
        self._on_dropped = on_dropped
        self._turns = Turns()
        self._acceptors: list[Acceptor] = []
        self._connections: dict[web.RequestHandler, AdminConnection] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._looking: asyncio.TimerHandle | None = None
        app[TURNS] = self._turns
        app.middlewares.insert(0, self._hear)  # before any that refuses

    def now(self) -> float:
        """Returns the monotonic time in seconds."""
        return asyncio.get_running_loop().time()

    @property
    def addresses(self) -> list[Any]:
        """Returns the addresses of the listening sockets, as `getsockname` returns them."""
        return [acceptor.listening.getsockname() for acceptor in self._acceptors]

    def listen(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Accepts connections from a listening socket, which `cleanup` closes. Call `setup` before."""

        def took(accepted: socket.socket, address: str | None) -> None:
            self._take(accepted, client_of(address), tls)

        self._acceptors.append(Acceptor(listening, took, on_exhausted=self.crowd.make_room))
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(self.patience.look_s, self._look)

    def listen_anew(self, listening: socket.socket) -> None:
        """Closes the listening sockets and accepts connections from this one instead; open connections stay."""
        self._close_listening()
        self.listen(listening)

    def _close_listening(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        self._acceptors.clear()

    async def setup(self) -> None:
        """Prepares the web application; does not listen yet."""
        await super().setup()
        assert self.server is not None
        self.server.request_factory = partial(self.app._make_request, _cls=_Request)  # noqa: SLF001  # no setting has it

    async def cleanup(self) -> None:
        """Closes the listening sockets and all connections, without waiting for clients that read slowly."""
        self._close_listening()
        if self._looking is not None:
            self._looking.cancel()
        for task in tuple(self._starting):
            task.cancel()
        if self._starting:
            await asyncio.wait(tuple(self._starting))
        await super().cleanup()
        for connection in tuple(self._connections.values()):
            connection.cut_off()

    def ended(self, connection: AdminConnection, ending: Ending | None) -> None:
        """Called when a connection ends; `ending` is why this server ended it, None if it ended by itself."""
        self.crowd.leave(connection)
        if ending is None:
            self._connections.pop(connection.inner, None)
        elif ending is Ending.SILENT:
            self._on_no_request(408)
        else:
            self._on_dropped(ending.value)

    def _take(self, accepted: socket.socket, client: str, tls: ssl.SSLContext | None) -> None:
        server = self.server
        if server is None or not self.crowd.has_room_for(client):
            self._on_refused()
            _turn_away(accepted, answer=b"" if tls else _BUSY)
            return
        connection = AdminConnection(server(), client, self)
        self._connections[connection.inner] = connection
        self.crowd.wait(connection)
        task = asyncio.get_running_loop().create_task(self._start(connection, accepted, tls))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self, connection: AdminConnection, accepted: socket.socket, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            if tls is None:
                await loop.connect_accepted_socket(lambda: connection, accepted)
                return
            connection.below, _ = await loop.connect_accepted_socket(Unmade, accepted)
            if connection.is_dropped:
                connection.cut_off()
            made = await loop.start_tls(
                connection.below,
                connection,
                tls,
                server_side=True,
                ssl_handshake_timeout=self.patience.handshake_s,
                ssl_shutdown_timeout=self.patience.close_s,
            )
            if made is not None and connection.below is not None:
                connection.connection_made(made)
                return
        except OSError:  # it shakes no hands, or is gone; asyncio has closed it
            pass
        if not connection.is_dropped:
            self.ended(connection, Ending.HANDSHAKE)
        self.ended(connection, None)

    @web.middleware
    async def _hear(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The middleware of every request: tracks the state of its connection, and gives costly requests a turn."""
        connection = self._connections.get(request.protocol)
        if connection is None:
            return await handler(request)
        connection.begin(waits=True)
        try:
            while connection.unread_bytes > READ_BYTES:  # noqa: ASYNC110  # a transport has no event; `look` ends this
                await asyncio.sleep(UNREAD_LOOK_S)
            if not _is_costly(request):
                connection.begin(waits=False)
                return await handler(request)
            return await self._in_turn(connection, request, handler)
        finally:
            connection.finish()
            self._relieve(connection)

    async def _in_turn(self, connection: AdminConnection, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Waits for the turn of a costly request; returns the response of its handler."""
        async with self._turns.turn():
            if connection.is_over:
                return web.Response(status=503)  # to nobody, and for nothing
            connection.begin(waits=False)
            return await handler(request)

    def _relieve(self, newest: AdminConnection) -> None:
        """Closes connections with unread answers while these have more than MAX_UNREAD_BYTES in all.

        The client with most unread bytes loses its slowest reader first. `newest` is never closed.
        """
        unread = {
            connection: connection.unread_bytes for connection in self._connections.values() if connection is not newest
        }
        unread = {open_connection: size for open_connection, size in unread.items() if size > READ_BYTES}
        while sum(unread.values()) > MAX_UNREAD_BYTES:
            of_client = Counter[str]()
            for open_connection, size in unread.items():
                of_client[open_connection.client] += size
            [(worst, _size)] = of_client.most_common(1)
            slowest = min(
                (open_connection for open_connection in unread if open_connection.client == worst),
                key=lambda open_connection: open_connection.unread_since,
            )
            del unread[slowest]
            slowest.drop(Ending.UNREAD.value)

    def _look(self) -> None:
        for connection in tuple(self._connections.values()):
            connection.look()
        self._looking = asyncio.get_running_loop().call_later(self.patience.look_s, self._look)


class _Request(web.Request):
    """A request whose answer does not say which versions of aiohttp and Python made it.

    The signal on_response_prepare is not sent for answers to invalid HTTP; this method is called for all answers.
    """

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        await super()._prepare_hook(response)
        response.headers.pop("Server", None)  # RFC 9110 10.2.4: what is told in detail helps attackers


def _is_costly(request: web.Request) -> bool:
    """Returns whether a request is answered in a turn, so that many such requests cannot delay a failover."""
    if request.method not in {"GET", "HEAD"}:
        return False
    served = request.app.get(SERVED)
    row = None if served is None else served.row_of(request)
    return row is None or row.pace is AnswerPace.IN_TURN


def _turn_away(accepted: socket.socket, *, answer: bytes) -> None:
    """Sends an answer to a connection above the limits, if that takes no waiting, and closes it."""
    with suppress(OSError):
        accepted.send(answer)
        accepted.shutdown(socket.SHUT_WR)
        accepted.recv(4096)  # what is not read would have the kernel take back the answer (RST)
    accepted.close()


def _logger(on_no_http: Callable[[], None]) -> logging.Logger:
    """Returns a logger for aiohttp's server that drops errors which any stranger can cause.

    `on_no_http` is called for data that is not HTTP.
    """
    usual = logging.getLogger("aiohttp.server")
    # one of this server's own: its filter counts for one node. It hears of everything; the filter keeps the usual level
    logger = logging.Logger(usual.name, logging.DEBUG)  # noqa: LOG001
    logger.parent = usual

    def is_to_be_logged(record: logging.LogRecord) -> bool:
        error = None if record.exc_info is None else record.exc_info[1]
        if isinstance(error, HttpProcessingError):
            on_no_http()
            return False
        if isinstance(error, web.RequestPayloadError):  # the rest of a body, after its request was answered
            return False
        return usual.isEnabledFor(record.levelno)

    logger.addFilter(is_to_be_logged)
    return logger
