"""A DNS server in a thread of its own, on loopback and a port that the kernel gives."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from gtm.counters import Counters
from gtm.engine.protocol import Engine, Serving, TcpLimits
from gtm.serve.listen import ListenAddress, Listener, open_listeners, parse_listen
from gtm.serve.responder import Responder
from gtm.serve.tcp import serve_tcp
from gtm.serve.udp import serve_udp

WAIT_S = 5.0
"""For what comes at once; only a failing test waits so long."""
LIMITS = TcpLimits(connections=100, of_network=100, idle_s=WAIT_S)


@dataclass(frozen=True)
class Running:
    """A server that runs."""

    at: ListenAddress
    counters: Counters

    @property
    def port(self) -> int:
        return self.at.port

    @property
    def host(self) -> str:
        """Where to ask: a wildcard is asked at its loopback address."""
        address = self.at.address
        if not address.is_unspecified:
            return str(address)
        return "127.0.0.1" if address.version == 4 else "::1"

    def connect(self, source: str = "") -> socket.socket:
        """A connection from an address of this machine: 127.0.1.1 is in another network than 127.0.0.1."""
        return socket.create_connection((self.host, self.port), WAIT_S, (source, 0) if source else None)


class Native(Engine, Serving, Protocol):
    """An engine with sockets of its own."""


@contextmanager
def running(
    engine: Engine,
    at: str = "127.0.0.1:0",
    *,
    limits: TcpLimits = LIMITS,
    threads: int = 2,
) -> Iterator[Running]:
    """Serves until the block ends, by the engine's own threads where it has some, and else by asyncio."""
    if not isinstance(engine, Serving):
        with listening(engine, at, limits=limits) as (server, _):
            yield server
        return
    counters = Counters()
    counters.include(engine.counters)
    [bound] = engine.listen([at], threads=threads, tcp=limits)
    engine.start()
    try:
        yield Running(parse_listen(bound), counters)
    finally:
        engine.stop()


@contextmanager
def listening(
    engine: Engine, at: str = "127.0.0.1:0", *, limits: TcpLimits = LIMITS
) -> Iterator[tuple[Running, Listener]]:
    """Serves by asyncio until the block ends, and then asserts that nothing was left behind."""
    counters = Counters()
    responder = Responder(engine, counters=counters, coin=lambda: 0)
    [listener] = open_listeners([parse_listen(at)])
    loop = asyncio.new_event_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(str(context)))
    ready = threading.Event()

    async def serve() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve_udp(listener.udp, responder, counters))
            group.create_task(serve_tcp(listener.tcp, responder, counters, limits=limits))
            ready.set()

    task = loop.create_task(serve())
    thread = threading.Thread(target=_run, args=(loop, task))
    thread.start()
    ready.wait(WAIT_S)
    try:
        yield Running(listener.at, counters), listener
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(WAIT_S)
        listener.close()
        assert not thread.is_alive()
    assert complaints == []


@contextmanager
def bound(engine: Native, *addresses: str, threads: int = 2) -> Iterator[list[tuple[str, int]]]:
    """Sockets that nobody serves yet."""
    places = engine.listen(addresses, threads=threads, tcp=LIMITS)
    try:
        yield [(host.strip("[]"), int(port)) for host, _, port in (place.rpartition(":") for place in places)]
    finally:
        engine.stop()


def asker(port: int, host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(WAIT_S)
    sock.connect((host, port))
    return sock


def _run(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
    try:
        loop.run_until_complete(asyncio.wait([task]))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def framed(wires: Sequence[bytes]) -> bytes:
    """Messages as a TCP stream."""
    return b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)


def receive(sock: socket.socket) -> bytes:
    """The next message of a TCP stream; empty at its end."""
    head = _exactly(sock, 2)
    return _exactly(sock, struct.unpack("!H", head)[0]) if head else b""


def _exactly(sock: socket.socket, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        piece = sock.recv(octets - len(found))
        if not piece:
            return b""
        found += piece
    return found
