"""What a changed zone would lose of what serves -> whether that is so much that an operator must confirm it.

    names        of records and services, that the zone no longer has
    records      the difference in number, whatever their data: another address is no loss
    services     that the zone no longer has, or that have no enabled endpoint left
    endpoints    of all services, the difference in number; to disable some is no loss

A file that was cut, or made by a program that failed half-way, can be a good zone without most of its names, which then
do not exist, for as long as resolvers keep that (RFC 2308). A kind counts only where the zone had at least LEAST of it:
a small zone often loses most of its few records, and they are soon restored.

In come two zones. Nothing here knows files, or decides who may use --force.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dns.name import Name

from gtm.dns.name import relative_key
from gtm.zone.model import Zone
from gtm.zone.records_file.packed import NameKey, labels_of

LEAST = 10
"""A zone that had fewer than this of a kind may lose all of that kind at once."""
DEFAULT_MOST_LOST = 0.5
"""The default share of each kind that a zone may lose at once; with 1 it may lose all."""
MAX_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Loss:
    """The names, records, services or endpoints that a zone would lose."""

    kind: str
    lost: int
    before: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = ""
        if self.examples:
            more = self.lost - len(self.examples)
            told = f" ({', '.join(self.examples)}{f' and {more} more' if more else ''})"
        return f"{self.lost} of {self.before} {self.kind}{told}"


@dataclass(frozen=True, slots=True)
class LossGuard:
    """Refuses zones that would lose too much."""

    most_lost: float = DEFAULT_MOST_LOST
    forced: frozenset[Name] = frozenset()
    """The zones that may lose any share, because a reload with --force named them."""

    def words(self, before: Zone | None, after: Zone) -> str:
        """Returns the reason to refuse the zone `after` in place of `before`, which serves; empty if it may serve."""
        if before is None or before is after or after.origin in self.forced:
            return ""
        told = ", ".join(map(str, losses(before, after, self.most_lost)))
        zone = after.origin.to_text(omit_final_dot=True)
        return told and (
            f"it would lose {told}. What serves stays as it is; if this is meant: gtm reload --force {zone}"
        )


NO_GUARD = LossGuard(most_lost=1.0)
"""A guard that refuses no zone, for `gtm check`, where no zone serves."""


def losses(before: Zone, after: Zone, most_lost: float) -> tuple[Loss, ...]:
    """Returns the losses that exceed the share `most_lost`, between 0 and 1, one per kind."""
    if most_lost >= 1:
        return ()
    losses_of_kinds = (kind(before, after) for kind in _KINDS)
    return tuple(each for each in losses_of_kinds if each.before >= LEAST and each.lost > most_lost * each.before)


def _names(before: Zone, after: Zone) -> Loss:
    if before.bulk.rows == after.bulk.rows:  # comparing a million names takes a second
        gone = set(_own_keys(before)).difference(_own_keys(after))
        gone = {key for key in gone if not after.bulk.find(key)}
        if not gone:
            return Loss("names", 0, 0)
    had = set(_keys(before))
    gone = had.difference(_keys(after))
    examples = tuple(_text(key, before.origin) for key in sorted(gone)[:MAX_EXAMPLES])
    return Loss("names", len(gone), len(had), examples)


def _records(before: Zone, after: Zone) -> Loss:
    had, has = (sum(len(record.rdatas) for record in zone.records) + zone.bulk.values for zone in (before, after))
    return Loss("records", max(0, had - has), had)


def _services(before: Zone, after: Zone) -> Loss:
    had, has = ({service.id for service in zone.services} for zone in (before, after))
    return Loss("services", len(had - has), len(had))


def _endpoints(before: Zone, after: Zone) -> Loss:
    had, has = (
        sum(len(service.endpoints) + len(service.disabled) for service in zone.all_services) for zone in (before, after)
    )
    return Loss("endpoints", max(0, had - has), had)


_KINDS: tuple[Callable[[Zone, Zone], Loss], ...] = (_names, _records, _services, _endpoints)


def _keys(zone: Zone) -> Iterator[NameKey]:
    """Yields the names of all records and services of a zone, also those of its records file."""
    yield from _own_keys(zone)
    yield from zone.bulk.owners()


def _own_keys(zone: Zone) -> Iterator[NameKey]:
    """Yields the names of the records and services in the zone file itself."""
    yield from (relative_key(service.name.labels, zone.origin.labels) for service in zone.all_services)
    yield from (relative_key(rrset.name.labels, zone.origin.labels) for rrset in zone.records)


def _text(key: NameKey, origin: Name) -> str:
    return Name((*labels_of(key), *origin.labels)).to_text(omit_final_dot=True)
