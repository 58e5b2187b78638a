"""The content of a zone as two tables that can be compared with those of another version (changes.py).

    things    settings, regions, monitors, services and their endpoints: fields with short texts
    names     the records of each name: TTL, and values or a fingerprint of them

In comes a Zone, or lines of JSON that another program made of one; out go Contents, or such lines. It must not give
away secrets: the lines have numbers and paths of monitors, and no headers or bodies.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import dns.exception
import dns.name
import msgspec
from dns.name import Name
from dns.rdatatype import RdataType

from gtm.dns.name import relative_key
from gtm.zone.model import Endpoint, Monitor, Region, Service, Zone
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.records_file.packed import NO_BULK, Bulk, BulkRRset, NameKey, labels_of

Fields = Mapping[str, str]
"""Texts of the fields of a thing, by field name in zone files. The text of a secret field begins with HIDDEN."""
RRsets = Mapping[int, tuple[int, object]]
"""The records of one name, by type: the TTL, and the values or their fingerprint."""

NOTHING: RRsets = {}
SHOWN_SETTINGS = frozenset({"host", "method", "path", "statuses"})
"""The settings of HTTP monitors that are shown. Others may hold secrets (headers, bodies, commands)."""
MAX_LABEL = 64
"""Octets; every label is shorter than this."""
HIDDEN = "#"
"""The first character of the text of a secret field. Such a text never leaves this process."""


class Thing(NamedTuple):
    """The key of something that a zone has besides records: settings, a region, monitor, service or endpoint."""

    kind: str
    name: str
    of: str = ""
    """The id of the service that an endpoint belongs to; empty for other kinds."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.of, self.name)))


@dataclass(frozen=True)
class Contents:
    """The things and the records of one zone, ready to compare."""

    origin: Name
    things: Mapping[Thing, Fields]
    own: Mapping[NameKey, RRsets]
    """The records of the zone file, by name; all records of the zone where the contents were read from lines."""
    bulk: Bulk = field(default=NO_BULK, repr=False)
    """The packed records of its records file."""

    @cached_property
    def steered(self) -> frozenset[NameKey]:
        """The names of services."""
        names = (dns.name.from_text(thing.name) for thing in self.things if thing.kind == "service")
        return frozenset(relative_key(name.labels, self.origin.labels) for name in names)

    @cached_property
    def _above(self) -> frozenset[NameKey]:
        """Names that exist because a name below them exists: empty non-terminals (RFC 8020)."""
        names: set[NameKey] = set()
        for key in chain(self.own, self.steered):
            names.update(_upwards(key))
        return frozenset(names)

    @property
    def count(self) -> int:
        """Returns the number of names with records or a service; empty non-terminals of the records file count too."""
        return len(self.own.keys() | self.steered) + len(self.bulk)

    def records(self, key: NameKey) -> RRsets:
        """Returns the records of a name, from the zone file and the records file; empty when it has none."""
        return self.beside(key, (self.bulk.find(key) or ()) if len(self.bulk) else ())

    def beside(self, key: NameKey, packed: Iterable[BulkRRset]) -> RRsets:
        """Returns the records of a name: those of the zone file and `packed`, which is its row of the records file."""
        own = self.own.get(key, NOTHING)
        return {**{rrset.rtype: (rrset.ttl, _in_order(rrset.rdatas)) for rrset in packed}, **own} if packed else own

    def names(self) -> Iterator[tuple[NameKey, RRsets]]:
        """Yields every name that has records, once, with its records."""
        for key, packed in self.bulk.below(b""):
            if packed and key not in self.own:
                yield key, self.beside(key, packed)
        yield from ((key, self.records(key)) for key in self.own)

    def owners(self) -> Iterator[NameKey]:
        """Yields every name that has records or a service. A name of both files may come twice."""
        return chain(self.own, self.steered - self.own.keys(), self.bulk.owners())

    def answers(self, key: NameKey) -> bool:
        """Returns whether a name has records or a service, or is answered by a wildcard (RFC 4592 3.3.1)."""
        if self._has(key) or not self.has_wildcards:
            return self._has(key)
        for above in _upwards(key):
            if self._has(above + _WILD):
                return True
            if self._has(above) or above in self._above or self.bulk.find(above) is not None:
                return False
        return False

    def _has(self, key: NameKey) -> bool:
        return key in self.steered or key in self.own or bool(self.bulk.find(key))

    @cached_property
    def has_wildcards(self) -> bool:
        """Whether this zone may have a wildcard; False is certain."""
        return any(_WILD in key for key in chain(self.own, self.steered)) or _WILD in self.bulk.rows

    @cached_property
    def _origin_text(self) -> str:
        return self.origin.to_text(omit_final_dot=True)

    def text(self, key: NameKey) -> str:
        """Returns the absolute name of a key as text for people, without its trailing dot."""
        labels = labels_of(key)
        if self.origin != dns.name.root and all(map(_PLAIN.fullmatch, labels)):  # nearly all, and ten times as fast
            return ".".join([*(label.decode() for label in labels), self._origin_text])
        return Name((*labels, *self.origin.labels)).to_text(omit_final_dot=True)


def contents_of(zone: Zone) -> Contents:
    """Returns the contents of a zone."""
    own: dict[NameKey, dict[int, tuple[int, object]]] = {}
    for rrset in zone.records:
        values = (rrset.ttl, _in_order(rrset.rdatas))
        own.setdefault(relative_key(rrset.name.labels, zone.origin.labels), {})[int(rrset.rtype)] = values
    return Contents(zone.origin, dict(_things(zone)), own, zone.bulk)


def fingerprinted(contents: Contents) -> Contents:
    """Returns contents as `parse_lines` reads them from `lines`: fingerprints for values, and no secret fields."""
    things = {thing: _told(values) for thing, values in contents.things.items()}
    own = {
        key: {rtype: (ttl, _print(rdata_fields)) for rtype, (ttl, rdata_fields) in records.items()}
        for key, records in contents.names()
    }
    return Contents(contents.origin, things, own)


def lines(contents: Contents) -> Iterator[bytes]:
    """Yields the contents of a zone as lines of JSON, without secret fields."""
    yield _line(["zone", contents.origin.to_text(omit_final_dot=True)])
    for thing, values in contents.things.items():
        yield _line(["thing", *thing, _told(values)])
    for key, records in contents.names():
        name = contents.text(key)
        for rtype, (ttl, rdata_fields) in records.items():
            yield _line(["record", name, RdataType.to_text(RdataType(rtype)), ttl, _print(rdata_fields)])


def parse_lines(texts: Iterable[bytes]) -> tuple[Contents, ...]:
    """Returns the contents of the zones in lines that `lines` wrote. Raises ValueError for any other line."""
    zones: list[tuple[Name, dict[Thing, Fields], dict[NameKey, dict[int, tuple[int, object]]]]] = []
    try:
        for text in texts:
            match msgspec.json.decode(text):
                case ["zone", str(origin)]:
                    zones.append((dns.name.from_text(origin), {}, {}))
                case ["thing", str(kind), str(name), str(of), dict(values)]:
                    if kind == "service":
                        dns.name.from_text(name)  # it is looked up as a name later
                    zones[-1][1][Thing(kind, name, of)] = {str(key): str(value) for key, value in values.items()}
                case ["record", str(name), str(rtype), int(ttl), str(said)]:
                    own = zones[-1][2]
                    own.setdefault(_key(name, zones[-1][0]), {})[int(RdataType.from_text(rtype))] = (ttl, said)
                case _:
                    raise ValueError("a line of another kind")
    except (dns.exception.DNSException, msgspec.DecodeError, UnicodeError, IndexError, RecursionError) as error:
        raise ValueError(f"no zone's contents: {error}") from error
    return tuple(Contents(*each) for each in zones)


def _things(zone: Zone) -> Iterator[tuple[Thing, Fields]]:
    soa = {f"soa {_named(each.name)}": str(getattr(zone.soa, each.name)) for each in fields(zone.soa)}
    servers = ", ".join(name.to_text(omit_final_dot=True) for name in zone.nameservers)
    settings = {"ttl": str(zone.ttl), "nameservers": servers, "hostmaster": zone.hostmaster.to_text(), **soa}
    yield Thing("settings", "of the zone"), settings
    for region in zone.regions:
        yield Thing("region", region.name), _region(region)
    monitors: dict[tuple[str, str], Monitor] = {}
    for service in zone.services:
        for monitor in (
            () if service.monitor is None or service.monitor.key in monitors else service.monitor.all_parts()
        ):
            monitors[monitor.key] = monitor
    for monitor in monitors.values():
        yield Thing("monitor", monitor.name), _monitor(monitor)
    for service in zone.all_services:
        yield Thing("service", service.id), _service(service)
        for endpoint in service.endpoints:
            yield Thing("endpoint", endpoint.id, service.id), _endpoint(endpoint, is_used=True)
        for endpoint in service.disabled:
            yield Thing("endpoint", endpoint.id, service.id), _endpoint(endpoint, is_used=False)


def _region(region: Region) -> Fields:
    at = "auto" if region.at is None else f"{region.at.latitude:g},{region.at.longitude:g}"
    return {
        "at": at,
        "country": region.country,
        "continent": region.continent,
        "bias": str(region.bias),
        "enabled": str(region.enabled).lower(),
    }


def _endpoint(endpoint: Endpoint, *, is_used: bool) -> Fields:
    return {
        "weight": str(endpoint.weight),
        "priority": str(endpoint.priority),
        "last_resort": str(endpoint.last_resort).lower(),
        "used": str(is_used).lower(),
    }


_APART = frozenset({"name", "endpoints", "monitor", "steer", "scope", "settings", "parts", "parts_digest", "disabled"})
"""Fields of a service or monitor that `_plain` leaves out: they are things of their own, or are written otherwise."""


def _service(service: Service) -> Fields:
    steer = service.steer.preset or " -> ".join(map(str, service.steer.chain))
    monitor = "none" if service.monitor is None else service.monitor.name
    return {"monitor": monitor, "steer": steer, **_plain(service)}


def _monitor(monitor: Monitor) -> Fields:
    settings = monitor.settings.request if isinstance(monitor.settings, DenySettings) else monitor.settings
    is_http = isinstance(settings, HttpSettings)
    told = {}
    for each in fields(settings):
        text = str(getattr(settings, each.name))
        told[each.name] = text if is_http and each.name in SHOWN_SETTINGS else HIDDEN + text
    return {**_plain(monitor), **told}


def _plain(value: Service | Monitor) -> dict[str, str]:
    return {_named(each.name): _text(getattr(value, each.name)) for each in fields(value) if each.name not in _APART}


def _text(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(name: str) -> str:
    return name.removesuffix("_s")


def _key(text: str, origin: Name) -> NameKey:
    tail = f".{origin.to_text(omit_final_dot=True)}"
    if _PLAIN_NAME.fullmatch(text) and text.endswith(tail):
        labels = text.removesuffix(tail).encode().split(b".")
        if all(0 < len(label) < MAX_LABEL for label in labels):
            return b"".join(bytes((len(label),)) + label for label in reversed(labels))
    return relative_key(dns.name.from_text(text).labels, origin.labels)


def _told(values: Fields) -> Fields:
    return {name: text for name, text in values.items() if not text.startswith(HIDDEN)}


def _in_order(rdatas: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(sorted(rdatas))  # the order of an RRset means nothing (RFC 2181 5)


def _print(shown: object) -> str:
    """Returns the fingerprint of a tuple of values; anything else is a fingerprint already and is returned as text."""
    if not isinstance(shown, tuple):
        return str(shown)
    joined = b"".join(len(value).to_bytes(2) + value for value in shown)
    return hashlib.sha256(joined).hexdigest()[:16]


def _line(value: list[object]) -> bytes:
    return _ENCODER.encode(value) + b"\n"


_WILD = b"\1*"
_PLAIN = re.compile(rb"[a-z0-9_*-]+")
_PLAIN_NAME = re.compile(r"[a-z0-9_*.-]+")
_ENCODER = msgspec.json.Encoder()


def _upwards(key: NameKey) -> Iterator[NameKey]:
    """Yields the keys of the names above a name, nearest first, up to the apex of the zone."""
    starts, at = [], 0
    while at < len(key):
        starts.append(at)
        at += 1 + key[at]
    return (key[:start] for start in reversed(starts))
