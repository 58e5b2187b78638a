"""The lock of a state folder: one process writes there. `lock` in the folder says which, and whether it could write.

    lock    pid 4242 saved            as long as that process lives, it has an exclusive flock on the file
            pid 4242 unsaved          numbers were used that state.json does not have: the disk was full, most likely

The file is held until the process ends, however that ends, so a lock that a killed process left is no obstacle. Its
text is as long as before whenever it is written, and is written in place, so that works on a full disk too.

The folder itself is locked too, as far as its filesystem can: so it stays held when somebody removes the file, or puts
another in its place, or none can be made. A file that is gone is made again (`check`). Where the filesystem has no
flock, that is said, and the node goes on.
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

_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
_LENGTH = 24
_UNSAVED = "unsaved"
_OURS = re.compile(
    r"lock|admin\.sock|events(\.\d)?\.jsonl|plan-(names|decisions)\.bin"
    r"|(state|status|verdicts|heard|last-heard|zones|vantages|claims|overrides|override-names)\.json(\.before)?|\..*\.new"
)
"""The names in a folder that has nothing but the state of a node."""

log = logging.getLogger(__name__)


class StateLock:
    """Holds the lock of a folder. It has state: whether what was numbered is on disk."""

    def __init__(
        self,
        descriptor: int | None,
        *,
        of_folder: int | None = None,
        path: Path | None = None,
        was_unsaved: bool = False,
    ) -> None:
        """Of the lock file, which has the path where it can be written; and of the folder."""
        self._descriptor = descriptor
        self._of_folder = of_folder
        self._path = path
        self.was_unsaved = was_unsaved
        """Whether an earlier run used numbers that may not be on disk."""
        self._is_marked: bool | None = None
        self._told = ""
        self.mark(is_saved=not was_unsaved)  # so it stays until this run has written its own

    def mark(self, *, is_saved: bool) -> None:
        """Notes whether all that was numbered is on disk; where that cannot be written, it is not noted."""
        if self._descriptor is None or self._path is None or self._is_marked is is_saved:
            return
        text = f"pid {os.getpid()} {'saved' if is_saved else _UNSAVED}".ljust(_LENGTH - 1) + "\n"
        with suppress(OSError):
            os.pwrite(self._descriptor, text.encode(), 0)
            os.fsync(self._descriptor)
            self._is_marked = is_saved

    def check(self) -> None:
        """Makes the lock file again, as it was, where somebody removed it or put another in its place."""
        if self._descriptor is None or self._path is None or _is_at(self._path, self._descriptor):
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | _FLAGS, FILE_MODE)
        except OSError:
            return  # a disk that is full or read-only: with the next look
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
        if message != self._told:
            self._told = message
            log.error("%s", message)

    def release(self) -> None:
        """Lets another process have the folder; the end of this one does so too."""
        for descriptor in (self._descriptor, self._of_folder):
            if descriptor is not None:
                os.close(descriptor)
        self._descriptor = self._of_folder = None


def lock_state(folder: Path) -> StateLock:
    """Returns the lock of a folder, which is made where it is not there, and closed to other users.

    Raises StateInUse while another process holds it.
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
    """Takes a lock, and returns why it cannot be had on this filesystem. Raises OSError where another has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if _is_held(error):
            raise
        return error.strerror or str(error)
    return ""


def _is_held(error: OSError) -> bool:
    return error.errno in {errno.EWOULDBLOCK, errno.EACCES}


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False
    except OSError:  # nobody can say
        return True


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


def _opened(path: Path) -> tuple[int | None, bool]:
    """Returns a descriptor of the lock file, and whether it can be written; None where there can be no such file."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, FILE_MODE), True
    except OSError:  # a disk that is full or read-only
        with suppress(OSError):
            return os.open(path, os.O_RDONLY | _FLAGS), False
        return None, False


def _holder(descriptor: int) -> str:
    return _read(descriptor).partition(" ")[2].partition(" ")[0]


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
            message = (
                "the state folder %s holds other things too (%s), so it stays open to other users; its files are not"
            )
            log.warning(message, folder, ascii(foreign[0]))
    except OSError as error:
        log.warning("the state folder %s cannot be closed to other users: %s", folder, error.strerror or error)


def _tighten(path: Path, mode: int) -> None:
    there = stat.S_IMODE(path.stat().st_mode)
    if there & ~mode:
        path.chmod(there & mode)
