"""One child process: started tied to this process, its output in a log file, stopped kindly and then surely."""

import asyncio
import os
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from gtm.cli.demo import tether

STOP_S = 5.0
"""From SIGTERM to SIGKILL: a node that saves its state needs well under a second."""

TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class ChildProgram:
    """What a child runs: this Python with arguments. The name is for people and names its log file."""

    name: str
    arguments: tuple[str, ...]


class Child:
    """A started program. `end` is awaited by one guard; `stop` may be called at any time, also after the end."""

    def __init__(self, program: ChildProgram, process: asyncio.subprocess.Process, log: Path) -> None:
        self.program = program
        self.log = log
        self.stopping = False
        """Whether its end is wanted."""
        self._process = process

    @property
    def pid(self) -> int:
        """Returns the process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Returns whether it has not ended."""
        return self._process.returncode is None

    async def end(self) -> int:
        """Returns its exit status when it ends; minus the signal's number when a signal ended it."""
        return await self._process.wait()

    async def stop(self, *, limit_s: float = STOP_S) -> None:
        """Ends it: SIGTERM, and SIGKILL when it is still there after the limit."""
        self.stopping = True
        if not self.running:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(limit_s):
                await self._process.wait()
        except TimeoutError:
            if self.running:
                self._process.kill()
            await self._process.wait()

    def last_lines(self) -> tuple[str, ...]:
        """Returns the end of its log."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return tuple(line.rstrip() for line in deque(lines, TAIL_LINES))


async def start(program: ChildProgram, log: Path) -> Child:
    """Starts a program with its output appended to a log file."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            tether.__file__,
            str(os.getpid()),
            sys.executable,
            *program.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C reaches every process of the terminal's group: only the supervisor may hear it
            start_new_session=True,
        )
    return Child(program, process, log)
