"""Settings of the memory allocator and the garbage collector: the process gives freed memory back to the system.

glibc maps each large block by itself and gives it back when it is freed. But with each block freed, glibc raises the
size that counts as large, up to 32 MB (mallopt(3), M_MMAP_THRESHOLD). Smaller blocks come from a heap, which it does
not give back. A node sometimes reads bodies, zones and databases of many megabytes: it would keep their memory.
"""

import ctypes
import gc
import os

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

LARGE_BYTES = 4 * 1024 * 1024
"""glibc maps each block of this size or more by itself: that is rare enough to cost no time."""


def give_back_large_blocks() -> bool:
    """Sets glibc to map each block of LARGE_BYTES or more by itself, and returns whether that worked.

    Changes nothing and returns False where the environment sets MALLOC_MMAP_THRESHOLD_.
    """
    return _told("MALLOC_MMAP_THRESHOLD_", _M_MMAP_THRESHOLD, LARGE_BYTES)


def use_one_heap() -> bool:
    """Sets glibc to use one heap for all threads, and returns whether that worked.

    Changes nothing and returns False where the environment sets MALLOC_ARENA_MAX. Threads of Python seldom allocate at
    the same time, and a heap for each thread would keep the memory that this thread freed.
    """
    return _told("MALLOC_ARENA_MAX", _M_ARENA_MAX, 1)


def set_aside_what_stays() -> None:
    """Excludes all objects that exist now from garbage collection: modules and classes, which stay for good.

    A full collection starts when the new objects are a quarter of the objects that the collector counts. With fewer
    counted, it starts sooner, so garbage in cycles is freed sooner.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # the next full collection is counted from this one


def _told(variable: str, option: int, value: int) -> bool:
    """Sets an option of mallopt(3), and returns whether that worked; False where the environment sets `variable`."""
    if variable in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(option, value))
    except (OSError, AttributeError):  # another C library
        return False
