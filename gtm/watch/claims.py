"""Whose a zone is, and whose the names in it, where several files want them.

In come the zones that files ask for, and those that they had before; out goes the order in which they get them, and
whether a zone has names that are in another. Authors of zone files trust each other no more than those of zones do:

    one zone, several files       who has it keeps it; then who is named for it (gtm.example.com.yaml); then by name
    a zone inside another zone    fine where the outer one has no names there, or NS records that delegate them; else
                                  who was there first stays, and of two that are new the outer one
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.dns.name import relative_key
from gtm.watch.folder import Loaded
from gtm.zone.model import Zone

Rank = tuple[bool, bool, int]
"""Who comes first gets the zone."""


def rank(file: str, loaded: Loaded, before: Mapping[str, Loaded], number: int) -> Rank:
    """Returns the rank of the claim of a file to its zone; its number is that in the order of names."""
    origin = loaded.zone.origin
    is_named_so = Path(file).stem.lower() == origin.to_text(omit_final_dot=True).lower()
    return not had(file, origin, before), not is_named_so, number


def had(file: str, origin: Name, before: Mapping[str, Loaded]) -> bool:
    """Returns whether a file had a zone before."""
    return file in before and before[file].zone.origin == origin


def outer(origin: Name) -> Iterator[Name]:
    """Yields the names that a zone is inside of, the nearest first; not the root, which no zone file has."""
    while len(origin.labels) > 2:
        origin = origin.parent()
        yield origin


class Territories:
    """Which names zones have. Its state is what was looked up: a zone with many names is asked for each inside it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Zone, _Names]] = {}

    def reaches_into(self, zone: Zone, inner: Name) -> bool:
        """Returns whether a zone has names that are in an inner one, or a wildcard for them, and delegates them not."""
        known = self._known.get(id(zone))
        if known is None:
            known = self._known[id(zone)] = zone, _names(zone)  # with the zone, so that its id stays its own
        names, asked = known[1], (inner, *(name for name in outer(inner) if name.is_subdomain(zone.origin)))
        if any(name in names.cuts or _is_cut_in_bulk(zone, name) for name in asked if name != zone.origin):
            return False
        wildcards = (Name((b"*", *name.labels)) for name in asked[1:] if len(name.labels) < 127)
        return any(name in names.existing or _is_in_bulk(zone, name) for name in (inner, *wildcards))


@dataclass(frozen=True, slots=True)
class _Names:
    existing: frozenset[Name]
    """Those of the zone file, and all above them."""
    cuts: frozenset[Name]
    """Where it delegates."""


def _names(zone: Zone) -> _Names:
    existing = {zone.origin}
    for owner in (*(record.name for record in zone.records), *(service.name for service in zone.all_services)):
        name = owner
        while name not in existing:
            existing.add(name)
            name = name.parent()
    cuts = frozenset(record.name for record in zone.records if record.rtype == RdataType.NS)
    return _Names(frozenset(existing), cuts)


def _is_in_bulk(zone: Zone, name: Name) -> bool:
    return bool(zone.bulk) and zone.bulk.find(relative_key(name.labels, zone.origin.labels)) is not None


def _is_cut_in_bulk(zone: Zone, name: Name) -> bool:
    rrsets = zone.bulk.find(relative_key(name.labels, zone.origin.labels)) if zone.bulk else None
    return any(rrset.rtype == RdataType.NS for rrset in rrsets or ())
