"""The folder of zone files: the catalogue of them, the text of a file, and the stamps that show a change.

In comes a folder; out go names, texts and stamps, from which gtm/watch/reading.py makes the next catalogue. A file with
problems never removes anything: its last good zone serves on, and its problems are reported. The files are

    *.yaml, *.yml     one zone each, in the order of their names
    *.zone            records files that zone files name (records_file)
    any, below too    what a records file includes; the scan gets their names from the last reading
    _shared.yaml      regions and monitors for all of them
    .* #* *~          hidden files and backups of editors: ignored

Symbolic links are followed within the folder, as Kubernetes makes them, and not out of it: a person who may write here
may not read every file that the node may read, and problems quote the content of a file.

Whoever runs this polls, several times a second, rather than ask the kernel for events: events are lost on network
filesystems and bind mounts, and a Kubernetes ConfigMap changes by swapping a symbolic link that no watch is on. A scan
is one stat for each file. gtm/watch/settling.py says when to read which file: not while it is still being written.
"""

import os
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from gtm.config.reader import MAX_CHARACTERS
from gtm.content import Stamp
from gtm.errors import FileUnreadable, Problem, ZoneInvalid
from gtm.files import FileReader
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, Shared

ZONE_ENDINGS = (".yaml", ".yml")
RECORDS_ENDING = ".zone"
SHARED_FILES = ("_shared.yaml", "_shared.yml")
MAX_FILE_BYTES = 4 * MAX_CHARACTERS
"""A character has at most four bytes in UTF-8; a larger file is not read."""


ZONE_FILES = FileReader("zone files")

Stamps = Mapping[str, Stamp | None]
"""The stamps of files, by name; None where there is no file."""


@dataclass(frozen=True, slots=True)
class Text:
    """The content of one file, with the file's path."""

    file: str
    content: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """One zone file that was parsed without errors, in this reading or an earlier one."""

    fingerprint: str
    """The fingerprint of the zone file's text. The same text with the same shared file is not parsed again."""
    zone: Zone
    source: Text | None = None
    """The text of the zone file. With the shared file's text of that moment it is enough to parse the zone again
    (last_good_files.py)."""
    shared_source: Text | None = None
    records: bytes | None = field(default=None, repr=False)
    """The content of the records file; None when the zone has none."""
    included: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The content of the files that the records file includes, by name."""
    stamps: Stamps = field(default_factory=dict, compare=False)
    """The stamps, by name, of all files that this zone was made from. While they are the same, no file is read
    again."""

    @property
    def records_files(self) -> dict[str, bytes]:
        """Returns the content of the records file and of the files that it includes, by name."""
        return {} if self.records is None else {self.zone.records_file: self.records, **self.included}


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """One file with problems. It is not read again until it changes."""

    file: str
    problems: tuple[Problem, ...]
    fingerprint: str = ""
    """The fingerprint of the file's text; empty when the file could not be read."""
    records: tuple[tuple[str, str], ...] = ()
    """The records files that were read for this file, each with its fingerprint; empty for one that could not be
    read."""
    twin: Loaded | None = None
    """The loaded zone of this file, when the file is refused only because the zone belongs to another file."""
    stamps: Stamps = field(default_factory=dict, compare=False)
    is_retried: bool = False
    """Whether reading took too much time or memory, perhaps because the machine was busy: a reload tries the
    file again."""
    losing: str = ""
    """The zone that would lose too much (zone_loss.py); empty for none. A reload that names this zone with
    --force takes the file."""
    keeps: Loaded | None = field(default=None, compare=False)
    """The zone that serves in place of this file's zone, when it came from another file; else None."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The zones that a zone folder has, and the problems of its files."""

    loaded: tuple[Loaded, ...] = ()
    problems: tuple[Problem, ...] = ()
    """The problems of all files, sorted by file and line; empty when all files are good."""
    shared: Shared = NO_SHARED
    """The content of the shared file (_shared.yaml), as last parsed without errors."""
    shared_source: Text | None = None
    refused: tuple[RefusedFile, ...] = ()
    unread: int = 0
    """The number of files that this reading has not reached yet; their zones are those of the last catalogue."""
    stale: frozenset[str] = frozenset()
    """The files that were parsed with an older shared file (_shared.yaml), and must be parsed again."""
    shared_stamps: Stamps = field(default_factory=dict, compare=False)
    """The stamps of the shared files (_shared.yaml) at the time when they were read."""

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Returns all zones that serve; for a file with problems, its last good zone."""
        return tuple(each.zone for each in self.loaded)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Returns the warnings about files that serve, sorted by file and line.

        Files with problems have no warnings here: their problems come first.
        """
        bad = self.bad_files
        serving = (each.zone for each in self.loaded if each.zone.warnings and each.zone.file not in bad)
        return tuple(sorted(warning for zone in serving for warning in zone.warnings))

    @property
    def losing(self) -> frozenset[str]:
        """Returns the zones that keep their last good version because the new one would lose too much."""
        return frozenset(each.losing for each in self.refused if each.losing)

    @property
    def bad_files(self) -> frozenset[str]:
        """Returns the paths of the files that have problems."""
        return frozenset(problem.file for problem in self.problems)

    def by_file(self) -> dict[str, list[Problem]]:
        """Returns the problems of each file that has any, by file."""
        problems: defaultdict[str, list[Problem]] = defaultdict(list)
        for problem in self.problems:
            problems[problem.file].append(problem)
        return dict(problems)


EMPTY = Catalogue()


def text_of(path: Path) -> str:
    """Returns the text of a file. Raises ZoneInvalid when it cannot be read, or is no valid text."""
    if not _is_text(path.name):  # what is kept of the folder is JSON
        raise ZoneInvalid([Problem(str(path), 1, 1, "its name is not UTF-8; rename the file")])
    try:
        content = ZONE_FILES.read(path, limit=MAX_FILE_BYTES, within=path.parent).data
    except FileUnreadable as error:
        raise ZoneInvalid([Problem(str(path), 1, 1, f"cannot be read: {error.reason}")]) from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ZoneInvalid([Problem(str(path), line, column, "not UTF-8; save the file in that encoding")]) from error


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _names(folder: Path, endings: tuple[str, ...]) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if _is_ours(entry, endings))


def _is_ours(entry: "os.DirEntry[str]", endings: tuple[str, ...]) -> bool:
    """Returns whether a folder entry is a file or link with one of these endings.

    It uses the type that the folder listing gives, without another read of the disk.
    """
    is_named_so = entry.name.endswith(endings) and not entry.name.startswith((".", "#", "~"))
    return is_named_so and not entry.is_dir(follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Scan:
    """The stamps of the files of a folder at one moment."""

    stamps: tuple[tuple[str, Stamp | None], ...] = ()
    """The stamp of each file, by name. A changed file has another stamp; None for a link to no file."""
    is_readable: bool = True
    modified_ns: int = field(default=0, compare=False)
    """The time, in nanoseconds, when a name was last added to the folder, removed from it or replaced."""


def is_listed(name: str) -> bool:
    """Returns whether a scan of the folder lists this file without being given its name."""
    return name.endswith((*ZONE_ENDINGS, RECORDS_ENDING)) and "/" not in name


def scan(folder: Path, also: AbstractSet[str] = frozenset()) -> Scan:
    """Returns the stamps of the files that a reading would read, and of the files named in `also`.

    A folder that cannot be read gives a scan that says so.
    """
    try:
        return scan_or_raise(folder, also)
    except FileUnreadable:
        return Scan(is_readable=False)


def scan_or_raise(folder: Path, also: AbstractSet[str] = frozenset()) -> Scan:
    """Returns the stamps of the files that a reading would read, and of the files named in `also`.

    Raises FileUnreadable if the folder cannot be read.
    """
    modified_ns, names = ZONE_FILES.call(
        folder, lambda _: (folder.stat().st_mtime_ns, _names(folder, (*ZONE_ENDINGS, RECORDS_ENDING)))
    )
    names = sorted({*names, *also})
    stamps = ZONE_FILES.stamps([folder / name for name in names], within=folder)
    return Scan(tuple(zip(names, stamps, strict=True)), modified_ns=modified_ns)
