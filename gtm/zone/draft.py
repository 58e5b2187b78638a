"""A zone while its file is validated: its parts, each with its path in the file, and the problems found so far.

Only gtm/zone uses these values, for the length of one parse. They must not leave it: what leaves is a Zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import RdataType

from gtm.config.document import Document, Path
from gtm.dns.name import relative_key
from gtm.errors import Problem, Problems
from gtm.zone.model import Service
from gtm.zone.records_file.packed import NO_BULK, Bulk


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """One RRset of the zone file or of the records file."""

    path: Path
    name: Name
    rtype: RdataType
    ttl: int
    rdatas: tuple[Rdata, ...]
    file: str = ""
    """The records file that it is in; empty for the zone file."""
    line: int = 0
    """Its line in that records file; 0 for the zone file."""


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """One service of the zone file, with its path there."""

    path: Path
    service: Service

    @property
    def name(self) -> Name:
        """Returns the absolute name of the service."""
        return self.service.name

    @property
    def targets(self) -> tuple[Name, ...]:
        """Returns the target names of its endpoints, which it may answer as CNAME."""
        return tuple(end.answer for end in self.service.endpoints if isinstance(end.answer, Name))

    @property
    def has_addresses(self) -> bool:
        """Returns whether an endpoint of the service is an address."""
        return any(not isinstance(end.answer, Name) for end in self.service.endpoints)


@dataclass(slots=True)
class ZoneDraft:
    """All that could be read of a zone so far, by name."""

    origin: Name
    nameservers: tuple[Name, ...]
    services: dict[Name, ServiceDraft] = field(default_factory=dict)
    records: dict[Name, dict[RdataType, RecordDraft]] = field(default_factory=dict)
    unclear: set[Name] = field(default_factory=set)
    """Names with a part that could not be read: no problem is reported for what they lack."""
    bulk: Bulk = NO_BULK
    """All records of the records file; `records` has those that the rules need (gtm/zone/records_file/overlap.py)."""

    def has(self, name: Name) -> bool:
        """Returns whether the records file has this name or a name below it."""
        return (
            name.is_subdomain(self.origin) and self.bulk.find(relative_key(name.labels, self.origin.labels)) is not None
        )

    def all_records(self) -> Iterator[RecordDraft]:
        """Yields every record, in the order of the file."""
        for by_type in self.records.values():
            yield from by_type.values()

    def record(self, name: Name, rtype: RdataType) -> RecordDraft | None:
        """Returns the record of a name and type; None when there is none."""
        return self.records.get(name, {}).get(rtype)

    def has_address(self, name: Name) -> bool:
        """Returns whether a name has an address, from a record or a service, or may have one (`unclear`)."""
        service = self.services.get(name)
        if name in self.unclear or (service is not None and service.has_addresses):
            return True
        return any(rtype in self.records.get(name, {}) for rtype in (RdataType.A, RdataType.AAAA))


@dataclass(slots=True)
class ProblemList:
    """The problems of one file, as they are found."""

    document: Document
    found: Problems = field(default_factory=Problems)
    warnings: Problems = field(default_factory=lambda: Problems(noun="warning"))
    """Mistakes that do not stop the file from being served."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Returns the problems in the order of the file."""
        return self.found.all

    @property
    def is_full(self) -> bool:
        """Returns whether further problems of the zone file are only counted."""
        return self.found.is_full(self.document.file)

    def add(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Adds a problem at the value of a path, or at its key."""
        self.found.add(self.document.problem(path, message, at_key=at_key))

    def warn(self, path: Path, message: str, *, at_key: bool = False) -> None:
        """Adds a warning at the value of a path, or at its key."""
        self.warnings.add(self.document.problem(path, message, at_key=at_key))

    def add_to(self, record: RecordDraft, message: str, path: Path | None = None) -> None:
        """Adds a problem to a record.

        Its place is the record's line in the records file; in the zone file it is `path`, or the key of the record.
        """
        if record.file:
            self.found.add(Problem(record.file, record.line, 1, message))
        else:
            self.add(path or record.path, message, at_key=path is None)

    def where(self, record: RecordDraft) -> str:
        """Returns `line N` of a record for a message, with the file name if it is in the records file."""
        return f"line {record.line} of {record.file}" if record.file else f"line {self.document.line(record.path)}"
