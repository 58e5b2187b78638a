"""The lock of a state folder: only one process writes there. The file `lock` names it, and says if it could write.

    lock    pid 4242 saved            as long as that process lives, it has an exclusive flock on the file
            pid 4242 unsaved          numbers were used that state.json does not have: the disk was full, most likely

The system frees the lock when the process ends, even by a kill, so an old lock file is no obstacle. The text of the
file always has the same length and is written in place: that works on a full disk too.

The folder itself is locked too, if its filesystem can: so the lock lasts when somebody removes or replaces the file, or
when no file can be made. A file that was removed is made again (`check`). Where the filesystem has no flock, a warning
is logged, and the node runs all the same.
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
"""Only this user may read the state folder: its files may contain secrets of zone files."""

_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
_LENGTH = 24
_UNSAVED = "unsaved"
_OURS = re.compile(
    r"lock|admin\.sock|events(\.\d)?\.jsonl|plan-(names|decisions)\.bin"
    r"|(state|status|verdicts|heard|last-heard|zones|vantages|claims|overrides|override-names)\.json(\.before)?|\..*\.new"
)
"""The names of all files that a node writes to its state folder."""

log = logging.getLogger(__name__)


class StateLock:
    """Holds the lock of a state folder until the process ends. Its state: whether the used numbers are on disk."""

    def __init__(
        self,
        descriptor: int | None,
        *,
        of_folder: int | None = None,
        path: Path | None = None,
        was_unsaved: bool = False,
    ) -> None:
        """`descriptor` is of the lock file, `of_folder` of the folder; None if not open.

        `path` is the path of the lock file; None if it cannot be written.
        """
        self._descriptor = descriptor
        self._of_folder = of_folder
        self._path = path
        self.was_unsaved = was_unsaved
        """Whether an earlier run used serials or generations that may not be on disk."""
        self._is_marked: bool | None = None
        self._told = ""
        self.mark(is_saved=not was_unsaved)  # the mark stays until this run has written its own numbers

    def mark(self, *, is_saved: bool) -> None:
        """Writes to the lock file whether all used serials and generations are on disk; ignores a failure to write."""
        if self._descriptor is None or self._path is None or self._is_marked is is_saved:
            return
        text = f"pid {os.getpid()} {'saved' if is_saved else _UNSAVED}".ljust(_LENGTH - 1) + "\n"
        with suppress(OSError):
            os.pwrite(self._descriptor, text.encode(), 0)
            os.fsync(self._descriptor)
            self._is_marked = is_saved

    def check(self) -> None:
        """Makes the lock file again, with the same text, if somebody removed or replaced it."""
        if self._descriptor is None or self._path is None or _is_at(self._path, self._descriptor):
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | _FLAGS, FILE_MODE)
        except OSError:
            return  # a disk that is full or read-only: the next check tries again
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if _is_held(error):
                self._complain(_in_use(self._path.parent, _holder(descriptor)))
                os.close(descriptor)
                return
        log.warning("the lock file %s was removed or replaced by somebody; it is made again", self._path)
        before, self._descriptor = self._descriptor, descriptor
        os.close(before)
        was_saved, self._is_marked = self._is_marked, None
        self.mark(is_saved=was_saved is not False)

    def _complain(self, message: str) -> None:
        """Logs an error, unless it was the last one logged."""
        if message != self._told:
            self._told = message
            log.error("%s", message)

    def release(self) -> None:
        """Frees the lock, so that another process can take it; the end of this process frees it too."""
        for descriptor in (self._descriptor, self._of_folder):
            if descriptor is not None:
                os.close(descriptor)
        self._descriptor = self._of_folder = None


def lock_state(folder: Path) -> StateLock:
    """Takes the lock of a state folder, and returns it; makes the folder if needed, and closes it to other users.

    Raises StateInUse while another process holds the lock. Where the filesystem has no locks, logs a warning.
    """
    make_private(folder)
    path = folder / LOCK_NAME
    try:
        of_folder = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    except OSError as error:
        log.warning(
            "the state folder %s cannot be locked: %s; see that no other node uses it", folder, error.strerror or error
        )
        return StateLock(None)
    descriptor, is_writable = _opened(path)
    try:
        failures = [_held(each) for each in (descriptor, of_folder) if each is not None]
    except OSError as error:
        holder = "" if descriptor is None else _holder(descriptor)
        for each in (descriptor, of_folder):
            if each is not None:
                os.close(each)
        raise StateInUse(_in_use(folder, holder)) from error
    if all(failures):
        message = "the filesystem of the state folder %s has no locks (%s); see that no other node uses it"
        log.warning(message, folder, failures[0])
    _close_to_others(folder)
    is_unsaved = is_writable and descriptor is not None and _read(descriptor).rstrip().endswith(_UNSAVED)
    return StateLock(descriptor, of_folder=of_folder, path=path if is_writable else None, was_unsaved=is_unsaved)


def _held(descriptor: int) -> str:
    """Takes an exclusive flock; returns an empty text, or why this filesystem has no locks.

    Raises OSError when another process holds the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if _is_held(error):
            raise
        return error.strerror or str(error)
    return ""


def _is_held(error: OSError) -> bool:
    """Returns whether an error of flock means that another process holds the lock."""
    return error.errno in {errno.EWOULDBLOCK, errno.EACCES}


def _is_at(path: Path, descriptor: int) -> bool:
    """Returns whether the file at this path is the opened one; true also when that cannot be found out."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False
    except OSError:  # unknown: taken as the same file
        return True


def make_private(folder: Path) -> None:
    """Makes a folder that only this user can enter, if it does not exist; an existing folder stays as it is."""
    with suppress(OSError):  # the next write there reports what is wrong
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def _in_use(folder: Path, holder: str) -> str:
    """Returns the message that another process uses the folder; `holder` is its process id, or empty if unknown."""
    who = f"the process {holder}" if holder.isdigit() else "another process"
    return (
        f"the state folder {folder} is in use by {who}: stop that node, or give this one a folder of its own "
        "(`state:` in its node file)"
    )


def _opened(path: Path) -> tuple[int | None, bool]:
    """Returns a descriptor of the lock file, and whether it is writable; None when the file cannot be opened."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, FILE_MODE), True
    except OSError:  # a disk that is full or read-only
        with suppress(OSError):
            return os.open(path, os.O_RDONLY | _FLAGS), False
        return None, False


def _holder(descriptor: int) -> str:
    """Returns the process id in the lock file, as text; empty if there is none."""
    return _read(descriptor).partition(" ")[2].partition(" ")[0]


def _read(descriptor: int) -> str:
    """Returns the text of the lock file; empty if it cannot be read."""
    try:
        return os.pread(descriptor, _LENGTH, 0).decode("ascii", "replace")
    except OSError:
        return ""


def _close_to_others(folder: Path) -> None:
    """Removes the access of other users to the files of the state, which earlier versions gave them.

    The folder is closed to them too, unless it contains files that are not of the state of a node.
    """
    try:
        entries = [entry for entry in os.scandir(folder) if _OURS.fullmatch(entry.name)]
        foreign = sorted({entry.name for entry in os.scandir(folder)} - {entry.name for entry in entries})
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                _tighten(Path(entry.path), FILE_MODE)
        if not foreign:
            _tighten(folder, FOLDER_MODE)
        elif stat.S_IMODE(folder.stat().st_mode) & 0o077:
            message = (
                "the state folder %s holds other things too (%s), so it stays open to other users; its files are not"
            )
            log.warning(message, folder, ascii(foreign[0]))
    except OSError as error:
        log.warning("the state folder %s cannot be closed to other users: %s", folder, error.strerror or error)


def _tighten(path: Path, mode: int) -> None:
    """Removes from a file or folder all permissions that are not in `mode`."""
    there = stat.S_IMODE(path.stat().st_mode)
    if there & ~mode:
        path.chmod(there & mode)
