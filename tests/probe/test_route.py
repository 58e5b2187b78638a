"""Whose fault it is that an endpoint is out of reach."""

import errno
import os
import subprocess
import sys
from ipaddress import ip_address

import pytest

from gtm.errors import NoRoute
from gtm.ids import Address
from gtm.probe.route import has_way_to, reaching
from tests.fakes.namespaces import network

ENDPOINT, OTHERS = ip_address("2001:db8:1::10"), ip_address("2001:db8::1")
GONE = OSError(errno.ENETUNREACH, "Network is unreachable")


def raised(error: Exception, *ways: Address) -> Exception:
    """What becomes of an error where there are these ways and no others."""
    with pytest.raises(type(error) if ways else Exception) as caught, reaching(ENDPOINT, has_way=lambda to: to in ways):
        raise error
    return caught.value


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH])
def test_a_probe_without_a_way_to_anybody_of_the_family_blames_itself(number: int) -> None:
    error = OSError(number, os.strerror(number))
    found = raised(error)
    assert isinstance(found, NoRoute)
    assert str(found) == "this probe has no route for IPv6"


def test_where_there_is_a_way_it_is_the_endpoint_that_cannot_be_reached() -> None:
    assert raised(GONE, ENDPOINT) is GONE
    assert raised(GONE, OTHERS) is GONE


@pytest.mark.parametrize("error", [ConnectionRefusedError(errno.ECONNREFUSED, "no"), TimeoutError(), ValueError()])
def test_other_errors_are_let_pass(error: Exception) -> None:
    assert raised(error) is error


def test_there_is_a_way_to_this_machine() -> None:
    assert has_way_to(ip_address("127.0.0.1"))


READINGS = """
import asyncio, sys
from ipaddress import ip_address
from gtm.cli.run import SystemClock
from gtm.ids import CheckId, MonitorName
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.probe.route import has_way_to
from gtm.checks.model import Check
from gtm.zone.model import Monitor
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.kinds.dns import DnsSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings

KINDS = {
    MonitorType.TCP: TcpSettings(), MonitorType.HTTP: HttpSettings(secure=False), MonitorType.DNS: DnsSettings("x."),
    MonitorType.ICMP: IcmpSettings(), MonitorType.GRPC: GrpcSettings(),
}

async def main():
    async with open_instruments(SystemClock()) as instruments:
        print(has_way_to(ip_address(sys.argv.pop())))
        for target in sys.argv[1:]:
            monitors = [Monitor("z", MonitorName("m"), kind, 80, KINDS[kind], timeout_s=20) for kind in KINDS]
            reads = [read(Check(CheckId("z/m/x"), monitor, target), instruments) for monitor in monitors]
            reasons = {reading.reason.value for reading in await asyncio.gather(*reads)}
            print(target, has_way_to(ip_address(target)), *reasons)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.tool("ip")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces")
def test_in_a_network_without_ipv6_no_kind_takes_its_endpoints_down() -> None:
    """But there is a way to a neighbour, though nobody is there, and no other way: that one is dead."""
    with network({"probe": ("10.99.0.1/24",)}) as made:
        command = ("ip", "netns", "exec", made.namespace("probe"), sys.executable, "-c", READINGS)
        targets, neighbour = ("2001:db8:1::10", "198.51.100.10"), "10.99.0.10"
        ran = subprocess.run([*command, *targets, neighbour], capture_output=True, text=True, check=True, timeout=50)
    assert ran.stdout.splitlines() == ["True", "2001:db8:1::10 False unread", "198.51.100.10 False unread"]
