"""Who counts as one client of the admin listener: an IPv4 address, or the /64 of an IPv6 one.

A machine has as many IPv6 addresses as it likes, and all of them in one /64 (RFC 4291 2.5.4).
"""

from ipaddress import IPv6Address, IPv6Network, ip_address

NOBODY = ""
"""The client of a Unix socket, or of a connection that has ended."""


def client_of(address: str | None) -> str:
    """Returns the client that an address of a socket counts as: the IPv4 address, or the /64 of an IPv6 address.

    NOBODY where there is no address.
    """
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return NOBODY
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, 64), strict=False))


def is_loopback(client: str) -> bool:
    """Returns whether a client is on this machine."""
    try:
        return ip_address(client.partition("/")[0]).is_loopback or client == "::/64"
    except ValueError:
        return False
