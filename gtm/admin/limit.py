"""How many may be connected to the admin listener at once: a crowd gets 503, and costs neither descriptors nor memory.

DNS over TCP, checks and polls need descriptors of the same process.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

MAX_CONNECTIONS = 256
"""Each peer holds one for its long poll; the rest is people and monitoring."""
KEEPALIVE_S = 75.0
"""Of a connection that asks nothing more."""

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class LimitedRunner(web.AppRunner):
    """A runner whose server takes so many connections at once; `on_refused` is called for each one more."""

    def __init__(self, app: web.Application, *, most: int, on_refused: Callable[[], None], shutdown_s: float) -> None:
        super().__init__(app, access_log=None, shutdown_timeout=shutdown_s, keepalive_timeout=KEEPALIVE_S)
        self._most = most
        self._on_refused = on_refused

    @property
    def server(self) -> web.Server | None:
        """Returns what makes a protocol for each connection, which is all that a site asks of it."""
        whole = super().server
        return None if whole is None else cast("web.Server", _Gate(whole, self._most, self._on_refused))


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
