"""Files of the state folder: each has a checksum, and its previous version is kept beside it.

    NAME           {"sha256": of the content, "content": ...}
    NAME.before    the previous version of NAME

What comes in: file names and JSON texts. What goes out: a text whose checksum is right and that its reader can parse:
the newest version, else the previous one. A write goes to `.NAME.new` and is fsynced; then the newest is renamed to
NAME.before, and `.NAME.new` to NAME; the folder is fsynced last. So at every moment one of the two versions is whole.

Nothing here raises. A failure is logged once and passed to `on_complaint` once; it is counted each time as
`state_errors{file=...}`, and is in `problems` until a write works again. The newest text of each file that could not be
written is kept in memory until `write_again` has written it. Only this user can read the files.
A file without a checksum, from an earlier version of the program, is accepted if its reader can parse it.
"""

import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Generic, TypeVar

from gtm.counters import Counters
from gtm.errors import StateInvalid
from gtm.node.state.lock import FILE_MODE, make_private

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Not more of a file is read into memory. No state file is larger."""

log = logging.getLogger(__name__)
_Value = TypeVar("_Value")

OnComplaint = Callable[[str, str], None]
"""Takes the name of a file and its problem. It is called from any thread, and must not raise."""


class Origin(Enum):
    """Which version of a file a value was read from."""

    NEWEST = "newest"
    BEFORE = "before"
    """The previous version: the newest is damaged or missing, so its changes are lost."""
    NEVER = "never"
    """Neither version exists: the file was never written."""
    LOST = "lost"
    """A file exists, but no version of it can be used."""


@dataclass(frozen=True, slots=True)
class Found(Generic[_Value]):
    """The result of reading a file: its value (None if there is none), and which version that came from."""

    value: _Value | None
    origin: Origin


class ChecksummedFiles:
    """Reads and writes the checksummed files of a folder. Its state: which files are whole, problems, unsaved texts."""

    def __init__(self, folder: Path, counters: Counters, *, on_complaint: OnComplaint | None = None) -> None:
        self._on_complaint = on_complaint or _nobody
        self._folder = folder
        self._counters = counters
        self._whole: set[str] = set()
        self._complaints: dict[str, str] = {}
        self._unsaved: dict[str, bytes] = {}
        """The contents that could not be written yet, by file name."""
        self._writing = threading.Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns the present problems, one line for each file that cannot be read or written."""
        return tuple(f"{self._folder / name} {complaint}" for name, complaint in sorted(self._complaints.items()))

    def read(self, name: str, parse: Callable[[str], _Value]) -> Found[_Value]:
        """Returns the value that `parse` makes of the newest version of a file, else of the previous version.

        `parse` raises StateInvalid for a text that it cannot parse. This method raises nothing.
        """

        def opened(content: bytes) -> _Value:
            return parse(_opened(content))

        value, newest_failure = self._try(name, opened)
        if value is not None:
            self._whole.add(name)
            return Found(value, Origin.NEWEST)
        value, failure = self._try(f"{name}.before", opened)
        if value is not None:
            self._complain(name, f"{newest_failure or 'is gone'}; the one before it is taken")
            return Found(value, Origin.BEFORE)
        if newest_failure or failure:
            self._complain(name, f"{newest_failure or failure}; starting without it")
            return Found(None, Origin.LOST)
        return Found(None, Origin.NEVER)

    def write(self, name: str, text: str) -> bool:
        """Writes a JSON text to a file, with its checksum; returns whether it is on disk."""
        sealed = _sealed(text)
        with self._writing:
            return self._written(name, sealed)

    @property
    def unsaved(self) -> frozenset[str]:
        """Returns the names of the files whose newest text is not on disk."""
        return frozenset(self._unsaved.copy())

    def write_again(self) -> bool:
        """Tries again to write the texts that could not be written; returns whether all are on disk now."""
        for name in sorted(self.unsaved):
            with self._writing:
                if name in self._unsaved:  # else a newer one was written meanwhile
                    self._written(name, self._unsaved[name])
        return not self._unsaved

    def _written(self, name: str, sealed: bytes) -> bool:
        """Writes a file with its checksum, or keeps the content in memory; returns whether it is on disk."""
        is_written = self._write(name, sealed, "it is tried again until it is there")
        if is_written:
            self._whole.add(name)
            self._unsaved.pop(name, None)
        else:
            self._unsaved[name] = sealed
        return is_written

    def write_bytes(self, name: str, content: bytes) -> bool:
        """Writes bytes after their checksum, without a previous version; returns whether they are on disk.

        This is for content that the node can make again, so a failed write is not tried again.
        """
        with self._writing:
            return self._write(name, hashlib.sha256(content).digest() + content, "going on without it")

    def discard(self, name: str) -> None:
        """Removes a file that must not be used any more; a failure to remove it is ignored."""
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)

    def read_bytes(self, name: str, parse: Callable[[bytes], _Value]) -> _Value | None:
        """Returns the value that `parse` makes of a file that `write_bytes` wrote; None when it is missing or damaged.

        `parse` raises StateInvalid for bytes that it cannot parse. This method raises nothing.
        """

        def opened(content: bytes) -> _Value:
            digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
            if hashlib.sha256(rest).digest() != digest:
                raise StateInvalid("is damaged: its checksum is wrong")
            return parse(rest)

        value, failure = self._try(name, opened)
        if failure:
            self._complain(name, f"{failure}; starting without it")
        return value

    def _write(self, name: str, content: bytes, otherwise: str) -> bool:
        """Writes a file; returns whether it is on disk. `otherwise` ends the message of a failure."""
        try:
            make_private(self._folder)
            self._replace(name, content)
        except OSError as error:
            self._complain(name, f"cannot be written: {error.strerror or error}; {otherwise}")
            return False
        if self._complaints.pop(name, "").startswith("cannot be written"):
            log.info("state: %s is on disk again", self._folder / name)
        return True

    def _try(self, name: str, parse: Callable[[bytes], _Value]) -> tuple[_Value | None, str]:
        """Returns the value of one file and an empty text; or None and the problem (empty if there is no file)."""
        try:
            with (self._folder / name).open("rb") as opened:
                content = opened.read(MAX_FILE_BYTES)
            return parse(content), ""
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            return None, f"cannot be read: {error.strerror or error}"
        except StateInvalid as error:
            return None, str(error)

    def _replace(self, name: str, content: bytes) -> None:
        """Replaces a file whole, and keeps its previous version; raises OSError."""
        path, beside = self._folder / name, self._folder / f".{name}.new"
        try:
            beside.unlink(missing_ok=True)  # one that a crash left may be open to others
            with open(beside, "xb", opener=_private) as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            if name in self._whole:  # a damaged file must not take the place of a good one
                with suppress(FileNotFoundError):
                    path.replace(self._folder / f"{name}.before")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(self._folder)

    def _complain(self, name: str, message: str) -> None:
        """Counts a failure of a file; logs it and calls `on_complaint` if the file had no problem before."""
        self._counters.add("state_errors", file=name)
        if name not in self._complaints:
            self._complaints[name] = message
            log.error("state: %s %s", self._folder / name, message)
            self._on_complaint(name, message)


def _private(path: str, flags: int) -> int:
    """Opens a file that only this user can read; returns its descriptor."""
    return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)


def _nobody(_name: str, _words: str) -> None: ...


_DIGEST_BYTES = 32
_SEAL = re.compile(rb'\{"sha256": "([0-9a-f]{64})", "content":\n')
_END = b"\n}\n"


def _sealed(text: str) -> bytes:
    """Returns the content of a file with this text and its checksum."""
    content = text.strip().encode(errors="replace")
    return b'{"sha256": "%b", "content":\n' % hashlib.sha256(content).hexdigest().encode() + content + _END


def _opened(sealed: bytes) -> str:
    """Returns the text in the content of a file; raises StateInvalid when its checksum is wrong or it is not UTF-8."""
    seal = _SEAL.match(sealed)
    if seal is not None:
        content = sealed[seal.end() : -len(_END)]
        if not sealed.endswith(_END) or hashlib.sha256(content).hexdigest().encode() != seal[1]:
            raise StateInvalid("is damaged: its checksum is wrong")
    else:
        content = sealed
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise StateInvalid("is damaged: not UTF-8") from error


def _sync_folder(folder: Path) -> None:
    """Flushes a folder to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network filesystems cannot; the file itself is written
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
