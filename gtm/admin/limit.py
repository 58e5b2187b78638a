"""How many may be connected to the admin listener at once: a crowd gets 503, and costs neither descriptors nor memory.

DNS over TCP, checks and polls need descriptors of the same process. Who connects and asks nothing is hung up on, or so
many of them would keep out everybody. What is no HTTP gets 400, and is no line of the log either: any stranger can send
it, and aiohttp would log a traceback for each.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

MAX_CONNECTIONS = 256
"""Each peer holds one for its long poll; the rest is people and monitoring."""
KEEPALIVE_S = 75.0
"""Of a connection that asks nothing more."""
HEAD_S = 10.0
"""For the head of the first request to be here, and up to twice as long; aiohttp waits as long as it takes."""
HANDSHAKE_S = 60.0
"""asyncio's limit for a handshake of TLS, in which a connection is nobody's yet."""

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class LimitedRunner(web.AppRunner):
    """A runner whose server takes so many connections at once.

    `on_refused` is called for each one more, and `on_no_request` for each that says what is no HTTP (400), or
    nothing (408).
    """

    def __init__(
        self,
        app: web.Application,
        *,
        most: int,
        on_refused: Callable[[], None],
        on_no_request: Callable[[int], None],
        shutdown_s: float,
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            logger=_logger(lambda: on_no_request(400)),
            shutdown_timeout=shutdown_s,
            keepalive_timeout=KEEPALIVE_S,
        )
        self._most = most
        self._on_refused = on_refused
        self._silent = _Silent(lambda: on_no_request(408))
        app.middlewares.append(self._silent.middleware())

    @property
    def server(self) -> web.Server | None:
        """Returns what makes a protocol for each connection, which is all that a site asks of it."""
        whole = super().server
        return None if whole is None else cast("web.Server", _Gate(whole, self._most, self._on_refused, self._silent))


def _logger(on_no_http: Callable[[], None]) -> logging.Logger:
    """Returns what aiohttp's server is to log with: as ever, but for what strangers may bring about."""
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


class _Gate:
    """Makes the protocol of a connection: aiohttp's, or one that turns it away."""

    def __init__(self, server: web.Server, most: int, on_refused: Callable[[], None], silent: "_Silent") -> None:
        self._server = server
        self._most = most
        self._on_refused = on_refused
        self._silent = silent

    def __call__(self) -> asyncio.Protocol:
        if len(self._server.connections) < self._most:
            protocol = self._server()
            self._silent.wait_for(protocol)
            return protocol
        self._on_refused()
        return _Busy()


class _Silent:
    """Connections that asked nothing yet. Its state is those, and since when: one timer looks at all of them."""

    def __init__(self, on_silence: Callable[[], None]) -> None:
        self._since: dict[web.RequestHandler, float] = {}
        self._on_silence = on_silence
        self._timer: asyncio.TimerHandle | None = None

    def wait_for(self, protocol: web.RequestHandler) -> None:
        """Gives a new connection so long to ask something."""
        loop = asyncio.get_running_loop()
        self._since[protocol] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(HEAD_S, self._look)

    def middleware(self) -> Middleware:
        """Returns what every request goes through."""

        @web.middleware
        async def hear(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._since.pop(request.protocol, None)
            return await handler(request)

        return hear

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        for protocol, since in tuple(self._since.items()):
            waited_s = loop.time() - since
            is_connected = protocol.transport is not None  # else it is no longer, or shakes hands
            if waited_s >= (HEAD_S if is_connected else HANDSHAKE_S):
                del self._since[protocol]
                if is_connected:
                    self._on_silence()
                    protocol.force_close()
        self._timer = loop.call_later(HEAD_S, self._look) if self._since else None


class _Busy(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says so, and hangs up."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_BUSY)
        transport.close()
