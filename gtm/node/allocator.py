"""The memory allocator: what this process has freed goes back to the system.

glibc maps large blocks one by one and gives each back when it is freed, but with each that it frees it takes larger
ones, up to 32 MB, from a heap of its own instead (mallopt(3), M_MMAP_THRESHOLD), which it does not give back. A node
reads bodies, zones and databases of many megabytes now and then: it would keep their room for good.
"""

import ctypes
import os

_M_MMAP_THRESHOLD = -3

LARGE_BYTES = 4 * 1024 * 1024
"""What is larger is mapped by itself: seldom enough that it costs no time."""


def give_back_large_blocks() -> bool:
    """Has glibc map large blocks one by one; returns whether it does. The environment's wish goes first."""
    if "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES))
    except (OSError, AttributeError):  # another C library
        return False
