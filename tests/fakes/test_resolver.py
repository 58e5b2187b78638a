import asyncio
import socket
from ipaddress import ip_address

import pytest

from tests.fakes.resolver import FakeResolver


def test_it_knows_what_it_was_told_and_nothing_else() -> None:
    resolver = FakeResolver({"api.example.com": "127.0.0.1"})
    assert asyncio.run(resolver.resolve("api.example.com")) == (ip_address("127.0.0.1"),)
    with pytest.raises(socket.gaierror):
        asyncio.run(resolver.resolve("www.example.com"))
