"""The event log on disk: lines of JSON in files that are rotated by size, so that their total size has a limit.

    events.jsonl      the newest lines
    events.1.jsonl    those before, and so on up to events.4.jsonl; older ones are gone

One thread writes (gtm/node/events/log.py); other processes may read, whether the node runs or not. A line that a crash
or a full disk cut short is left out when reading; all other lines are read. Nothing here is fsynced: a power cut loses
the last seconds.

Other programs may move, remove or truncate `events.jsonl`, as logrotate does: each write is to the file that is at the
path then.
"""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from gtm.errors import StateInvalid
from gtm.event import Recorded, parse_line
from gtm.node.state.lock import FILE_MODE, make_private

FILE_BYTES = 8 * 1024 * 1024
FILES = 5
"""The number of files: 40 MiB in all, about 100,000 events."""
MAX_LINE_BYTES = 256 * 1024
"""More bytes than any event has; a longer line is damaged."""


class EventFiles:
    """Writes lines to the event files. Its state: the open file and its size. Every method may raise OSError."""

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._files = files
        self._descriptor = -1
        self._size = 0
        self._torn = False

    def write(self, lines: bytes) -> None:
        """Appends whole lines; rotates the files first if the lines do not fit.

        A write that fails half-way leaves an incomplete line; the next write ends that line first.
        """
        if not self._is_at_path():
            self.close()
            self._open()
        elif self._size and self._size + len(lines) > self._file_bytes:
            self._rotate()
        rest = memoryview(b"\n" + lines if self._torn else lines)
        self._torn = True
        while rest:
            written = os.write(self._descriptor, rest)
            self._size += written
            rest = rest[written:]
        self._torn = False

    def close(self) -> None:
        """Closes the file; the next write opens it again."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _is_at_path(self) -> bool:
        """Returns whether the open file is still the one at the path.

        Updates the known size of the file too, which other programs may have changed.
        """
        if self._descriptor < 0:
            return False
        here = os.fstat(self._descriptor)
        try:
            there = path_of(self._folder, 0).stat()
        except FileNotFoundError:
            return False
        self._size = here.st_size
        self._torn = self._torn and self._size > 0
        return os.path.samestat(here, there)

    def _open(self) -> None:
        make_private(self._folder)
        path = path_of(self._folder, 0)
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._size = os.fstat(self._descriptor).st_size
        self._torn = self._size > 0 and os.pread(self._descriptor, 1, self._size - 1) != b"\n"

    def _rotate(self) -> None:
        self.close()
        for number in range(self._files - 1, 0, -1):
            before = path_of(self._folder, number - 1)
            if before.exists():
                before.replace(path_of(self._folder, number))
        self._open()


def path_of(folder: Path, number: int) -> Path:
    """Returns the path of an event file by its number; 0 is the newest file."""
    return folder / ("events.jsonl" if number == 0 else f"events.{number}.jsonl")


def read_events(folder: Path, *, since: float) -> Iterator[Recorded]:
    """Yields the events in the event files of a folder from the wall time `since` on, oldest first.

    Raises StateInvalid when a file exists and cannot be read.
    """
    newest_last = [path_of(folder, number) for number in range(FILES - 1, -1, -1)]
    wanted = [path for path in newest_last if _modified_at(path) >= since]
    return (event for event in chain.from_iterable(map(_read, wanted)) if event.wall >= since)


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return float("-inf")


def _read(path: Path) -> Iterator[Recorded]:
    try:
        with path.open("rb") as opened:
            while line := opened.readline(MAX_LINE_BYTES):
                event = parse_or_none(line)
                if event is not None:
                    yield event
    except FileNotFoundError:  # rotated away meanwhile
        return
    except OSError as error:
        raise StateInvalid(f"{path} cannot be read: {error.strerror or error}") from error


def parse_or_none(line: bytes) -> Recorded | None:
    """Returns the event of a line of an event file; None if the line is incomplete or not an event."""
    try:
        return parse_line(line)
    except StateInvalid:
        return None


class Tail:
    """Reads new events from the event files of a folder, from the end of the newest file on.

    Its state: the open file, and the offset up to which it is read. The file stays open, so that its last lines are
    read even after it was moved.
    """

    def __init__(self, folder: Path) -> None:
        self._path = path_of(folder, 0)
        self._half = b""
        self._descriptor = self._opened()
        self._offset = 0 if self._descriptor < 0 else os.fstat(self._descriptor).st_size

    def news(self) -> list[Recorded]:
        """Returns the events written since the last call, also those at the end of a file rotated meanwhile."""
        events = self._more()
        if self._is_moved():
            events += self._more()  # lines written after the last read, and before the file was moved
            self.close()
            self._descriptor, self._offset, self._half = self._opened(), 0, b""
            events += self._more()
        return events

    def close(self) -> None:
        """Closes the open file."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _is_moved(self) -> bool:
        try:
            return self._descriptor < 0 or not os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:  # no new file yet: the next line may still be written to the moved file
            return False

    def _more(self) -> list[Recorded]:
        if self._descriptor < 0:
            return []
        try:
            size = os.fstat(self._descriptor).st_size
            if size < self._offset:  # somebody truncated it
                self._offset, self._half = 0, b""
            content = os.pread(self._descriptor, size - self._offset, self._offset)
        except OSError:
            return []
        self._offset += len(content)
        *whole, self._half = (self._half + content).split(b"\n")
        return [event for event in map(parse_or_none, whole) if event is not None]

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return -1
