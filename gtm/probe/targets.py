"""Targets: the addresses that checks may connect to, decided after names are resolved, just before connecting.

What comes in: an address and a port. What goes out: nothing, or the reason for a refusal. A zone author names
endpoints, and the probe runs where the author has no access: beside services that trust their machine or network.
Refused, unless `probe.allow` of the node file has a network that holds the address (and the port, where it names one):

    the node's own listeners    DNS and admin; also at any address of this machine if they are bound to all.
                                Only an entry that names the port allows these
    metadata                    of cloud providers: they hand out credentials
    loopback, unspecified, link-local, multicast, broadcast

For an IPv6 address that contains an IPv4 address, both are checked: a translator or a tunnel would lead to the latter.
Ways to a refused address that no address shows (NAT of a provider, a network's own NAT64 prefix, a proxy) are not
found. It sends nothing.
"""

import errno
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gtm.ids import Address

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """A network that checks may connect to although its addresses are refused by default."""

    network: Network
    port: int | None = None
    """The only port allowed; None for all ports except those of the node's own listeners."""

    def holds(self, address: Address, port: int) -> bool:
        """Returns whether this entry allows an address and port."""
        return self.port in {None, port} and address in self.network


Bound = tuple[Address, int]
"""An address and port where this node listens."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The addresses that checks may connect to."""

    allowed: tuple[AllowedNetwork, ...] = ()
    own: tuple[Bound, ...] = ()
    """The node's own listeners, with the addresses they are bound to."""

    def refusal(self, address: Address, port: int) -> str:
        """Returns the reason why a check may not connect to an address; empty if it may.

        Port 0 is for checks without a port.
        """
        for face in faces(address):
            way = f"{address}" if face == address else f"{address} leads to {face}, and that"
            if self._is_own(face, port):
                if not any(each.port == port and each.holds(face, port) for each in self.allowed):
                    return f"{way} with port {port} is a listener of this node itself, {_NOT_LISTED}, with its port"
            elif (kind := _kind(face)) and not any(each.holds(face, port) for each in self.allowed):
                return f"{way} is {kind}, {_NOT_LISTED}"
        return ""

    def _is_own(self, address: Address, port: int) -> bool:
        bound = [at for at, bound_port in self.own if bound_port == port != 0]
        return address in bound or (any(at.is_unspecified for at in bound) and is_of_this_machine(address))


NO_TARGETS = Targets()

_NOT_LISTED = "which nothing allows: `probe: {allow: [...]}` in the node file, or --allow, does"

_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "a metadata service of a cloud provider",
        (
            "169.254.169.254",  # AWS, Azure, Google Cloud, OpenStack, DigitalOcean, Hetzner
            "169.254.170.2",  # AWS: credentials of containers
            "169.254.170.23",
            "fd00:ec2::254",  # AWS
            "fd00:ec2::23",
            "fd20:ce::254",  # Google Cloud
            "100.100.100.200",  # Alibaba
            "192.0.0.192",  # Oracle, of old
            "fd00:c1::a9fe:a9fe",  # Oracle
            "168.63.129.16",  # Azure: the host beneath
            "fd00:42::42",  # Scaleway
            "fe80::a9fe:a9fe",  # OpenStack
        ),
    ),
    ("an unspecified address", ("0.0.0.0/8", "::")),  # connects to this machine (RFC 1122 3.2.1.3)
    ("a loopback address", ("127.0.0.0/8", "::1")),
    ("a link-local address", ("169.254.0.0/16", "fe80::/10")),
    ("a multicast address", ("224.0.0.0/4", "ff00::/8")),
    ("a broadcast address", ("255.255.255.255",)),
)
_NETWORKS = tuple((kind, tuple(ip_network(each) for each in networks)) for kind, networks in _KINDS)


def _kind(address: Address) -> str:
    return next((kind for kind, networks in _NETWORKS if any(address in network for network in networks)), "")


def faces(address: Address) -> tuple[Address, ...]:
    """Returns an address and the IPv4 addresses that it contains, to which a translator or tunnel may lead."""
    if isinstance(address, IPv4Address):
        return (address,)
    carried = [IPv4Address(each & 0xFFFF_FFFF) for each in _carried(address)]
    return (address, *dict.fromkeys(carried))


def _carried(address: IPv6Address) -> Iterator[int]:
    number = int(address)
    if number >> 16 > 0 and number >> 32 == 0:  # IPv4-compatible, RFC 4291 2.5.5.1; ::1 is none
        yield number
    if any(address in network for network in _LAST_32_BITS):
        yield number
    if address in _SIX_TO_FOUR:  # RFC 3056 2
        yield number >> 80
    if address in _TEREDO:  # RFC 4380 4: the server, and the client behind its NAT
        yield number >> 64
        yield ~number
    if number >> 32 & 0xFCFF_FFFF == 0x0000_5EFE:  # ISATAP, RFC 5214 6.1
        yield number
    if address in _LOCAL_NAT64:
        yield from _in_local_nat64(number)


def _in_local_nat64(number: int) -> Iterator[int]:
    """Yields the IPv4 addresses that an address of RFC 8215 contains, for each prefix length (RFC 6052 2.2)."""
    without_octet = (number >> 64) << 56 | number & (1 << 56) - 1  # bits 64 to 71 are always 0, and carry nothing
    for carried in (number, *(without_octet >> 88 - length for length in (48, 56, 64))):
        if carried & 0xFF00_0000:  # the other lengths give zeros, which are no address
            yield carried


_LAST_32_BITS = tuple(
    ip_network(each)
    for each in (
        "::ffff:0:0/96",  # IPv4-mapped, RFC 4291 2.5.5.2
        "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765 2.1
        "64:ff9b::/96",  # NAT64, RFC 6052 2.1
    )
)
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
_SIX_TO_FOUR = ip_network("2002::/16")
_TEREDO = ip_network("2001::/32")


def is_of_this_machine(address: Address) -> bool:
    """Returns whether an address belongs to this machine."""
    if address.is_loopback or address.is_unspecified:
        return True
    # binding asks just that, unless a sysctl lets anything be bound (net.ipv4.ip_nonlocal_bind, for VRRP)
    return _can_bind(address) and not (_can_bind(_NOBODYS[address.version]) and _source(address) != address)


_NOBODYS = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}
"""Documentation addresses (RFC 5737, RFC 3849)."""


def _can_bind(address: Address) -> bool:
    return _asked(address, lambda asking: asking.bind((str(address), 0))) is not None


def _source(address: Address) -> Address | None:
    """Returns the address from which this machine would send to an address; None without a route.

    To one of its own addresses it sends from that same address.
    """
    name = _asked(address, lambda asking: asking.connect((str(address), 9)))  # sends nothing; 9 discards (RFC 863)
    return None if name is None else ip_address(name)


def _asked(address: Address, ask: Callable[[socket.socket], None]) -> str | None:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            ask(asking)
            name: str = asking.getsockname()[0]
    except OSError as error:
        # without a free descriptor it is not known: the address is refused for now, as if it were this machine's
        return str(address) if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM} else None
    return name


def parse_allowed(text: str) -> AllowedNetwork:
    """Returns the network of a text such as `127.0.0.0/8`, `10.0.0.5:8053` or `[fd00::/8]:443`.

    Raises ValueError, with a message for people, if it is malformed.
    """
    parts = re.fullmatch(r"(?:\[([0-9A-Fa-f:./]+)\]|([0-9./]+))(?::([0-9]{1,5}))?|([0-9A-Fa-f:./]+)", text)
    if parts is None:
        raise ValueError(f'"{text}" is no network such as 127.0.0.0/8, 10.0.0.5:8080, ::1 or "[fd00::/8]:443"')
    host, port = parts[1] or parts[2] or parts[4], None if parts[3] is None else int(parts[3])
    if port is not None and not 1 <= port <= 65_535:
        raise ValueError(f'"{text}": a port is 1 to 65535')
    try:
        return AllowedNetwork(ip_network(host), port)
    except ValueError as invalid:
        raise ValueError(f'"{text}": {invalid}') from invalid
