"""The folder of zone files -> a catalogue of good zones, and when to read it again.

In comes a folder and the catalogue of before; out goes the next one. A bad file never takes anything away: its last
good zone stays, and its problems are told. The files are

    *.yaml, *.yml     one zone each, in the order of their names; symbolic links are followed
    *.zone            records files that zone files name (records_file)
    _shared.yaml      regions and monitors for all of them
    .* #* *~          hidden files and what editors leave behind: not ours

Whoever runs this polls, several times a second, rather than ask the kernel for events: events are lost on network
filesystems and bind mounts, and a Kubernetes ConfigMap changes by swapping a symbolic link that no watch is on. A scan
is one stat for each file. `settled` says when to read: not while a file is still being written.
"""

import hashlib
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from dns.name import Name

from gtm.engine.master import native_scan
from gtm.errors import FileUnreadable, Problem, Problems, TextInvalid, ZoneInvalid
from gtm.files import FileReader, Stamp
from gtm.zone.chain import Vocabulary
from gtm.zone.document import MAX_CHARACTERS, parse_document
from gtm.zone.master import MAX_MASTER_BYTES, MasterFile
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, Shared, parse, parse_shared

ZONE_ENDINGS = (".yaml", ".yml")
RECORDS_ENDING = ".zone"
SHARED_FILES = ("_shared.yaml", "_shared.yml")
MAX_FILE_BYTES = 4 * MAX_CHARACTERS
"""No character has more than four bytes in UTF-8; a larger file is not even read."""


log = logging.getLogger(__name__)

ZONE_FILES = FileReader("zone files")


@dataclass(frozen=True, slots=True)
class Text:
    """What a file said."""

    file: str
    content: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file that gave a zone, now or once."""

    fingerprint: str
    """Of the text; the same text beside the same shared file needs no second parse."""
    zone: Zone
    source: Text | None = None
    """What the zone was made of, and what the shared file said then: enough to make it again (kept.py)."""
    shared_source: Text | None = None
    records: bytes | None = field(default=None, repr=False)
    """What the records file said, if there is one."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a folder holds."""

    loaded: tuple[Loaded, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Of all files, by file and line; empty when everything was read."""
    shared: Shared = NO_SHARED
    """What the shared file said when it was last good."""
    shared_source: Text | None = None

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Returns the good zones; of a file with problems, the last good one."""
        return tuple(each.zone for each in self.loaded)

    @property
    def bad_files(self) -> frozenset[str]:
        """Returns the files that have problems."""
        return frozenset(problem.file for problem in self.problems)

    def problems_of(self, file: str) -> tuple[Problem, ...]:
        """Returns the problems of one file."""
        return tuple(problem for problem in self.problems if problem.file == file)


EMPTY = Catalogue()


def read(folder: Path, previous: Catalogue, vocabulary: Vocabulary) -> Catalogue:
    """Returns the catalogue of a folder now; never raises for what is in it."""
    try:
        names = _names(folder, ZONE_ENDINGS)
    except FileUnreadable as error:
        # A folder that is gone is a mount that failed, not a wish to serve nothing.
        problem = Problem(str(folder), 0, 0, f"the folder cannot be read: {error.reason}")
        return Catalogue(previous.loaded, (problem,), previous.shared, previous.shared_source)
    reader = _Reader(folder, previous, vocabulary)
    reader.read_shared([name for name in names if name in SHARED_FILES])
    for name in names:
        if name not in SHARED_FILES:
            reader.read_zone(name)
    return Catalogue(tuple(reader.loaded), tuple(sorted(reader.problems)), reader.shared, reader.shared_source)


class _Reader:
    """One reading of a folder, file by file."""

    def __init__(self, folder: Path, previous: Catalogue, vocabulary: Vocabulary) -> None:
        self.folder = folder
        self.previous = previous
        self.before = {each.zone.file: each for each in previous.loaded}
        self.vocabulary = vocabulary
        self.shared = NO_SHARED
        self.shared_source: Text | None = None
        self.loaded: list[Loaded] = []
        self.files: dict[Name, str] = {}
        self.problems: list[Problem] = []
        self.scan = native_scan()

    def read_shared(self, names: list[str]) -> None:
        for name in names[:1]:
            file = str(self.folder / name)
            try:
                text = _text(Path(file))
                self.shared, self.shared_source = parse_shared(text, file), Text(file, text)
            except Exception as error:  # noqa: BLE001  # it is logged
                self.problems.extend(problems_of(error, file))
                self.shared, self.shared_source = self.previous.shared, self.previous.shared_source
        for name in names[1:]:
            self.problems.append(Problem(str(self.folder / name), 1, 1, f"{names[0]} is here too; keep one of them"))

    def read_zone(self, name: str) -> None:
        file = str(self.folder / name)
        before = self.before.get(file)
        try:
            text = _text(Path(file))
            loaded = self._load(text, file, before)
            self._refuse_second(loaded.zone, text)
        except Exception as error:  # noqa: BLE001  # it is logged
            self.problems.extend(problems_of(error, file))
            if before is None or before.zone.origin in self.files:
                return
            loaded = before
        self.loaded.append(loaded)
        self.files[loaded.zone.origin] = file

    def _load(self, text: str, file: str, before: Loaded | None) -> Loaded:
        fingerprint = hashlib.sha256(text.encode()).hexdigest()
        if before is not None and before.fingerprint == fingerprint and self.shared == self.previous.shared:
            name = before.zone.records_file
            if not name or self._is_as_before(name, before):
                return before
        records: list[MasterFile] = []

        def fetch(name: str) -> MasterFile:
            records.append(self._records_file(name))
            return records[-1]

        zone = parse(text, file, self.shared, self.vocabulary, fetch)
        content = records[-1].content if records else None
        return Loaded(fingerprint, zone, Text(file, text), self.shared_source, content)

    def _is_as_before(self, name: str, before: Loaded) -> bool:
        try:
            return self._records_file(name).content == before.records
        except TextInvalid:
            return False

    def _records_file(self, name: str) -> MasterFile:
        path = self.folder / name
        try:
            # a link is followed within the folder, as Kubernetes makes them, and not out of it
            if not ZONE_FILES.call(path, lambda _: path.resolve().is_relative_to(self.folder.resolve())):
                raise TextInvalid(f"{name} is a link out of the folder of zone files")
            content = ZONE_FILES.read(path, limit=MAX_MASTER_BYTES).data
        except FileUnreadable as error:
            raise TextInvalid(f"{name} cannot be read: {error.reason}") from error
        return MasterFile(str(path), content, self.scan)

    def _refuse_second(self, zone: Zone, text: str) -> None:
        first = self.files.get(zone.origin)
        if first is not None:
            message = f"{zone.origin.to_text(omit_final_dot=True)} is already the zone of {first}"
            raise ZoneInvalid([parse_document(text, zone.file).problem(("zone",), message)])


def problems_of(error: Exception, file: str) -> tuple[Problem, ...]:
    """Returns what reading a file raised as problems of it: whatever that is, it keeps no other file from serving."""
    if isinstance(error, ZoneInvalid):
        return error.problems
    log.error("zone file: %s cannot be read by a mistake of this program", file, exc_info=error)
    words = f"cannot be read by a mistake of this program: {type(error).__name__}: {error}"
    return Problems([Problem(file, 1, 1, words)]).all


def _text(path: Path) -> str:
    """Returns the text of a file; what can go wrong becomes a problem of it."""
    try:
        content = ZONE_FILES.read(path, limit=MAX_FILE_BYTES).data
    except FileUnreadable as error:
        raise ZoneInvalid([Problem(str(path), 1, 1, f"cannot be read: {error.reason}")]) from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ZoneInvalid([Problem(str(path), line, column, "not UTF-8; save the file in that encoding")]) from error


def _names(folder: Path, endings: tuple[str, ...]) -> list[str]:
    """Returns the names of what may be our files, sorted. Raises FileUnreadable."""
    return ZONE_FILES.call(
        folder, lambda _: sorted(entry.name for entry in os.scandir(folder) if _is_ours(entry, endings))
    )


def _is_ours(entry: "os.DirEntry[str]", endings: tuple[str, ...]) -> bool:
    """Returns whether this is a file or a link; it asks the disk for no more than what it has of the folder."""
    is_named_so = entry.name.endswith(endings) and not entry.name.startswith((".", "#", "~"))
    return is_named_so and not entry.is_dir(follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder looked like at one moment."""

    stamps: tuple[tuple[str, Stamp | None], ...] = ()
    """By name. Another text has another stamp; None where there is no file behind a link."""
    is_readable: bool = True


def scan(folder: Path) -> Scan:
    """Returns the stamps of the files that `read` would read."""
    try:
        names = _names(folder, (*ZONE_ENDINGS, RECORDS_ENDING))
    except FileUnreadable:
        return Scan(is_readable=False)
    return Scan(tuple(zip(names, ZONE_FILES.stamps([folder / name for name in names]), strict=True)))


def settled(before: Scan | None, now: Scan, *, loaded: Scan | None) -> bool:
    """Returns whether to read the folder now.

    1. Nothing has changed since the scan that was last loaded: no.
    2. The folder has changed since the scan before this one: no, somebody is still writing.
    3. Two scans in a row agree on something new: yes.
    """
    return now != loaded and now == before
