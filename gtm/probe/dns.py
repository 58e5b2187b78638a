"""The check of monitors `dns`: a query that is answered as expected.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. Over
UDP the socket is connected: datagrams from other senders are dropped, and a closed port is reported at once. After a
truncated answer the query is sent again over TCP, within the same timeout. An endpoint that sends other data again and
again gets a bad reading, and its data is no longer read.

The query has EDNS. Clients repeat it without EDNS for servers that do not know EDNS (RFC 6891 6.2.2). So does this:

    an answer that refuses EDNS       the query without EDNS is sent at once, and its answer is what counts
    no answer for SECOND_TRY_S        it is sent too, and the first answer that comes counts, to either of them
    TCP: the connection breaks off    it is sent on another connection
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from gtm.checks.model import Check
from gtm.health.verdict.reading import Reason
from gtm.ids import Address
from gtm.probe.dns_answer import is_answer, is_truncated, judged, query_for, refuses_edns, without_edns
from gtm.probe.failures import CheckOutcome
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.route import reaching
from gtm.probe.stopwatch import Phase, lap
from gtm.threads import Pool
from gtm.zone.monitors.kinds.dns import DnsSettings

MAX_MESSAGE_BYTES = 65_535
"""Most bytes of a message over TCP, as its length has two bytes (RFC 1035 4.2.2)."""

SMALL_BYTES = 1_232
"""A message up to this size is read in the event loop; a longer one in a thread. Few are longer (DNS Flag Day 2020)."""

MAX_STRAYS = 64
MAX_STRAY_BYTES = 256 * 1024
"""Most bytes of messages that are no answer: a few late answers to earlier queries on the same port, and spoofed
ones."""


SECOND_TRY_S = 1.0
"""Seconds after which the query without EDNS is sent: servers that drop EDNS drop it silently; healthy ones
answer sooner."""
SECOND_TRY_SHARE = 0.5
"""The most of a short timeout to wait before the second try, as a share: the second try needs time, too."""


async def check_dns(check: Check, settings: DnsSettings, instruments: Instruments) -> CheckOutcome:
    """Returns the outcome of the answer. Raises the network's error if there was none."""
    address = target_address(check, instruments)
    with reaching(address):
        return await ask(
            address,
            check.monitor.port,
            settings,
            parsing=instruments.parsing,
            second_try_s=second_try_after_s(check.monitor.timeout_s),
        )


def second_try_after_s(timeout_s: float) -> float:
    """Returns the seconds to wait for an answer before the query is also sent without EDNS."""
    return min(SECOND_TRY_S, SECOND_TRY_SHARE * timeout_s)


async def ask(
    address: Address, port: int, settings: DnsSettings, *, parsing: Pool, second_try_s: float = SECOND_TRY_S
) -> CheckOutcome:
    """Returns the outcome of the query in the settings.

    It has no time limit of its own. Long answers are read in the threads of `parsing`.
    """
    query = query_for(settings)
    tries = _Tries((query.to_wire(), without_edns(query).to_wire()), settings, second_try_s)
    try:
        wire = await _over_udp(tries, address, port) if settings.transport == "udp" else None
        if wire is None or is_truncated(wire):
            wire = await _over_tcp(tries, address, port)
    except _FloodError:
        return CheckOutcome(Reason.STATUS, "a flood of messages, and none answers the query")
    lap(Phase.FIRST_BYTE)
    if len(wire) <= SMALL_BYTES:
        return judged(wire, settings)
    return await parsing.run(judged, wire, settings)


class _FloodError(Exception):
    """The endpoint sends too much that is no answer to the query."""


class _Strays:
    """Counts messages that are no answer to the query. It has state: their bytes."""

    def __init__(self) -> None:
        self._messages = 0
        self._size_bytes = 0

    async def take(self, wire: bytes) -> None:
        """Counts one message. Raises _FloodError when there are too many bytes."""
        self._messages += 1
        self._size_bytes += len(wire)
        if self._messages >= MAX_STRAYS or self._size_bytes > MAX_STRAY_BYTES:
            raise _FloodError
        await asyncio.sleep(0)  # bytes that are there are read without waiting: this must not block other checks


class _Tries:
    """The query with EDNS and the one without it. It has state: which were sent, and which may still be answered."""

    def __init__(self, queries: tuple[bytes, ...], settings: DnsSettings, second_try_s: float) -> None:
        self._useful = queries
        self._settings = settings
        self._second_try_s = second_try_s
        self._sent = 0

    @property
    def has_another(self) -> bool:
        """Returns whether a second query may still be sent or answered."""
        return len(self._useful) > 1

    def give_up_first(self) -> None:
        """Drops the query with EDNS: from now on only the one without EDNS counts."""
        self._useful = self._useful[-1:]

    @contextmanager
    def sending(self, send: Callable[[bytes], None]) -> Iterator[Callable[[bytes], bool]]:
        """Sends the first query, and the second after a while.

        The block gets a function that returns whether a message is the answer.
        """
        self._sent = 0
        timer = asyncio.get_running_loop().call_later(self._second_try_s, self._send_second, send)
        self._send_next(send)
        try:
            yield partial(self._is_final, send)
        finally:
            timer.cancel()

    def _send_next(self, send: Callable[[bytes], None]) -> None:
        if self._sent < len(self._useful):
            send(self._useful[self._sent])
            self._sent += 1

    def _send_second(self, send: Callable[[bytes], None]) -> None:
        with suppress(OSError):  # such as a lost route: the first query may still be answered
            self._send_next(send)

    def _is_final(self, send: Callable[[bytes], None], wire: bytes) -> bool:
        answered = next((number for number, query in enumerate(self._useful) if is_answer(query, wire)), None)
        if answered is None:
            return False
        if answered + 1 < len(self._useful) and len(wire) <= SMALL_BYTES and refuses_edns(wire, self._settings):
            while self._sent < len(self._useful):
                self._send_next(send)
            self.give_up_first()
            return False
        self._useful = self._useful[answered:]
        return True


async def _over_udp(tries: _Tries, address: Address, port: int) -> bytes:
    loop, strays = asyncio.get_running_loop(), _Strays()
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0)
        asking.connect((str(address), port))

        def send(query: bytes) -> None:
            with suppress(BlockingIOError):  # a full buffer loses datagrams, as the network may
                asking.send(query)

        with tries.sending(send) as is_final:
            while True:
                wire = await loop.sock_recv(asking, MAX_MESSAGE_BYTES)
                if is_final(wire):
                    return wire
                await strays.take(wire)


async def _over_tcp(tries: _Tries, address: Address, port: int) -> bytes:
    """Returns the answer over TCP.

    If the endpoint breaks the connection off, the query without EDNS is sent on another connection.
    """
    had_another = tries.has_another
    reader, writer = await asyncio.open_connection(str(address), port)
    lap(Phase.CONNECT)
    try:
        return await _on_connection(tries, reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        if not had_another:
            raise
    tries.give_up_first()
    reader, writer = await asyncio.open_connection(str(address), port)
    return await _on_connection(tries, reader, writer)


async def _on_connection(tries: _Tries, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    strays = _Strays()
    try:
        with tries.sending(lambda query: writer.write(len(query).to_bytes(2) + query)) as is_final:
            while True:
                wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                if is_final(wire):
                    return wire
                await strays.take(wire)
    finally:
        writer.transport.abort()  # RST: the probe keeps no port in TIME_WAIT
