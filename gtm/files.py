"""Files that configuration names -> their bytes, or FileUnreadable, within a few seconds, whatever they are.

What comes in: a path that an operator or a zone author wrote, and how large its file may be. What goes out: all of it.
A path may be anything: a pipe that waits for a writer, a device, a link into a network mount that does not answer.

    not as gtm/content.py wants it    unreadable, with the reason
    stands still for READ_S           given up: it counts as unreadable until the system lets go of it

Nothing can stop a thread that the kernel holds, so each purpose has a pool of its own (gtm/threads.py), and each path
at most one thread: while that hangs, the path is unreadable at once, and it is tried again when the thread is back. A
file that is large or slow is no such case, as long as it goes on.

All of it blocks, and is for threads; from an event loop it is `await reader.soon(...)`.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar, TypeVarTuple

from gtm.content import STUCK, Content, Stamp, content_of, stamp_of
from gtm.errors import CallOverdue, FileUnreadable
from gtm.threads import Pool

READ_S = 2.0
"""A disk that does nothing for so long is not there. Stopping waits for no thread at all (gtm/node/stopping.py)."""

AT_ONCE = 4
WAITERS = 16
MOST_HANGING = 16
"""Paths of one purpose that hang at once; further ones are not tried."""

HANGS = "no answer from its disk or mount"

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class FileReader:
    """Reads files for one purpose. It has state: which paths a thread is at, and which of them hang."""

    def __init__(self, purpose: str, *, limit_s: float = READ_S) -> None:
        self._limit_s = limit_s
        self._pool = Pool(purpose, threads=AT_ONCE, spare=MOST_HANGING)
        self._waiters = Pool(f"{purpose}, waiting", threads=WAITERS)
        self._free = threading.Condition()
        """Over what follows."""
        self._busy: set[Path] = set()
        self._hanging: set[Path] = set()

    def read(self, path: Path, *, limit: int, within: Path | None = None) -> Content:
        """Returns what is in a regular file of at most `limit` bytes. Raises FileUnreadable.

        Where it is `within` a folder, links are followed in that folder alone.
        """
        return self.call(path, lambda step: content_of(path, limit, step, within))

    def stamp(self, path: Path) -> Stamp | None:
        """Returns the stamp of a file; None where there is none."""
        return self.stamps([path])[0]

    def stamps(self, paths: Sequence[Path], *, within: Path | None = None) -> list[Stamp | None]:
        """Returns the stamp of each path, in one go; STUCK for each that hangs, or leads out of the folder."""
        found: list[Stamp | None] = []
        while len(found) < len(paths):
            path = paths[len(found)]
            if self._is_stuck(path):
                found.append(STUCK)
                continue
            found += self._stamps_up_to_one_that_hangs(paths[len(found) :], within)
        return found

    def call(self, path: Path, function: Callable[[Callable[[], None]], _Result]) -> _Result:
        """Returns what a function returns that does something at a path; it is given what it calls at every step.

        Raises FileUnreadable where it raises OSError, and where it stands still.
        """
        work = _Work(self, path, function)
        self._take(path)
        try:
            return self._pool.wait(work, timeout_s=self._limit_s, goes_on=work.goes_on)
        except CallOverdue as overdue:
            self._leave(work)
            raise FileUnreadable(path, HANGS) from overdue
        except OSError as error:
            raise FileUnreadable(path, error.strerror or str(error)) from error

    async def soon(self, function: Callable[[*_Arguments], _Result], *arguments: *_Arguments) -> _Result:
        """Returns what a function returns that reads by this reader, called in a thread."""
        return await self._waiters.run(function, *arguments)

    def _stamps_up_to_one_that_hangs(self, paths: Sequence[Path], within: Path | None) -> list[Stamp | None]:
        found: list[Stamp | None] = []

        def look(step: Callable[[], None]) -> None:
            for path in paths:
                with self._free:
                    if work.is_left or path in self._hanging:
                        return
                    work.path = path
                stamp = stamp_of(path, within)
                with self._free:
                    if work.is_left:
                        return
                    found.append(stamp)
                step()

        work = _Work(self, paths[0], look)
        try:
            self._pool.wait(work, timeout_s=self._limit_s, goes_on=work.goes_on)
        except CallOverdue:
            self._leave(work)
            return [*found, STUCK]
        return found

    def _take(self, path: Path) -> None:
        """Waits until no other thread is at a path."""
        with self._free:
            is_free = not self._is_stuck(path) and self._free.wait_for(
                lambda: path not in self._busy or path in self._hanging, self._limit_s
            )
            if not is_free or path in self._hanging:
                raise FileUnreadable(path, HANGS)
            self._busy.add(path)

    def _is_stuck(self, path: Path) -> bool:
        return path in self._hanging or len(self._hanging) >= MOST_HANGING

    def _leave(self, work: "_Work[_Result]") -> None:
        with self._free:
            work.is_left = True
            if work.has_begun and not work.is_over:
                self._hanging.add(work.path)
            else:
                self._busy.discard(work.path)
            self._free.notify_all()

    def give_back(self, work: "_Work[_Result]") -> None:
        """Has a path be tried again: the thread that was at it is back."""
        with self._free:
            work.is_over = True
            self._busy.discard(work.path)
            if work.is_left:
                self._hanging.discard(work.path)
            self._free.notify_all()


class _Work(Generic[_Result]):
    """One call at a path. It has state: how far it is."""

    def __init__(self, reader: FileReader, path: Path, function: Callable[[Callable[[], None]], _Result]) -> None:
        self.path = path
        self.has_begun = self.is_over = self.is_left = False
        self._reader = reader
        self._function = function
        self._steps = self._seen = 0

    def __call__(self) -> _Result:
        """Makes the call, in a thread of the pool."""
        self.has_begun = True
        try:
            return self._function(self._step)
        finally:
            self._reader.give_back(self)

    def goes_on(self) -> bool:
        """Returns whether it came any further since this was asked last."""
        before, self._seen = self._seen, self._steps
        return self._steps > before

    def _step(self) -> None:
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
