"""Rereading: finds files whose content changed though their stamp did not, and changes the `turn` of their stamps.

Most changes show in a file's stamp. Some do not: writes into a mapped file (mmap), two writes within one tick of the
clock, filesystems without a ctime (FAT, some of FUSE and SMB), and mounts that cache attributes for long. So each file
whose stamp was asked for is read again at most once in EVERY_S, at SLICE_BYTES in SLICE_S, and its digest is compared
with the last one. If they differ, the stamps of the file have another `turn` from then on.

    stamp asked for     the path is remembered       it is read in the next pass
    read whole          the digest is remembered     another digest than before changes the turn too
    read in pieces      the digest is remembered     starts again from the beginning if the stamp changes meanwhile

Nothing here opens a file: the caller gives a function that reads (gtm/files.py). Any thread may call it.
"""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from gtm.content import Piece, Stamp
from gtm.errors import FileUnreadable

EVERY_S = 60.0
"""Seconds from the beginning of one pass through all files to the next."""
SLICE_S = 0.25
SLICE_BYTES = 1024 * 1024
SLICE_FILES = 50
"""At most SLICE_BYTES, of SLICE_FILES files, in SLICE_S seconds: 4 MiB and 200 files in a second."""

ReadPiece = Callable[[Path, int, int, Path | None], Piece]
"""Reads a piece of a file: of a path, from an offset, of a size, inside a folder (None: any). Raises FileUnreadable."""


def digest_of(data: bytes) -> bytes:
    """Returns the digest of the content of a file: 16 bytes of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=16).digest()


@dataclass(slots=True)
class _Known:
    """The stamp, digest and turn of one file, and how far it is read in this pass. It has state."""

    stamp: Stamp
    within: Path | None
    digest: bytes | None = None
    turn: int = 0
    is_asked: bool = True
    """Whether its stamp was asked for since the last pass began."""
    offset: int = 0
    so_far: "hashlib.blake2b" = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def begin(self) -> None:
        """Starts to read the file from its beginning again."""
        self.offset, self.so_far = 0, hashlib.blake2b(digest_size=16)

    def take(self, digest: bytes) -> None:
        """Records the digest of the file's present content; another one than before increases the turn."""
        self.turn += self.digest not in {None, digest}
        self.digest = digest
        self.begin()


class Rereading:
    """Remembers the digests of files. It has state: what is known of each file, and the queue of files to read."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._known: dict[Path, _Known] = {}
        self._line: deque[Path] = deque()
        self._began_at = self._slice_at = float("-inf")
        self._changing = threading.Lock()
        self._going_on = threading.Lock()

    def seen(self, path: Path, stamp: Stamp | None, within: Path | None) -> Stamp | None:
        """Returns the stamp of a file with its turn set, and remembers the file for the next pass.

        `within` is the folder that the file must be in; None: any. A stamp of None (no file) is returned as it is.
        """
        with self._changing:
            if stamp is None or not stamp.is_regular:
                self._known.pop(path, None)
                return stamp
            known = self._known.get(path)
            if known is None or known.stamp != stamp:
                self._known[path] = _Known(stamp, within, turn=0 if known is None else known.turn)
                known = self._known[path]
            known.is_asked = True
            return replace(stamp, turn=known.turn) if known.turn else stamp

    def took(self, path: Path, stamp: Stamp | None, data: bytes) -> None:
        """Records the digest of a file that was read whole: `data` is its content, `stamp` its stamp at that time."""
        with self._changing:
            known = self._known.get(path)
        if known is None or known.stamp != stamp:
            return
        digest = digest_of(data)  # large files take long: others need not wait
        with self._changing:
            known.take(digest)

    def go_on(self, read: ReadPiece) -> None:
        """Reads the next slice of files with `read`, unless the last slice was just now or another thread does it."""
        if not self._going_on.acquire(blocking=False):
            return
        try:
            now = self._monotonic()
            if now - self._slice_at < SLICE_S:
                return
            self._slice_at = now
            self._fill(now)
            self._read_some(read)
        finally:
            self._going_on.release()

    def _fill(self, now: float) -> None:
        if self._line or now - self._began_at < EVERY_S:
            return
        self._began_at = now
        with self._changing:
            self._known = {path: known for path, known in self._known.items() if known.is_asked}
            for known in self._known.values():
                known.is_asked = False
            self._line.extend(self._known)

    def _read_some(self, read: ReadPiece) -> None:
        left, files = SLICE_BYTES, SLICE_FILES
        while self._line and left > 0 and files > 0:
            known = self._known.get(self._line[0])
            left -= 0 if known is None else self._read_on(self._line[0], known, left, read)
            files -= 1
            if known is None or known.offset == 0:  # it is gone, done, or for the next pass
                self._line.popleft()

    def _read_on(self, path: Path, known: _Known, size: int, read: ReadPiece) -> int:
        """Reads a piece of a file, and returns the number of bytes read; 0 if the file cannot be read or changed."""
        try:
            piece = read(path, known.offset, size, known.within)
        except FileUnreadable:
            piece = None
        with self._changing:
            if piece is None or piece.stamp != known.stamp:
                known.begin()
                return 0
            known.so_far.update(piece.data)
            known.offset += len(piece.data)
            if known.offset >= known.stamp.size_bytes or not piece.data:
                known.take(known.so_far.digest())
        return len(piece.data)
