"""Addresses that tell no place by themselves: those with an IPv4 address inside, and those that are not public.

    with an IPv4 address inside    are where that is: mapped, translated, NAT64, 6to4, Teredo
    private, shared, unique local  are where the custom networks or a database say; otherwise nobody knows
    loopback, link-local, ...      are where the custom networks say; otherwise nobody knows

What a database says of the first kind and of the last is wrong: some say that all of 6to4 is in California.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Network, ip_network
from types import MappingProxyType
from typing import Self

from gtm.ids import Address, Network


class NoPlace(Enum):
    """Addresses of networks that are not public."""

    PRIVATE = auto()
    """Many networks have them; a database that its owner made for one of these may place them."""
    NOBODY = auto()
    """No client has them outside its own machine or link."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """How IPv6 addresses hold an IPv4 address; networks that hold it alike have the same embedding."""

    start: int
    """The bit at which the IPv4 address begins. From bit 64 on it is 8 bits further: those are 0 (RFC 6052 2.2)."""
    is_inverted: bool = False
    """Whether each of its bits is the other one (RFC 4380 4)."""

    @classmethod
    def nat64(cls, prefix: IPv6Network) -> Self:
        """Returns the embedding of a NAT64 prefix; raises ValueError for what cannot be one."""
        if prefix.prefixlen not in NAT64_LENGTHS:
            raise ValueError(f"{prefix} is no NAT64 prefix; those have 32, 40, 48, 56, 64 or 96 bits (RFC 6052 2.2)")
        if int(prefix.network_address) >> 56 & 0xFF:
            raise ValueError(f"{prefix} is no NAT64 prefix; the bits 64 to 71 of an address must be 0 (RFC 6052 2.2)")
        return cls(prefix.prefixlen)

    def address(self, number: int) -> IPv4Address:
        """Returns the IPv4 address in an IPv6 address that is given as an integer."""
        width = 128
        if self.start <= _SKIPPED_AT:
            number = number >> 64 << 56 | number & 2**56 - 1
            width = 120
        embedded = number >> (width - 32 - self.start) & 0xFFFFFFFF
        return IPv4Address(embedded ^ 0xFFFFFFFF if self.is_inverted else embedded)

    def length(self, length: int) -> int:
        """Returns the prefix length of the IPv6 addresses that embed a network of an IPv4 prefix length."""
        end = self.start + length
        return end + 8 if self.start <= _SKIPPED_AT < end else end


NAT64_LENGTHS = frozenset({32, 40, 48, 56, 64, 96})
_SKIPPED_AT = 64

Special = NoPlace | Embedding

_NETWORKS: Mapping[Special, tuple[str, ...]] = {
    Embedding(96): (
        "::/96",  # IPv4-compatible, RFC 4291 2.5.5.1; ::1 and :: are in it, as 0.0.0.1 and 0.0.0.0
        "::ffff:0:0/96",  # IPv4-mapped, RFC 4291 2.5.5.2
        "::ffff:0:0:0/96",  # IPv4-translated, RFC 2765 2.1
        "64:ff9b::/96",  # NAT64, RFC 6052 2.1
    ),
    Embedding(16): ("2002::/16",),  # 6to4, RFC 3056 2
    Embedding(96, is_inverted=True): ("2001::/32",),  # Teredo, RFC 4380 4
    NoPlace.PRIVATE: (
        "10.0.0.0/8",  # RFC 1918 3
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",  # between a provider and its customers' NAT, RFC 6598
        "fc00::/7",  # unique local, RFC 4193
        "fec0::/10",  # site-local, RFC 3879
        "64:ff9b:1::/48",  # NAT64 of one network, with a prefix that only it knows, RFC 8215
    ),
    NoPlace.NOBODY: (
        "0.0.0.0/8",  # this network, RFC 6890 2.2.2
        "127.0.0.0/8",  # loopback, RFC 1122 3.2.1.3
        "169.254.0.0/16",  # link-local, RFC 3927
        "224.0.0.0/3",  # multicast and reserved, RFC 5771 and RFC 1112 4
        "fe80::/10",  # link-local, RFC 4291 2.5.6
        "ff00::/8",  # multicast, RFC 4291 2.7
    ),
}

SPECIAL: Mapping[Network, Special] = MappingProxyType(
    {ip_network(network): special for special, networks in _NETWORKS.items() for network in networks}
)
"""Of the networks around an address the longest counts, custom networks included."""


def tells_no_place(address: Address) -> bool:
    """Returns whether an address is in a network that is not public, such as 10.0.0.0/8 or loopback."""
    return any(isinstance(special, NoPlace) and address in network for network, special in SPECIAL.items())
