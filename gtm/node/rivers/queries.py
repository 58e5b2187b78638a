"""The query river: sockets -> engine -> sockets.

Sockets are opened before anything else, so that a port in use ends the start at once; queries are answered once there
is a plan. What arrives before that waits in the kernel. An engine that has sockets of its own answers on threads
that Python never enters; another gets its queries from asyncio.
"""

import asyncio
import os
from typing import Protocol

from gtm.counters import Counters
from gtm.engine.protocol import Engine, Serving, TcpLimits
from gtm.errors import ListenFailed
from gtm.node.config.model import NodeConfig
from gtm.serve.descriptors import tcp_limits
from gtm.serve.listen import ListenAddress, Listener, interface_of, open_listeners, parse_listen, words_for
from gtm.serve.responder import Responder
from gtm.serve.tcp import serve_tcp
from gtm.serve.udp import serve_udp


class Queries(Protocol):
    """Bound sockets, and how they are served."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Returns the addresses on which it listens."""

    async def serve(self) -> None:
        """Answers until cancelled."""

    def close(self) -> None:
        """Closes the sockets."""


def open_queries(config: NodeConfig, engine: Engine, *, counters: Counters) -> Queries:
    """Returns the bound sockets of a node; raises ListenFailed."""
    if isinstance(engine, Serving):
        return NativeQueries(config, engine, counters)
    listeners = open_listeners(config.dns)
    return AsyncioQueries(listeners, Responder(engine, counters=counters), counters, tcp=config.tcp)


class NativeQueries:
    """Sockets of the engine's own."""

    def __init__(self, config: NodeConfig, engine: Serving, counters: Counters) -> None:
        self._engine = engine
        try:
            self.addresses = engine.listen(
                [_numbered(at) for at in config.dns],
                threads=config.threads or os.cpu_count() or 1,
                tcp=tcp_limits(config.tcp, listeners=len(config.dns)),
            )
        except OSError as error:
            place = str(error.filename)
            port = parse_listen(place.partition(" ")[2]).port
            raise ListenFailed(words_for(place, port, error)) from error
        counters.include(engine.counters)
        self._started = False

    def start(self) -> None:
        """Answers from now on."""
        if not self._started:
            self._started = True
            self._engine.start()

    async def serve(self) -> None:
        """Answers until cancelled."""
        self.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._engine.stop()

    def close(self) -> None:
        """Closes the sockets."""
        self._engine.stop()


def _numbered(at: ListenAddress) -> str:
    """Returns an address whose zone, if it has one, is a number: the engine does not know the names of interfaces."""
    number = interface_of(at)
    return f"[{str(at.address).partition('%')[0]}%{number}]:{at.port}" if number else str(at)


class AsyncioQueries:
    """Sockets of asyncio, for an engine that has none."""

    def __init__(
        self, listeners: tuple[Listener, ...], responder: Responder, counters: Counters, *, tcp: TcpLimits
    ) -> None:
        self._listeners = listeners
        self._responder = responder
        self._counters = counters
        self._tcp = tcp
        self.addresses = tuple(str(listener.at) for listener in listeners)

    async def serve(self) -> None:
        """Answers until cancelled."""
        limits = tcp_limits(self._tcp, listeners=len(self._listeners))
        async with asyncio.TaskGroup() as group:
            for listener in self._listeners:
                over_udp = serve_udp(listener.udp, self._responder, self._counters)
                group.create_task(over_udp, name=f"udp {listener.at}")
                over_tcp = serve_tcp(listener.tcp, self._responder, self._counters, limits=limits)
                group.create_task(over_tcp, name=f"tcp {listener.at}")

    def close(self) -> None:
        """Closes the sockets."""
        for listener in self._listeners:
            listener.close()
