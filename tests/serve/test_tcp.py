"""DNS over TCP; the section numbers are those of RFC 7766."""

import asyncio
import socket
import struct
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.query
import pytest

from gtm.counters import Counters
from gtm.engine.protocol import Answered, Engine, Transport
from gtm.ids import Address
from gtm.plan.model import Plan
from gtm.serve import tcp
from gtm.serve.listen import TCP_BACKLOG
from gtm.serve.responder import Responder
from tests.fakes.world import query, values
from tests.serve.running import LIMITS, WAIT_S, framed, listening, receive, running


def wires(count: int, name: str = "mail") -> list[bytes]:
    return [query(name, message_id=number).to_wire() for number in range(count)]


@pytest.mark.parametrize("at", ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"])
def test_a_query_is_answered(serving: Engine, at: str) -> None:
    with running(serving, at) as server:
        message = dns.query.tcp(query("mail"), server.host, WAIT_S, server.port)
        assert server.counters.count("dns_responses", rcode="NOERROR", transport="tcp") == 1
    assert values(message.answer) == ["192.0.2.25"]


def test_6_2_1_one_connection_serves_many_queries(serving: Engine) -> None:
    with running(serving) as server, server.connect() as sock:
        for wire in wires(5):
            sock.sendall(framed([wire]))
            assert receive(sock)[:2] == wire[:2]


def test_6_2_1_1_queries_in_one_segment_are_all_answered_in_order(serving: Engine) -> None:
    with running(serving) as server, server.connect() as sock:
        sock.sendall(framed(wires(50)))
        assert [struct.unpack("!H", receive(sock)[:2])[0] for _ in range(50)] == list(range(50))


def test_8_a_query_may_come_octet_by_octet(serving: Engine) -> None:
    with running(serving) as server, server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in framed(wires(2)):
            sock.sendall(bytes((octet,)))
        assert [receive(sock)[:2] for _ in range(2)] == [b"\0\0", b"\0\1"]


def test_8_length_and_message_are_sent_in_one_segment(serving: Engine) -> None:
    with running(serving) as server, server.connect() as sock:
        sock.sendall(framed(wires(1)))
        first = sock.recv(65_537)
        assert len(first) == 2 + struct.unpack("!H", first[:2])[0]


def test_6_2_4_a_client_that_closes_its_side_still_gets_its_answers(serving: Engine) -> None:
    with running(serving) as server, server.connect() as sock:
        sock.sendall(framed(wires(3)))
        sock.shutdown(socket.SHUT_WR)
        assert all(receive(sock) for _ in range(3))
        assert receive(sock) == b""


@pytest.mark.parametrize("stream", [b"\0\0", framed([b"short"]), framed([struct.pack("!HH4H", 1, 0x8000, 0, 0, 0, 0)])])
def test_what_gets_no_answer_ends_the_connection(serving: Engine, stream: bytes) -> None:
    with running(serving) as server, server.connect() as sock:
        sock.sendall(stream)
        assert receive(sock) == b""


def test_what_is_malformed_is_answered_and_the_connection_goes_on(serving: Engine) -> None:
    with running(serving) as server, server.connect() as sock:
        sock.sendall(framed([b"\0\1\1\0" + bytes(8), *wires(1)]))
        assert receive(sock)[3] & 0xF == 1
        assert values(dns.message.from_wire(receive(sock)).answer) == ["192.0.2.25"]


@pytest.mark.parametrize("start", [b"", b"\0", b"\0\x20abc"], ids=["silent", "half a length", "half a message"])
def test_6_2_3_a_silent_client_is_let_go(serving: Engine, start: bytes) -> None:
    with running(serving, limits=replace(LIMITS, idle_s=0.05)) as server, server.connect() as sock:
        sock.sendall(start)
        assert receive(sock) == b""


def test_the_largest_message_is_read(serving: Engine) -> None:
    with running(serving) as server, server.connect() as sock:
        sock.sendall(framed([wires(1)[0].ljust(65_535, b"\0"), *wires(1)]))
        assert receive(sock)[3] & 0xF == 1
        assert receive(sock)[3] & 0xF == 0


def test_a_client_that_is_gone_at_once_leaves_no_trace(serving: Engine) -> None:
    """It resets before it was accepted, so that it has no address any more."""
    with running(serving) as server:
        for _ in range(50):
            sock = server.connect()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        assert dns.query.tcp(query("mail"), server.host, WAIT_S, server.port).answer


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_burst_of_connections_waits_in_the_queue_of_its_size(engine: Engine) -> None:
    with listening(engine) as (server, listener):
        dns.query.tcp(query("mail"), server.host, WAIT_S, server.port)
        told = listener.tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        (size,) = struct.unpack_from("=I", told, 28)  # tcpi_sacked: of a listening socket, the length of its queue
        assert size == min(TCP_BACKLOG, int(Path("/proc/sys/net/core/somaxconn").read_text()))


@pytest.mark.slow
def test_a_client_that_does_not_read_is_let_go_with_all_that_waits_for_it(engine: Engine) -> None:
    async def scene() -> None:
        counters = Counters()
        responder = Responder(engine, counters=counters, coin=lambda: 0)
        connections = tcp._Connections(responder, counters, replace(LIMITS, idle_s=0.1))
        served: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await connections.handle(reader, writer)
            served.put_nowait(writer)

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as greedy:
            greedy.settimeout(0)
            stream = framed([query("big", "TXT").to_wire()] * 5000)
            sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(greedy, stream))
            async with asyncio.timeout(WAIT_S):
                writer = await served.get()
            await asyncio.sleep(0)
            assert writer.get_extra_info("socket").fileno() == -1, "it is closed, whatever waited in it"
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        server.close()
        await server.wait_closed()

    asyncio.run(scene())


def test_the_end_of_the_server_ends_connections_without_complaint(serving: Engine) -> None:
    with socket.socket() as idle, socket.socket() as half:
        with running(serving) as server:
            for sock in (idle, half):
                sock.settimeout(WAIT_S)
                sock.connect((server.host, server.port))
                sock.sendall(framed(wires(1)))
                assert receive(sock)
            half.sendall(b"\0")
        assert idle.recv(1) == b""


class CountingEngine:
    """Says in which order it was asked."""

    name = "counting"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.order: list[Transport] = []

    def swap(self, plan: Plan) -> None:
        self._engine.swap(plan)

    def respond(self, wire: bytes, client: Address, transport: Transport, coin: int) -> Answered | None:
        self.order.append(transport)
        return self._engine.respond(wire, client, transport, coin)


@pytest.mark.slow
def test_a_long_pipeline_does_not_make_others_wait(engine: Engine) -> None:
    counting = CountingEngine(engine)
    with (
        running(counting) as server,
        server.connect() as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        other.settimeout(WAIT_S)
        sock.sendall(framed(wires(1000)))
        other.sendto(query("mail").to_wire(), ("127.0.0.1", server.port))
        for _ in range(1000):
            assert receive(sock)
        assert other.recv(65_535)
    assert counting.order.index(Transport.UDP) < 900, "the pipeline and the others take turns"


def test_pipelines_on_many_connections_get_few_answers_in_one_turn_of_the_event_loop(engine: Engine) -> None:
    """Else a datagram waits for an answer to each of them."""

    async def scene() -> None:
        turn, by_turn = 0, Counter[int]()

        async def count_turns() -> None:
            nonlocal turn
            while True:
                turn += 1
                await asyncio.sleep(0)

        def coin() -> int:
            by_turn[turn] += 1
            return 0

        counters = Counters()
        responder = Responder(engine, counters=counters, coin=coin)
        connections = tcp._Connections(responder, counters, LIMITS)
        server = await asyncio.start_server(connections.handle, "127.0.0.1", 0)
        turns = asyncio.create_task(count_turns())
        clients = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in range(40)]
        for _, writer in clients:
            writer.write(framed(wires(5)))
        for reader, writer in clients:
            for _ in range(5):
                await reader.readexactly(*struct.unpack("!H", await reader.readexactly(2)))
            writer.close()
        turns.cancel()
        server.close()
        await connections.close()
        assert by_turn.total() == 200
        assert max(by_turn.values()) <= tcp.ANSWERS_AT_ONCE

    asyncio.run(scene())
