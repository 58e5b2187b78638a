"""One reading of a zone folder, file by file: the next catalogue, complete or as far as the reading is.

    folder, last catalogue -> the shared file (_shared.yaml) -> the other files, each by itself -> catalogue

1. A file is read alone. Whatever that raises, or however long it takes, is a problem of that file; the others go on.
2. First come the files whose zone serves, then new files, then files that were refused; the smaller ones first.
   So a good file does not wait for thousands of refused ones.
3. A file is not parsed again while it and the shared file are unchanged, whether it was good or refused. It is not
   even opened while its stamp is the same.
4. A file keeps its last result while it or its records file is being written, and when it has changed since the look
   at the folder. A file that is being written for too long is reported as a problem.
5. Where two files claim a zone, or names in it, one of them gets it (claims.py).
6. A zone that would lose most of what serves is refused, unless a reload with --force names it (zone_loss.py). A zone
   of another file is not compared before that file gives it up.

The catalogue may be taken at any time: files that are not read yet keep their last result. So do files that have
another zone now, and the zones of removed files: a file that is not read yet may have that zone now.
A reading may be given up (progress.py): then its current file is refused, and later work of the thread is ignored.

Long because it is one state: the result of each file so far, and how it is made.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dns.name import Name

from gtm.errors import REST, FileUnreadable, Problem, ZoneInvalid, more_problems
from gtm.watch.changed_files import Looked, Unsettled
from gtm.watch.claims import Territories
from gtm.watch.composing import Composing, fingerprint_of, problems_of, refusal_at_zone
from gtm.watch.folder import (
    RECORDS_ENDING,
    SHARED_FILES,
    Catalogue,
    Loaded,
    RefusedFile,
    Text,
    is_listed,
    text_of,
)
from gtm.watch.progress import ReadingProgress
from gtm.watch.recordsfiles import Fetching, RecordsFiles, records_fingerprint
from gtm.watch.settling import Look
from gtm.watch.zone_loss import NO_GUARD, LossGuard
from gtm.zone.parse import NO_SHARED, parse, parse_shared
from gtm.zone.steering import Vocabulary

FILE_LIMIT_S = 10.0
"""CPU seconds for reading a file, and as much again for each megabyte: ten times what a slow machine needs."""
MAX_FOLDER_PROBLEMS = 10_000
"""Most problems of all files together. Of each later file, only the first problem and a count are kept."""
MAX_TRACEBACKS = 5
"""Most tracebacks that one reading logs for internal errors of this program."""
_MEGABYTE = 2**20
_RECORDS_KEY = re.compile(r"""records_file['"]?[ \t]*:[ \t]*['"]?(?:\./)?([^\s'"]+)""")

log = logging.getLogger(__name__)


def read(folder: Path, previous: Catalogue, vocabulary: Vocabulary) -> Catalogue:
    """Returns the catalogue of a folder now. It raises nothing for errors in the files."""
    return FolderReading(folder, previous, vocabulary).read_for(None)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A file that is not read yet; such files are sorted by these fields, the first field first."""

    rank: int
    size_bytes: int
    file: str


class FolderReading:
    """One reading of a folder. Its state is the results so far, and the current file."""

    def __init__(
        self,
        folder: Path,
        previous: Catalogue,
        vocabulary: Vocabulary,
        *,
        look: Look | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        guard: LossGuard = NO_GUARD,
    ) -> None:
        """Prepares a reading. Without `look` every file is read as it is; `guard` refuses too large losses."""
        self._guard = guard
        self._serving = {each.zone.origin: each for each in previous.loaded}
        self._looked = Looked(folder, look)
        self._shared_stamps = previous.shared_stamps
        self._folder = folder
        self._previous = previous
        self._vocabulary = vocabulary
        self._monotonic = monotonic
        self._territories = Territories()
        self._records = RecordsFiles(folder, self._looked, previous.loaded)
        held = {each.losing for each in previous.refused if each.keeps is not None}
        self._before = {each.zone.file: each for each in previous.loaded if _text(each.zone.origin) not in held}
        """The last good zone of each file, without zones that serve in place of another file's refused zone."""
        self._refused_before = {each.file: each for each in previous.refused}
        self._shared = previous.shared
        self._shared_source = previous.shared_source
        self._is_shared_as_before = True
        self._files: list[str] = []
        """The paths of the zone files, sorted by name."""
        self._there = frozenset[str]()
        """The same paths, as a set."""
        self._sizes: dict[str, int] = {}
        self._large: dict[str, int] = {}
        """The sizes in bytes of records files larger than a megabyte, by name."""
        self._has_shared = False
        self._waiting: list[_Waiting] | None = None
        """The files that are not read yet, the next one last; None before `begin`."""
        self._results: dict[str, Loaded | RefusedFile] = {}
        self._refused_shared: list[RefusedFile] = []
        self._failure: Problem | None = None
        self._progress = ReadingProgress()
        self._kept_problems = 0
        self._tracebacks = 0
        self._held: set[str] = set()
        """Files that keep their last result because they, or files that they use, are being written."""

    @property
    def at(self) -> str:
        """Returns the path of the file that is read now, or of the folder when there is none."""
        step = self._progress.step
        return str(self._folder) if step is None else step.file

    @property
    def limit_s(self) -> float:
        """Returns the CPU seconds that the next file may take. `read_for` stops before files with a higher limit."""
        shared = 0 if self._has_shared else max((self._sizes.get(name, 0) for name in SHARED_FILES), default=0)
        return _limit_s(max(shared, self._waiting[-1].size_bytes if self._waiting else 0))

    @property
    def unlisted(self) -> frozenset[str]:
        """Returns the included files that a scan of the folder does not list: the next scan needs their names."""
        known = [self._results.get(file) or self._as_before(file) for file in self._files]
        met = (name for each in known if each is not None for name in each.stamps if not is_listed(name))
        return frozenset((*met, *self._looked.unlisted))

    def read_for(self, seconds: float | None) -> Catalogue:
        """Reads files for this many seconds, or all files with None; returns the catalogue so far."""
        self._progress.begin()
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

    def goes_on(self) -> bool:
        """Returns whether to wait longer for a slow file, because the machine is busy with something else."""
        return self._progress.goes_on()

    def give_up(self) -> Catalogue:
        """Refuses the current file, ends the reading, and returns the catalogue so far."""
        step = self._progress.give_up()
        if step is not None:
            message = (
                f"takes longer than {step.limit_s:g} s to read; it is left alone until it changes or somebody reloads. "
                "gtm check has no such limit, and tells its mistakes"
            )
            problem = Problem(step.file, 1, 1, message)
            refused = RefusedFile(step.file, (problem,), self._progress.fingerprint, is_retried=True)
            if Path(step.file).name in SHARED_FILES:
                self._refused_shared.append(refused)
            else:
                self._results[step.file] = refused
        return self.catalogue()

    def catalogue(self) -> Catalogue:
        """Returns the catalogue so far: files that are not read yet keep their last result."""
        if self._failure is not None:
            return replace(self._previous, problems=(self._failure,), unread=0)
        composing = Composing(self._before, self._territories)
        for refused in self._refused_shared:
            composing.refuse(refused)
        for file in self._files:
            composing.add(file, self._so_far(file))
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
        """Returns whether a file's last result was made with an older shared file (_shared.yaml) than now."""
        return not self._is_shared_as_before or file in self._previous.stale

    def _so_far(self, file: str) -> Loaded | RefusedFile | None:
        """Returns a file's result so far. Until the end, a file that changed its zone keeps its last result."""
        result, before = self._results.get(file), self._before.get(file)
        is_other = isinstance(result, Loaded) and before is not None and result.zone.origin != before.zone.origin
        return self._as_before(file) if result is None or (self._waiting and is_other) else result

    def _as_before(self, file: str) -> Loaded | RefusedFile | None:
        refused = self._refused_before.get(file)
        return self._before.get(file) if refused is None else refused.twin or refused

    def begin(self) -> None:
        """Lists the files of the folder, and sorts those to read. If it is unreadable, the last catalogue stays."""
        try:
            self._looked.begin()
        except FileUnreadable as error:
            # A folder that is gone is a failed mount; it does not mean that nothing should serve.
            self._failure = Problem(str(self._folder), 0, 0, f"the folder cannot be read: {error.reason}")
            self._waiting = []
            return
        self._sizes = sizes = self._looked.sizes
        self._files = self._looked.zone_files
        self._large = {name: size for name, size in sizes.items() if name.endswith(RECORDS_ENDING) and size > _MEGABYTE}
        self._there = frozenset(self._files)
        self._records.begin(self._there)
        self._hold_unsettled()
        is_any_due = self._shared_stamps != self._previous.shared_stamps
        due = [file for file in self._files if file not in self._held and (is_any_due or self._is_due(file))]
        waiting = [_Waiting(self._rank(file), self._size(file), file) for file in due]
        waiting.sort(key=lambda queued: (queued.rank, queued.size_bytes, queued.file), reverse=True)
        self._waiting = waiting

    def _hold_unsettled(self) -> None:
        """Keeps the last results of files that are being written; refuses those written for too long."""
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
        """Keeps the last result of the zone file `file` while `name`, a file that it uses, is being written."""
        self._held.add(file)
        overdue = self._looked.overdue(file, name)
        if overdue is not None:
            self._results[file] = overdue

    def _is_due(self, file: str) -> bool:
        """Returns whether a file must be read: it is new, or a file that it depends on has another stamp."""
        refused = self._refused_before.get(file)
        return self._looks_otherwise(file) or (refused is not None and self._is_first_otherwise(refused))

    def _looks_otherwise(self, file: str) -> bool:
        before = self._as_before(file)
        return before is None or self._is_stale(file) or not self._looked.is_as(before.stamps)

    def _is_first_otherwise(self, refused: RefusedFile) -> bool:
        """Returns whether another file, which has this refused file's zone, was removed, came back or changed."""
        if refused.keeps is not None:
            first = refused.keeps.zone.file
            return first in self._there and self._looks_otherwise(first)
        serving = None if refused.twin is None else self._serving.get(refused.twin.zone.origin)
        if serving is None or serving.zone.file == refused.file:
            return False
        return serving.zone.file not in self._there or self._looks_otherwise(serving.zone.file)

    def _size(self, file: str) -> int:
        """Returns the bytes of a zone file and of its large records file, to estimate its reading time."""
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
            self._refused_shared.append(RefusedFile(problem.file, (problem,)))
        if not names:
            self._shared, self._shared_source = NO_SHARED, None
        for name in names[:1]:
            file = str(self._folder / name)
            self._progress.enter(file, _limit_s(self._sizes.get(name, 0)))
            refused = self._refusal_of_shared(file)
            with self._progress.leaving():
                self._refused_shared += [] if refused is None else [refused]
        self._is_shared_as_before = self._shared == self._previous.shared

    def _refusal_of_shared(self, file: str) -> RefusedFile | None:
        """Reads the shared file (_shared.yaml). With problems, returns the refusal; the last good content stays."""
        fingerprint = ""
        try:
            text = Text(file, text_of(Path(file)))
            self._looked.require_settled(Path(file).name)
            fingerprint = self._progress.fingerprint = fingerprint_of(text.content.encode())
            refused = self._refused_before.get(file)
            if refused is not None and refused.fingerprint == fingerprint:
                return refused
            if text != self._shared_source:
                self._progress.parse(on=True)
                self._shared, self._shared_source = parse_shared(text.content, file), text
        except Unsettled:
            self._shared_stamps = self._previous.shared_stamps
            return self._refused_before.get(file)
        except Exception as error:  # noqa: BLE001  # it is logged
            return RefusedFile(file, self._problems_of(error, file), fingerprint)
        return None

    def _read(self, waiting: _Waiting) -> None:
        """Reads one file and stores the result, unless the reading was given up meanwhile."""
        self._progress.enter(waiting.file, _limit_s(waiting.size_bytes))
        self._looked.noted = {}
        try:
            self._looked.note(Path(waiting.file).name)
            result = self._result(waiting.file)
        except Unsettled as error:
            with self._progress.leaving():
                self._hold(waiting.file, error.name)
            return
        with self._progress.leaving():
            stamps = self._looked.noted
            self._results[waiting.file] = result if result.stamps == stamps else replace(result, stamps=stamps)

    def _result(self, file: str) -> Loaded | RefusedFile:
        own_bytes = self._sizes.get(Path(file).name, 0)
        files = Fetching(
            self._records,
            self._progress,
            file,
            sizes=self._sizes,
            allow=lambda size_bytes: self._progress.allow(_limit_s(own_bytes + size_bytes)),
        )
        contents = files.contents
        fingerprint = ""
        try:
            text = text_of(Path(file))
            self._looked.require_settled(Path(file).name)
            fingerprint = self._progress.fingerprint = fingerprint_of(text.encode())
            known = self._known(file, fingerprint)
            if known is not None:
                return known if isinstance(known, RefusedFile) else self._refusal_for_loss(known) or known
            self._progress.parse(on=True)
            zone = parse(text, file, self._shared, self._vocabulary, files.fetch)
            files.require_room_for(zone)
        except Exception as error:  # noqa: BLE001  # it is logged
            if files.is_full:  # the limit may have room at the next reading
                fingerprint = ""
            if not fingerprint or None in contents.values():  # next time it may be readable with the same stamp
                self._looked.noted = {}
            refused = self._refusal(
                file, self._problems_of(error, file), fingerprint=fingerprint, records=_fingerprints(contents)
            )
            return replace(refused, is_retried=isinstance(error, MemoryError))
        included = files.whole
        records = included.pop(zone.records_file, None)
        loaded = Loaded(fingerprint, zone, Text(file, text), self._shared_source, records, included)
        too_much_lost = self._refusal_for_loss(loaded)
        if too_much_lost is not None:
            return too_much_lost
        self._records.count(file, max(files.size_bytes, zone.records_bytes))
        return loaded

    def _refusal_for_loss(self, loaded: Loaded) -> RefusedFile | None:
        """Returns the refusal of a zone that would lose too much, or None. A reload reads the file again."""
        file, serving = loaded.zone.file, self._serving.get(loaded.zone.origin)
        if serving is None or self._is_of_another(serving, file):
            return None
        message = self._guard.words(serving.zone, loaded.zone)
        if not message:
            return None
        return replace(
            refusal_at_zone(loaded, file, message),
            records=_fingerprints(loaded.records_files),
            is_retried=True,
            losing=_text(loaded.zone.origin),
            keeps=None if serving.zone.file == file else serving,
        )

    def _is_of_another(self, serving: Loaded, file: str) -> bool:
        """Returns whether another file than `file` has the zone that serves, and keeps it as far as is known."""
        other = serving.zone.file
        if other == file or other not in self._there:
            return False
        now = self._results.get(other)
        if now is None:
            if other not in self._held and self._looks_otherwise(other):
                return False  # it is not read yet
            now = self._as_before(other)
        return isinstance(now, Loaded) and now.zone.origin == serving.zone.origin

    def _known(self, file: str, fingerprint: str) -> Loaded | RefusedFile | None:
        """Returns the last result for a file if its text and everything that it depends on are unchanged; else None."""
        before = self._as_before(file)
        if before is None or before.fingerprint != fingerprint or self._is_stale(file):
            return None
        if isinstance(before, RefusedFile):
            return before if before.keeps is None and self._has_the_same_records(before) else None
        records_files = before.records_files.items()
        is_as_it_was = all(self._records.content(name) == content for name, content in records_files)
        return before if is_as_it_was else None

    def _has_the_same_records(self, refused: RefusedFile) -> bool:
        """Returns whether the records files of a refused file are unchanged; an unreadable one counts as changed."""
        return all(
            fingerprint and records_fingerprint(self._records.content(name)) == fingerprint
            for name, fingerprint in refused.records
        )

    def _refusal(
        self,
        file: str,
        problems: Sequence[Problem],
        *,
        fingerprint: str = "",
        records: tuple[tuple[str, str], ...] = (),
    ) -> RefusedFile:
        kept = tuple(problems)
        if self._kept_problems > MAX_FOLDER_PROBLEMS and len(kept) > 1:
            kept = (kept[0], Problem(file, REST, 1, more_problems(len(kept) - 1)))
        self._kept_problems += len(kept)
        return RefusedFile(file, kept, fingerprint, records)

    def _problems_of(self, error: Exception, file: str) -> tuple[Problem, ...]:
        self._tracebacks += not isinstance(error, ZoneInvalid)
        return problems_of(error, file, logs=self._tracebacks <= MAX_TRACEBACKS)


def _text(name: Name) -> str:
    return name.to_text(omit_final_dot=True)


def _fingerprints(contents: Mapping[str, bytes | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, records_fingerprint(content)) for name, content in contents.items())


def _limit_s(size_bytes: int) -> float:
    return FILE_LIMIT_S * (1 + size_bytes // _MEGABYTE)
