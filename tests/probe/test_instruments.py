"""The instruments of the checks."""

import asyncio
import socket
import threading
from ipaddress import ip_address

import pytest

from gtm.probe.instruments import SystemResolver

WAIT_S = 5.0
ENOUGH = 64
"""More names than there are threads for anything."""


def test_the_system_knows_itself() -> None:
    found = asyncio.run(SystemResolver().resolve("localhost"))
    assert ip_address("127.0.0.1") in found or ip_address("::1") in found


def test_names_that_nobody_answers_for_do_not_keep_other_threads_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def unanswered(*_: object, **__: object) -> None:
        answered.wait(WAIT_S)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr("socket.getaddrinfo", unanswered)

    async def scene() -> None:
        resolver = SystemResolver()
        asked = [asyncio.create_task(resolver.resolve(f"{number}.example")) for number in range(ENOUGH)]
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(WAIT_S / 2):
                assert await asyncio.to_thread(lambda: not answered.is_set())
        finally:
            answered.set()
            await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(scene())
