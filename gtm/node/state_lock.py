"""The lock of a state folder: one process writes there. `lock` in the folder says which, and whether it could write.

    lock    pid 4242 saved            as long as that process lives, it has an exclusive flock on the file
            pid 4242 unsaved          numbers were used that state.json does not have: the disk was full, most likely

The file is held until the process ends, however that ends, so a lock that a killed process left is no obstacle. Its
text is as long as before whenever it is written, and is written in place, so that works on a full disk too.

Where there is no file and none can be made, the folder itself is locked. Where the filesystem has no flock, that is
said, and the node goes on.
"""

import errno
import fcntl
import logging
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from gtm.errors import StateInUse

LOCK_NAME = "lock"
FILE_MODE = 0o600
FOLDER_MODE = 0o700
"""What a node keeps may hold secrets of zone files."""

_LENGTH = 24
_UNSAVED = "unsaved"
_OURS = re.compile(
    r"lock|admin\.sock|events(\.\d)?\.jsonl|plan-(names|decisions)\.bin"
    r"|(state|status|verdicts|heard|zones|vantages|claims|overrides)\.json(\.before)?|\..*\.new"
)
"""The names in a folder that has nothing but the state of a node."""

log = logging.getLogger(__name__)


class StateLock:
    """Holds the lock of a folder. It has state: whether what was numbered is on disk."""

    def __init__(self, descriptor: int | None, *, was_unsaved: bool = False, is_writable: bool = False) -> None:
        self._descriptor = descriptor
        self._is_writable = is_writable
        self.was_unsaved = was_unsaved
        """Whether an earlier run used numbers that may not be on disk."""
        self._is_marked: bool | None = None
        if is_writable:
            self.mark(is_saved=not was_unsaved)  # so it stays until this run has written its own

    def mark(self, *, is_saved: bool) -> None:
        """Notes whether all that was numbered is on disk; where that cannot be written, it is not noted."""
        if self._descriptor is None or not self._is_writable or self._is_marked is is_saved:
            return
        text = f"pid {os.getpid()} {'saved' if is_saved else _UNSAVED}".ljust(_LENGTH - 1) + "\n"
        with suppress(OSError):
            os.pwrite(self._descriptor, text.encode(), 0)
            os.fsync(self._descriptor)
            self._is_marked = is_saved

    def release(self) -> None:
        """Lets another process have the folder; the end of this one does so too."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_state(folder: Path) -> StateLock:
    """Returns the lock of a folder, which is made where it is not there, and closed to other users.

    Raises StateInUse while another process holds it.
    """
    make_private(folder)
    try:
        descriptor, is_writable = _opened(folder)
    except OSError as error:
        log.warning(
            "the state folder %s cannot be locked: %s; see that no other node uses it", folder, error.strerror or error
        )
        return StateLock(None)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            holder = _read(descriptor).partition(" ")[2].partition(" ")[0] if is_writable else ""
            os.close(descriptor)
            raise StateInUse(_in_use(folder, holder)) from error
        log.warning(
            "the filesystem of the state folder %s has no locks (%s); see that no other node uses it",
            folder,
            error.strerror or error,
        )
    _close_to_others(folder)
    is_unsaved = is_writable and _read(descriptor).rstrip().endswith(_UNSAVED)
    return StateLock(descriptor, was_unsaved=is_unsaved, is_writable=is_writable)


def make_private(folder: Path) -> None:
    """Makes a folder that only this user gets into, where it is not there; what is there stays as it is."""
    with suppress(OSError):  # who writes there next says what is wrong
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def _in_use(folder: Path, holder: str) -> str:
    who = f"the process {holder}" if holder.isdigit() else "another process"
    return (
        f"the state folder {folder} is in use by {who}: stop that node, or give this one a folder of its own "
        "(`state:` in its node file)"
    )


def _opened(folder: Path) -> tuple[int, bool]:
    """Returns a descriptor to lock, and whether it is of a file that can be written."""
    path, flags = folder / LOCK_NAME, os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | flags, FILE_MODE), True
    except OSError:  # a disk that is full or read-only
        with suppress(OSError):
            return os.open(path, os.O_RDONLY | flags), False
        return os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY), False


def _read(descriptor: int) -> str:
    try:
        return os.pread(descriptor, _LENGTH, 0).decode("ascii", "replace")
    except OSError:
        return ""


def _close_to_others(folder: Path) -> None:
    """Takes from other users what an earlier version let them read; a folder that holds other things stays open."""
    try:
        entries = [entry for entry in os.scandir(folder) if _OURS.fullmatch(entry.name)]
        foreign = sorted({entry.name for entry in os.scandir(folder)} - {entry.name for entry in entries})
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                _tighten(Path(entry.path), FILE_MODE)
        if not foreign:
            _tighten(folder, FOLDER_MODE)
        elif stat.S_IMODE(folder.stat().st_mode) & 0o077:
            words = (
                "the state folder %s holds other things too (%s), so it stays open to other users; its files are not"
            )
            log.warning(words, folder, ascii(foreign[0]))
    except OSError as error:
        log.warning("the state folder %s cannot be closed to other users: %s", folder, error.strerror or error)


def _tighten(path: Path, mode: int) -> None:
    there = stat.S_IMODE(path.stat().st_mode)
    if there & ~mode:
        path.chmod(there & mode)
