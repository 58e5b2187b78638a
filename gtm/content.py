"""The content of a path: the bytes of a regular file, or its stamp.

Calls block, and may hang: gtm/files.py makes them in threads. A file that is not read is refused for one of these:

does not exist, no permission  refused, with the error message of the system
not a regular file             refused; opening it never waits for another process
a link out of its folder       refused, and not followed, where a folder is given: others may write to that folder
larger than its limit          refused; the rest of it is not read
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
    """The bytes of a file, with its permissions and stamp."""

    data: bytes
    mode: int
    """The permission bits of the file."""
    stamp: "Stamp | None" = None
    """The stamp of the file when it was opened; None if it is not known."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The data by which two states of one file differ: its inode, times, size and turn."""

    device: int
    inode: int
    modified_ns: int
    size_bytes: int
    is_regular: bool = True
    changed_ns: int = 0
    """When its status changed (ctime). Nobody can set it, so it shows changes that `cp -p`, `touch -r` and tar hide."""
    turn: int = 0
    """How often its content changed while all of the above stayed the same (gtm/rereading.py)."""


STUCK = Stamp(-1, -1, -1, -1, is_regular=False)
"""The stamp of a file whose disk does not answer, or of a link that leads out of its folder."""


class Progress(Protocol):
    """Receives the progress of a call: before it uses another folder, where it may hang, and after each step."""

    def enter(self, folder: Path) -> None:
        """Records the folder that the call uses next. Raises FileUnreadable where the call must not use it."""

    def step(self) -> None:
        """Records that the call made progress."""


def content_of(path: Path, limit: int, progress: Progress, within: Path | None) -> Content:
    """Returns the content of a regular file of at most `limit` bytes.

    With a folder in `within`, links are followed only inside that folder. Raises FileUnreadable for a file that is
    refused, and OSError for an error of the system.
    """
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
    """Some consecutive bytes of a file, and the stamp of the file."""

    data: bytes
    """Empty at the end of the file."""
    stamp: Stamp


def piece_of(path: Path, offset: int, size: int, progress: Progress, within: Path | None) -> Piece:
    """Returns `size` bytes of a regular file from an offset on; fewer at the end of the file.

    `within` and the errors raised are those of `content_of`.
    """
    descriptor = _opened(path, progress) if within is None else _opened_within(within, path, progress)
    try:
        status = os.fstat(descriptor)
        _require_regular(path, status)
        return Piece(os.pread(descriptor, size, offset), _stamp_in(status))
    finally:
        os.close(descriptor)


def stamp_of(path: Path, progress: Progress, within: Path | None) -> Stamp | None:
    """Returns the stamp of a file; None where there is no file, STUCK where the path leads out of `within`."""
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
    """Returns the status (stat) of a path after all its links are followed, to any folder. Raises OSError."""
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
    """Returns a descriptor of a file inside a folder, opened part by part of its path without following links.

    A part of the path that somebody replaces by a link at the same time is not followed either.
    """
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
    """Returns the parts of the path from a folder to a file, after all links are followed.

    Nothing outside of the folder is read. Raises FileUnreadable for a link that leads out of the folder.
    """
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
    """Returns the target of a link; None if there is no link at this path."""
    try:
        return str(path.readlink())
    except OSError:
        return None


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise FileUnreadable(path, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise FileUnreadable(path, IRREGULAR)
