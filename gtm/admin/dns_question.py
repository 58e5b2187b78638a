"""The text of a DNS question to explain -> its name, type and client, or ValueError with a message for the sender."""

import ipaddress

import dns.exception
import dns.name
from dns.name import Name
from dns.rdatatype import RdataType

from gtm.ids import Address

MAX_SHOWN = 80
"""The most characters of a request that an error repeats."""


def parse_question(name: str, rtype: str, client: str) -> tuple[Name, RdataType, Address]:
    """Returns name, type and client address of a question to explain; raises ValueError with a message for the sender.

    A name without its final dot is returned as a relative name: it may be a short name of a service.
    """
    whole = parse_name(name)
    is_absolute = dns.name.from_text(name, None).is_absolute()
    return whole if is_absolute else whole.relativize(dns.name.root), _parse_type(rtype), _parse_client(client)


def parse_name(text: str, what: str = "name") -> Name:
    """Returns an absolute DNS name; raises ValueError with a message that begins with `what`, the field of the name."""
    if not text:
        raise ValueError(f"{what}: the DNS name {'to explain ' if what == 'name' else ''}is missing")
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f'{what}: "{short(text)}" is not a DNS name') from error


def _parse_type(text: str) -> RdataType:
    try:
        return RdataType.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f'type: "{short(text)}" is not a DNS type such as A, AAAA or TYPE65') from error


def _parse_client(text: str) -> Address:
    if not text:
        raise ValueError("client: the client's address is missing")
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(f'client: "{short(text)}" is not an IP address') from error
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        raise ValueError(f'client: "{short(text)}" has a zone, which means nothing to others; leave out the "%"')
    return address


def short(text: str) -> str:
    """Returns the text cut to MAX_SHOWN characters, as an error may repeat it."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
