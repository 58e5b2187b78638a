"""How many may be connected to the admin listener at once: a crowd gets 503, and costs neither descriptors nor memory.

DNS over TCP, checks and polls need descriptors of the same process. What is no HTTP gets 400, and is no line of the log
either: any stranger can send it, and aiohttp would log a traceback for each.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MAX_CONNECTIONS = 256
"""Each peer holds one for its long poll; the rest is people and monitoring."""
KEEPALIVE_S = 75.0
"""Of a connection that asks nothing more."""

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class LimitedRunner(web.AppRunner):
    """A runner whose server takes so many connections at once.

    `on_refused` is called for each one more, and `on_no_http` for each that says what is no HTTP.
    """

    def __init__(
        self,
        app: web.Application,
        *,
        most: int,
        on_refused: Callable[[], None],
        on_no_http: Callable[[], None],
        shutdown_s: float,
    ) -> None:
        super().__init__(
            app,
            access_log=None,
            logger=_logger(on_no_http),
            shutdown_timeout=shutdown_s,
            keepalive_timeout=KEEPALIVE_S,
        )
        self._most = most
        self._on_refused = on_refused

    @property
    def server(self) -> web.Server | None:
        """Returns what makes a protocol for each connection, which is all that a site asks of it."""
        whole = super().server
        return None if whole is None else cast("web.Server", _Gate(whole, self._most, self._on_refused))


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

    def __init__(self, server: web.Server, most: int, on_refused: Callable[[], None]) -> None:
        self._server = server
        self._most = most
        self._on_refused = on_refused

    def __call__(self) -> asyncio.Protocol:
        if len(self._server.connections) < self._most:
            return self._server()
        self._on_refused()
        return _Busy()


class _Busy(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Says so, and hangs up."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_BUSY)
        transport.close()
