"""The query river: sockets -> engine -> sockets.

Sockets are opened before anything else, so that a port in use ends the start at once. Queries are answered once there
is a plan; earlier queries wait in the kernel. An engine with sockets of its own (the Rust engine) answers on threads
that run no Python. Another engine gets its queries from asyncio.
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
    """Bound sockets for DNS queries, and a way to answer what arrives on them."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Returns the addresses on which the sockets listen."""

    async def serve(self) -> None:
        """Answers queries until cancelled."""

    def close(self) -> None:
        """Closes the DNS sockets."""


def open_queries(config: NodeConfig, engine: Engine, *, counters: Counters) -> Queries:
    """Opens the DNS sockets of a node, for its engine; raises ListenFailed if an address cannot be bound."""
    if isinstance(engine, Serving):
        return NativeQueries(config, engine, counters)
    listeners = open_listeners(config.dns)
    return AsyncioQueries(listeners, Responder(engine, counters=counters), counters, tcp=config.tcp)


class NativeQueries:
    """The sockets of an engine that has its own."""

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
        """Starts the threads of the engine that answer queries; a second call does nothing."""
        if not self._started:
            self._started = True
            self._engine.start()

    async def serve(self) -> None:
        """Answers queries until cancelled."""
        self.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._engine.stop()

    def close(self) -> None:
        """Closes the DNS sockets."""
        self._engine.stop()


def _numbered(at: ListenAddress) -> str:
    """Returns an address as text; an interface in it (`%eth0`) becomes a number, as the engine knows no names."""
    number = interface_of(at)
    return f"[{str(at.address).partition('%')[0]}%{number}]:{at.port}" if number else str(at)


class AsyncioQueries:
    """Sockets served by asyncio, for an engine without sockets of its own."""

    def __init__(
        self, listeners: tuple[Listener, ...], responder: Responder, counters: Counters, *, tcp: TcpLimits
    ) -> None:
        self._listeners = listeners
        self._responder = responder
        self._counters = counters
        self._tcp = tcp
        self.addresses = tuple(str(listener.at) for listener in listeners)

    async def serve(self) -> None:
        """Answers queries until cancelled."""
        limits = tcp_limits(self._tcp, listeners=len(self._listeners))
        async with asyncio.TaskGroup() as group:
            for listener in self._listeners:
                over_udp = serve_udp(listener.udp, self._responder, self._counters)
                group.create_task(over_udp, name=f"udp {listener.at}")
                over_tcp = serve_tcp(listener.tcp, self._responder, self._counters, limits=limits)
                group.create_task(over_tcp, name=f"tcp {listener.at}")

    def close(self) -> None:
        """Closes the DNS sockets."""
        for listener in self._listeners:
            listener.close()
