"""Room that was freed goes back to the system, in a process of its own: what others have allocated plays no part."""

import os
import platform
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc"),
]

GROWTH_MB = """
import os, sys
from gtm.node.allocator import give_back_large_blocks
from tests.fakes.memory import resident_mb
if "give back" in sys.argv:
    give_back_large_blocks()
del_me = bytearray(30_000_000)
del del_me                            # from now on glibc takes blocks of up to 30 MB from its heap
before = resident_mb(os.getpid())
blocks = [(bytearray(10_000_000), bytes(5_000)) for _ in range(5)]
kept = [small for _, small in blocks] # each in the way of what lies below it
del blocks
print(resident_mb(os.getpid()) - before)
"""


def grown_mb(*arguments: str, **environment: str) -> float:
    """Returns by how much a process has grown that has freed large blocks."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command = [sys.executable, "-c", GROWTH_MB, *arguments]
    ran = subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True, check=True, timeout=60)
    return float(ran.stdout)


def test_large_blocks_that_were_freed_are_given_back() -> None:
    assert grown_mb() > 30, "without it glibc keeps them"
    assert grown_mb("give back") < 5


def test_what_the_environment_says_goes_first() -> None:
    assert grown_mb("give back", MALLOC_MMAP_THRESHOLD_="32000000") > 30
