"""Runs gtm with a wall clock that a test can move while it runs: `python shifted.py OFFSET_FILE ARGUMENT...`.

The file has the seconds to add, as eight octets that are mapped into memory. Nothing in gtm can be told to do this.
"""

import mmap
import struct
import sys
import time
from pathlib import Path

SECONDS = struct.Struct("d")


def set_offset(file: Path, seconds: float) -> None:
    """Moves the clock of the process that has this file."""
    with file.open("r+b" if file.exists() else "wb") as opened:
        opened.write(SECONDS.pack(seconds))


def main() -> None:
    """Replaces the clock, and is gtm."""
    with Path(sys.argv[1]).open("rb") as opened:
        offset = mmap.mmap(opened.fileno(), SECONDS.size, access=mmap.ACCESS_READ)
    real = time.time
    time.time = lambda: real() + SECONDS.unpack_from(offset)[0]
    sys.argv = ["gtm", *sys.argv[2:]]
    from gtm.cli.app import run  # noqa: PLC0415  # once the clock is replaced

    run()


if __name__ == "__main__":
    main()
