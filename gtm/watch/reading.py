"""One reading of a zone folder, file by file: the next catalogue, whole or as far as it is.

    folder, catalogue of before -> the shared file -> the other files, each by itself -> catalogue

1. A file is read alone. Whatever that raises, or however long it takes, is a problem of that file; the others go on.
2. First come the files whose zone serves, then those that are new, then those that were bad; the smaller ones first.
   So a good file does not wait for thousands of bad ones.
3. A file that is as it was, beside a shared file that is as it was, is not parsed again, whether it was good or bad;
   it is not even opened where it looks as it did then.
4. A file that somebody is writing, or whose records file is, is as it was before; so is one that has changed since the
   folder was looked at. A file that is written for long is told as a problem.
5. A zone of two files is that of one of them, and so are names (claims.py).

A reading may be asked at any time what it comes to so far: files that it did not get to are as they were, and so are
the zones of files that are gone, for such a file may have been renamed to one that it did not get to. It may be given
up: then the file that it is at is refused, and nothing that the thread still does counts.

Long because every step looks at how far the reading is.
"""

import ctypes
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gtm.engine.master import native_scan
from gtm.errors import REST, FileUnreadable, Problem, TextInvalid, ZoneInvalid, more_problems
from gtm.watch.claims import Territories
from gtm.watch.composing import Composing, fingerprint_of, problems_of
from gtm.watch.folder import (
    RECORDS_ENDING,
    SHARED_FILES,
    ZONE_FILES,
    Catalogue,
    Loaded,
    Refused,
    Text,
    text_of,
)
from gtm.watch.looked import Looked, Unsettled
from gtm.watch.settling import Look
from gtm.zone.chain import Vocabulary
from gtm.zone.master import MAX_MASTER_BYTES, MasterFile
from gtm.zone.parse import NO_SHARED, parse, parse_shared

FILE_LIMIT_S = 10.0
"""What reading one file may take, and as much again for each megabyte: ten times what it takes on a slow machine."""
MAX_FOLDER_PROBLEMS = 10_000
"""Of all files: of those after that only the first problem is kept, and how many there are."""
MAX_TRACEBACKS = 5
"""Of files at which this program fails, in one reading."""
MAX_RECORDS_BYTES = MAX_MASTER_BYTES
"""Of the records files of all zones, each counted for every zone that names it; in memory it is several times that."""
_MEGABYTE = 2**20
_RECORDS_KEY = re.compile(r"""records_file['"]?[ \t]*:[ \t]*['"]?([^\s'"]+)""")

log = logging.getLogger(__name__)


def read(folder: Path, previous: Catalogue, vocabulary: Vocabulary) -> Catalogue:
    """Returns the catalogue of a folder now; never raises for what is in it."""
    return Reading(folder, previous, vocabulary).read_for(None)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A file that is still to be read; they are sorted by what stands first here."""

    rank: int
    size_bytes: int
    file: str


class Reading:
    """One reading of a folder. Its state is what was found so far, and the file that it is at."""

    def __init__(
        self,
        folder: Path,
        previous: Catalogue,
        vocabulary: Vocabulary,
        *,
        look: Look | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a look at the folder it takes what is there, and knows no file by how it looks."""
        self._looked = Looked(folder, look)
        self._shared_stamps = previous.shared_stamps
        self._folder = folder
        self._previous = previous
        self._vocabulary = vocabulary
        self._monotonic = monotonic
        self._territories = Territories()
        self._records_bytes = {each.zone.file: len(each.records or b"") for each in previous.loaded}
        """Of the records file of each zone."""
        self._records_total = 0
        self._before = {each.zone.file: each for each in previous.loaded}
        self._refused_before = {each.file: each for each in previous.refused}
        self._shared = previous.shared
        self._shared_source = previous.shared_source
        self._is_shared_as_before = True
        self._files: list[str] = []
        """Of zones, by name."""
        self._sizes: dict[str, int] = {}
        self._large: dict[str, int] = {}
        """Records files of more than a megabyte."""
        self._has_shared = False
        self._waiting: list[_Waiting] | None = None
        """None before the folder was looked at."""
        self._results: dict[str, Loaded | Refused] = {}
        self._refused_shared: list[Refused] = []
        self._failure: Problem | None = None
        self._at: _Waiting | None = None
        self._at_fingerprint = ""
        self._thread = 0
        self._is_parsing = False
        """Then it holds no lock, and may be ended at any step."""
        self._lock = threading.Lock()
        """Over what the reading is at, and whether it was given up."""
        self._is_given_up = False
        self._kept_problems = 0
        self._tracebacks = 0
        self._scan = native_scan()
        self._held: set[str] = set()
        """Files that are as they were before, for somebody is writing them."""

    @property
    def at(self) -> str:
        """Returns the file that is read now, or the folder."""
        return str(self._folder) if self._at is None else self._at.file

    @property
    def limit_s(self) -> float:
        """Returns how long the next file may take; `read_for` reads no file that may take longer."""
        shared = 0 if self._has_shared else max((self._sizes.get(name, 0) for name in SHARED_FILES), default=0)
        return _limit_s(max(shared, self._waiting[-1].size_bytes if self._waiting else 0))

    def read_for(self, seconds: float | None) -> Catalogue:
        """Reads on for so long, or to the end, and returns what it comes to so far."""
        self._thread = threading.get_ident()
        ends_at = None if seconds is None else self._monotonic() + seconds
        if self._waiting is None:
            self.begin()
        if not self._has_shared:
            self._has_shared = True
            self._read_shared([name for name in self._sizes if name in SHARED_FILES])
        limit_s = self.limit_s
        while self._waiting:
            waiting = self._waiting.pop()
            if self._is_due(waiting.file):
                self._read(waiting)
            if ends_at is not None and (self._monotonic() >= ends_at or self.limit_s > limit_s):
                break
        return self.catalogue()

    def give_up(self) -> Catalogue:
        """Refuses the file that the reading is at, ends the reading, and returns what it comes to so far."""
        with self._lock:
            self._is_given_up = True
            if self._at is not None:
                words = (
                    f"takes longer than {_limit_s(self._at.size_bytes):g} s to read; it is left alone until it changes"
                )
                problem = Problem(self._at.file, 1, 1, words)
                refused = Refused(self._at.file, (problem,), self._at_fingerprint)
                if Path(self._at.file).name in SHARED_FILES:
                    self._refused_shared.append(refused)
                else:
                    self._results[self._at.file] = refused
                if self._is_parsing:
                    _stop(self._thread)
        return self.catalogue()

    def catalogue(self) -> Catalogue:
        """Returns what the reading comes to so far."""
        if self._failure is not None:
            return replace(self._previous, problems=(self._failure,), unread=0)
        composing = Composing(self._before, self._territories)
        for refused in self._refused_shared:
            composing.refuse(refused)
        for file in self._files:
            composing.add(file, self._results.get(file) or self._as_before(file))
        for file in sorted(self._before.keys() - self._files) if self._waiting else ():
            composing.keep_gone(self._before[file])
        loaded = composing.loaded()
        return Catalogue(
            loaded,
            tuple(sorted(composing.problems)),
            self._shared,
            self._shared_source,
            tuple(composing.refused),
            len(self._waiting or ()),
            self._stale(),
            self._shared_stamps,
        )

    def _stale(self) -> frozenset[str]:
        if self._is_shared_as_before and not self._previous.stale:
            return frozenset()
        left = (*self._held, *(each.file for each in self._waiting or ()))
        return frozenset(file for file in left if self._is_stale(file))

    def _is_stale(self, file: str) -> bool:
        """Returns whether what came of a file before came of it beside another shared file than that of now."""
        return not self._is_shared_as_before or file in self._previous.stale

    def _as_before(self, file: str) -> Loaded | Refused | None:
        refused = self._refused_before.get(file)
        return self._before.get(file) if refused is None else refused.twin or refused

    def begin(self) -> None:
        """Looks at what is in the folder. That reads no file of it, and takes as long as there are files."""
        try:
            self._looked.begin()
        except FileUnreadable as error:
            # A folder that is gone is a mount that failed, not a wish to serve nothing.
            self._failure = Problem(str(self._folder), 0, 0, f"the folder cannot be read: {error.reason}")
            self._waiting = []
            return
        self._sizes = sizes = self._looked.sizes
        self._files = self._looked.zone_files
        self._large = {name: size for name, size in sizes.items() if name.endswith(RECORDS_ENDING) and size > _MEGABYTE}
        here = frozenset(self._files)
        self._records_total = sum(size for file, size in self._records_bytes.items() if file in here)
        self._hold_unsettled()
        is_any_due = self._shared_stamps != self._previous.shared_stamps
        due = [file for file in self._files if file not in self._held and (is_any_due or self._is_due(file))]
        waiting = [_Waiting(self._rank(file), self._size(file), file) for file in due]
        waiting.sort(key=lambda one: (one.rank, one.size_bytes, one.file), reverse=True)
        self._waiting = waiting

    def _hold_unsettled(self) -> None:
        """Leaves the files that are being written as they are; those that are written for long get a problem."""
        for file in self._looked.unsettled_zone_files:
            self._hold(file, Path(file).name)
        if self._looked.is_shared_settled:
            self._shared_stamps = self._looked.shared_stamps
            return
        self._has_shared = True
        for file in self._looked.shared_files:
            refused = self._looked.overdue(file, Path(file).name) or self._refused_before.get(file)
            if refused is not None:
                self._refused_shared.append(refused)

    def _hold(self, file: str, name: str) -> None:
        """Leaves a file as it was, for somebody writes it, or its records file of this name."""
        self._held.add(file)
        overdue = self._looked.overdue(file, name)
        if overdue is not None:
            self._results[file] = overdue

    def _is_due(self, file: str) -> bool:
        """Returns whether to read a file: it is new, or something that it depends on looks otherwise than it did."""
        before = self._as_before(file)
        return before is None or self._is_stale(file) or not self._looked.is_as(before.stamps)

    def _size(self, file: str) -> int:
        """Returns the bytes of a zone file, and of the large records file that it names: they say how long it takes."""
        size_bytes = self._sizes.get(Path(file).name, 0)
        if not self._large or size_bytes > _MEGABYTE:
            return size_bytes
        try:
            named = _RECORDS_KEY.search(text_of(Path(file)))
        except ZoneInvalid:
            return size_bytes
        return size_bytes + (0 if named is None else self._large.get(named[1], 0))

    def _rank(self, file: str) -> int:
        if file in self._before:
            return 0
        return 2 if file in self._refused_before else 1

    def _read_shared(self, names: list[str]) -> None:
        for name in names[1:]:
            problem = Problem(str(self._folder / name), 1, 1, f"{names[0]} is here too; keep one of them")
            self._refused_shared.append(Refused(problem.file, (problem,)))
        if not names:
            self._shared, self._shared_source = NO_SHARED, None
        for name in names[:1]:
            file = str(self._folder / name)
            self._enter(_Waiting(0, self._sizes.get(name, 0), file))
            refused = self._refusal_of_shared(file)
            with self._lock:
                self._is_parsing = False
                if refused is not None and not self._is_given_up:
                    self._refused_shared.append(refused)
                self._at = None
        self._is_shared_as_before = self._shared == self._previous.shared

    def _refusal_of_shared(self, file: str) -> Refused | None:
        """Takes the shared file; where it is bad the one of before stays, and it is refused."""
        fingerprint = ""
        try:
            text = Text(file, text_of(Path(file)))
            self._looked.require_settled(Path(file).name)
            fingerprint = self._at_fingerprint = fingerprint_of(text.content.encode())
            refused = self._refused_before.get(file)
            if refused is not None and refused.fingerprint == fingerprint:
                return refused
            if text != self._shared_source:
                self._set_parsing(on=True)
                self._shared, self._shared_source = parse_shared(text.content, file), text
        except Unsettled:
            self._shared_stamps = self._previous.shared_stamps
            return self._refused_before.get(file)
        except Exception as error:  # noqa: BLE001  # it is logged
            return Refused(file, self._problems_of(error, file), fingerprint)
        return None

    def _enter(self, waiting: _Waiting) -> None:
        with self._lock:
            if self._is_given_up:
                raise _GivenUp
            self._at, self._at_fingerprint = waiting, ""

    def _read(self, waiting: _Waiting) -> None:
        """Reads one file, and keeps what came of it unless the reading was given up meanwhile."""
        self._enter(waiting)
        self._looked.noted = {}
        try:
            self._looked.note(Path(waiting.file).name)
            result = self._result(waiting.file)
        except Unsettled as error:
            with self._lock:
                self._require_going_on()
                self._hold(waiting.file, error.name)
                self._at = None
            return
        with self._lock:
            self._require_going_on()
            stamps = self._looked.noted
            self._results[waiting.file] = result if result.stamps == stamps else replace(result, stamps=stamps)
            self._at = None

    def _require_going_on(self) -> None:
        """Notes that no file is parsed any more; with the lock held."""
        self._is_parsing = False
        if self._is_given_up:
            raise _GivenUp

    def _set_parsing(self, *, on: bool) -> None:
        with self._lock:
            if self._is_given_up:
                raise _GivenUp
            self._is_parsing = on

    def _result(self, file: str) -> Loaded | Refused:
        records: dict[str, MasterFile | None] = {}
        full: list[str] = []

        def fetch(name: str) -> MasterFile:
            self._set_parsing(on=False)
            full.extend(self._too_much(file, name))
            if full:
                raise TextInvalid(full[0])
            records[name] = None
            found = records[name] = self._records_file(name)
            self._set_parsing(on=True)
            return found

        fingerprint = ""
        try:
            text = text_of(Path(file))
            self._looked.require_settled(Path(file).name)
            fingerprint = self._at_fingerprint = fingerprint_of(text.encode())
            known = self._known(file, fingerprint)
            if known is not None:
                return known
            self._set_parsing(on=True)
            zone = parse(text, file, self._shared, self._vocabulary, fetch)
        except Exception as error:  # noqa: BLE001  # it is logged
            if full:  # it is tried again, for others may have fewer
                fingerprint, self._looked.noted = "", {}
            seen = tuple((name, _master_fingerprint(found)) for name, found in records.items())
            return self._refusal(file, self._problems_of(error, file), fingerprint=fingerprint, records=seen)
        contents = [found.content for found in records.values() if found is not None]
        self._count(file, len(contents[-1]) if contents else 0)
        return Loaded(fingerprint, zone, Text(file, text), self._shared_source, contents[-1] if contents else None)

    def _too_much(self, file: str, name: str) -> Iterator[str]:
        """Yields what is wrong with a records file that makes those of the folder too many bytes together."""
        total = self._records_total - self._records_bytes.get(file, 0) + self._sizes.get(name, 0)
        if total > MAX_RECORDS_BYTES:
            yield (
                f"with {name} the records files of all zones have {total} bytes, counted for each zone that names one; "
                f"{MAX_RECORDS_BYTES} are the limit"
            )

    def _count(self, file: str, size_bytes: int) -> None:
        self._records_total += size_bytes - self._records_bytes.get(file, 0)
        self._records_bytes[file] = size_bytes

    def _known(self, file: str, fingerprint: str) -> Loaded | Refused | None:
        """Returns what came of this text before, if nothing that it depends on has changed."""
        before = self._as_before(file)
        if before is None or before.fingerprint != fingerprint or self._is_stale(file):
            return None
        if isinstance(before, Refused):
            return before if self._has_the_same_records(before) else None
        name = before.zone.records_file
        return before if not name or self._content_of(name) == before.records else None

    def _has_the_same_records(self, refused: Refused) -> bool:
        return all(self._records_fingerprint(name) == fingerprint for name, fingerprint in refused.records)

    def _records_fingerprint(self, name: str) -> str:
        try:
            return _master_fingerprint(self._records_file(name))
        except TextInvalid:
            return ""

    def _content_of(self, name: str) -> bytes | None:
        try:
            return self._records_file(name).content
        except TextInvalid:
            return None

    def _records_file(self, name: str) -> MasterFile:
        path = self._folder / name
        self._looked.note(name)
        try:
            content = ZONE_FILES.read(path, limit=MAX_MASTER_BYTES, within=self._folder).data
        except FileUnreadable as error:
            raise TextInvalid(f"{name} cannot be read: {error.reason}") from error
        self._looked.require_settled(name)
        return MasterFile(str(path), content, self._scan)

    def _refusal(
        self,
        file: str,
        problems: Sequence[Problem],
        *,
        fingerprint: str = "",
        records: tuple[tuple[str, str], ...] = (),
    ) -> Refused:
        kept = tuple(problems)
        if self._kept_problems > MAX_FOLDER_PROBLEMS and len(kept) > 1:
            kept = (kept[0], Problem(file, REST, 1, more_problems(len(kept) - 1)))
        self._kept_problems += len(kept)
        return Refused(file, kept, fingerprint, records)

    def _problems_of(self, error: Exception, file: str) -> tuple[Problem, ...]:
        self._tracebacks += not isinstance(error, ZoneInvalid)
        return problems_of(error, file, logs=self._tracebacks <= MAX_TRACEBACKS)


class _GivenUp(BaseException):
    """Ends a reading that was given up; no handler of errors in a file may take it for one."""


def _stop(thread: int) -> None:
    """Raises _GivenUp in a thread, at the next step that it takes in Python: it would go on for nobody."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_GivenUp))


def _limit_s(size_bytes: int) -> float:
    return FILE_LIMIT_S * (1 + size_bytes // _MEGABYTE)


def _master_fingerprint(master: MasterFile | None) -> str:
    return "" if master is None else fingerprint_of(master.content)
