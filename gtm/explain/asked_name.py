"""The name that a person asks to have explained -> the absolute name that is meant; or that it is nobody's.

    api.gtm.example.com     a name in a zone here, with or without its final dot
    api                     the only zone that has this name in it
    api.                    absolute, whatever the zones have

In come a plan and names, out go names and words. Wildcards stand for no short name: they have every one.
"""

import dns.name
import dns.rcode
from dns.name import Name, NameTooLong
from dns.rdatatype import RdataType

from gtm.config.suggestions import suggestion
from gtm.dns.name import labels, text
from gtm.engine.lookup import zone_of
from gtm.plan.model import Plan

MAX_LISTED = 10


class QuestionUnclear(ValueError):
    """A short name could mean several; the message lists them."""


def meant(plan: Plan, name: Name) -> Name:
    """Returns the absolute name that is meant; raises QuestionUnclear with those that it could be."""
    if name.is_absolute():
        return name
    whole = name.concatenate(dns.name.root)
    if zone_of(plan, labels(whole), RdataType.A) is not None:
        return whole
    names = {key: other for other in _in_zones(plan, name) if (key := labels(other))}
    if len(names) <= 1:
        return next(iter(names.values()), whole)
    listed = ", ".join(sorted(text(key).rstrip(".") for key in names)[:MAX_LISTED])
    more = f", and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    raise QuestionUnclear(f'name: "{name}" could mean {listed}{more}; say which')


def _in_zones(plan: Plan, name: Name) -> list[Name]:
    """Returns the names that exist, of this one in each zone; what is in a zone below belongs to that."""
    names = []
    for zone in plan.zones.values():
        try:
            other = name.concatenate(zone.zone.origin)
        except NameTooLong:
            continue
        key = labels(other)
        if key in zone.nodes and zone_of(plan, key, RdataType.A) is zone:
            names.append(other)
    return names


def nobodys(plan: Plan, asked: Name, *, rcode: int | None) -> str:
    """Returns that a name is nobody's here, in words, and what may be meant; empty for one that has an answer."""
    name = text(labels(asked))
    is_here = zone_of(plan, labels(asked), RdataType.A) is not None
    if is_here and rcode != dns.rcode.NXDOMAIN:
        return ""
    shown = name.rstrip(".") or "."
    known: dict[str, None] = {}
    for service, steered in plan.services.items():
        known |= {service: None, service.removesuffix(f".{steered.zone}"): None}
    known.pop(shown, None)
    return f'"{shown}" is the name of nothing here{suggestion(shown, known)}'
