"""Name -> node: the zone, and what it has there (RFC 1034 4.3.2; RFC 4592 for wildcards).

below a delegation      Referral    the NS records of the cut
the name exists         Match       an empty non-terminal exists, and has nothing
a wildcard covers it    Match       at the name that was asked
neither                 None        NXDOMAIN
"""

from dataclasses import dataclass

from dns.rdatatype import RdataType

from gtm.dns.name import Labels
from gtm.plan.model import Node, Plan, ZonePlan

WILDCARD = b"*"


@dataclass(frozen=True, slots=True)
class Match:
    """The node that answers for a name."""

    node: Node


@dataclass(frozen=True, slots=True)
class Referral:
    """The delegation that a name is at or below."""

    name: Labels
    node: Node


def zone_of(plan: Plan, name: Labels, rtype: int) -> ZonePlan | None:
    """Returns the zone with the longest matching origin; for DS at an apex the one above (RFC 4035 3.1.4.1)."""
    zone = _closest(plan, name)
    if zone is not None and rtype == RdataType.DS and name == zone.origin and name:
        return _closest(plan, name[1:]) or zone
    return zone


def find(zone: ZonePlan, name: Labels, rtype: int) -> Match | Referral | None:
    """Returns the match of a name in the zone."""
    depth = len(name) - len(zone.origin)
    encloser = zone.origin
    for cut in range(depth, -1, -1):
        node = zone.nodes.get(name[cut:])
        if node is None:
            return _covering(zone, encloser)
        encloser = name[cut:]
        # RFC 4035 3.1.4.1: the parent is authoritative for DS at the cut itself
        if node.delegation and not (cut == 0 and rtype == RdataType.DS):
            return Referral(encloser, node)
    return Match(zone.nodes[name])


def _covering(zone: ZonePlan, encloser: Labels) -> Match | None:
    wildcard = zone.nodes.get((WILDCARD, *encloser))
    return None if wildcard is None else Match(wildcard)


def _closest(plan: Plan, name: Labels) -> ZonePlan | None:
    for cut in range(len(name) + 1):
        zone = plan.zones.get(name[cut:])
        if zone is not None:
            return zone
    return None
