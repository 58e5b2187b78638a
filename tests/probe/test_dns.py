"""Queries to servers on loopback: dnslib's own, and ones that behave badly in one way each."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import dns.flags
import dns.message
import dns.rcode
import pytest
from dnslib import RR
from dnslib.server import BaseResolver, DNSServer

from gtm.health.verdict.reading import Reason
from gtm.probe.dns import MAX_STRAYS, ask
from gtm.probe.dns_answer import MAX_RECORDS
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.zone.monitors.kinds.dns import DnsSettings
from tests.fakes.checks import check_of, phases_of, reading_of
from tests.fakes.endpoints import closed_port, endpoint, hangs
from tests.fakes.resolver import FakeResolver
from tests.probe.asking_dns import (
    ASKED,
    LOCALHOST,
    PARSING,
    Answers,
    good,
    outcome_from,
    outcome_over_tcp,
    scripted,
)

FLOODED = CheckOutcome(Reason.STATUS, "a flood of messages, and none answers the query")


class Zone(BaseResolver):  # type: ignore[misc]  # dnslib has no types
    """Answers every name with one address, or with so many that no datagram holds them."""

    def resolve(self, request: object, handler: object) -> object:
        reply = request.reply()  # type: ignore[attr-defined]
        name = str(reply.q.qname)
        count = 100 if name.startswith("many.") else 1
        reply.add_answer(*RR.fromZone("\n".join(f"{name} 60 IN A 192.0.2.{n + 1}" for n in range(count))))
        return reply


@pytest.fixture(scope="module")
def dnslib_port() -> Iterator[int]:
    """dnslib's server, over UDP and TCP on one port; gives the port."""
    tcp = DNSServer(Zone(), address="127.0.0.1", port=0, tcp=True)
    port: int = tcp.server.server_address[1]
    servers = (tcp, DNSServer(Zone(), address="127.0.0.1", port=port))
    for server in servers:
        server.start_thread()
    try:
        yield port
    finally:
        for server in servers:
            server.stop()
            server.server.server_close()
            server.thread.join()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_real_server_is_asked_over_both(transport: str, dnslib_port: int) -> None:
    right = DnsSettings("www.example.com", transport=transport, answers=("192.0.2.1",))
    wrong = DnsSettings("www.example.com", transport=transport, answers=("192.0.2.2",))
    assert asyncio.run(ask(LOCALHOST, dnslib_port, right, parsing=PARSING)) == PASSED
    assert asyncio.run(ask(LOCALHOST, dnslib_port, wrong, parsing=PARSING)).reason is Reason.BODY


def test_an_answer_too_long_for_a_datagram_is_fetched_over_tcp(dnslib_port: int) -> None:
    asked = DnsSettings("many.example.com", answers=("192.0.2.100",))
    assert asyncio.run(ask(LOCALHOST, dnslib_port, asked, parsing=PARSING)) == PASSED


def test_ipv6_endpoints_are_asked_alike() -> None:
    assert outcome_from(lambda query: [good(query)], address="::1") == PASSED


def test_messages_that_answer_another_query_are_passed_over() -> None:
    def answers(query: bytes) -> list[bytes]:
        stray = bytes([query[0] ^ 1]) + good(query)[1:]
        return [b"", b"short", stray, query, good(query)]

    assert outcome_from(answers) == PASSED


def test_an_answer_that_cannot_be_read_is_bad() -> None:
    assert outcome_from(lambda query: [good(query)[:-3]]).reason is Reason.STATUS


def test_a_truncated_answer_without_tcp_is_refused() -> None:
    def truncated(query: bytes) -> list[bytes]:
        answer = dns.message.make_response(dns.message.from_wire(query))
        answer.flags |= dns.flags.TC
        return [answer.to_wire()]

    with pytest.raises(ConnectionRefusedError):
        outcome_from(truncated)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_closed_port_is_refused_at_once(transport: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    port = free if transport == "udp" else closed_port()
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(ask(LOCALHOST, port, replace(ASKED, transport=transport), parsing=PARSING))


def test_silence_lasts_until_the_monitors_timeout_ends_it() -> None:
    async def run() -> None:
        async with scripted(lambda _: []) as port, endpoint(hangs) as tcp_port:
            for asked, at in ((ASKED, port), (DnsSettings("www.example.com", transport="tcp"), tcp_port)):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await ask(LOCALHOST, at, asked, parsing=PARSING)

    asyncio.run(run())


def test_a_connection_that_breaks_off_is_an_error_of_the_network() -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        writer.write(b"\xff\xff half of an answer")
        await writer.drain()

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        outcome_over_tcp(breaks)


FLOOD = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
    line.bind(("127.0.0.1", 0))
    print(line.getsockname()[1], flush=True)
    while True:
        query, client = line.recvfrom(65535)
        stray = query[:2] + bytes.fromhex("8400 0001 0001 0000 0000 05") + b"other" + query[12:-11]  # without OPT
        while True:
            line.sendto(stray.ljust(65000, bytes(1)), client)
"""
"""Answers another question, with 65 kB, again and again, as fast as it can."""


@pytest.mark.slow
def test_a_flood_of_answers_to_another_question_is_told_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, text=True) as flooding:
        assert flooding.stdout is not None
        port = int(flooding.stdout.readline())
        began = time.thread_time()
        outcome = asyncio.run(asyncio.wait_for(ask(LOCALHOST, port, ASKED, parsing=PARSING), 20))
        flooding.kill()
    assert outcome == FLOODED
    assert time.thread_time() - began < 0.1


def test_a_few_strays_are_passed_over_and_a_flood_is_not() -> None:
    def answers(count: int) -> Answers:
        return lambda query: [b"stray"] * count + [good(query)]

    assert outcome_from(answers(MAX_STRAYS - 1)) == PASSED
    assert outcome_from(answers(MAX_STRAYS)) == FLOODED


@pytest.mark.parametrize("size", [0, 12, 60_000])
def test_a_flood_over_tcp_is_told_at_once(size: int) -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write((size.to_bytes(2) + bytes(size)) * 100)
            await writer.drain()

    assert outcome_over_tcp(floods) == FLOODED


def test_an_answer_of_too_many_records_is_bad_and_is_not_read() -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        head = query[:2] + bytes.fromhex("8400 0001 0fa0 0000 0000")
        records = (bytes.fromhex("c00c 0001 0001 00000000 0004") + bytes(4)) * 4000
        wire = head + query[12 : 12 + 21] + records
        writer.write(len(wire).to_bytes(2) + wire)
        await writer.drain()

    assert outcome_over_tcp(answers) == CheckOutcome(Reason.STATUS, f"an answer of more than {MAX_RECORDS} records")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_follows_the_last_record_is_passed_over(transport: str) -> None:
    if transport == "udp":
        assert outcome_from(lambda query: [good(query) + b"more"]) == PASSED
        return

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = good(await reader.readexactly(int.from_bytes(await reader.readexactly(2)))) + b"more"
        writer.write(len(wire).to_bytes(2) + wire + b"and more")
        await writer.drain()

    assert outcome_over_tcp(answers) == PASSED


def test_a_monitor_asks_its_endpoint(dnslib_port: int) -> None:
    check = check_of(ASKED, target="ns.example.com", port=dnslib_port)
    good = reading_of(check, resolver=FakeResolver({"ns.example.com": "127.0.0.1"}))
    assert good.ok
    assert phases_of(good) == {"dns_s", "first_byte_s"}
    over_tcp = reading_of(check_of(replace(ASKED, transport="tcp"), port=dnslib_port))
    assert phases_of(over_tcp) == {"connect_s", "first_byte_s"}
    refused = reading_of(check_of(ASKED, port=closed_port()))
    assert refused.reason is Reason.REFUSED


def test_a_monitor_of_a_silent_endpoint_is_a_timeout() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        check = check_of(ASKED, port=silent.getsockname()[1], timeout_s=0.05)
        assert reading_of(check).reason is Reason.TIMEOUT
