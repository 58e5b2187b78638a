"""Targets with several addresses, on loopback: of some nobody listens, of some nobody answers."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from gtm.checks.model import Check
from gtm.health.verdict.reading import Reading, Reason
from gtm.probe.addresses import MAX_ADDRESSES
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.probe.permits import Permits
from gtm.probe.targets import Targets, parse_allowed
from gtm.probe.turns import CheckTurns
from gtm.zone.monitors.addresses import Addresses
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.dns import DnsSettings
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.settings import Settings, TlsSettings
from tests.fakes.certificates import Authority, showing
from tests.fakes.checks import check_of, phases_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import Conversation, answers, closed_port, endpoint, hangs
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver
from tests.probe.asking_dns import good as good_answer
from tests.probe.asking_dns import scripted
from tests.probe.test_health_call import SERVING, answer_with, answered

ONE, TWO, THREE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
HTTP = HttpSettings(secure=False)
NAME = "api.example.com"
NEXT, ANY, ALL = Addresses


def reading(
    served: dict[str, Conversation],
    settings: Settings = HTTP,
    *,
    found: str = f"{ONE} {TWO}",
    rule: Addresses = NEXT,
    turns: CheckTurns | None = None,
    permitted: Permits | None = None,
    timeout_s: float = 10.0,
) -> Reading:
    """What a check of a name with these addresses reads; each conversation is held at its address, on one port."""

    async def run() -> Reading:
        async with AsyncExitStack() as stack:
            port = 0
            for address, conversation in served.items():
                port = await stack.enter_async_context(endpoint(conversation, address=address, port=port))
            check = check_of(settings, target=NAME, port=port or closed_port(), addresses=rule, timeout_s=timeout_s)
            return await taken(check, found, turns=turns, permitted=permitted)

    return asyncio.run(run())


async def taken(
    check: Check,
    found: str = f"{ONE} {TWO}",
    *,
    turns: CheckTurns | None = None,
    permitted: Permits | None = None,
    extra_ca: Path | None = None,
) -> Reading:
    """What a check of a name with these addresses reads."""
    resolver, allowed = FakeResolver({NAME: found}), permitted or permits()
    opened = open_instruments(FakeClock(), resolver=resolver, permits=allowed, turns=turns, extra_ca=extra_ca)
    async with opened as instruments:
        instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
        return await read(check, instruments)


async def greets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await writer.drain()


async def serves_grpc(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, wire = answer_with(answered(SERVING))
    await reader.read(4096)
    writer.write(wire)
    await writer.drain()


KINDS: dict[str, tuple[Settings, Conversation]] = {
    "http": (HTTP, answers()),
    "deny": (DenySettings(HttpSettings(secure=False, statuses=((401, 401),))), answers("401 Unauthorized")),
    "tcp": (TcpSettings(expect=b"hello"), greets),
    "grpc": (GrpcSettings(), serves_grpc),
    "exec": (ExecSettings(("/bin/bash", "-c", f"test {{address}} = {TWO}")), answers()),
}


class TestNext:
    """What clients do: the first address that they reach is what they get."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_address_where_nobody_listens_is_passed_over_by_every_kind(self, kind: str) -> None:
        settings, conversation = KINDS[kind]
        found = reading({TWO: conversation}, settings, permitted=permits(programs=frozenset({"/bin/bash"})))
        assert found.ok, found
        assert str(found.address) == TWO
        assert found.detail.startswith(f"{TWO}, after {ONE}: ")

    def test_https_too_with_the_certificate_of_the_one_that_answered(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        context = showing(authority.issue(NAME))

        async def run() -> Reading:
            async with endpoint(answers(), tls=context, address=TWO) as port:
                settings = HttpSettings(secure=True, host=NAME, tls=TlsSettings())
                return await taken(check_of(settings, target=NAME, port=port), extra_ca=authority.root)

        found = asyncio.run(run())
        assert (found.ok, str(found.address)) == (True, TWO), found
        assert found.certificate is not None
        assert phases_of(found) == {"dns_s", "connect_s", "tls_s", "first_byte_s"}

    def test_dns_too(self) -> None:
        asked = DnsSettings("www.example.com", answers=("192.0.2.1",))

        async def run() -> Reading:
            async with scripted(lambda query: [good_answer(query)], TWO) as port:
                return await taken(check_of(asked, target=NAME, port=port))

        found = asyncio.run(run())
        assert (found.ok, str(found.address)) == (True, TWO), found

    @pytest.mark.parametrize("rule", [NEXT, ANY])
    def test_the_first_address_is_enough_where_it_is_good(self, rule: Addresses) -> None:
        found = reading({ONE: answers(), TWO: answers()}, rule=rule)
        assert (found.ok, found.detail, str(found.address)) == (True, f"{ONE}, of 2 addresses", ONE)

    def test_an_answer_that_is_bad_is_what_clients_get(self) -> None:
        found = reading({ONE: answers("503 Service Unavailable"), TWO: answers()})
        assert (found.reason, found.detail) == (Reason.STATUS, f"{ONE}: HTTP 503, wanted 200-299")

    def test_where_nobody_listens_anywhere_all_are_told(self) -> None:
        found = reading({})
        assert (found.reason, found.detail) == (
            Reason.REFUSED,
            f"{ONE}: Connection refused; {TWO}: Connection refused",
        )

    @pytest.mark.slow
    def test_an_address_that_nobody_answers_at_costs_a_quarter_of_a_second(self) -> None:
        async def run() -> Reading:
            async with endpoint(answers(), address=TWO) as port:
                with black_hole(ONE, port):
                    return await taken(check_of(HTTP, target=NAME, port=port))

        found = asyncio.run(run())
        assert (found.ok, str(found.address)) == (True, TWO), found

    @pytest.mark.slow
    def test_one_that_takes_the_connection_and_is_silent_is_a_timeout(self) -> None:
        found = reading({ONE: hangs, TWO: answers()}, timeout_s=0.8)
        assert found.reason is Reason.TIMEOUT
        assert found.detail.startswith(f"{ONE}: ")

    def test_a_name_with_one_address_reads_as_before(self) -> None:
        found = reading({ONE: answers("503 Service Unavailable")}, found=ONE)
        assert (found.reason, found.detail, str(found.address)) == (Reason.STATUS, "HTTP 503, wanted 200-299", ONE)


@contextmanager
def black_hole(address: str, port: int) -> Iterator[None]:
    """A listener whose backlog is full: the kernel drops whoever would connect."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.settimeout(0)
                each.connect_ex((address, port))
            yield
        finally:
            for each in waiting:
                each.close()


class TestAny:
    """One address that passes is enough."""

    def test_a_bad_answer_has_the_next_asked(self) -> None:
        found = reading({ONE: answers("503 Service Unavailable"), TWO: answers()}, rule=ANY)
        assert (found.ok, found.detail) == (True, f"{TWO}, after {ONE}: HTTP 503, wanted 200-299")

    @pytest.mark.slow
    def test_so_has_silence(self) -> None:
        assert reading({ONE: hangs, TWO: answers()}, rule=ANY, timeout_s=1.0).ok

    def test_all_bad_is_bad_and_all_are_told(self) -> None:
        found = reading({ONE: answers("503 Service Unavailable")}, rule=ANY)
        assert (found.reason, found.detail) == (
            Reason.STATUS,
            f"{ONE}: HTTP 503, wanted 200-299; {TWO}: Connection refused",
        )

    def test_a_stranger_who_is_let_in_anywhere_is_told(self) -> None:
        settings, _ = KINDS["deny"]
        found = reading({ONE: answers(), TWO: answers("401 Unauthorized")}, settings, rule=ANY)
        assert found.reason is Reason.ALLOWED


class TestAll:
    """Each address has to pass."""

    def test_all_good_is_good(self) -> None:
        found = reading({ONE: answers(), TWO: answers(), THREE: answers()}, found=f"{ONE} {TWO} {THREE}", rule=ALL)
        assert (found.ok, found.detail) == (True, "all 3 addresses")

    @pytest.mark.parametrize("bad", [ONE, TWO])
    def test_one_bad_is_bad(self, bad: str) -> None:
        served: dict[str, Conversation] = {ONE: answers(), TWO: answers(), bad: answers("500 Oh")}
        found = reading(served, rule=ALL)
        assert (found.reason, found.detail, str(found.address)) == (
            Reason.STATUS,
            f"{bad}: HTTP 500, wanted 200-299",
            bad,
        )

    def test_one_dead_is_bad(self) -> None:
        found = reading({TWO: answers()}, rule=ALL)
        assert (found.reason, found.detail) == (Reason.REFUSED, f"{ONE}: Connection refused")


class TestPermits:
    """What a check may not look at is not connected to, whatever the order."""

    HALF = Permits(targets=Targets((parse_allowed(f"{TWO}/32"),)))

    @pytest.mark.parametrize("found", [f"{ONE} {TWO}", f"{TWO} {ONE}"])
    @pytest.mark.parametrize("rule", [NEXT, ANY])
    def test_the_others_are_asked(self, found: str, rule: Addresses) -> None:
        asked: list[bytes] = []
        served: dict[str, Conversation] = {ONE: answers(seen=asked), TWO: answers()}
        result = reading(served, found=found, rule=rule, permitted=self.HALF)
        assert (result.ok, str(result.address), asked) == (True, TWO, [])

    def test_all_is_no_reading_then(self) -> None:
        asked: list[bytes] = []
        served: dict[str, Conversation] = {ONE: answers(seen=asked), TWO: answers()}
        result = reading(served, rule=ALL, permitted=self.HALF)
        assert (result.reason, result.is_withheld, asked) == (Reason.UNREAD, True, [])
        assert "a loopback address" in result.detail

    def test_none_is_no_reading_either(self) -> None:
        result = reading({ONE: answers()}, permitted=Permits())
        assert (result.reason, result.is_withheld) == (Reason.UNREAD, True)

    def test_an_echo_request_goes_to_no_other(self) -> None:
        result = reading({}, IcmpSettings(), found=f"169.254.169.254 {ONE}", permitted=Permits())
        assert (result.reason, result.is_withheld) == (Reason.UNREAD, True)
        assert "a metadata service" in result.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has raw sockets wherever it is")
def test_an_echo_request_goes_to_the_next_address_too() -> None:
    result = reading({}, IcmpSettings(), found=f"169.254.169.254 {TWO}")
    assert (result.ok, str(result.address)) == (True, TWO), result


class TestBounds:
    """Several addresses cost a probe no more than as many checks, and never more than it has turns."""

    def test_only_so_many_are_looked_at(self) -> None:
        found = " ".join(f"127.0.1.{number}" for number in range(1, MAX_ADDRESSES + 5))
        result = reading({}, found=found)
        assert result.reason is Reason.REFUSED
        last = reading({f"127.0.1.{MAX_ADDRESSES + 1}": answers()}, found=found, rule=ANY)
        assert last.reason is Reason.REFUSED

    def test_attempts_beside_the_first_take_turns_and_give_them_back(self) -> None:
        turns = CheckTurns(2)
        served = dict.fromkeys((ONE, TWO, THREE), answers())
        found = f"{ONE} {TWO} {THREE}"
        for _ in range(2):
            assert reading(served, found=found, rule=ALL, turns=turns, timeout_s=5.0).ok
        assert [turns.enter_if_room(("gtm.example.com",)) for _ in range(3)] == [True, True, False]

    @pytest.mark.slow
    def test_without_a_turn_the_next_takes_the_place_of_one_that_is_not_reached(self) -> None:
        async def run() -> Reading:
            turns = CheckTurns(1)
            assert turns.enter_if_room(("another.example",))
            async with endpoint(answers(), address=TWO) as port:
                with black_hole(ONE, port):
                    return await taken(check_of(HTTP, target=NAME, port=port, timeout_s=1.0), turns=turns)

        found = asyncio.run(run())
        assert (found.ok, str(found.address)) == (True, TWO), found

    @pytest.mark.slow
    def test_with_all_what_a_late_turn_left_no_time_for_is_no_failure_of_the_endpoint(self) -> None:
        async def answers_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.8)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        full = CheckTurns(1)
        assert full.enter_if_room(("another.example",))
        found = reading(dict.fromkeys((ONE, TWO), answers_late), rule=ALL, turns=full, timeout_s=1.5)
        assert (found.reason, found.detail) == (Reason.UNREAD, f"{TWO}: this probe had a turn for it too late")

    @pytest.mark.slow
    def test_with_all_silence_for_its_share_is_a_failure_without_a_turn_too(self) -> None:
        full = CheckTurns(1)
        assert full.enter_if_room(("another.example",))
        found = reading({ONE: answers(), TWO: hangs}, rule=ALL, turns=full, timeout_s=0.5)
        assert (found.reason, str(found.address)) == (Reason.TIMEOUT, TWO)

    def test_a_check_that_is_cancelled_gives_its_turns_back(self) -> None:
        turns, zones = CheckTurns(1), ("gtm.example.com",)

        async def run() -> None:
            is_asked = asyncio.Event()

            async def hangs_second(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                is_asked.set()
                await reader.read()

            async with endpoint(hangs) as port, endpoint(hangs_second, address=TWO, port=port):
                check = check_of(HTTP, target=NAME, port=port, addresses=ALL)
                reading = asyncio.create_task(taken(check, turns=turns))
                await is_asked.wait()
                assert not turns.enter_if_room(zones)
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading

        asyncio.run(run())
        assert turns.enter_if_room(zones)
