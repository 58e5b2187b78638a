"""The records files that zone files name, in one reading of a zone folder: their contents, and their total size.

In come names of records files, each from a zone file; out go their contents. A records file counts once for every zone
that names it, because each zone has its own copy in memory.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from gtm.errors import FileUnreadable, Problem, TextInvalid, ZoneInvalid
from gtm.watch.changed_files import Looked
from gtm.watch.composing import fingerprint_of
from gtm.watch.folder import ZONE_FILES, Loaded
from gtm.watch.progress import ReadingProgress
from gtm.watch.scanner import native_scanner
from gtm.zone.model import Zone
from gtm.zone.records_file.parse import MasterFile
from gtm.zone.records_file.sources import MAX_MASTER_BYTES

MAX_RECORDS_BYTES = MAX_MASTER_BYTES
"""Most bytes of the records files of all zones together; in memory they take several times that."""


class RecordsFiles:
    """Reads records files. Its state is the bytes of records that each zone file uses."""

    def __init__(self, folder: Path, looked: Looked, before: Iterable[Loaded]) -> None:
        self._folder = folder
        self._looked = looked
        self._bytes = {each.zone.file: _size(each) for each in before}
        self._total = 0
        self._scan = native_scanner()

    def begin(self, zone_files: AbstractSet[str]) -> None:
        """Starts the total with the bytes of the zone files that still exist."""
        self._total = sum(size for file, size in self._bytes.items() if file in zone_files)

    def too_much(self, file: str, name: str, size_bytes: int) -> str:
        """Returns the error text if `size_bytes` of records for a zone file exceed the limit of all zones; else empty.

        `name` is the records file that the text names.
        """
        total = self._total - self._bytes.get(file, 0) + size_bytes
        if total <= MAX_RECORDS_BYTES:
            return ""
        return (
            f"with {name} the records files of all zones have {total} bytes, counted for each zone that names one; "
            f"{MAX_RECORDS_BYTES} are the limit"
        )

    def count(self, file: str, size_bytes: int) -> None:
        """Stores how many bytes of records a zone file uses now."""
        self._total += size_bytes - self._bytes.get(file, 0)
        self._bytes[file] = size_bytes

    def read(self, name: str) -> MasterFile:
        """Returns the content of a records file.

        Raises TextInvalid if it cannot be read, and Unsettled while it is being written.
        """
        path = self._folder / name
        self._looked.note(name)
        try:
            content = ZONE_FILES.read(path, limit=MAX_MASTER_BYTES, within=self._folder).data
        except FileUnreadable as error:
            raise TextInvalid(f"{name} cannot be read: {error.reason}") from error
        self._looked.require_settled(name)
        return MasterFile(str(path), content, self._scan, folder=str(self._folder.absolute()), name=name)

    def content(self, name: str) -> bytes | None:
        """Returns the content of a records file; None if it cannot be read.

        Raises Unsettled while it is being written.
        """
        try:
            return self.read(name).content
        except TextInvalid:
            return None


class Fetching:
    """Reads the records file of one zone file and the files that it includes. Its state is their contents."""

    def __init__(
        self,
        records: RecordsFiles,
        progress: ReadingProgress,
        file: str,
        *,
        sizes: Mapping[str, int],
        allow: Callable[[int], None],
    ) -> None:
        """Prepares reading for the zone file `file`.

        `sizes` has the file sizes of the look by name. `allow` is called with the bytes read so far, to raise the time
        limit.
        """
        self._records = records
        self._progress = progress
        self._file = file
        self._sizes = sizes
        self._allow = allow
        self.contents: dict[str, bytes | None] = {}
        """The contents by name; None for a file that cannot be read."""
        self.is_full = False
        """Whether the limit of all zones had no room for one of the files."""

    @property
    def whole(self) -> dict[str, bytes]:
        """Returns the contents of the files that were read, by name."""
        return {name: content for name, content in self.contents.items() if content is not None}

    @property
    def size_bytes(self) -> int:
        """Returns the total size in bytes of the files that were read."""
        return sum(map(len, self.whole.values()))

    def fetch(self, name: str) -> MasterFile:
        """Returns a records file or an included file.

        Raises TextInvalid if it cannot be read or exceeds the limit, and Unsettled while it is being written.
        """
        self._progress.parse(on=False)
        try:
            others = self.size_bytes - len(self.contents.get(name) or b"")
            self._require_room(name, others + self._sizes.get(name, 0))
            self.contents[name] = None
            content = self._records.read(name)
            self._require_room(name, others + len(content.content))  # the look may not know its size
            self.contents[name] = content.content
            self._allow(self.size_bytes)
            return replace(content, include=lambda name: self.fetch(name).content)
        finally:
            self._progress.parse(on=True)

    def require_room_for(self, zone: Zone) -> None:
        """Raises ZoneInvalid if all records that the zone's files contain or generate exceed the limit of all zones."""
        size_bytes = max(self.size_bytes, zone.records_bytes)
        try:
            self._require_room(f"what {zone.records_file} includes and generates", size_bytes)
        except TextInvalid as invalid:
            raise ZoneInvalid([Problem(self._file, 1, 1, str(invalid))]) from invalid

    def _require_room(self, name: str, size_bytes: int) -> None:
        too_much = self._records.too_much(self._file, name, size_bytes)
        if too_much:
            self.is_full = True
            raise TextInvalid(too_much)


def _size(loaded: Loaded) -> int:
    return max(loaded.zone.records_bytes, len(loaded.records or b"") + sum(map(len, loaded.included.values())))


def records_fingerprint(content: bytes | None) -> str:
    """Returns the fingerprint of a records file's content; empty for one that cannot be read."""
    return "" if content is None else fingerprint_of(content)
