"""The clients of the afternoon: both zones, from every part of the world, through the resolver and from each node.

What comes in: a socket for each server that is asked. What goes out: answers with their time, in the order in which
they came. What the resolver gives is what clients got. What the nodes give is what all resolvers of the world get,
without the cache of one: the shares of endpoints are counted there.
"""

import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import product

import dns.exception
import dns.message
import dns.rcode

from tests.afternoon.places import CLIENTS, RESOLVER, SERVICE, ZONES
from tests.fakes.asking import addresses_in, question

PER_SECOND = 240.0
LIMIT_S = 2.0
"""What a client waits for its resolver."""


@dataclass(frozen=True, slots=True)
class Got:
    """One answer, or that there was none in time."""

    server: str
    zone: str
    client: str
    """The region that is closest to it."""
    sent_at: float
    """Monotonic seconds."""
    at: float
    rcode: str
    """`none`: no answer."""
    addresses: tuple[str, ...]

    @property
    def is_answer(self) -> bool:
        """Returns whether a client could use it."""
        return self.rcode == "NOERROR" and bool(self.addresses)


@dataclass(frozen=True, slots=True)
class _Asked:
    server: str
    zone: str
    client: str
    wire: bytes


class Asking:
    """Questions on a steady beat. Its state is the answers so far, which may be read at any time."""

    def __init__(self, sockets: Mapping[str, socket.socket]) -> None:
        self._sockets = sockets
        self._pending: dict[tuple[str, int], tuple[_Asked, float]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clients")
        self.got: list[Got] = []

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def end(self) -> None:
        """Asks no more."""
        self._ending.set()
        self._thread.join()

    def since(self, at: float, *, server: str = RESOLVER, zone: str | None = None) -> list[Got]:
        """Returns the answers to what was asked from a moment on."""
        got = self.got
        first = len(got)
        while first > 0 and got[first - 1].at >= at:
            first -= 1
        return [one for one in got[first:] if one.server == server and zone in {None, one.zone} and one.sent_at >= at]

    def _run(self) -> None:
        questions = [
            _Asked(server, zone, client, question(network, f"{SERVICE}.{zone}").to_wire())
            for zone, (client, network), server in product(ZONES, CLIENTS.items(), self._sockets)
        ]
        poll = select.poll()
        by_number = {sock.fileno(): (name, sock) for name, sock in self._sockets.items()}
        for number in by_number:
            poll.register(number, select.POLLIN)
        due_at, sent = time.monotonic(), 0
        while not self._ending.is_set():
            now = time.monotonic()
            if now >= due_at:
                self._send(questions[sent % len(questions)], sent // len(questions) % 65_536, now)
                due_at, sent = due_at + 1 / PER_SECOND, sent + 1
                self._give_up(now)
            for number, _ in poll.poll(max(0.0, due_at - time.monotonic()) * 1000):
                self._receive(*by_number[number])

    def _send(self, asked: _Asked, round_: int, now: float) -> None:
        # a number tells the zone and client of an answer too: one socket has no two questions of one number
        number = (round_ * 8 + ZONES.index(asked.zone) * 4 + list(CLIENTS).index(asked.client)) % 65_536
        self._pending[asked.server, number] = asked, now
        with suppress(OSError):  # that nobody listens is told for the question before; this one gets no answer
            self._sockets[asked.server].send(number.to_bytes(2) + asked.wire[2:])

    def _receive(self, server: str, sock: socket.socket) -> None:
        try:
            message = dns.message.from_wire(sock.recv(4096))
        except OSError:
            return
        except dns.exception.DNSException:
            return  # no answer that a client could use: it is given up like one that never came
        waiting = self._pending.pop((server, message.id), None)
        if waiting is not None:
            asked, sent_at = waiting
            rcode = dns.rcode.to_text(message.rcode())
            self.got.append(
                Got(server, asked.zone, asked.client, sent_at, time.monotonic(), rcode, addresses_in(message))
            )

    def _give_up(self, now: float) -> None:
        """Notes what has had no answer in time; the pending are in the order in which they were sent."""
        while self._pending:
            key = next(iter(self._pending))
            asked, sent_at = self._pending[key]
            if now - sent_at <= LIMIT_S:
                return
            del self._pending[key]
            self.got.append(Got(asked.server, asked.zone, asked.client, sent_at, now, "none", ()))


@contextmanager
def asking(sockets: Mapping[str, socket.socket]) -> Iterator[Asking]:
    """Asks until the end of the block."""
    clients = Asking(sockets)
    clients.start()
    try:
        yield clients
    finally:
        clients.end()
        for sock in sockets.values():
            sock.close()


def busiest_share(got: Sequence[Got], *, window_s: float) -> float:
    """Returns the greatest share of the answers of a while that one endpoint had, over every such while."""
    answers = [one for one in got if one.is_answer]
    counts: dict[str, int] = {}
    first, greatest = 0, 0.0
    for last, one in enumerate(answers):
        counts[one.addresses[0]] = counts.get(one.addresses[0], 0) + 1
        while one.at - answers[first].at > window_s:
            counts[answers[first].addresses[0]] -= 1
            first += 1
        if one.at - answers[0].at >= window_s:
            greatest = max(greatest, max(counts.values()) / (last - first + 1))
    return greatest
