"""Where checks may look: not at what trusts this machine, unless the node file says so, whatever way leads there."""

import asyncio
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.verdict.reading import Reading, Reason
from gtm.ids import Address
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import KINDS, read
from gtm.probe.permits import Permits
from gtm.probe.targets import Targets, faces, is_of_this_machine, parse_allowed
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.dns import DnsSettings
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Settings
from tests.fakes.checks import check_of
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import endpoint
from tests.fakes.resolver import FakeResolver

UNLISTED = "which nothing allows: `probe: {allow: [...]}` in the node file, or --allow, does"

REFUSED = {
    "a loopback address": ("127.0.0.1", "127.255.255.254", "::1"),
    "an unspecified address": ("0.0.0.0", "0.1.2.3", "::"),
    "a link-local address": ("169.254.0.1", "fe80::1", "febf::1"),
    "a multicast address": ("224.0.0.1", "239.255.255.250", "ff02::1"),
    "a broadcast address": ("255.255.255.255",),
    "a metadata service of a cloud provider": (
        *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "fe80::a9fe:a9fe"),
        *("192.0.0.192", "fd20:ce::254"),
    ),
}
CARRIERS = {
    "mapped": "::ffff:127.0.0.1",
    "compatible": "::127.0.0.1",
    "translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::127.0.0.1",
    "local NAT64 /48": "64:ff9b:1:7f00:0:100::",
    "local NAT64 /56": "64:ff9b:1:7f:0:1::",
    "local NAT64 /64": "64:ff9b:1:0:7f:0:100:0",
    "local NAT64 /96": "64:ff9b:1::127.0.0.1",
    "6to4": "2002:7f00:1::1",
    "Teredo server": "2001:0:7f00:1::1",
    "Teredo client": "2001:0:c000:201::80ff:fffe",
    "ISATAP": "2001:db8::5efe:127.0.0.1",
    "ISATAP of a global address": "2001:db8::200:5efe:127.0.0.1",
}
FINE = ("192.0.2.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.51.100.7", "2001:db8::1", "fd00::1")


def refusal(address: str, port: int = 80, *allowed: str, own: tuple[str, ...] = ()) -> str:
    bound = [each.rpartition(" ") for each in own]
    listeners = tuple((ip_address(at), int(number)) for at, _, number in bound)
    return Targets(tuple(map(parse_allowed, allowed)), listeners).refusal(ip_address(address), port)


@pytest.mark.parametrize(("kind", "address"), [(kind, each) for kind, those in REFUSED.items() for each in those])
def test_what_trusts_this_machine_is_refused_unless_it_is_listed(kind: str, address: str) -> None:
    assert refusal(address) == f"{address} is {kind}, {UNLISTED}"
    assert refusal(address, 80, "10.0.0.0/8", f"{address}/{ip_address(address).max_prefixlen}") == ""


@pytest.mark.parametrize("address", FINE)
def test_private_and_public_networks_are_allowed(address: str) -> None:
    assert refusal(address) == ""
    assert refusal(f"64:ff9b::{address}" if "." in address else address) == ""


@pytest.mark.parametrize("address", CARRIERS.values(), ids=CARRIERS)
def test_an_address_that_carries_another_is_judged_by_it(address: str) -> None:
    shown = ip_address(address)
    assert IPv4Address("127.0.0.1") in faces(shown)
    assert refusal(address).startswith(f"{shown} leads to 127.0.0.1, and that is a loopback address")
    assert refusal(address, 80, "::/0") != "", "who lists IPv6 does not list what it leads to"
    # what is listed is what it leads to; a tunnel names its other end too
    assert refusal(address, 80, "127.0.0.0/8") == ""


@given(st.integers(0, 2**128 - 1))
def test_any_address_is_judged(number: int) -> None:
    address = IPv6Address(number)
    assert faces(address)[0] == address
    assert isinstance(Targets().refusal(address, 80), str)


def test_an_entry_with_a_port_is_for_that_port_alone() -> None:
    assert refusal("127.0.0.1", 8080, "127.0.0.1:8080") == ""
    assert refusal("127.0.0.1", 8081, "127.0.0.1:8080") != ""
    assert refusal("127.0.0.1", 0, "127.0.0.1:8080") != "", "an echo has no port"
    assert refusal("::1", 443, "[::1]:443") == ""


def test_the_nodes_own_listeners_take_an_entry_with_their_port() -> None:
    own = ("10.0.0.5 8053", "192.0.2.53 53")
    words = f"is a listener of this node itself, {UNLISTED}, with its port"
    assert refusal("10.0.0.5", 8053, own=own) == f"10.0.0.5 with port 8053 {words}"
    assert "leads to 10.0.0.5, and that with port 8053 is a listener" in refusal("::ffff:10.0.0.5", 8053, own=own)
    assert refusal("10.0.0.5", 8053, "10.0.0.0/8", own=own) != ""
    assert refusal("10.0.0.5", 8053, "10.0.0.5:8053", own=own) == ""
    assert refusal("10.0.0.5", 80, own=own) == ""
    assert refusal("10.0.0.6", 8053, own=own) == ""


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_bound_to_all_they_are_at_every_address_of_this_machine(everywhere: str) -> None:
    own, here = (f"{everywhere} 8053",), address_of_this_machine()
    assert refusal(here, 8053, "127.0.0.0/8", own=own) != ""
    assert refusal(here, 8053, f"{here}:8053", own=own) == ""
    assert refusal("198.51.100.77", 8053, own=own) == "", "another machine's"
    assert refusal("2001:db8::7", 8053, own=own) == ""


def test_the_kernel_knows_which_addresses_are_this_machines() -> None:
    assert is_of_this_machine(ip_address(address_of_this_machine()))
    assert is_of_this_machine(ip_address("::1"))
    assert not is_of_this_machine(ip_address("198.51.100.77"))
    assert not is_of_this_machine(ip_address("2001:db8::7"))


def address_of_this_machine() -> str:
    """One that is not loopback, if there is any; nothing is sent to find it."""
    local = re.findall(r"\|-- ([0-9.]+)\n +/32 host LOCAL", Path("/proc/net/fib_trie").read_text(encoding="ascii"))
    return next((address for address in local if not address.startswith("127.")), "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "network", "port"),
    [
        ("127.0.0.0/8", "127.0.0.0/8", None),
        ("10.0.0.5", "10.0.0.5/32", None),
        ("10.0.0.5:8053", "10.0.0.5/32", 8053),
        ("127.0.0.0/8:8080", "127.0.0.0/8", 8080),
        ("::1", "::1/128", None),
        ("fd00::/8", "fd00::/8", None),
        ("[fd00::/8]:443", "fd00::/8", 443),
        ("[::1]", "::1/128", None),
    ],
)
def test_an_entry_is_a_network_and_maybe_a_port(text: str, network: str, port: int | None) -> None:
    assert (str(parse_allowed(text).network), parse_allowed(text).port) == (network, port)


@pytest.mark.parametrize(
    "text", ["", "localhost", "10.0.0.5/8", "10.0.0.5:0", "10.0.0.5:65536", "10.0.0.5:", "[::1", "1.2.3", "::1/129"]
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^\".*\": |is no network"):
        parse_allowed(text)


ASKING: dict[MonitorType, Settings] = {
    MonitorType.HTTP: HttpSettings(secure=False),
    MonitorType.HTTPS: HttpSettings(secure=True),
    MonitorType.DENY: DenySettings(HttpSettings(secure=False)),
    MonitorType.TCP: TcpSettings(b"POST /v1/overrides HTTP/1.1\r\n\r\n", b"200"),
    MonitorType.ICMP: IcmpSettings(),
    MonitorType.DNS: DnsSettings("example.com", transport="tcp"),
    MonitorType.GRPC: GrpcSettings(),
    MonitorType.EXEC: ExecSettings(("/bin/true", "{address}")),
}


def test_every_kind_that_asks_is_here() -> None:
    assert {kind for kind in KINDS if kind.asks} == set(ASKING)


def read_at(settings: Settings, target: str, targets: Targets) -> tuple[Reading, int]:
    """What a probe reads at a server on loopback, and how many connections that took."""
    taken = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        writer.close()

    async def run() -> Reading:
        resolver = FakeResolver({"rebound.example.com": "127.0.0.1"})
        permits = Permits({"/bin/true": None}, targets=targets)
        async with (
            endpoint(counted) as port,
            open_instruments(FakeClock(), resolver=resolver, permits=permits) as instruments,
        ):
            instruments.lateness.stop()  # how busy the machine of the test is, is not what is tested
            has_port = not isinstance(settings, IcmpSettings)
            return await read(check_of(settings, target=target, port=port if has_port else 0), instruments)

    return asyncio.run(run()), taken


@pytest.mark.parametrize("target", ["127.0.0.1", "rebound.example.com", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("settings", ASKING.values(), ids=lambda settings: type(settings).__name__)
def test_no_kind_connects_to_what_is_refused_by_whatever_name(settings: Settings, target: str) -> None:
    reading, taken = read_at(settings, target, Targets())
    assert (reading.reason, reading.is_withheld, taken) == (Reason.UNREAD, True, 0)
    assert "127.0.0.1" in reading.detail
    assert "is a loopback address" in reading.detail


def test_a_check_of_what_is_listed_connects() -> None:
    reading, taken = read_at(ASKING[MonitorType.TCP], "rebound.example.com", Targets((parse_allowed("127.0.0.1"),)))
    assert (reading.is_withheld, taken) == (False, 1)


def test_the_address_that_was_judged_is_asked_whatever_the_name_is_a_moment_later() -> None:
    class Rebinds:
        """Says something harmless first, and then loopback."""

        asked = 0

        async def resolve(self, host: str, *, within_s: float) -> tuple[Address, ...]:
            self.asked += 1
            return (ip_address("127.0.0.2" if self.asked == 1 else "127.0.0.1"),)

    taken: list[str] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer.get_extra_info("sockname")[0])
        writer.close()

    async def run() -> None:
        resolver = Rebinds()
        permits = Permits(targets=Targets((parse_allowed("127.0.0.2"),)))
        async with (
            endpoint(counted) as port,
            open_instruments(FakeClock(), resolver=resolver, permits=permits) as instruments,
        ):
            instruments.lateness.stop()
            for settings in (HttpSettings(secure=False), TcpSettings(), GrpcSettings()):
                resolver.asked = 0
                await read(check_of(settings, target="rebound.example.com", port=port), instruments)
                assert resolver.asked == 1

    asyncio.run(run())
    assert taken == [], "127.0.0.1 was never asked"


def test_a_redirect_is_followed_to_the_endpoint_alone_whatever_it_names() -> None:
    hosts: list[bytes] = []

    async def redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        hosts.append(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"host:")))
        port = writer.get_extra_info("sockname")[1]
        where = f"Location: http://169.254.169.254:{port}/latest\r\nContent-Length: 0"
        writer.write(f"HTTP/1.1 {'302 Found' if len(hosts) == 1 else '200 OK'}\r\n{where}\r\n\r\n".encode())
        await writer.drain()

    async def run() -> Reading:
        permits = Permits(targets=Targets((parse_allowed("127.0.0.1"),)))
        async with (
            endpoint(redirects) as port,
            open_instruments(FakeClock(), resolver=FakeResolver(), permits=permits) as instruments,
        ):
            instruments.lateness.stop()
            return await read(check_of(HttpSettings(secure=False, max_redirects=3), port=port), instruments)

    assert asyncio.run(run()).ok
    assert [host.partition(b":")[2].strip().partition(b":")[0] for host in hosts] == [b"127.0.0.1", b"169.254.169.254"]
