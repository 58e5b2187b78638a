"""The kinds of mapping in zone files and in the shared file, as messages about them need it.

Nothing comes in; out go ZONE_FILE, which gtm/config/reader.py reads such files by, and ZONE_GRAMMAR, which
gtm/config/messages.py makes messages with.
"""

from collections.abc import Mapping

from pydantic import BaseModel

from gtm.config.document import Path
from gtm.config.messages import Grammar
from gtm.config.reader import FileKind
from gtm.errors import ZoneInvalid
from gtm.zone.monitors.kinds.http import ExpectEntry
from gtm.zone.monitors.schema import MonitorEntry, keys_of
from gtm.zone.monitors.tls import TlsEntry
from gtm.zone.safety import SafetyEntry
from gtm.zone.schema import (
    EndpointEntry,
    RecordEntry,
    RegionEntry,
    ServiceEntry,
    SharedEntry,
    ZoneEntry,
)
from gtm.zone.soa_schema import SoaEntry

ZONE_FILE = FileKind(ZoneInvalid, too_long="move records to a records_file, or split the zone")

_NOUNS: Mapping[type[BaseModel], str] = {
    ZoneEntry: "a zone",
    SoaEntry: "soa",
    SharedEntry: "the shared file",
    RegionEntry: "a region",
    MonitorEntry: "a monitor",
    ExpectEntry: "expect",
    TlsEntry: "tls",
    ServiceEntry: "a service",
    EndpointEntry: "an endpoint",
    RecordEntry: "a record",
    SafetyEntry: "safety",
}

_PLACES: tuple[tuple[Path, type[BaseModel]], ...] = (
    (("regions", "*"), RegionEntry),
    (("monitors", "*"), MonitorEntry),
    (("monitors", "*", "expect"), ExpectEntry),
    (("monitors", "*", "tls"), TlsEntry),
    (("safety",), SafetyEntry),
    (("soa",), SoaEntry),
    (("services", "*", "safety"), SafetyEntry),
    (("services", "*"), ServiceEntry),
    (("services", "*", "endpoints", "*"), EndpointEntry),
    (("records", "*", "*"), RecordEntry),
)

_TOO_SHORT = {
    "endpoints": "a service needs at least one endpoint",
    "nameservers": "a zone needs at least one nameserver",
    "status": "expect needs at least one status",
    "values": "a record needs at least one value",
}

ZONE_GRAMMAR = Grammar(
    nouns=_NOUNS,
    places=_PLACES,
    too_short=_TOO_SHORT,
    too_short_otherwise="a name needs at least one record",
    keys_by_type={MonitorEntry: keys_of},
)
