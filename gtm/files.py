"""Files that configuration names -> their bytes, or FileUnreadable, within a few seconds, whatever they are.

What comes in: a path that an operator or a zone author wrote, and how large its file may be. What goes out: all of it.
A path may be anything: a pipe that waits for a writer, a device, a link into a network mount that does not answer.

    not as gtm/content.py wants it    unreadable, with the reason
    stands still for READ_S           given up: it counts as unreadable until the system lets go of it

Nothing can stop a thread that the kernel holds, so each purpose has a pool of its own (gtm/threads.py), and until
the threads are back that hang, this counts as unreadable at once:

    the path     that a thread hangs at
    a folder     in which MOST_IN_FOLDER hang: what is behind it, a mount say, does not answer
    all paths    while MOST_HANGING hang

A path is in the folder that its text says; one that is a link, in that which the link leads into. So links into a mount
that hangs hide none of the files beside them. A file that is large or slow is no such case, as long as it goes on.

All of it blocks, and is for threads; from an event loop it is `await reader.soon(...)`.
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
"""A disk that does nothing for so long is not there. Stopping waits for no thread at all (gtm/node/stopping.py)."""

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
    """Reads files for one purpose. It has state: which paths a thread is at, and which of them hang."""

    def __init__(
        self, purpose: str, *, limit_s: float = READ_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_s = limit_s
        self._rereading = Rereading(monotonic=monotonic)
        self._pool = Pool(purpose, threads=AT_ONCE, spare=MOST_HANGING)
        self._waiters = Pool(f"{purpose}, waiting", threads=WAITERS)
        self._free = threading.Condition()
        """Over what follows."""
        self._busy: set[Path] = set()
        self._hanging: Counter[Path] = Counter()
        self._in_folder: Counter[Path] = Counter()
        """How many of them hang in which folder."""

    def read(self, path: Path, *, limit: int, within: Path | None = None) -> Content:
        """Returns the content of a regular file of at most `limit` bytes. Raises FileUnreadable.

        Where it is `within` a folder, links are followed in that folder alone.
        """
        content = self.call(path, lambda progress: content_of(path, limit, progress, within))
        self._rereading.took(path, content.stamp, content.data)
        return content

    def stamp(self, path: Path) -> Stamp | None:
        """Returns the stamp of a file; None where there is none."""
        return self.stamps([path])[0]

    def stamps(self, paths: Sequence[Path], *, within: Path | None = None) -> list[Stamp | None]:
        """Returns the stamp of each path, in one go; STUCK for each that hangs, or leads out of the folder.

        Now and then it reads a little of these files, too: what is in them may change, and their stamps not.
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
        """Raises FileUnreadable unless there is something at a path, whatever it is."""
        self.call(path, lambda progress: status_of(path, progress))

    def call(self, path: Path, function: Callable[[Progress], _Result]) -> _Result:
        """Returns the result of a function that does something at a path; it is given whom it tells how far it is.

        Raises FileUnreadable where it raises OSError, and where it stands still.
        """

        def begin(progress: Progress) -> _Result:
            progress.enter(path.parent)  # it may hang since this call began to wait for a thread
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
        """Returns the result of a function that reads with this reader, called in a thread."""
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
        """Waits until no other thread is at a path."""
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
        """Has a path be tried again: the thread that was at it is back."""
        with self._free:
            work.is_over = True
            self._busy.discard(work.path)
            if work.is_hanging:
                self._hanging -= Counter([work.path])
                self._in_folder -= Counter([work.folder])
            self._free.notify_all()

    def enter(self, work: "_Work[_Result]", folder: Path) -> None:
        """Has a thread look in another folder, unless that hangs, or nobody waits any more. Raises FileUnreadable."""
        with self._free:
            if work.is_left or self._is_full(folder):
                raise FileUnreadable(work.path, HANGS)
            work.folder = folder


class _Work(Generic[_Result]):
    """One call at a path. It has state: how far it is."""

    def __init__(self, reader: FileReader, path: Path, function: Callable[[Progress], _Result]) -> None:
        self.path = path
        self.folder = path.parent
        """Where it is: if it hangs, then for what is in there."""
        self.has_begun = self.is_over = self.is_left = self.is_hanging = False
        self._reader = reader
        self._function = function
        self._steps = self._seen = 0

    def __call__(self) -> _Result:
        """Makes the call, in a thread of the pool."""
        self.has_begun = True
        try:
            return self._function(self)
        finally:
            self._reader.give_back(self)

    def goes_on(self) -> bool:
        """Returns whether it came any further since this was asked last."""
        before, self._seen = self._seen, self._steps
        return self._steps > before

    def enter(self, folder: Path) -> None:
        """Hears in which folder it looks next."""
        self._reader.enter(self, folder)

    def step(self) -> None:
        """Hears that it got further."""
        self._steps += 1


@contextmanager
def as_path(data: bytes) -> Iterator[str]:
    """Gives a path with this content, for libraries that take nothing else; only this process can read it."""
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
