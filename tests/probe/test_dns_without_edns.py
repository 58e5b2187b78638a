"""Servers that refuse EDNS or drop it (RFC 6891 6.2.2) are asked without it, as clients do."""

import asyncio
import errno
from collections.abc import Callable

import dns.message
import dns.rcode
import pytest

from gtm.health.verdict.reading import Reading, Reason
from gtm.probe import dns as dns_check
from gtm.probe.dns import SECOND_TRY_S, ask, second_try_after_s
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.zone.monitors.kinds.dns import DnsSettings
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import endpoint
from tests.fakes.permits import permits
from tests.probe.asking_dns import ASKED, LOCALHOST, PARSING, good, outcome_from, outcome_over_tcp, scripted


def with_rcode(query: bytes, rcode: int, *, as_sent: bool = False) -> bytes:
    """An answer of this RCODE: a header alone, or all of the query sent back."""
    if as_sent:
        return query[:2] + bytes([query[2] | 0x80, rcode]) + query[4:]
    return query[:2] + bytes([0x80, rcode]) + bytes(8)


def has_edns(query: bytes) -> bool:
    return dns.message.from_wire(query).edns >= 0


def badvers(query: bytes) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(query))
    answer.use_edns(0)
    answer.set_rcode(dns.rcode.BADVERS)
    return answer.to_wire()


REFUSALS: dict[str, Callable[[bytes], bytes]] = {
    "FORMERR": lambda query: with_rcode(query, dns.rcode.FORMERR),
    "FORMERR and the query": lambda query: with_rcode(query, dns.rcode.FORMERR, as_sent=True),
    "NOTIMP": lambda query: with_rcode(query, dns.rcode.NOTIMP),
    "BADVERS": badvers,
}


class TestOverUdp:
    """And over TCP, where the answer is cut short."""

    @pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
    def test_who_refuses_it_is_asked_without_it_at_once(self, refusal: Callable[[bytes], bytes]) -> None:
        asked = []

        def answers(query: bytes) -> list[bytes]:
            asked.append(has_edns(query))
            return [refusal(query) if has_edns(query) else good(query)]

        assert outcome_from(answers, second_try_s=60.0) == PASSED
        assert asked == [True, False]

    def test_who_drops_it_is_asked_without_it_after_a_while(self) -> None:
        assert outcome_from(lambda query: [] if has_edns(query) else [good(query)], second_try_s=0.01) == PASSED

    def test_a_second_query_that_this_machine_cannot_send_is_no_complaint_of_the_event_loop(self) -> None:
        sent: list[bytes] = []
        complaints: list[object] = []
        is_tried = asyncio.Event()

        def send(query: bytes) -> None:
            sent.append(query)
            if len(sent) == 2:
                is_tried.set()
                raise OSError(errno.ENETUNREACH, "Network is unreachable")

        async def run() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
            tries = dns_check._Tries((b"with EDNS", b"without"), ASKED, 0.0)
            with tries.sending(send):
                await is_tried.wait()
                await asyncio.sleep(0)

        asyncio.run(run())
        assert (sent, complaints) == ([b"with EDNS", b"without"], [])

    def test_a_late_answer_to_the_first_query_counts_too(self) -> None:
        queries: list[bytes] = []

        def answers(query: bytes) -> list[bytes]:
            queries.append(query)
            return [good(queries[0])] if len(queries) == 2 else []

        assert outcome_from(answers, second_try_s=0.01) == PASSED
        assert [has_edns(query) for query in queries] == [True, False]

    @pytest.mark.parametrize("rcode", [dns.rcode.FORMERR, dns.rcode.NOTIMP])
    def test_who_refuses_both_is_bad(self, rcode: dns.rcode.Rcode) -> None:
        outcome = outcome_from(lambda query: [with_rcode(query, rcode)], second_try_s=60.0)
        assert outcome == CheckOutcome(Reason.STATUS, f"RCODE {dns.rcode.to_text(rcode)}, wanted NOERROR")

    @pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NXDOMAIN"])
    def test_other_answers_are_answers(self, rcode: str) -> None:
        asked = []

        def answers(query: bytes) -> list[bytes]:
            asked.append(query)
            response = dns.message.make_response(dns.message.from_wire(query))
            response.set_rcode(dns.rcode.from_text(rcode))
            return [response.to_wire()]

        assert outcome_from(answers) == CheckOutcome(Reason.STATUS, f"RCODE {rcode}, wanted NOERROR")
        assert len(asked) == 1

    def test_an_error_that_is_expected_is_good_at_the_first_query(self) -> None:
        asked = DnsSettings("www.example.com", rcodes=("NOTIMP",))
        outcome = outcome_from(lambda query: [with_rcode(query, dns.rcode.NOTIMP)] if has_edns(query) else [], asked)
        assert outcome == PASSED

    def test_an_answer_that_is_cut_short_is_fetched_without_it_too(self) -> None:
        """UDP and TCP of one server: neither knows EDNS."""

        async def answers_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            wire = with_rcode(query, dns.rcode.FORMERR) if has_edns(query) else good(query)
            writer.write(len(wire).to_bytes(2) + wire)
            await writer.drain()

        def answers_udp(query: bytes) -> list[bytes]:
            if has_edns(query):
                return [with_rcode(query, dns.rcode.FORMERR)]
            return [query[:2] + bytes([0x82, 0]) + query[4:]]

        async def run() -> CheckOutcome:
            async with endpoint(answers_tcp) as port, scripted(answers_udp, port=port), asyncio.timeout(10):
                return await ask(LOCALHOST, port, ASKED, parsing=PARSING)

        assert asyncio.run(run()) == PASSED


class TestOverTcp:
    """On the same connection while it is open."""

    @pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
    def test_who_refuses_it_is_asked_without_it(self, refusal: Callable[[bytes], bytes]) -> None:
        async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(2):
                query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
                wire = refusal(query) if has_edns(query) else good(query)
                writer.write(len(wire).to_bytes(2) + wire)
                await writer.drain()

        assert outcome_over_tcp(answers) == PASSED

    @pytest.mark.parametrize("says_why", [False, True])
    def test_who_breaks_off_is_asked_on_another_connection(self, *, says_why: bool) -> None:
        async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            query = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            wire = with_rcode(query, dns.rcode.FORMERR) if has_edns(query) else good(query)
            if says_why or not has_edns(query):
                writer.write(len(wire).to_bytes(2) + wire)
                await writer.drain()

        assert outcome_over_tcp(answers) == PASSED

    def test_who_is_silent_is_asked_without_it_on_the_same_connection(self) -> None:
        async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while has_edns(query := await reader.readexactly(int.from_bytes(await reader.readexactly(2)))):
                pass
            wire = good(query)
            writer.write(len(wire).to_bytes(2) + wire)
            await writer.drain()

        assert outcome_over_tcp(answers, second_try_s=0.01) == PASSED


class TestMonitors:
    """How long they wait."""

    def test_a_short_timeout_leaves_time_for_the_second_query(self) -> None:
        assert second_try_after_s(60.0) == SECOND_TRY_S
        assert second_try_after_s(0.5) == 0.25

    @pytest.mark.slow
    def test_a_monitor_of_a_server_that_drops_it_is_up(self) -> None:
        async def run() -> Reading:
            server = scripted(lambda query: [] if has_edns(query) else [good(query)])
            async with server as port, open_instruments(FakeClock(), permits=permits()) as instruments:
                return await read(check_of(ASKED, port=port), instruments)

        assert asyncio.run(run()).ok
