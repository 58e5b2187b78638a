"""The name table of a zone: static records, services, delegations, empty non-terminals, SOA and apex NS.

Names that only a records file has stay packed; their node is made on each lookup.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dns.rdatatype import RdataType

from gtm.dns.name import Labels, labels, relative_key, wire
from gtm.ids import ServiceId
from gtm.plan.model import Node, StaticRRset, ZonePlan
from gtm.zone.model import Zone
from gtm.zone.records_file.packed import Bulk, BulkRRset, labels_of


def zone_plan(zone: Zone, serial: int) -> ZonePlan:
    """Returns the name table of a zone, with this serial in its SOA."""
    origin = labels(zone.origin)
    rrsets: defaultdict[Labels, dict[int, StaticRRset]] = defaultdict(dict)
    for record in zone.records:
        rrsets[labels(record.name)][record.rtype] = StaticRRset(record.ttl, record.rdatas)
    soa = StaticRRset(zone.soa.ttl_s, (_soa_rdata(zone, serial),))
    rrsets[origin][RdataType.SOA] = soa
    rrsets[origin][RdataType.NS] = StaticRRset(zone.ttl, tuple(wire(name) for name in zone.nameservers))
    services: dict[Labels, ServiceId] = {labels(service.name): service.id for service in zone.services}
    names = {*rrsets, *services, *(labels(service.name) for service in zone.disabled_services)}
    names |= {name[cut:] for name in names for cut in range(1, len(name) - len(origin))}
    for name in names if zone.bulk else ():
        for rrset in zone.bulk.find(relative_key(name, origin)) or ():
            rrsets[name][rrset.rtype] = StaticRRset(rrset.ttl, rrset.rdatas)
    own = {
        name: Node(
            rrsets.get(name, {}),
            services.get(name),
            delegation=name != origin and RdataType.NS in rrsets.get(name, {}),
        )
        for name in names
    }
    return ZonePlan(
        zone, serial, origin, Nodes(own, zone.bulk, origin), own, StaticRRset(zone.soa.negative_ttl_s, soa.rdatas)
    )


@dataclass(frozen=True, slots=True)
class Nodes(Mapping[Labels, Node]):
    """The nodes of a zone by absolute name: those in `own`, and those that are made from the packed records file."""

    own: Mapping[Labels, Node]
    """These come before packed ones, and have the packed records of the same name too."""
    bulk: Bulk
    origin: Labels

    def __getitem__(self, name: Labels) -> Node:
        """Returns the node of a name; raises KeyError for a name that the zone does not have."""
        node = self.own.get(name)
        if node is not None:
            return node
        if not self.bulk or name[len(name) - len(self.origin) :] != self.origin:
            raise KeyError(name)
        rrsets = self.bulk.find(relative_key(name, self.origin))
        if rrsets is None:
            raise KeyError(name)
        return _node(rrsets)

    def __iter__(self) -> Iterator[Labels]:
        """Yields every name of the zone once."""
        yield from self.own
        for key in self.bulk.names():
            name = (*labels_of(key), *self.origin)
            if name not in self.own:
                yield name

    def __len__(self) -> int:
        """Returns the number of names of the zone."""
        both = sum(self.bulk.find(relative_key(name, self.origin)) is not None for name in self.own) if self.bulk else 0
        return len(self.own) + len(self.bulk) - both


def _node(rrsets: tuple[BulkRRset, ...]) -> Node:
    by_type = {rrset.rtype: StaticRRset(rrset.ttl, rrset.rdatas) for rrset in rrsets}
    return Node(by_type, delegation=RdataType.NS in by_type)


def _soa_rdata(zone: Zone, serial: int) -> bytes:
    """Returns the RDATA of the SOA (RFC 1035 3.3.13)."""
    soa = zone.soa
    return (
        wire(zone.nameservers[0])
        + wire(zone.hostmaster)
        + struct.pack("!5I", serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s)
    )
