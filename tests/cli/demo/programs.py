"""Tiny programs for the supervisor to own, and ways to see what became of them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from gtm.cli.demo.child import ChildProgram

LIMIT_S = 20.0
"""A busy machine may take seconds to start Python; a test that waits this long has failed."""

LIVES = "import time; print('here', flush=True); time.sleep(3600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(3600)"
)


def program(name: str, source: str) -> ChildProgram:
    """Returns a program that runs a Python source."""
    return ChildProgram(name, ("-c", source))


def alive(pid: int) -> bool:
    """Returns whether a process runs: one that ended and that nobody waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def until(holds: Callable[[], bool]) -> None:
    """Returns when something holds; fails after the limit."""
    async with asyncio.timeout(LIMIT_S):
        while not holds():  # noqa: ASYNC110  # another process sets no Event
            await asyncio.sleep(0.01)
