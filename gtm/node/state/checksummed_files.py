"""Files that a node keeps for itself: each with a checksum, and the one before it beside it.

    NAME           {"sha256": of the content, "content": ...}
    NAME.before    what NAME was until it was written last

What comes in: names and texts of JSON. What goes out: a text whose checksum is right and that its reader makes sense
of: the newest, else the one before it. A write goes beside (`.NAME.new`), is fsynced, moves the newest to NAME.before
and takes its place, both by renaming; the folder is fsynced last. So at every moment one of the two is whole.

Nothing here raises: what fails is logged, and told to `on_complaint`, once; it is counted as `state_errors{file=...}`,
and stands in `problems` until it is well again. A text that could not be written is kept in memory, the newest of each
file, until `write_again` has brought it to disk. What is written here, only this user can read.
A file without a checksum, as earlier versions wrote them, is believed if its reader makes sense of it.
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
"""No state is larger; a file that is must not take all memory."""

log = logging.getLogger(__name__)
_Value = TypeVar("_Value")

OnComplaint = Callable[[str, str], None]
"""Takes a file's name and what is wrong with it; from any thread, and it must not raise."""


class Origin(Enum):
    """Where a value came from."""

    NEWEST = "newest"
    BEFORE = "before"
    """The newest is damaged or gone: changes since the write before are lost."""
    NEVER = "never"
    """Nothing was ever written."""
    LOST = "lost"
    """Something is there, and none of it is of use."""


@dataclass(frozen=True, slots=True)
class Found(Generic[_Value]):
    """What was read."""

    value: _Value | None
    origin: Origin


class ChecksummedFiles:
    """A folder of such files. It has state: which of them are known to be whole, and what was complained of."""

    def __init__(self, folder: Path, counters: Counters, *, on_complaint: OnComplaint | None = None) -> None:
        self._on_complaint = on_complaint or _nobody
        self._folder = folder
        self._counters = counters
        self._whole: set[str] = set()
        self._complaints: dict[str, str] = {}
        self._unsaved: dict[str, bytes] = {}
        """What is to be on disk and is not."""
        self._writing = threading.Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns the present problems, one line for each file."""
        return tuple(f"{self._folder / name} {complaint}" for name, complaint in sorted(self._complaints.items()))

    def read(self, name: str, parse: Callable[[str], _Value]) -> Found[_Value]:
        """Returns the newest value of a file that `parse` makes sense of; else it raises StateInvalid."""

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
        """Writes a text of JSON; returns whether it is on disk."""
        sealed = _sealed(text)
        with self._writing:
            return self._written(name, sealed)

    @property
    def unsaved(self) -> frozenset[str]:
        """Returns the files whose newest text is not on disk."""
        return frozenset(self._unsaved.copy())

    def write_again(self) -> bool:
        """Tries to write what could not be written; returns whether all of it is on disk now."""
        for name in sorted(self.unsaved):
            with self._writing:
                if name in self._unsaved:  # else a newer one was written meanwhile
                    self._written(name, self._unsaved[name])
        return not self._unsaved

    def _written(self, name: str, sealed: bytes) -> bool:
        is_written = self._write(name, sealed, "it is tried again until it is there")
        if is_written:
            self._whole.add(name)
            self._unsaved.pop(name, None)
        else:
            self._unsaved[name] = sealed
        return is_written

    def write_bytes(self, name: str, content: bytes) -> bool:
        """Writes bytes behind their checksum, without a copy of before: what can be made again. Returns as `write`."""
        with self._writing:
            return self._write(name, hashlib.sha256(content).digest() + content, "going on without it")

    def discard(self, name: str) -> None:
        """Removes a file that is worse than none; where that fails too, it stays."""
        with suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)

    def read_bytes(self, name: str, parse: Callable[[bytes], _Value]) -> _Value | None:
        """Returns the result of `parse` for the bytes that `write_bytes` wrote.

        It raises StateInvalid when it makes nothing.
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
        """Returns the value of one file, or why there is none: nothing where there is no file."""
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
        self._counters.add("state_errors", file=name)
        if name not in self._complaints:
            self._complaints[name] = message
            log.error("state: %s %s", self._folder / name, message)
            self._on_complaint(name, message)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, FILE_MODE)


def _nobody(_name: str, _words: str) -> None: ...


_DIGEST_BYTES = 32
_SEAL = re.compile(rb'\{"sha256": "([0-9a-f]{64})", "content":\n')
_END = b"\n}\n"


def _sealed(text: str) -> bytes:
    content = text.strip().encode(errors="replace")
    return b'{"sha256": "%b", "content":\n' % hashlib.sha256(content).hexdigest().encode() + content + _END


def _opened(sealed: bytes) -> str:
    """Returns the text in a file; raises StateInvalid when its checksum is wrong."""
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
    """Makes a rename last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network filesystems cannot; the file itself is written
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
