"""Kind `dns`: a query that is answered as expected."""

from dataclasses import dataclass
from typing import Annotated

import dns.exception
import dns.name
from dns.rcode import Rcode as DnsRcode
from dns.rdatatype import RdataType
from pydantic import ConfigDict, Field, PlainValidator

from gtm.config.entry import Entry
from gtm.config.fields import TEXT_SCHEMA, Text, choice, enum_schema, error, found, text
from gtm.config.suggestions import suggestion
from gtm.dns.rdata import parse_rdata
from gtm.errors import TextInvalid
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.keys import PortKey
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import Settings


@dataclass(frozen=True, slots=True)
class DnsSettings(Settings):
    """Kind `dns`: a query that is answered as expected."""

    name: str
    rtype: str = "A"
    transport: str = "udp"
    """`udp` or `tcp`."""
    rcodes: tuple[str, ...] = ("NOERROR",)
    answers: tuple[str, ...] = ()
    """Values in presentation format, of which one must be in the answer; empty accepts any."""
    recursion: bool = False


def _query_name(value: object) -> str:
    name = text(value)
    try:
        dns.name.from_text(name)
    except dns.exception.DNSException as invalid:
        raise error(f"expected a DNS name, not {found(value)}") from invalid
    return name


def _query_type(value: object) -> str:
    try:
        return RdataType.to_text(RdataType.from_text(text(value)))
    except (dns.exception.DNSException, ValueError) as invalid:
        raise error(f"expected a DNS type such as A, AAAA or TXT, not {found(value)}") from invalid


def _rcode(value: object) -> str:
    name = text(value).upper()
    if name not in DnsRcode.__members__:
        raise error(f'unknown RCODE "{value}"{suggestion(name, DnsRcode.__members__)}')
    return name


QueryName = Annotated[str, PlainValidator(_query_name), TEXT_SCHEMA]
QueryType = Annotated[str, PlainValidator(_query_type), TEXT_SCHEMA]
Rcode = Annotated[str, PlainValidator(_rcode), TEXT_SCHEMA]


class DnsKeys(Entry):
    """What is asked, and which answer is good."""

    model_config = ConfigDict(defer_build=True)

    port: PortKey = None
    name: Annotated[QueryName, Field(description="The name to ask for")] = ""
    rtype: Annotated[QueryType, Field(description="The type to ask for")] = "A"
    transport: Annotated[
        str,
        choice("transport", {"udp": "udp", "tcp": "tcp"}),
        enum_schema(["udp", "tcp"]),
        Field(description="udp, then tcp where the answer is cut; or tcp at once"),
    ] = "udp"
    rcode: Annotated[list[Rcode], Field(min_length=1, description="The good RCODEs")] = ["NOERROR"]
    answers: Annotated[list[Text], Field(description="Values of which the answer must have one")] = []
    recursion: Annotated[bool, Field(description="Whether to ask for recursion")] = False


def _settings(keys: DnsKeys) -> DnsSettings:
    rcodes, answers = tuple(keys.rcode), tuple(keys.answers)
    return DnsSettings(keys.name, keys.rtype, keys.transport, rcodes, answers, keys.recursion)


def _check(keys: DnsKeys, _common: CommonKeys) -> None:
    """Raises an error for an expected answer that the type cannot have."""
    for answer in keys.answers:
        try:
            parse_rdata(RdataType.from_text(keys.rtype), answer, dns.name.root)
        except TextInvalid as invalid:
            raise error(f"answers: {invalid}") from invalid


DNS = MonitorKind(
    DnsKeys,
    _settings,
    port=lambda keys: keys.port or 53,
    needed={"name": "a dns monitor asks for one"},
    rule=_check,
)
