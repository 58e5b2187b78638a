"""Decides which file a zone, and the names in it, belong to where several zone files claim them.

In come the zones that files claim, and the zones that they had in the catalogue before. Out goes the order of the
claims, and whether a zone has names inside another zone. Authors of zone files need not trust each other:

    one zone, several files       the file that had it; else the one named after it (gtm.example.com.yaml); else by name
    a zone inside another zone    allowed where the outer zone has no names there, or delegates them by NS records; else
                                  the zone that served before stays, and of two new zones the outer one
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
"""The sort key of a claim: the claim with the lowest rank gets the zone."""


def rank(file: str, loaded: Loaded, before: Mapping[str, Loaded], number: int) -> Rank:
    """Returns the rank of a file's claim to its zone; the lowest rank wins.

    `before` has the zones of the last catalogue by file; `number` is the position of the file in the order of names.
    """
    origin = loaded.zone.origin
    is_named_so = Path(file).stem.lower() == origin.to_text(omit_final_dot=True).lower()
    return not had(file, origin, before), not is_named_so, number


def had(file: str, origin: Name, before: Mapping[str, Loaded]) -> bool:
    """Returns whether a file had the zone `origin` in the last catalogue, `before`."""
    return file in before and before[file].zone.origin == origin


def outer(origin: Name) -> Iterator[Name]:
    """Yields the parent names of a zone's origin, the nearest first, without the root.

    No zone file has the root as its zone.
    """
    while len(origin.labels) > 2:
        origin = origin.parent()
        yield origin


class Territories:
    """The names of each zone. Its state is a cache of them, as a large zone is compared with each zone inside it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Zone, _Names]] = {}

    def reaches_into(self, zone: Zone, inner: Name) -> bool:
        """Returns whether a zone has names or a wildcard inside the zone `inner`.

        It is False where the zone delegates these names by NS records.
        """
        known = self._known.get(id(zone))
        if known is None:
            known = self._known[id(zone)] = zone, _names(zone)  # with the zone, so that its id is not reused
        names, asked = known[1], (inner, *(name for name in outer(inner) if name.is_subdomain(zone.origin)))
        if any(name in names.cuts or _is_cut_in_bulk(zone, name) for name in asked if name != zone.origin):
            return False
        wildcards = (Name((b"*", *name.labels)) for name in asked[1:] if len(name.labels) < 127)
        return any(name in names.existing or _is_in_bulk(zone, name) for name in (inner, *wildcards))


@dataclass(frozen=True, slots=True)
class _Names:
    existing: frozenset[Name]
    """The names in the zone file itself, and all names above them up to the apex."""
    cuts: frozenset[Name]
    """The names that have NS records."""


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
