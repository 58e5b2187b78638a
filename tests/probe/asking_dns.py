"""Servers of DNS for tests of `dns` checks, and what a check of them gives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from typing import cast

import dns.message
import dns.rrset

from gtm.probe.dns import SECOND_TRY_S, ask
from gtm.probe.failures import CheckOutcome
from gtm.threads import Pool
from gtm.zone.monitors.kinds.dns import DnsSettings
from tests.fakes.endpoints import Conversation, endpoint

LOCALHOST = ip_address("127.0.0.1")
ASKED = DnsSettings("www.example.com", answers=("192.0.2.1",))

OVER_TCP = replace(ASKED, transport="tcp")
PARSING = Pool("answers", threads=1)

Answers = Callable[[bytes], list[bytes]]


@asynccontextmanager
async def scripted(answers: Answers, address: str = "127.0.0.1", *, port: int = 0) -> AsyncIterator[int]:
    """A server over UDP that answers every query with these messages; gives its port."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            for message in answers(data):
                self.transport.sendto(message, addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Server, (address, port))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def outcome_from(
    answers: Answers, asked: DnsSettings = ASKED, *, address: str = "127.0.0.1", second_try_s: float = SECOND_TRY_S
) -> CheckOutcome:
    async def run() -> CheckOutcome:
        async with scripted(answers, address) as port, asyncio.timeout(10):
            return await ask(ip_address(address), port, asked, parsing=PARSING, second_try_s=second_try_s)

    return asyncio.run(run())


def outcome_over_tcp(conversation: Conversation, *, second_try_s: float = SECOND_TRY_S) -> CheckOutcome:
    async def run() -> CheckOutcome:
        async with endpoint(conversation) as port, asyncio.timeout(10):
            return await ask(LOCALHOST, port, OVER_TCP, parsing=PARSING, second_try_s=second_try_s)

    return asyncio.run(run())


def good(query: bytes) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(query))
    answer.answer.append(dns.rrset.from_text("www.example.com.", 60, "IN", "A", "192.0.2.1"))
    return answer.to_wire()
