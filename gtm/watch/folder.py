"""The folder of zone files: what a catalogue of them is, what is in a file, and when to read them again.

In comes a folder; out go names, texts and stamps, which gtm/watch/reading.py makes the next catalogue of. A bad file
never takes anything away: its last good zone stays, and its problems are told. The files are

    *.yaml, *.yml     one zone each, in the order of their names
    *.zone            records files that zone files name (records_file)
    any, below too    what a records file includes; a look is told which these are, as the last reading met them
    _shared.yaml      regions and monitors for all of them
    .* #* *~          hidden files and what editors leave behind: not ours

Symbolic links are followed within the folder, as Kubernetes makes them, and not out of it: whoever may write here may
not read everything that the node may, and problems quote what is in a file.

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
"""No character has more than four bytes in UTF-8; a larger file is not even read."""


ZONE_FILES = FileReader("zone files")

Stamps = Mapping[str, Stamp | None]
"""By name."""


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
    """What the zone was made of, and what the shared file said then: enough to make it again (last_good_files.py)."""
    shared_source: Text | None = None
    records: bytes | None = field(default=None, repr=False)
    """What the records file said, if there is one."""
    included: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What the files said that it includes, by name."""
    stamps: Stamps = field(default_factory=dict, compare=False)
    """How the files that this came of looked, by name; while they look so, they are not read again."""

    @property
    def records_files(self) -> dict[str, bytes]:
        """Returns the content of its records file, and of those that this includes, by name."""
        return {} if self.records is None else {self.zone.records_file: self.records, **self.included}


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """One file with problems. While it is as it was, it is not looked at again."""

    file: str
    problems: tuple[Problem, ...]
    fingerprint: str = ""
    """Of the text; empty where none could be read."""
    records: tuple[tuple[str, str], ...] = ()
    """The records files that were looked at, each with a fingerprint."""
    twin: Loaded | None = None
    """What is right in itself, but another file has the zone."""
    stamps: Stamps = field(default_factory=dict, compare=False)
    is_retried: bool = False
    """Whether it took too much time or memory, maybe by the fault of the machine: a reload has it tried again."""
    losing: str = ""
    """The zone that would lose too much of what serves (zone_loss.py); a reload that is told so takes it all the
    same."""
    keeps: Loaded | None = field(default=None, compare=False)
    """What serves of that zone, where it came of another file."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a folder holds."""

    loaded: tuple[Loaded, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Of all files, by file and line; empty when everything was read."""
    shared: Shared = NO_SHARED
    """What the shared file said when it was last good."""
    shared_source: Text | None = None
    refused: tuple[RefusedFile, ...] = ()
    unread: int = 0
    """How many files have not been looked at yet; they are as they were before."""
    stale: frozenset[str] = frozenset()
    """Those of the files that were read beside another shared file, and are to be read again."""
    shared_stamps: Stamps = field(default_factory=dict, compare=False)
    """How the shared files looked when they were read."""

    @property
    def zones(self) -> tuple[Zone, ...]:
        """Returns the good zones; of a file with problems, the last good one."""
        return tuple(each.zone for each in self.loaded)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Returns the warnings about files that serve, by file and line.

        Not of those with problems, which come first.
        """
        bad = self.bad_files
        serving = (each.zone for each in self.loaded if each.zone.warnings and each.zone.file not in bad)
        return tuple(sorted(warning for zone in serving for warning in zone.warnings))

    @property
    def losing(self) -> frozenset[str]:
        """Returns the zones that serve as they were, as they would lose too much."""
        return frozenset(each.losing for each in self.refused if each.losing)

    @property
    def bad_files(self) -> frozenset[str]:
        """Returns the files that have problems."""
        return frozenset(problem.file for problem in self.problems)

    def by_file(self) -> dict[str, list[Problem]]:
        """Returns the problems of each file that has some."""
        problems: defaultdict[str, list[Problem]] = defaultdict(list)
        for problem in self.problems:
            problems[problem.file].append(problem)
        return dict(problems)


EMPTY = Catalogue()


def text_of(path: Path) -> str:
    """Returns the text of a file; what can go wrong becomes a problem of it."""
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
    """Returns whether this is a file or a link; it asks the disk for no more than what it has of the folder."""
    is_named_so = entry.name.endswith(endings) and not entry.name.startswith((".", "#", "~"))
    return is_named_so and not entry.is_dir(follow_symlinks=False)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder looked like at one moment."""

    stamps: tuple[tuple[str, Stamp | None], ...] = ()
    """By name. Another text has another stamp; None where there is no file behind a link."""
    is_readable: bool = True
    modified_ns: int = field(default=0, compare=False)
    """When a name was last added, removed or swapped there."""


def is_listed(name: str) -> bool:
    """Returns whether a look at the folder sees a file without being told of it."""
    return name.endswith((*ZONE_ENDINGS, RECORDS_ENDING)) and "/" not in name


def scan(folder: Path, also: AbstractSet[str] = frozenset()) -> Scan:
    """Returns the stamps of the files that `read` would read, and of some that it was told of."""
    try:
        return scan_or_raise(folder, also)
    except FileUnreadable:
        return Scan(is_readable=False)


def scan_or_raise(folder: Path, also: AbstractSet[str] = frozenset()) -> Scan:
    """Returns the same. Raises FileUnreadable where the folder cannot be read."""
    modified_ns, names = ZONE_FILES.call(
        folder, lambda _: (folder.stat().st_mtime_ns, _names(folder, (*ZONE_ENDINGS, RECORDS_ENDING)))
    )
    names = sorted({*names, *also})
    stamps = ZONE_FILES.stamps([folder / name for name in names], within=folder)
    return Scan(tuple(zip(names, stamps, strict=True)), modified_ns=modified_ns)
