"""Random clients: public, custom, private, and with an IPv4 address inside; alone or as the subnets of resolvers."""

import random
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tests.engine.model import Address

EMBEDDED_LAST = [int(IPv6Address(each)) for each in ("::ffff:0:0", "64:ff9b::", "2001:db8:64::", "::ffff:0:0:0")]
OF_NO_PLACE = [
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
]


@dataclass(frozen=True)
class Clients:
    """Draws addresses and networks, from a seed."""

    random: random.Random
    custom: list[str]
    """Networks that are drawn more often than their size would have it."""

    def address(self) -> Address:
        draw = self.random
        kind = draw.random()
        if kind < 0.1:
            return self.within(draw.choice(self.custom))
        if kind < 0.2:
            return self.embedded(IPv4Address(draw.getrandbits(32)))
        if kind < 0.25:
            return self.within(draw.choice(OF_NO_PLACE))
        if kind < 0.55:
            return IPv4Address(draw.getrandbits(32))
        if kind < 0.6:
            return ip_address(f"::ffff:{IPv4Address(draw.getrandbits(32))}")
        if kind < 0.65:
            return IPv6Address(draw.getrandbits(128))
        return IPv6Address(0x2000 + draw.randrange(0x0E00) << 112 | draw.getrandbits(112))

    def within(self, cidr: str) -> Address:
        network = _network(cidr)
        return network[self.random.randrange(network.num_addresses)]

    def embedded(self, address: IPv4Address) -> IPv6Address:
        """An IPv6 address with this one in it."""
        noise, number = self.random.getrandbits(80), int(address)
        return self.random.choice(
            [
                IPv6Address(0x2002 << 112 | number << 80 | noise),
                IPv6Address(0x20010000 << 96 | noise >> 16 << 32 | number ^ 0xFFFFFFFF),
                *(IPv6Address(each | number) for each in EMBEDDED_LAST),
            ]
        )

    def subnet(self) -> str:
        address = self.address()
        likely = (24, 24, 16, 32, 20) if address.version == 4 else (56, 56, 48, 64, 128)
        draw = self.random
        length = draw.choice(likely) if draw.random() < 0.7 else draw.randrange(address.max_prefixlen + 1)
        return str(ip_network((address, length), strict=False))


@cache
def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr)
