"""How much memory a process holds, as the kernel counts it."""

import os
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_mb(process: int) -> float:
    """Returns the resident memory of a process (proc(5): the second number of statm), in MB of a million bytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * _PAGE_BYTES / 1e6
