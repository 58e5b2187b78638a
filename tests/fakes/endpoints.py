"""Endpoints for checks: real servers on loopback that behave, or misbehave in one way each."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def endpoint(
    conversation: Conversation, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """A server that holds this conversation with every client; gives its port."""
    talking: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            await conversation(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left, which is its right
        except asyncio.CancelledError:
            pass  # by `endpoint` itself, at the end; asyncio's streams log a cancelled conversation as an error
        finally:
            talking.discard(task)
            writer.close()

    server = await asyncio.start_server(talk, address, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(talking):
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


def answers(status: str = "200 OK", body: bytes = b"", *, seen: list[bytes] | None = None) -> Conversation:
    """Answers every request with this; collects the request heads in `seen`."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        await reader.read()

    return conversation


def says(words: bytes) -> Conversation:
    """Writes these bytes whatever the request, and closes."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        await writer.drain()

    return conversation


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection, and never says anything."""
    await reader.read()
    await asyncio.Event().wait()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Breaks the connection off with RST after the request."""
    await reader.readuntil(b"\r\n\r\n")
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def drips(body: bytes) -> Conversation:
    """Answers 200 and the body as given, but never its end."""

    async def conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + body)
        await writer.drain()
        await asyncio.Event().wait()

    return conversation


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers 200 and a body without end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def closed_port() -> int:
    """A port of 127.0.0.1 where nobody listens, as long as this process lives."""
    port: int = _bound().getsockname()[1]
    return port


@cache
def _bound() -> socket.socket:
    """A socket that is bound and does not listen, so that no server or client of another test gets its port."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken
