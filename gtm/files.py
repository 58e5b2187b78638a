"""Files that configuration names -> their bytes, or FileUnreadable, within a few seconds, whatever they are.

What comes in: a path that an operator or a zone author wrote, and the largest size of its file. What goes out: its
bytes. A path may be anything: a pipe that waits for a writer, a device, a link into a network mount that hangs.

    refused by gtm/content.py         unreadable, with the reason
    no progress for READ_S            abandoned: it counts as unreadable until the system call returns

Nothing can stop a thread that hangs in the kernel. So each purpose has a pool of its own (gtm/threads.py), and until
the threads that hang return, these count as unreadable at once:

    the path     that a thread hangs at
    a folder     in which MOST_IN_FOLDER hang: what is behind it, a mount say, does not answer
    all paths    while MOST_HANGING hang

The folder of a path is the one that its text names; of a link, the folder that the link leads into. So links into a
mount that hangs do not affect the files beside them. A large or slow file does not count as hanging while it makes
progress.

All methods block, and are for threads; an event loop uses `await reader.soon(...)`.
"""

import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar, TypeVarTuple

from gtm.content import STUCK, Content, Piece, Progress, Stamp, content_of, piece_of, stamp_of, status_of
from gtm.errors import CallOverdue, FileUnreadable
from gtm.rereading import Rereading
from gtm.threads import Pool

READ_S = 2.0
"""Seconds without progress after which a call is abandoned. Stopping a node waits for no thread."""

AT_ONCE = 4
WAITERS = 16
MOST_IN_FOLDER = 4
"""Paths in one folder that hang at once; others in it are not tried."""
MOST_HANGING = 128
"""Paths of one purpose that hang at once; others are not tried. Disks and mounts have many folders each."""

HANGS = "no answer from its disk or mount"

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class FileReader:
    """Reads files for one purpose. It has state: the paths that threads read now, and which of them hang."""

    def __init__(
        self, purpose: str, *, limit_s: float = READ_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_s = limit_s
        self._rereading = Rereading(monotonic=monotonic)
        self._pool = Pool(purpose, threads=AT_ONCE, spare=MOST_HANGING)
        self._waiters = Pool(f"{purpose}, waiting", threads=WAITERS)
        self._free = threading.Condition()
        """Guards the attributes below."""
        self._busy: set[Path] = set()
        self._hanging: Counter[Path] = Counter()
        self._in_folder: Counter[Path] = Counter()
        """The number of hanging paths in each folder."""

    def read(self, path: Path, *, limit: int, within: Path | None = None) -> Content:
        """Returns the content of a regular file of at most `limit` bytes. Raises FileUnreadable.

        With a folder in `within`, links are followed only inside that folder.
        """
        content = self.call(path, lambda progress: content_of(path, limit, progress, within))
        self._rereading.took(path, content.stamp, content.data)
        return content

    def stamp(self, path: Path) -> Stamp | None:
        """Returns the stamp of a file: its times, size and inode; None where there is no file."""
        return self.stamps([path])[0]

    def stamps(self, paths: Sequence[Path], *, within: Path | None = None) -> list[Stamp | None]:
        """Returns the stamp of each path; None where there is no file, STUCK where it hangs or leads out of `within`.

        Now and then it also reads a part of these files, to find changes of content that a stamp does not show.
        """
        answer = self._stamps(paths, within)
        self._rereading.go_on(self._piece)
        return [self._rereading.seen(path, stamp, within) for path, stamp in zip(paths, answer, strict=True)]

    def _piece(self, path: Path, offset: int, size: int, within: Path | None) -> Piece:
        return self.call(path, lambda progress: piece_of(path, offset, size, progress, within))

    def _stamps(self, paths: Sequence[Path], within: Path | None) -> list[Stamp | None]:
        answer: list[Stamp | None] = []
        while len(answer) < len(paths):
            path = paths[len(answer)]
            if self._is_stuck(path, within or path.parent):
                answer.append(STUCK)
                continue
            answer += self._stamps_up_to_one_that_hangs(paths[len(answer) :], within)
        return answer

    def look(self, path: Path) -> None:
        """Checks that a path exists, as a file, a folder or anything else. Raises FileUnreadable if it does not."""
        self.call(path, lambda progress: status_of(path, progress))

    def call(self, path: Path, function: Callable[[Progress], _Result]) -> _Result:
        """Returns the result of a function that uses a path; it is called in a thread, with a Progress to report to.

        Raises FileUnreadable where the function raises OSError, or makes no progress within the time limit.
        """

        def begin(progress: Progress) -> _Result:
            progress.enter(path.parent)  # it may have begun to hang while this call waited for a thread
            return function(progress)

        work = _Work(self, path, begin)
        self._take(path)
        try:
            return self._pool.wait(work, timeout_s=self._limit_s, goes_on=work.goes_on)
        except CallOverdue as overdue:
            self._leave(work)
            raise FileUnreadable(path, HANGS) from overdue
        except OSError as error:
            raise FileUnreadable(path, error.strerror or str(error)) from error

    async def soon(self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments) -> _Result:
        """Returns the result of a function that uses this reader; calls it in a thread, so the event loop goes on."""
        return await self._waiters.run(function, *arguments)

    def _stamps_up_to_one_that_hangs(self, paths: Sequence[Path], within: Path | None) -> list[Stamp | None]:
        answer: list[Stamp | None] = []

        def look(progress: Progress) -> None:
            for path in paths:
                with self._free:
                    if work.is_left or self._is_stuck(path, within or path.parent):
                        return
                    work.path, work.folder = path, within or path.parent
                stamp = stamp_of(path, progress, within)
                with self._free:
                    if work.is_left:
                        return
                    answer.append(stamp)
                progress.step()

        work = _Work(self, paths[0], look)
        try:
            self._pool.wait(work, timeout_s=self._limit_s, goes_on=work.goes_on)
        except CallOverdue:
            self._leave(work)
            return [*answer, STUCK]
        return answer

    def _take(self, path: Path) -> None:
        """Waits until no other thread uses a path, and reserves it. Raises FileUnreadable if the path hangs."""
        with self._free:
            is_free = not self._is_stuck(path, path.parent) and self._free.wait_for(
                lambda: path not in self._busy or path in self._hanging, self._limit_s
            )
            if not is_free or path in self._hanging:
                raise FileUnreadable(path, HANGS)
            self._busy.add(path)

    def _is_stuck(self, path: Path, folder: Path) -> bool:
        return bool(self._hanging) and (path in self._hanging or self._is_full(folder))

    def _is_full(self, folder: Path) -> bool:
        return self._in_folder[folder] >= MOST_IN_FOLDER or len(self._hanging) >= MOST_HANGING

    def _leave(self, work: "_Work[_Result]") -> None:
        with self._free:
            work.is_left = True
            if work.has_begun and not work.is_over:
                work.is_hanging = True
                self._hanging[work.path] += 1
                self._in_folder[work.folder] += 1
            else:
                self._busy.discard(work.path)
            self._free.notify_all()

    def give_back(self, work: "_Work[_Result]") -> None:
        """Makes a path usable again when the call that used it has ended."""
        with self._free:
            work.is_over = True
            self._busy.discard(work.path)
            if work.is_hanging:
                self._hanging -= Counter([work.path])
                self._in_folder -= Counter([work.folder])
            self._free.notify_all()

    def enter(self, work: "_Work[_Result]", folder: Path) -> None:
        """Records that a call uses another folder. Raises FileUnreadable if that hangs, or the call is abandoned."""
        with self._free:
            if work.is_left or self._is_full(folder):
                raise FileUnreadable(work.path, HANGS)
            work.folder = folder


class _Work(Generic[_Result]):
    """One call that uses a path. It has state: its progress, and whether it began, ended or hangs."""

    def __init__(self, reader: FileReader, path: Path, function: Callable[[Progress], _Result]) -> None:
        self.path = path
        self.folder = path.parent
        """The folder that the call uses now: if the call hangs, this folder is the cause."""
        self.has_begun = self.is_over = self.is_left = self.is_hanging = False
        self._reader = reader
        self._function = function
        self._steps = self._seen = 0

    def __call__(self) -> _Result:
        """Calls the function in a thread of the pool, and returns its result."""
        self.has_begun = True
        try:
            return self._function(self)
        finally:
            self._reader.give_back(self)

    def goes_on(self) -> bool:
        """Returns whether the call made progress since the last time that this method was called."""
        before, self._seen = self._seen, self._steps
        return self._steps > before

    def enter(self, folder: Path) -> None:
        """Records the folder that the call uses next. Raises FileUnreadable if that folder hangs."""
        self._reader.enter(self, folder)

    def step(self) -> None:
        """Records that the call made progress."""
        self._steps += 1


@contextmanager
def as_path(data: bytes) -> Iterator[str]:
    """Yields the path of a temporary file with these bytes, for libraries that only take paths.

    Only this user can read the file. It is gone after the block.
    """
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("gtm", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.name
