"""Peers that say what they are told to say, lies above all, over real sockets.

What comes in: what each peer is to say (tests/fakes/lies.py). What goes out: a server that gives every peer its next
answer when it is polled, and peers whose answers never end.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fakes.endpoints import endpoint, hangs
from tests.fakes.lies import Lie

SOON_S = 5.0
"""A connection that ends so soon after an answer ended because of it, and not because nobody used it."""

NOTHING_NEW = b"HTTP/1.1 304 Not Modified\r\n\r\n"


@dataclass(slots=True)
class Crowd:
    """Peers behind one port, each with what it will say next. Any thread may add to that."""

    port: int = 0
    queues: dict[str, deque[Lie]] = field(default_factory=dict)
    speaking: int = 0
    """Peers whose answer is not all out."""

    def url(self, name: str) -> str:
        """Where a peer is polled."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def queue(self, name: str) -> deque[Lie]:
        """What a peer says next."""
        return self.queues.setdefault(name, deque())

    @property
    def waiting(self) -> int:
        """How much is not said yet."""
        return sum(map(len, tuple(self.queues.values()))) + self.speaking

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers every poll of a connection; what the node hung up on, because it was too slow, is said again."""
        queue, said, said_at, now = deque[Lie](), None, 0.0, asyncio.get_running_loop().time
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (ConnectionError, asyncio.IncompleteReadError):
                if said is not None and now() - said_at < SOON_S:
                    queue.appendleft(said)
                raise
            name = head.split(b"/")[1].decode()
            if name in ENDLESS:
                await ENDLESS[name](reader, writer)
            queue, said = self.queue(name), None
            if not queue:
                await asyncio.sleep(0.2)  # a long poll without news; else the node asks on and on
                writer.write(NOTHING_NEW)
                continue
            self.speaking += 1
            lie = queue.popleft()
            said, said_at = lie, now()
            try:
                writer.write(lie.wire)
                await writer.drain()
            except ConnectionError:
                if not lie.hang_up:
                    queue.appendleft(lie)
                raise
            finally:
                self.speaking -= 1
            if lie.hang_up:
                return


async def _drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body that comes octet by octet, for ever."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{"reports":[')
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _promises(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Interim answers, for ever (RFC 9110 15.2)."""
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


ENDLESS = {"drips": _drips, "promises": _promises, "hangs": hangs}
"""Peers that never finish an answer, by name."""


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Serves peers from a thread, until the end of the block."""
    found, started, ending = Crowd(), threading.Event(), threading.Event()

    async def serve() -> None:
        async with endpoint(found.converse) as port:
            found.port = port
            started.set()
            await asyncio.to_thread(ending.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="crowd")
    thread.start()
    try:
        assert started.wait(20)
        yield found
    finally:
        ending.set()
        thread.join(20)
    assert not thread.is_alive()
