"""Types and texts that other name servers print and dnspython does not read -> RDATA, field by field.

    MB mail.example.com.   NXT b.example.com. A MX   NID 10 14:4fff:ff20:ee64   WKS 192.0.2.1 tcp smtp domain

In comes a tokenizer at the first field of a value, out goes RDATA. What is wrong raises dnspython's exceptions or
ValueError: gtm/dns/rdata.py has the words. It must not read RDATA in hexadecimal (RFC 3597 5): dnspython does.
"""

import base64
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address

from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdatatype import from_text as type_from_text
from dns.tokenizer import Tokenizer

MNEMONICS = {
    "EID": 31,
    "NIMLOC": 32,
    "ATMA": 34,
    "SINK": 40,
    "TALINK": 58,
    "RKEY": 57,
    "UINFO": 100,
    "UID": 101,
    "GID": 102,
    "DOA": 259,
    "TA": 32_768,
}
"""Record types of the IANA registry that BIND knows by name; dnspython knows some of them only by number."""

MAX_STRING_BYTES = 255
"""The most bytes of one <character-string> (RFC 1035 3.3)."""

Field = Callable[[Tokenizer, Name], bytes]
"""Reads the tokens of one field and returns its bytes; relative names in it get the origin appended."""


def compose_rare(rtype: int, text: str, origin: Name) -> bytes | None:
    """Returns the RDATA of a value of a rare type; None for a type or a form of value that dnspython reads.

    Raises DNSException of dnspython, or ValueError, for a wrong value.
    """
    fields = _FIELDS.get(rtype)
    if fields is None or text.lstrip().startswith("\\#"):
        return None
    tokenizer = Tokenizer(text)
    wire = b"".join(field(tokenizer, origin) for field in fields)
    tokenizer.get_eol()
    return wire


def _u8(tokenizer: Tokenizer, _origin: Name) -> bytes:
    return tokenizer.get_uint8().to_bytes()


def _u16(tokenizer: Tokenizer, _origin: Name) -> bytes:
    return tokenizer.get_uint16().to_bytes(2)


def _u32(tokenizer: Tokenizer, _origin: Name) -> bytes:
    return tokenizer.get_uint32().to_bytes(4)


def _name(tokenizer: Tokenizer, origin: Name) -> bytes:
    return tokenizer.get_name(origin, relativize=False).to_wire() or b""


def _string(tokenizer: Tokenizer, _origin: Name) -> bytes:
    token = tokenizer.get().unescape_to_bytes()
    if not (token.is_identifier() or token.is_quoted_string()):
        raise ValueError("expecting a string")
    octets = token.value if isinstance(token.value, bytes) else token.value.encode()
    if len(octets) > MAX_STRING_BYTES:
        raise ValueError(f"a string has at most {MAX_STRING_BYTES} bytes")
    return bytes((len(octets),)) + octets


def _rest(tokenizer: Tokenizer) -> str:
    """Returns the remaining tokens as one text, without spaces."""
    return "".join(token.value for token in tokenizer.get_remaining())


def _hexadecimal(tokenizer: Tokenizer, _origin: Name) -> bytes:
    octets = bytes.fromhex(_rest(tokenizer))
    if not octets:
        raise ValueError("expecting another identifier")
    return octets


def _base64(tokenizer: Tokenizer, _origin: Name) -> bytes:
    text = _rest(tokenizer)
    return b"" if text in ("", "0", "-") else base64.b64decode(text, validate=True)  # NSD and DOA: nothing is 0 and -


def _four_groups(tokenizer: Tokenizer, _origin: Name) -> bytes:
    """Reads 64 bits as four groups of digits; RFC 6742 2.1.2 wants four digits each, BIND prints no leading zeros."""
    groups = tokenizer.get_string().split(":")
    if len(groups) != 4 or not all(re.fullmatch("[0-9A-Fa-f]{1,4}", group) for group in groups):
        raise ValueError("expecting four groups of hexadecimal digits")
    return b"".join(int(group, 16).to_bytes(2) for group in groups)


def _atm_address(tokenizer: Tokenizer, _origin: Name) -> bytes:
    """Reads an address of ATM Forum AF-DANS-0152 5.2: `+` and digits (E.164), or hexadecimal (AESA)."""
    text = tokenizer.get_string().replace(".", "")
    if re.fullmatch(r"\+[0-9]+", text):
        return b"\1" + text[1:].encode()
    return b"\0" + bytes.fromhex(text)


def _a6(tokenizer: Tokenizer, origin: Name) -> bytes:
    """Reads the prefix length, the rest of the address, and the name of the prefix (RFC 2874 3.1)."""
    length = tokenizer.get_uint8()
    if length > 128:
        raise ValueError(f"a prefix has at most 128 bits, not {length}")
    suffix = b""
    if length < 128:
        address = int(IPv6Address(tokenizer.get_string())) & ((1 << (128 - length)) - 1)
        suffix = address.to_bytes(16)[length // 8 :]
    return bytes((length,)) + suffix + (_name(tokenizer, origin) if length else b"")


def _nxt_types(tokenizer: Tokenizer, _origin: Name) -> bytes:
    """Reads record types below 128 and returns the bit map of RFC 2535 5.2."""
    bits = bytearray(16)
    tokens = tokenizer.get_remaining()
    if tokens and tokens[0].value == "\\#":  # ldns prints the map in hexadecimal, behind its length
        return bytes.fromhex("".join(token.value for token in tokens[2:]))
    for token in tokens:
        rtype = type_from_text(token.value)
        if not 0 < rtype < 128:
            raise ValueError(f"an NXT record cannot list {token.value}")
        bits[rtype // 8] |= 0x80 >> rtype % 8
    return bytes(bits).rstrip(b"\0")


def _services(tokenizer: Tokenizer, _origin: Name) -> bytes:
    """Reads a protocol and its ports; returns the number of the protocol and the bit map of RFC 1035 3.4.2."""
    protocol = tokenizer.get_string().lower()
    number = _number_of(protocol, _PROTOCOLS, bits=8)
    ports = [_number_of(token.value.lower(), _PORTS, bits=16) for token in tokenizer.get_remaining()]
    bits = bytearray(max(ports) // 8 + 1 if ports else 0)
    for port in ports:
        bits[port // 8] |= 0x80 >> port % 8
    return bytes((number,)) + bits


def _number_of(text: str, names: Mapping[str, int], *, bits: int) -> int:
    if text in names:
        return names[text]
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) >> bits:
        raise ValueError(f"{text} is not an unsigned {bits}-bit integer")
    return int(text)


def _ipv4(tokenizer: Tokenizer, _origin: Name) -> bytes:
    return IPv4Address(tokenizer.get_string()).packed


def _ipseckey(tokenizer: Tokenizer, origin: Name) -> bytes:
    """Reads precedence, kind of gateway, algorithm, gateway, and a key if there is an algorithm (RFC 4025 2)."""
    precedence, kind, algorithm = (tokenizer.get_uint8() for _ in range(3))
    gateway = _gateway(kind, tokenizer, origin)
    key = _base64(tokenizer, origin)
    if algorithm and not key:
        raise ValueError("expecting another identifier")
    return bytes((precedence, kind, algorithm)) + gateway + key


def _gateway(kind: int, tokenizer: Tokenizer, origin: Name) -> bytes:
    match kind:
        case 0:
            if tokenizer.get_string() != ".":
                raise ValueError("a gateway of type 0 is .")
            return b""
        case 1:
            return _ipv4(tokenizer, origin)
        case 2:
            return IPv6Address(tokenizer.get_string()).packed
        case 3:
            return _name(tokenizer, origin)
    raise ValueError(f"{kind} is no type of gateway")


_FIELDS: dict[int, tuple[Field, ...]] = {
    RdataType.MD: (_name,),
    RdataType.MF: (_name,),
    RdataType.MB: (_name,),
    RdataType.MG: (_name,),
    RdataType.MR: (_name,),
    RdataType.MINFO: (_name, _name),
    RdataType.WKS: (_ipv4, _services),
    RdataType.KEY: (_u16, _u8, _u8, _base64),
    RdataType.NXT: (_name, _nxt_types),
    MNEMONICS["EID"]: (_hexadecimal,),
    MNEMONICS["NIMLOC"]: (_hexadecimal,),
    MNEMONICS["ATMA"]: (_atm_address,),
    RdataType.A6: (_a6,),
    MNEMONICS["SINK"]: (_u8, _u8, _u8, _base64),
    RdataType.IPSECKEY: (_ipseckey,),
    MNEMONICS["RKEY"]: (_u16, _u8, _u8, _base64),
    MNEMONICS["TALINK"]: (_name, _name),
    RdataType.NID: (_u16, _four_groups),
    RdataType.L64: (_u16, _four_groups),
    MNEMONICS["DOA"]: (_u32, _u32, _u8, _string, _base64),
    MNEMONICS["TA"]: (_u16, _u8, _u8, _hexadecimal),
}

_PROTOCOLS = {"icmp": 1, "tcp": 6, "egp": 8, "udp": 17}
_PORTS = {
    "tcpmux": 1,
    "rje": 5,
    "echo": 7,
    "discard": 9,
    "systat": 11,
    "users": 11,
    "daytime": 13,
    "netstat": 15,
    "qotd": 17,
    "quote": 17,
    "msp": 18,
    "chargen": 19,
    "ftp-data": 20,
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "time": 37,
    "rlp": 39,
    "name": 42,
    "nameserver": 42,
    "nicname": 43,
    "whois": 43,
    "tacacs": 49,
    "re-mail-ck": 50,
    "domain": 53,
    "bootps": 67,
    "bootpc": 68,
    "tftp": 69,
    "gopher": 70,
    "finger": 79,
    "http": 80,
    "www": 80,
    "link": 87,
    "kerberos": 88,
    "supdup": 95,
    "hostname": 101,
    "hostnames": 101,
    "iso-tsap": 102,
    "x400": 103,
    "csnet-ns": 105,
    "csonet-ns": 105,
    "rtelnet": 107,
    "pop2": 109,
    "pop3": 110,
    "sunrpc": 111,
    "auth": 113,
    "ident": 113,
    "sftp": 115,
    "uucp-path": 117,
    "nntp": 119,
    "ntp": 123,
    "netbios-ns": 137,
    "netbios-dgm": 138,
    "netbios-ssn": 139,
    "imap": 143,
    "imap2": 143,
    "snmp": 161,
    "snmp-trap": 162,
    "snmptrap": 162,
    "cmip-man": 163,
    "cmip-agent": 164,
    "xdmcp": 177,
    "bgp": 179,
    "irc": 194,
    "ldap": 389,
    "https": 443,
    "submission": 587,
    "ldaps": 636,
    "domain-s": 853,
    "ftps-data": 989,
    "ftps": 990,
    "imaps": 993,
    "pop3s": 995,
}
"""Port names of /etc/services that ldns and NSD print; this machine may have no such file."""
