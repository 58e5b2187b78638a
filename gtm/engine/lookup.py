"""Name -> node: the zone of a name, and its node there (RFC 1034 4.3.2; RFC 4592 for wildcards).

below a delegation      Referral    the NS records of the cut
the name exists         Match       an empty non-terminal exists, and has nothing
a wildcard covers it    Match       the node of the wildcard
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
    """Returns the zone with the longest origin that the name is at or below; None when there is none.

    For DS at an apex it is the zone above, if the plan has it (RFC 4035 3.1.4.1).
    """
    zone = _closest(plan, name)
    if zone is not None and rtype == RdataType.DS and name == zone.origin and name:
        return _closest(plan, name[1:]) or zone
    return zone


def find(zone: ZonePlan, name: Labels, rtype: int) -> Match | Referral | None:
    """Returns the node that answers for a name in the zone, or the referral; None when the name does not exist."""
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
