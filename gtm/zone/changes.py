"""The zones before and after a reload -> what was added, removed and changed in them, by name.

    a zone             that is added, or removed: its size, and the names that are no longer answered
    a zone that stays  its settings, regions, monitors, services, endpoints, and the records of its names

In come zones; out go lists with the first names, and the number of all. A name is no longer answered when no zone has
it, as itself or by a wildcard: resolvers may cache for a while that it does not exist (RFC 2308). Zones of the same
digest are not compared. Two large records files are compared name by name, and no objects are made of equal names.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import islice
from typing import TypeVarTuple

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.dns.name import relative_key
from gtm.zone.contents import HIDDEN, Contents, Fields, RRsets, Thing, contents_of, fingerprinted
from gtm.zone.model import Zone
from gtm.zone.records_file.packed import Bulk, NameKey, labels_of

MAX_NAMED = 8
"""How many names a line for people has."""
MAX_KEPT = 20
"""How many names a NameTally keeps for programs: as many as an event keeps of a list (gtm/event.py)."""
MAX_SHOWN = 32
"""The most characters of a field's value that is shown. A longer value is not shown: only the field is named."""
MAX_WALKED = 1_000_000
"""The most names of a records file that are compared, which takes a second or two. A larger file is not compared."""
MAX_OTHER = 200_000
"""The most differing names that are counted in one zone. A note says when there are more."""


class Fate(Enum):
    """What a reload did to a zone."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


_Arguments = TypeVarTuple("_Arguments")


class NameTally:
    """The first MAX_KEPT texts of a growing list, and the count of all. It is mutable: `add` fills it."""

    def __init__(self) -> None:
        self.count = 0
        self.some: list[str] = []

    def add(self, text: Callable[[*_Arguments], str], *arguments: *_Arguments) -> None:
        """Counts one more item; keeps `text(*arguments)` if it is among the first MAX_KEPT."""
        self.count += 1
        if len(self.some) < MAX_KEPT:
            self.some.append(text(*arguments))

    def __str__(self) -> str:
        told = ", ".join(self.some[:MAX_NAMED])
        more = self.count - min(len(self.some), MAX_NAMED)
        return f"{told} and {more:,} more" if more else told


@dataclass(frozen=True, slots=True)
class Differences:
    """The things (services, endpoints, settings ...) and records of a zone that a reload removed, added and changed."""

    removed: NameTally
    added: NameTally
    changed: NameTally

    def __bool__(self) -> bool:
        """Returns whether anything was removed, added or changed."""
        return bool(self.removed.count or self.added.count or self.changed.count)

    @property
    def parts(self) -> list[str]:
        """Returns parts of a line for people, such as `removed NAME, NAME`; an empty tally has no part."""
        told = (("removed", self.removed), ("added", self.added), ("changed", self.changed))
        return [f"{word} {tally}" for word, tally in told if tally.count]


@dataclass(frozen=True, slots=True)
class ZoneChanges:
    """What a reload changed in one zone."""

    zone: str
    fate: Fate
    found: Differences
    gone: NameTally
    """Names that were answered before the reload and that no zone answers after it."""
    note: str = ""

    def __str__(self) -> str:
        what = "; ".join([*self.found.parts, *filter(None, [self.note])])
        if self.fate is Fate.CHANGED:
            return f"zone {self.zone}: {what or 'nothing that it answers changed'}"
        return f"zone {self.zone} {self.fate.value}{f': {what}' if what else ''}"

    @property
    def warning(self) -> str:
        """Returns the warning about names that are no longer answered; empty when there are none."""
        if not self.gone.count:
            return ""
        verb = "name is" if self.gone.count == 1 else "names are"
        return f"zone {self.zone}: {self.gone.count:,} served {verb} answered no more: {self.gone}"


NO_CHANGES: tuple[ZoneChanges, ...] = ()


def changes(before: Iterable[Zone], after: Iterable[Zone]) -> tuple[ZoneChanges, ...]:
    """Returns the changes of each zone that was added, removed or whose digest differs, sorted by origin."""
    was, now = ({zone.origin: zone for zone in zones} for zones in (before, after))
    same = {origin for origin in was.keys() & now.keys() if was[origin].digest == now[origin].digest}
    if len(same) == len(was) == len(now):
        return NO_CHANGES
    return _all({name: _Lazy(zone) for name, zone in was.items()}, {n: _Lazy(zone) for n, zone in now.items()}, same)


def changes_since(before: Iterable[Contents], after: Iterable[Zone]) -> tuple[ZoneChanges, ...]:
    """Returns the changes between contents that another node sent (`parse_lines`) and the zones here.

    Values are compared by their fingerprints. A zone without differences is left out.
    """
    was = {contents.origin: _Lazy(contents) for contents in before}
    now = {zone.origin: _Lazy(fingerprinted(contents_of(zone))) for zone in after}
    return tuple(each for each in _all(was, now, set()) if each.fate is not Fate.CHANGED or each.found)


class _Lazy:
    """The contents of a zone, computed at the first use."""

    def __init__(self, source: Zone | Contents) -> None:
        self._source = source
        self._made = source if isinstance(source, Contents) else None

    @property
    def contents(self) -> Contents:
        if self._made is None:
            assert isinstance(self._source, Zone)
            self._made = contents_of(self._source)
        return self._made

    @property
    def size(self) -> str:
        """Returns `services: N, records: N` for people, without computing the contents."""
        here = self._source
        if isinstance(here, Contents):
            services, records = sum(thing.kind == "service" for thing in here.things), sum(map(len, here.own.values()))
        else:
            services, records = (
                len(here.all_services),
                sum(len(rrset.rdatas) for rrset in here.records) + here.bulk.values,
            )
        return f"services: {services:,}, records: {records:,}"


def _all(was: Mapping[Name, _Lazy], now: Mapping[Name, _Lazy], same: set[Name]) -> tuple[ZoneChanges, ...]:
    answered = _Answered(now)
    origins = sorted((was.keys() | now.keys()) - same, key=lambda name: name.to_text())
    return tuple(_one(origin, was.get(origin), now.get(origin), answered) for origin in origins)


class _Answered:
    """Tells whether the zones after the reload answer a name: call it with the absolute name."""

    def __init__(self, now: Mapping[Name, _Lazy]) -> None:
        self._now = now

    @cached_property
    def _above(self) -> frozenset[Name]:
        return frozenset(above for origin in self._now for above in _and_above(origin) if above != origin)

    def has_below(self, origin: Name) -> bool:
        """Returns whether a zone after the reload is below this origin."""
        return origin in self._above

    def may_have_some_of(self, origin: Name) -> bool:
        """Returns whether a zone after the reload has this origin, or is above it or below it."""
        return self.has_below(origin) or any(above in self._now for above in _and_above(origin))

    def __call__(self, name: Name) -> bool:
        for origin in _and_above(name):
            if origin in self._now:
                return self._now[origin].contents.answers(relative_key(name.labels, origin.labels))
        return False


def _and_above(name: Name) -> Iterator[Name]:
    yield name
    while name.labels != (b"",):
        name = name.parent()
        yield name


def _one(origin: Name, was: _Lazy | None, now: _Lazy | None, answered: _Answered) -> ZoneChanges:
    differences, gone, note = Differences(NameTally(), NameTally(), NameTally()), NameTally(), ""
    if was is not None and now is not None:
        before, after = was.contents, now.contents
        has_below = answered.has_below(origin)
        _compare_things(before.things, after.things, differences)
        for key, was_there, is_there in islice(_other_names(before, after), MAX_OTHER):
            _compare_records(after.text, key, was_there, is_there, differences)
            had, has = was_there or key in before.steered, is_there or key in after.steered
            if had and not has and not after.answers(key) and not (has_below and answered(_name(key, origin))):
                gone.add(before.text, key)
        fate, note = Fate.CHANGED, _left_out(before.bulk, after.bulk, differences)
    elif was is not None:
        fate, note = Fate.REMOVED, was.size
        _lose_all(was.contents, answered, gone)
    else:
        assert now is not None
        fate, note = Fate.ADDED, now.size
    return ZoneChanges(origin.to_text(omit_final_dot=True), fate, differences, gone, note)


def _left_out(before: Bulk, after: Bulk, differences: Differences) -> str:
    if _is_too_much(before) or _is_too_much(after):
        return f"{after.values:,} records of its records file, {before.values:,} before, not compared"
    count = differences.removed.count + differences.added.count + differences.changed.count
    return f"of more than {MAX_OTHER:,} names that differ the others are not counted" if count >= MAX_OTHER else ""


def _lose_all(contents: Contents, answered: _Answered, gone: NameTally) -> None:
    may_be_elsewhere = answered.may_have_some_of(contents.origin)
    if not may_be_elsewhere and contents.bulk.values > MAX_WALKED:
        gone.count = contents.count
        return
    for key in contents.owners():
        if not may_be_elsewhere or not answered(_name(key, contents.origin)):
            gone.add(contents.text, key)


def _compare_things(before: Mapping[Thing, Fields], after: Mapping[Thing, Fields], differences: Differences) -> None:
    """Adds removed, added and changed things to `differences`.

    The endpoints of a service that was itself added or removed are not added.
    """
    for tally, here, there in ((differences.removed, before, after), (differences.added, after, before)):
        for thing in here:
            if thing not in there and (not thing.of or Thing("service", thing.of) in there):
                tally.add(str, thing)
    for thing, now in after.items():
        was = before.get(thing)
        if was is not None and was != now and (difference := _fields(was, now)):
            differences.changed.add(str, f"{thing} ({difference})")


def _fields(was: Fields, now: Fields) -> str:
    """Returns the names of the fields that differ, each with its old and new value where these are short and public."""
    names = [name for name in (*now, *(name for name in was if name not in now)) if was.get(name) != now.get(name)]
    return ", ".join(_field(name, was.get(name, ""), now.get(name, "")) for name in names)


def _field(name: str, was: str, now: str) -> str:
    is_shown = not (was + now).startswith(HIDDEN) and HIDDEN not in {was[:1], now[:1]}
    if not is_shown or max(len(was), len(now)) > MAX_SHOWN:
        return name
    return f"{name} {was or 'none'} -> {now or 'none'}"


def _compare_records(
    name: Callable[[NameKey], str], key: NameKey, was: RRsets, now: RRsets, differences: Differences
) -> None:
    if was == now:
        return
    for rtype in sorted(was.keys() | now.keys()):
        old, new = was.get(rtype), now.get(rtype)
        if old == new:
            continue
        tally = differences.added if old is None else differences.removed if new is None else differences.changed
        tally.add(_record, name, key, rtype, old, new)


def _record(
    name: Callable[[NameKey], str],
    key: NameKey,
    rtype: int,
    old: tuple[int, object] | None,
    new: tuple[int, object] | None,
) -> str:
    message = f"record {name(key)} {RdataType.to_text(RdataType(rtype))}"
    if old is None or new is None:
        return message
    ttl = [f"ttl {old[0]} -> {new[0]}"] if old[0] != new[0] else []
    return f"{message} ({', '.join([*ttl, *(['values'] if old[1] != new[1] else [])])})"


def _name(key: NameKey, origin: Name) -> Name:
    return Name((*labels_of(key), *origin.labels))


def _other_names(before: Contents, after: Contents) -> Iterator[tuple[NameKey, RRsets, RRsets]]:
    """Yields each name once whose records may differ, with its records before and after the reload."""
    own = before.own.keys() | after.own.keys() | before.steered | after.steered
    for key in sorted(own):
        yield key, before.records(key), after.records(key)
    if not _is_too_much(before.bulk) and not _is_too_much(after.bulk):
        for key, *starts in _other_rows(before.bulk, after.bulk):
            if key not in own:
                was, now = starts
                yield key, _records(before, key, was), _records(after, key, now)


def _records(contents: Contents, key: NameKey, start: int | None) -> RRsets:
    return {} if start is None else contents.beside(key, contents.bulk.rrsets_at(start))


def _is_too_much(bulk: Bulk) -> bool:
    return len(bulk) > MAX_WALKED


def _other_rows(before: Bulk, after: Bulk) -> Iterator[tuple[NameKey, int | None, int | None]]:
    """Yields each name whose packed rows differ, with the start of its row before and after; None for no row.

    Different line numbers alone are no difference.
    """
    if before.rows == after.rows:
        return
    old, new = _rows(before), _rows(after)
    was, now = next(old, _END), next(new, _END)
    while was is not _END or now is not _END:
        if now is _END or (was is not _END and was[0] < now[0]):
            yield was[0], was[2], None
            was = next(old, _END)
        elif was is _END or now[0] < was[0]:
            yield now[0], None, now[2]
            now = next(new, _END)
        else:
            if was[1] != now[1]:
                yield now[0], was[2], now[2]
            was, now = next(old, _END), next(new, _END)


_END: tuple[NameKey, bytes, int] = (b"", b"", -1)


def _rows(bulk: Bulk) -> Iterator[tuple[NameKey, bytes, int]]:
    """Yields each name of packed records, the bytes of its row without line numbers, and the start of that row."""
    rows = bulk.rows
    starts = [start for (start,) in struct.iter_unpack("!I", bulk.starts)]
    for start, end in zip(starts, [*starts, len(rows)][1:], strict=True) if starts else ():
        at = start + 1 + rows[start]
        key, count = rows[start + 1 : at], rows[at + 1]
        if count == 1 and not rows[at]:  # most: type and TTL, line, values
            yield key, rows[at : at + 8] + rows[at + 12 : end], start
        else:
            yield key, b"".join(_without_lines(rows, at, end)), start


def _without_lines(rows: bytes, at: int, end: int) -> Iterator[bytes]:
    yield rows[at : at + 2]
    at += 2
    while at < end:
        values = int.from_bytes(rows[at + 10 : at + 12])
        begin = at
        at += 12
        for _ in range(values):
            at += 2 + int.from_bytes(rows[at : at + 2])
        yield rows[begin : begin + 6] + rows[begin + 10 : at]
