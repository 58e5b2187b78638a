"""Clients of a DNS node: one question at a time, or a stream of them from a thread while a test breaks things.

What comes in: where to ask, and as which client network (EDNS Client Subnet; none is a query without EDNS). What goes
out: answers as values. A stream sends on its own beat, whatever has become of the answers, as the world does; an
answer that is late, or that no client could use, is a failure of the stream.
"""

import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from gtm.admin.client import fetch_status
from gtm.admin.views import NodeStatus
from gtm.errors import Unreachable
from tests.fakes.cluster import ADMIN_PORT, DNS_PORT, NAME

ANSWER_LIMIT_S = 2.0
"""What a resolver waits before it asks another server."""

QUIET_S = 1.5
"""An address that no answer of such a while names is taken to be gone from the answers."""

LOOK_LIMIT_S = 0.25
"""Where a question is asked again and again until a node answers, nobody waits long for one answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query got, and when."""

    client: str | None
    sent_at: float
    """Monotonic seconds."""
    answered_at: float
    rcode: str
    addresses: tuple[str, ...]

    @property
    def took_s(self) -> float:
        """Returns how long the client waited."""
        return self.answered_at - self.sent_at

    @property
    def is_good(self) -> bool:
        """Returns whether a client could use it: an address, in time."""
        return self.rcode == "NOERROR" and bool(self.addresses) and self.took_s <= ANSWER_LIMIT_S


def question(client: str | None, name: str = NAME, rdtype: str = "A") -> dns.message.QueryMessage:
    """Returns a query of a client network (a /24), or without EDNS."""
    query = dns.message.make_query(name, rdtype, use_edns=False)
    if client is not None:
        query.use_edns(0, options=[dns.edns.ECSOption(client, 24)])
    return query


def ask(
    server: str,
    client: str | None = None,
    *,
    name: str = NAME,
    rdtype: str = "A",
    port: int = DNS_PORT,
    limit_s: float = ANSWER_LIMIT_S,
) -> dns.message.Message:
    """Returns the answer to one query over UDP; raises dns.exception.Timeout when there is none in time."""
    return dns.query.udp(question(client, name, rdtype), server, port=port, timeout=limit_s)


def is_answering(server: str, *, name: str = NAME, port: int = DNS_PORT) -> bool:
    """Returns whether somebody answers there without an error."""
    try:
        return ask(server, name=name, port=port, limit_s=LOOK_LIMIT_S).rcode() == dns.rcode.NOERROR
    except (dns.exception.Timeout, OSError):
        return False


def addresses(server: str, client: str | None = None, *, port: int = DNS_PORT) -> tuple[str, ...]:
    """Returns the addresses that a client gets; empty when nobody answers."""
    try:
        return addresses_in(ask(server, client, port=port))
    except (dns.exception.Timeout, OSError):
        return ()


def addresses_in(message: dns.message.Message) -> tuple[str, ...]:
    """Returns the addresses of an answer."""
    return tuple(str(rdata) for rrset in message.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset)


def status_of(server: str) -> NodeStatus | None:
    """Returns what a node says of itself; None while it does not."""
    try:
        return fetch_status(f"{server}:{ADMIN_PORT}")
    except Unreachable:
        return None


def beliefs_of(server: str, *, service: str = "") -> dict[str, str]:
    """Returns the belief of each region's endpoint, of one service or of the only one: `up`, `down frozen`.

    It is empty when the node does not say.
    """
    status = status_of(server)
    if status is None:
        return {}
    return {
        str(view.region): view.belief.value + (" frozen" if view.frozen else "")
        for each in status.services
        if service in {"", each.service}
        for view in each.endpoints
    }


class Stream:
    """Queries on a steady beat over one socket. It has state: the answers so far, which may be read at any time."""

    def __init__(
        self, sock: socket.socket, clients: Sequence[str | None], *, per_second: float, limit_s: float
    ) -> None:
        self._sock = sock
        self._clients = clients
        self._beat_s = 1 / per_second
        self._limit_s = limit_s
        self._pending: dict[int, tuple[str | None, float]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream")
        self.answers: list[Answer] = []
        self.unanswered: list[str] = []
        """What nobody answered, known once the stream has ended."""
        self.sent = 0

    def start(self) -> None:
        """Begins to ask."""
        self._thread.start()

    def end(self) -> None:
        """Asks no more, and waits for the last answers."""
        self._ending.set()
        self._thread.join()
        self._sock.close()

    @property
    def failures(self) -> list[str]:
        """Returns every query that did not get an address in time."""
        return [*self.unanswered, *(str(answer) for answer in self.answers if not answer.is_good)]

    def last(self, client: str | None) -> tuple[str, ...]:
        """Returns the newest answer to a client."""
        return next((answer.addresses for answer in reversed(self.answers) if answer.client == client), ())

    def naming(self, address: str) -> list[Answer]:
        """Returns the answers that name an address."""
        return [answer for answer in self.answers if address in answer.addresses]

    @property
    def quiet_answers(self) -> int:
        """Returns how many answers there are in a quiet while."""
        return round(QUIET_S / self._beat_s)

    def is_quiet(self, address: str, *, since: float) -> bool:
        """Returns whether none of the newest answers, all of them given after a time, names an address."""
        newest = self.answers[-self.quiet_answers :]
        is_fresh = len(newest) == self.quiet_answers and newest[0].answered_at > since
        return is_fresh and not any(address in answer.addresses for answer in newest)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        due_at = time.monotonic()
        ends_at = float("inf")
        while time.monotonic() < ends_at and not (self._ending.is_set() and not self._pending):
            if self._ending.is_set():
                ends_at = min(ends_at, time.monotonic() + self._limit_s)
            elif time.monotonic() >= due_at:
                self._send()
                due_at += self._beat_s
            wait_s = max(0.0, min(due_at - time.monotonic(), self._beat_s))
            if poll.poll(wait_s * 1000):
                self._receive()
        self.unanswered += [f"no answer to client {client}, asked at {at:.3f}" for client, at in self._pending.values()]

    def _send(self) -> None:
        client = self._clients[self.sent % len(self._clients)]
        query = question(client)
        query.id = self.sent % 65_536
        self.sent += 1
        self._pending[query.id] = (client, time.monotonic())
        try:
            self._sock.send(query.to_wire())
        except OSError as error:
            self._refused(query.id, error)

    def _receive(self) -> None:
        try:
            message = dns.message.from_wire(self._sock.recv(4096))
        except OSError as error:
            self.unanswered.append(f"{error} at {time.monotonic():.3f}")
            return
        client, sent_at = self._pending.pop(message.id)
        rcode = dns.rcode.to_text(message.rcode())
        self.answers.append(Answer(client, sent_at, time.monotonic(), rcode, addresses_in(message)))

    def _refused(self, number: int, error: OSError) -> None:
        client, at = self._pending.pop(number)
        self.unanswered.append(f"{error} for client {client}, asked at {at:.3f}")


@contextmanager
def stream(server: str, clients: Sequence[str | None], *, per_second: float = 200.0) -> Iterator[Stream]:
    """Asks a server until the end of the block; then every answer is in, or is not coming."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((server, DNS_PORT))
    with stream_over(sock, clients, per_second=per_second) as asking:
        yield asking


@contextmanager
def stream_over(
    sock: socket.socket, clients: Sequence[str | None], *, per_second: float, limit_s: float = ANSWER_LIMIT_S
) -> Iterator[Stream]:
    """Asks whom a socket is connected to until the end of the block; then waits for the last answers, and closes it."""
    asking = Stream(sock, clients, per_second=per_second, limit_s=limit_s)
    asking.start()
    try:
        yield asking
    finally:
        asking.end()
