"""The memory allocator: what this process has freed goes back to the system.

glibc maps large blocks one by one and gives each back when it is freed, but with each that it frees it takes larger
ones, up to 32 MB, from a heap of its own instead (mallopt(3), M_MMAP_THRESHOLD), which it does not give back. A node
reads bodies, zones and databases of many megabytes now and then: it would keep their room for good.
"""

import ctypes
import gc
import os

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

LARGE_BYTES = 4 * 1024 * 1024
"""What is larger is mapped by itself: seldom enough that it costs no time."""


def give_back_large_blocks() -> bool:
    """Has glibc map large blocks one by one; returns whether it does. The environment's wish goes first."""
    return _told("MALLOC_MMAP_THRESHOLD_", _M_MMAP_THRESHOLD, LARGE_BYTES)


def use_one_heap() -> bool:
    """Has all threads share one heap of glibc; returns whether they do. The environment's wish goes first.

    Threads of Python seldom allocate at the same time, and each that has a heap of its own keeps what it freed.
    """
    return _told("MALLOC_ARENA_MAX", _M_ARENA_MAX, 1)


def set_aside_what_stays() -> None:
    """Has the garbage collector pass over what is there now: modules and classes, which stay for good.

    It looks at everything again once a quarter as much has come since: so that garbage in cycles waits for less.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # what it counts from


def _told(variable: str, option: int, value: int) -> bool:
    if variable in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(option, value))
    except (OSError, AttributeError):  # another C library
        return False
