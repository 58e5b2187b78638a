"""EDNS Client Subnet (RFC 7871): the network that a resolver asks for, and the scope of the answer.

FAMILY (2)  SOURCE PREFIX-LENGTH (1)  SCOPE PREFIX-LENGTH (1)  ADDRESS (as many octets as the source needs)
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from dns.rcode import Rcode

from gtm.dns.options.option import EdnsOption, Options, ReplyFacts
from gtm.errors import WireError
from gtm.ids import Address

CODE = 8
_FORMAT = struct.Struct("!HBB")
_IPV4, _IPV6 = 1, 2
_WIDTH = {_IPV4: 32, _IPV6: 128}


@dataclass(frozen=True, slots=True)
class ClientSubnet:
    """The client subnet option of a query."""

    family: int
    source: int
    """SOURCE PREFIX-LENGTH in bits; with 0, the client asks not to be located."""
    address: bytes
    """The octets of the address as sent: as many as the source prefix needs."""

    @property
    def client(self) -> Address | None:
        """Returns the first address of the network; None when the client asks not to be located."""
        if self.source == 0:
            return None
        octets = self.address.ljust(_WIDTH[self.family] // 8, b"\0")
        return IPv4Address(octets) if self.family == _IPV4 else IPv6Address(octets)

    def compose(self, scope: int) -> bytes:
        """Returns the option's data for a reply (RFC 7871 7.2.1); `scope` is the scope prefix length."""
        return _FORMAT.pack(self.family, self.source, scope) + self.address


def parse(data: bytes) -> ClientSubnet:
    """Returns the client subnet from the option's data in a query.

    Raises WireError(FORMERR) for what RFC 7871 7.1.2 calls malformed: an unknown family, a prefix too long, a scope
    in a query, too few or too many octets, or bits set beyond the prefix.
    """
    if len(data) < _FORMAT.size:
        raise WireError(Rcode.FORMERR, "client subnet: too short")
    family, source, scope = _FORMAT.unpack_from(data)
    address = data[_FORMAT.size :]
    if family == 0 and not (source or scope or address):
        return ClientSubnet(0, 0, b"")  # what dig +subnet=0 sends
    if family not in _WIDTH or source > _WIDTH[family] or scope:
        raise WireError(Rcode.FORMERR, "client subnet: bad family or prefix length")
    if len(address) != (source + 7) // 8 or _bits_beyond(address, source):
        raise WireError(Rcode.FORMERR, "client subnet: the address does not fit its prefix length")
    return ClientSubnet(family, source, address)


def _bits_beyond(address: bytes, source: int) -> bool:
    spare = -source % 8
    return bool(address and address[-1] & ((1 << spare) - 1))


def compose(asked: ClientSubnet | None, reply: ReplyFacts) -> bytes | None:
    """Returns the option's data for a reply; None when the query had no client subnet, or the reply no scope."""
    return None if asked is None or reply.scope is None else asked.compose(reply.scope)


CLIENT_SUBNET = EdnsOption(CODE, parse, compose)


def subnet_of(options: Options) -> ClientSubnet | None:
    """Returns the client subnet among the options of a query; None when there is none."""
    subnet = options.get(CODE)
    return subnet if isinstance(subnet, ClientSubnet) else None
