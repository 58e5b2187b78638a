"""The name table of a zone: static records, services, delegations, empty non-terminals, SOA and apex NS."""

import struct
from collections import defaultdict

from dns.rdatatype import RdataType

from gtm.dns.name import Labels, labels, wire
from gtm.ids import ServiceId
from gtm.plan.model import Node, StaticRRset, ZonePlan
from gtm.zone.model import Zone

SOA_REFRESH_S = 3600
SOA_RETRY_S = 600
SOA_EXPIRE_S = 604_800
"""For secondaries: an hour, ten minutes and a week (RFC 1912 2.2)."""


def zone_plan(zone: Zone, serial: int) -> ZonePlan:
    """Returns the name table of a zone at one serial."""
    origin = labels(zone.origin)
    rrsets: defaultdict[Labels, dict[int, StaticRRset]] = defaultdict(dict)
    for record in zone.records:
        rrsets[labels(record.name)][record.rtype] = StaticRRset(record.ttl, record.rdatas)
    soa = StaticRRset(zone.ttl, (_soa_rdata(zone, serial),))
    rrsets[origin][RdataType.SOA] = soa
    rrsets[origin][RdataType.NS] = StaticRRset(zone.ttl, tuple(wire(name) for name in zone.nameservers))
    services: dict[Labels, ServiceId] = {labels(service.name): service.id for service in zone.services}
    names = {*rrsets, *services}
    names |= {name[cut:] for name in names for cut in range(1, len(name) - len(origin))}
    nodes = {
        name: Node(
            rrsets.get(name, {}),
            services.get(name),
            delegation=name != origin and RdataType.NS in rrsets.get(name, {}),
        )
        for name in names
    }
    return ZonePlan(zone, serial, origin, nodes, soa)


def _soa_rdata(zone: Zone, serial: int) -> bytes:
    """Returns the RDATA of the SOA (RFC 1035 3.3.13); its MINIMUM is the TTL of negative answers (RFC 2308 4)."""
    return (
        wire(zone.nameservers[0])
        + wire(zone.hostmaster)
        + struct.pack("!5I", serial, SOA_REFRESH_S, SOA_RETRY_S, SOA_EXPIRE_S, zone.ttl)
    )
