"""A name as a person typed it -> the absolute name; or a text that says that nothing here has it.

    api.gtm.example.com     a name in a zone here, with or without its final dot
    api                     the only zone that has this name in it
    api.                    absolute, whatever the zones have

In come a plan and names, out go names and texts. Wildcards do not count for short names: they would match every one.
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
    """Raised for a short name that several zones have; the message lists the names."""


def meant(plan: Plan, name: Name) -> Name:
    """Returns the absolute name for a name as a person typed it.

    Raises QuestionUnclear when a short name could mean several names.
    """
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
    """Returns the existing names that a short name has in the zones, one for each zone that has it."""
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
    """Returns a text that says that no zone here has a name, with a similar name if there is one.

    Empty for a name that exists. `rcode` is that of the answer; None when there was no answer.
    """
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
