"""What is at a path: the bytes of a regular file, or its stamp. It blocks, and may hang: gtm/files.py has it called.

not there, not ours to read    the system's words
no regular file                refused; it is opened without waiting for anybody
a link out of its folder       refused, and not looked at, where a folder is named: others may write that folder
larger than it may be          refused, and not read any further
"""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gtm.errors import FileUnreadable

MAX_LINKS = 40
"""As many as Linux follows (path_resolution(7))."""
CHUNK_BYTES = 1024 * 1024

IRREGULAR = "not a regular file"
OUTSIDE = "a link that leads out of its folder"

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Content:
    """What was in a file."""

    data: bytes
    mode: int
    """Its permissions."""
    stamp: "Stamp | None" = None
    """That of the file when it was opened."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another."""

    device: int
    inode: int
    modified_ns: int
    size_bytes: int
    is_regular: bool = True
    changed_ns: int = 0
    """Of its status (ctime), which nobody can set: it tells what `cp -p`, `touch -r` and tar hide."""
    turn: int = 0
    """How often something else was in it, though all of the above was the same (gtm/rereading.py)."""


STUCK = Stamp(-1, -1, -1, -1, is_regular=False)
"""That of a file whose disk does not answer, or that is none of its folder."""


class Progress(Protocol):
    """Who is told how far a call is: before it looks in another folder, where it may hang, and after each step."""

    def enter(self, folder: Path) -> None:
        """Hears in which folder it looks next. Raises FileUnreadable where it is not to."""

    def step(self) -> None:
        """Hears that it got further."""


def content_of(path: Path, limit: int, progress: Progress, within: Path | None) -> Content:
    """Returns the content of a regular file of at most `limit` bytes. Raises FileUnreadable, and OSError."""
    if "\0" in str(path):
        raise FileUnreadable(path, "no path has a NUL")
    descriptor = _opened(path, progress) if within is None else _opened_within(within, path, progress)
    try:
        status = os.fstat(descriptor)
        _require_regular(path, status)
        parts, size = [], 0
        while size <= limit and (part := os.read(descriptor, min(CHUNK_BYTES, limit + 1 - size))):
            parts.append(part)
            size += len(part)
            progress.step()
    finally:
        os.close(descriptor)
    if size > limit:
        raise FileUnreadable(path, f"larger than {limit} bytes")
    return Content(b"".join(parts), stat.S_IMODE(status.st_mode), _stamp_in(status))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file."""

    data: bytes
    """Empty at its end."""
    stamp: Stamp


def piece_of(path: Path, offset: int, size: int, progress: Progress, within: Path | None) -> Piece:
    """Returns so many bytes of a regular file from an offset on, fewer at its end. Raises as `content_of` does."""
    descriptor = _opened(path, progress) if within is None else _opened_within(within, path, progress)
    try:
        status = os.fstat(descriptor)
        _require_regular(path, status)
        return Piece(os.pread(descriptor, size, offset), _stamp_in(status))
    finally:
        os.close(descriptor)


def stamp_of(path: Path, progress: Progress, within: Path | None) -> Stamp | None:
    """Returns the stamp of a file; None where there is none, STUCK where it may not be looked at."""
    try:
        is_deeper = within is not None and path.parent != within  # a folder on the way may be a link
        status = _status_within(within, path, progress) if within and is_deeper else path.stat(follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            status = status_of(path, progress) if within is None else _status_within(within, path, progress)
    except FileUnreadable:
        return STUCK
    except (OSError, ValueError):  # a NUL in it
        return None
    return _stamp_in(status)


def _stamp_in(status: os.stat_result) -> Stamp:
    is_regular = stat.S_ISREG(status.st_mode)
    return Stamp(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, is_regular, status.st_ctime_ns)


def status_of(path: Path, progress: Progress) -> os.stat_result:
    """Returns the status of what is at the end of a path's links, which may lead anywhere. Raises OSError."""
    end, links = path, 0
    while links < MAX_LINKS and (target := _link(end)) is not None:
        end, links = end.parent / target, links + 1
        progress.enter(end.parent)
    return path.stat()


def _status_within(folder: Path, path: Path, progress: Progress) -> os.stat_result:
    return folder.joinpath(*_steps_within(folder, path, progress)).stat(follow_symlinks=False)


def _opened(path: Path, progress: Progress) -> int:
    _require_regular(path, status_of(path, progress))  # first: to open a device may do something
    return os.open(path, _FLAGS)


def _opened_within(folder: Path, path: Path, progress: Progress) -> int:
    """Opens a file by steps that are no links: what is swapped for a link meanwhile is not followed."""
    *above, name = _steps_within(folder, path, progress)
    here = os.open(folder, _FOLDER_FLAGS)
    try:
        for step in above:
            before, here = here, os.open(step, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=here)
            os.close(before)
        _require_regular(path, os.stat(name, dir_fd=here, follow_symlinks=False))
        return os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _steps_within(folder: Path, path: Path, progress: Progress) -> list[str]:
    """Returns the steps from a folder to the end of a file's links; it looks at nothing outside of the folder."""
    root = folder.resolve()
    roots = (str(folder.absolute()), str(root))
    own = path.relative_to(folder).parts if path.is_relative_to(folder) else (path.name,)
    steps, reached, links = list(reversed(own)), list[str](), 0
    while steps:
        step = steps.pop()
        if step == "..":
            if not reached:
                raise FileUnreadable(path, OUTSIDE)
            reached.pop()
            continue
        progress.enter(folder.joinpath(*reached, step) if steps else folder.joinpath(*reached))
        target = _link(root.joinpath(*reached, step))
        if target is None:
            reached.append(step)
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.startswith("/"):
            above = next((each for each in roots if f"{target}/".startswith(f"{each}/")), None)
            if above is None:
                raise FileUnreadable(path, OUTSIDE)
            target, reached = target[len(above) :], []
        steps += [each for each in reversed(target.split("/")) if each not in {"", "."}]
    if not reached:
        raise FileUnreadable(path, OUTSIDE)
    return reached


def _link(path: Path) -> str | None:
    """Returns the target of a link; None for what is none, or not there."""
    try:
        return str(path.readlink())
    except OSError:
        return None


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileUnreadable(path, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise FileUnreadable(path, IRREGULAR)
