"""A mount that hangs: a file system in user space whose server never says a word, as a network file system may.

What comes in: an empty folder. What goes out: within the block every look at what is in it waits; after `mend`, and at
the end of the block, all who wait get an error, and the folder is as it was. It takes root and /dev/fuse.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(slots=True)
class HungMount:
    """It has state: whether it is mounted."""

    folder: Path
    _server: int = -1

    def mount(self) -> None:
        """Begins to hang; skips the test where this is not allowed."""
        try:
            self._server = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            pytest.skip(f"/dev/fuse: {error.strerror}")
        options = f"fd={self._server},rootmode=40000,user_id=0,group_id=0"
        if _libc.mount(b"gtm-test", os.fsencode(self.folder), b"fuse", 0, options.encode()) != 0:
            number = ctypes.get_errno()
            os.close(self._server)
            self._server = -1
            pytest.skip(f"no mount: {errno.errorcode.get(number, number)}")

    def mend(self) -> None:
        """Lets all go who wait."""
        if self._server >= 0:
            os.close(self._server)
            self._server = -1
            _libc.umount2(os.fsencode(self.folder), MNT_DETACH)


@contextmanager
def hung_mount(folder: Path) -> Iterator[HungMount]:
    """Gives a folder that hangs."""
    folder.mkdir(exist_ok=True)
    mount = HungMount(folder)
    mount.mount()
    try:
        yield mount
    finally:
        mount.mend()
