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
    """One RRset of the file."""

    path: Path
    name: Name
    rtype: RdataType
    ttl: int
    rdatas: tuple[Rdata, ...]
    file: str = ""
    """The records file that it is in; empty for the zone file."""
    line: int = 0
    """In that file."""


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """One service of the file."""

    path: Path
    service: Service

    @property
    def name(self) -> Name:
        """Returns its absolute name."""
        return self.service.name

    @property
    def targets(self) -> tuple[Name, ...]:
        """Returns the names it may answer as CNAME."""
        return tuple(end.answer for end in self.service.endpoints if isinstance(end.answer, Name))

    @property
    def has_addresses(self) -> bool:
        """Returns whether it may answer addresses."""
        return any(not isinstance(end.answer, Name) for end in self.service.endpoints)


@dataclass(slots=True)
class ZoneDraft:
    """All that could be read of a zone, by name."""

    origin: Name
    nameservers: tuple[Name, ...]
    services: dict[Name, ServiceDraft] = field(default_factory=dict)
    records: dict[Name, dict[RdataType, RecordDraft]] = field(default_factory=dict)
    unclear: set[Name] = field(default_factory=set)
    """Names of which something could not be read: nothing is said of what they lack."""
    bulk: Bulk = NO_BULK
    """Everything in the records file; `records` has what the rules may look at (gtm/zone/records_file/overlap.py)."""

    def has(self, name: Name) -> bool:
        """Returns whether the records file has a name, or one below it."""
        return (
            name.is_subdomain(self.origin) and self.bulk.find(relative_key(name.labels, self.origin.labels)) is not None
        )

    def all_records(self) -> Iterator[RecordDraft]:
        """Yields every record, in the order of the file."""
        for by_type in self.records.values():
            yield from by_type.values()

    def record(self, name: Name, rtype: RdataType) -> RecordDraft | None:
        """Returns the record of a name and type."""
        return self.records.get(name, {}).get(rtype)

    def has_address(self, name: Name) -> bool:
        """Returns whether a name has an address, static or steered, or may well have one."""
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
    """What does not keep the file from serving."""

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
        """Adds a problem at the type of a record, or at a path of the zone file if it is in that."""
        if record.file:
            self.found.add(Problem(record.file, record.line, 1, message))
        else:
            self.add(path or record.path, message, at_key=path is None)

    def where(self, record: RecordDraft) -> str:
        """Returns the line of a record, with the file if that is another one."""
        return f"line {record.line} of {record.file}" if record.file else f"line {self.document.line(record.path)}"
