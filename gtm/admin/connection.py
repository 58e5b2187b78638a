"""One connection of the admin listener: stands between asyncio and aiohttp's protocol, and sees what goes on.

    made           nothing was asked yet        HEAD     head_s to ask something, else it ends (408)
    request        others are answered first    TURN
    its turn       a handler is at work         BUSY     unread_s for each 64 KiB of the answer to be read
    answered       until the next request       IDLE     aiohttp's keep-alive time; the first byte makes it a HEAD again
    closing        what is left is being sent            close_s, then it is cut off

What comes in: what asyncio tells a protocol, the beginning and end of requests, and looks now and then. What goes out:
the same to aiohttp's protocol, and what became of the connection to its crowd. aiohttp itself waits for ever for a head
that comes byte by byte, and for a reader that does not read. What is unread is asked of the transport below TLS: that
of TLS hands everything down at once, and says that nothing is left.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from aiohttp import web

from gtm.admin.connection_limit import ConnectionLimit

READ_BYTES = 64 * 1024
"""Bytes that a client must read in each `unread_s` (50 kbit/s). Up to this many may always wait to be read."""


@dataclass(frozen=True, slots=True)
class Patience:
    """The time limits of a connection, in seconds."""

    handshake_s: float = 10.0
    """asyncio's own limit for TLS is a minute."""
    head_s: float = 10.0
    keepalive_s: float = 75.0
    """The limit for a connection that sends no further request."""
    unread_s: float = 10.0
    close_s: float = 5.0
    look_s: float = 1.0
    """The interval at which all connections are checked: the other limits are as exact as this."""


class Ending(Enum):
    """Why a connection was ended."""

    HANDSHAKE = "handshake"
    """The client did not finish the TLS handshake."""
    SILENT = "silent"
    UNREAD = "unread"
    """The client did not read the answer."""
    ROOM = "room"
    """Another client needed its place (connection_limit.py)."""


class _State(Enum):
    HEAD = "head"
    BUSY = "busy"
    IDLE = "idle"
    TURN = "turn"


class Watcher(Protocol):
    """The listener of a connection, which is notified when the connection ends."""

    crowd: ConnectionLimit
    patience: Patience

    def now(self) -> float:
        """Returns the monotonic time in seconds."""

    def ended(self, connection: "AdminConnection", ending: Ending | None) -> None:
        """Called when a connection ends; `ending` is why this node ended it, None if it ended by itself."""


class AdminConnection(asyncio.Protocol):
    """One connection of a client. Its state is in the table at the head of this module."""

    def __init__(self, inner: web.RequestHandler, client: str, watcher: Watcher) -> None:
        self.inner = inner
        self.client = client
        self.is_dropped = False
        self.below: asyncio.WriteTransport | None = None
        """The transport of the socket, below TLS if there is TLS; None before it is made and after it is lost."""
        self._watcher = watcher
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        """Data that came with the end of the TLS handshake, before `connection_made`."""
        self._state = _State.HEAD
        self._since = watcher.now()
        self._unread: tuple[float, int] | None = None
        """The time of the last measurement of unread bytes, and their number; None while at most READ_BYTES wait."""
        self._closing_since: float | None = None

    @property
    def is_over(self) -> bool:
        """Returns whether the connection is closed or closing."""
        return self._transport is None or self._transport.is_closing()

    @property
    def unread_bytes(self) -> int:
        """Returns the number of bytes that wait to be sent, because the client has not read yet."""
        return 0 if self.below is None else self.below.get_write_buffer_size()

    @property
    def unread_since(self) -> float:
        """Returns the monotonic time since which its client reads too slowly; infinity if it does not."""
        return float("inf") if self._unread is None else self._unread[0]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Passes the transport to aiohttp's protocol, with the data that came early; closes a dropped connection."""
        assert isinstance(transport, asyncio.Transport)
        self.below = self.below or transport
        if self.is_dropped:
            self.cut_off()
            return
        self._transport = transport
        self._enter(_State.HEAD)
        self.inner.connection_made(transport)
        for data in self._early:
            self.inner.data_received(data)
        self._early.clear()

    def data_received(self, data: bytes) -> None:
        """Passes the data to aiohttp's protocol; keeps it while the connection is not made yet."""
        if self._transport is None:
            self._early.append(data)
            return
        if self._state is _State.IDLE:
            self._enter(_State.HEAD)
        self.inner.data_received(data)

    def eof_received(self) -> None:
        """Passes the end of the client's data to aiohttp's protocol; asyncio then closes the connection."""
        if self._transport is not None:
            self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Notifies the watcher, and passes the end of the connection to aiohttp's protocol."""
        self.below, was_made, self._transport = None, self._transport is not None, None
        self._watcher.ended(self, None)
        if was_made:
            self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Passes the call to aiohttp's protocol: too much waits to be sent."""
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Passes the call to aiohttp's protocol: it may write again."""
        self.inner.resume_writing()

    def begin(self, *, waits: bool) -> None:
        """Called when a request is here; while it waits for its turn, the connection may be closed to make room."""
        if self._transport is not None:
            self._enter(_State.TURN if waits else _State.BUSY)

    def finish(self) -> None:
        """Called when the handler has answered the request; the answer may not be sent yet."""
        if self._transport is not None:
            self._enter(_State.IDLE)

    def _enter(self, state: _State) -> None:
        self._state, self._since = state, self._watcher.now()
        if self.is_dropped:
            return
        if state is _State.BUSY:
            self._watcher.crowd.work(self)
        else:
            self._watcher.crowd.wait(self)

    def look(self) -> None:
        """Checks the time limits, and ends the connection if one is exceeded; called every `look_s`."""
        patience, now, transport = self._watcher.patience, self._watcher.now(), self._transport
        if transport is None:
            return
        if transport.is_closing():
            self._closing_since = now if self._closing_since is None else self._closing_since
            if now - self._closing_since >= patience.close_s:
                self.cut_off()
        elif self._state is _State.HEAD and now - self._since >= patience.head_s:
            self.drop(Ending.SILENT.value)
        else:
            self._look_at_unread(now)

    def _look_at_unread(self, now: float) -> None:
        left = self.unread_bytes
        if left <= READ_BYTES:
            self._unread = None
        elif self._unread is None:
            self._unread = now, left
        elif now - self._unread[0] >= self._watcher.patience.unread_s:
            before, self._unread = self._unread[1], (now, left)
            if before - left < READ_BYTES:
                self.drop(Ending.UNREAD.value)

    def drop(self, reason: str) -> None:
        """Ends the connection at once; `reason` is the value of an Ending."""
        self.is_dropped = True
        self._watcher.ended(self, Ending(reason))
        self.cut_off()

    def cut_off(self) -> None:
        """Closes the socket at once, without sending what is left."""
        if self.below is not None:
            self.below.abort()


class Unmade(asyncio.Protocol):
    """The protocol of a socket before the TLS handshake: it reads nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pauses reading, so that the data stays for the handshake."""
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
