"""Where a check's target is: what every check begins with."""

import asyncio
import socket
from ipaddress import ip_address

import pytest

from gtm.ids import Address
from gtm.probe.instruments import target_address
from gtm.zone.settings import IcmpSettings
from tests.fakes.checks import check_of
from tests.fakes.resolver import FakeResolver

PING = IcmpSettings()


def address_of(target: str) -> Address:
    resolver = FakeResolver({"api.example.com": "192.0.2.7"})
    return asyncio.run(target_address(check_of(PING, target=target), resolver))


def test_an_address_is_where_it_says_and_nobody_is_asked() -> None:
    assert address_of("2001:db8::7") == ip_address("2001:db8::7")


def test_a_name_is_where_it_resolves_to() -> None:
    assert address_of("api.example.com") == ip_address("192.0.2.7")
    with pytest.raises(socket.gaierror):
        address_of("nothing.invalid")


def test_a_name_is_to_be_resolved_within_the_checks_time() -> None:
    class Told:
        async def resolve(self, host: str, *, within_s: float) -> tuple[Address, ...]:
            assert (host, within_s) == ("api.example.com", 0.75)
            return ()

    with pytest.raises(socket.gaierror, match="the name has no address"):
        asyncio.run(target_address(check_of(PING, target="api.example.com", timeout_s=0.75), Told()))
