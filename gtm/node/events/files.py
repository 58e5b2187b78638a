"""The event log on disk: lines of JSON in files that are rotated by size, so that they never take more than a bound.

    events.jsonl      the newest lines
    events.1.jsonl    those before, and so on up to events.4.jsonl; older ones are gone

One thread writes (gtm/node/events/log.py); anybody reads, a node that runs or not. A line that a crash or a full disk
tore is left out when reading, and costs no other line. Nothing here is fsynced: what a power cut takes is the last
seconds.

Others may move, remove or truncate `events.jsonl`, as logrotate does: each write goes to the file at the path.
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
"""40 MiB in all: about 100,000 events."""
MAX_LINE_BYTES = 256 * 1024
"""More than any event has; a longer line is damage."""


class EventFiles:
    """Writes lines. It has state: the open file, and how long it is. Every method may raise OSError."""

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._files = files
        self._descriptor = -1
        self._size = 0
        self._torn = False

    def write(self, lines: bytes) -> None:
        """Adds whole lines; a write that fails half-way leaves a torn line, which the next one ends."""
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
        """Returns whether the open file is the one at the path; takes note of its size, which others may change."""
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
    """Returns the file of a number; 0 is the newest."""
    return folder / ("events.jsonl" if number == 0 else f"events.{number}.jsonl")


def read_events(folder: Path, *, since: float) -> Iterator[Recorded]:
    """Yields the events of a folder from a wall time on, oldest first.

    Raises StateInvalid when a file is there and cannot be read.
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
    """Returns the event of a line, or None of what is no whole line of ours."""
    try:
        return parse_line(line)
    except StateInvalid:
        return None


class Tail:
    """Follows a folder's events from its end on. It has state: the open file that it reads, and how far.

    The file stays open, so that its last lines are read wherever it was moved.
    """

    def __init__(self, folder: Path) -> None:
        self._path = path_of(folder, 0)
        self._half = b""
        self._descriptor = self._opened()
        self._offset = 0 if self._descriptor < 0 else os.fstat(self._descriptor).st_size

    def news(self) -> list[Recorded]:
        """Returns the events written since the last call; those of a file that was rotated away meanwhile too."""
        events = self._more()
        if self._is_moved():
            events += self._more()  # what was written after it was read, and before it was moved
            self.close()
            self._descriptor, self._offset, self._half = self._opened(), 0, b""
            events += self._more()
        return events

    def close(self) -> None:
        """Lets the file go."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _is_moved(self) -> bool:
        try:
            return self._descriptor < 0 or not os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:  # nothing is there yet: the next line may still come into the file that was moved
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
