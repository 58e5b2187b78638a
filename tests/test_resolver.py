"""Names that somebody answers for, and names that nobody does: those must be in nobody's way."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import aiohttp
import pytest

from gtm.errors import ResolverBusy
from gtm.ids import Address
from gtm.resolver import RESERVED, THREADS, HttpResolver, SystemResolver

AMPLE_S = 10.0
SOON_S = 0.02
NEVER_S = 1000.0
ADDRESS = ip_address("192.0.2.7")


class Names:
    """What the system knows: names that begin with "dead" are answered for by nobody until they are revived."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.revived = threading.Event()
        self.lost: set[str] = set()
        """Names of which the next datagram is lost."""

    def getaddrinfo(self, host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        host.encode("idna")  # as the system's own does
        self.asked[host] += 1
        if host.startswith("dead") or host in self.lost:
            self.lost.discard(host)
            self.revived.wait(AMPLE_S)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        if host.startswith("absent"):
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (str(ADDRESS), 0))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr("socket.getaddrinfo", made.getaddrinfo)
    yield made
    made.revived.set()


@contextmanager
def waiting_for(resolver: SystemResolver, *hosts: str) -> Iterator[list[asyncio.Task[tuple[Address, ...]]]]:
    """While it lasts, these names are asked for."""
    tasks = [asyncio.create_task(resolver.resolve(host, within_s=AMPLE_S)) for host in hosts]
    yield tasks
    for task in tasks:
        task.cancel()


async def until_asked(names: Names, count: int) -> None:
    async with asyncio.timeout(AMPLE_S):
        while names.asked.total() < count:  # noqa: ASYNC110  # threads ask, and can set no asyncio.Event
            await asyncio.sleep(0)


async def answered(tasks: list[asyncio.Task[tuple[Address, ...]]]) -> list[tuple[Address, ...] | BaseException]:
    async with asyncio.timeout(AMPLE_S):
        return await asyncio.gather(*tasks, return_exceptions=True)


def test_the_system_knows_itself() -> None:
    found = asyncio.run(SystemResolver().resolve("localhost", within_s=AMPLE_S))
    assert ip_address("127.0.0.1") in found or ip_address("::1") in found


def test_a_name_that_does_not_exist_or_is_none_raises(names: Names) -> None:
    with pytest.raises(socket.gaierror):
        asyncio.run(SystemResolver().resolve("absent.example", within_s=AMPLE_S))
    with pytest.raises(UnicodeError):
        asyncio.run(SystemResolver().resolve("x" * 70 + ".example", within_s=AMPLE_S))


def test_who_asks_for_the_same_name_waits_for_the_same_answer(names: Names) -> None:
    async def scene() -> list[tuple[Address, ...] | BaseException]:
        resolver = SystemResolver(overdue_s=NEVER_S)
        with waiting_for(resolver, *["dead.example"] * 20) as first:
            await until_asked(names, 1)
            with waiting_for(resolver, *["dead.example"] * 20) as second:
                await asyncio.sleep(SOON_S)
                names.revived.set()
                return await answered([*first, *second])

    found = asyncio.run(scene())
    assert names.asked == {"dead.example": 1}
    assert len(found) == 40
    assert all(isinstance(error, socket.gaierror) for error in found)


def test_a_name_is_asked_for_again_when_it_was_answered(names: Names) -> None:
    async def scene() -> None:
        resolver = SystemResolver(overdue_s=NEVER_S)
        for _ in range(3):
            assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)
            with pytest.raises(socket.gaierror):
                await resolver.resolve("absent.example", within_s=AMPLE_S)

    asyncio.run(scene())
    assert names.asked == {"good.example": 3, "absent.example": 3}


def test_what_was_lost_on_the_way_is_asked_for_once_more_and_no_more(names: Names) -> None:
    async def scene() -> None:
        resolver = SystemResolver(overdue_s=-1.0)
        names.lost.add("good.example")
        with waiting_for(resolver, "good.example") as first:
            await until_asked(names, 1)
            assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)
            assert await answered(first) == [(ADDRESS,)]
        with waiting_for(resolver, *["dead.example"] * 20):
            await until_asked(names, 4)
            await asyncio.sleep(SOON_S)

    asyncio.run(scene())
    assert names.asked == {"good.example": 2, "dead.example": 2}


def test_a_name_that_gets_no_thread_in_time_is_this_probes_fault(names: Names) -> None:
    async def scene() -> None:
        resolver = SystemResolver(threads=2, overdue_s=NEVER_S)
        with waiting_for(resolver, "dead1.example", "dead2.example") as dead:
            await until_asked(names, 2)
            with pytest.raises(ResolverBusy, match="too many names that nobody answers for"):
                await resolver.resolve("good.example", within_s=SOON_S)
            names.revived.set()
            await answered(dead)
        assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)

    asyncio.run(scene())


def test_names_that_made_it_wait_leave_half_of_the_threads_to_others(names: Names) -> None:
    dead = [f"dead{number}.example" for number in range(8)]

    async def scene() -> None:
        resolver = SystemResolver(threads=4, overdue_s=-1.0)
        with waiting_for(resolver, *dead) as first:
            await until_asked(names, 4)
            names.revived.set()
            await answered(first)
        names.revived.clear()
        names.asked.clear()
        with waiting_for(resolver, *dead):
            await until_asked(names, 2)
            assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)
        assert names.asked.total() == 3

    asyncio.run(scene())


@pytest.mark.slow
def test_hundreds_of_new_names_leave_threads_to_one_that_was_answered(names: Names) -> None:
    dead = [f"dead{number}.example" for number in range(400)]

    async def scene() -> None:
        resolver = SystemResolver()
        assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)
        with waiting_for(resolver, *dead):
            await until_asked(names, 100)
            assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)
            assert names.asked.total() == THREADS - THREADS // RESERVED + 2
        names.revived.set()

    asyncio.run(scene())


def test_names_are_remembered_up_to_a_number(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.resolver.MAX_REMEMBERED", 10)

    async def scene() -> None:
        resolver = SystemResolver()
        for number in range(50):
            await resolver.resolve(f"good{number % 12}.example", within_s=AMPLE_S)
        assert len(resolver._was_quick) == 10

    asyncio.run(scene())


def test_a_name_made_it_wait_although_it_was_asked_for_once_more_just_before_its_end(names: Names) -> None:
    dead = [f"dead{number}.example" for number in range(9)]

    async def scene() -> None:
        resolver = SystemResolver(threads=16, overdue_s=SOON_S)
        with waiting_for(resolver, *dead) as first:
            await until_asked(names, 9)
            await asyncio.sleep(2 * SOON_S)
            with waiting_for(resolver, *dead) as second:
                await until_asked(names, 14)
                names.revived.set()
                await answered([*first, *second])
        names.revived.clear()
        names.asked.clear()
        with waiting_for(resolver, *dead):
            await until_asked(names, 8)
            assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)
        assert names.asked.total() == 8 + 1

    asyncio.run(scene())


def test_a_machine_that_gives_no_thread_is_no_fault_of_a_name(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def scene() -> None:
        resolver = SystemResolver()
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", full)
            with pytest.raises(ResolverBusy, match="gives no thread"):
                await resolver.resolve("good.example", within_s=AMPLE_S)
        assert await resolver.resolve("good.example", within_s=AMPLE_S) == (ADDRESS,)

    asyncio.run(scene())


def test_a_name_that_hangs_for_good_is_asked_for_again_ever_less_often(names: Names) -> None:
    async def scene() -> None:
        resolver = SystemResolver(overdue_s=-1.0, stuck_s=2 * SOON_S)
        with waiting_for(resolver, *["dead.example"] * 2):
            await until_asked(names, 2)
            for asked in (3, 4):
                with waiting_for(resolver, "dead.example"):
                    await asyncio.sleep(0)
                assert names.asked.total() == asked - 1
                await asyncio.sleep(2 * SOON_S * 2 ** (asked - 3))
                with waiting_for(resolver, "dead.example"):
                    await until_asked(names, asked)

    asyncio.run(scene())


def test_an_http_session_has_threads_of_its_own(names: Names) -> None:
    async def scene() -> None:
        resolver = HttpResolver(threads=1, within_s=AMPLE_S, name="of its own")
        found = await resolver.resolve("good.example", 8080)
        assert [(one["host"], one["port"], one["family"]) for one in found] == [(str(ADDRESS), 8080, socket.AF_INET)]
        assert await resolver.resolve("good.example", 8080, socket.AF_INET6) == []
        hung = asyncio.create_task(resolver.resolve("dead.example"))
        await until_asked(names, 3)
        assert "of its own" in {thread.name for thread in threading.enumerate()}
        hung.cancel()

    asyncio.run(scene())


@pytest.mark.parametrize("host", ["dead.example", "absent.example"])
def test_an_http_session_is_told_in_time_that_a_name_has_no_address(names: Names, host: str) -> None:
    async def scene() -> None:
        resolver = HttpResolver(threads=2, within_s=SOON_S, name="in time")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver)) as session:
            for _ in range(2):
                with pytest.raises(aiohttp.ClientConnectorError):
                    await session.get(f"http://{host}/")

    asyncio.run(scene())


def test_an_http_session_is_told_that_no_thread_is_left(names: Names) -> None:
    async def scene() -> None:
        resolver = HttpResolver(threads=1, within_s=SOON_S, name="busy")
        with pytest.raises(socket.gaierror):
            await resolver.resolve("dead.example")
        with pytest.raises(OSError, match="too many names"):
            await resolver.resolve("good.example")

    asyncio.run(scene())


STUCK = """
import asyncio, socket, threading
from gtm.resolver import SystemResolver
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
async def scene():
    async with asyncio.timeout(0.05):
        await SystemResolver().resolve("dead.example", within_s=1000.0)
asyncio.run(scene())
"""


@pytest.mark.slow
def test_the_end_of_the_process_does_not_wait_for_names() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, check=False, timeout=30)
    assert ended.stderr.strip().endswith("TimeoutError")
